"""The bytes of a whole answer -> a reply, within limits."""

from __future__ import annotations

from collections.abc import Mapping

from workersai._http import AsyncAnswer, SyncAnswer
from workersai._response.reply import Reply
from workersai._wire import MAX_BODY_BYTES, is_error_status
from workersai.errors import ResponseError, WorkersAIError

__all__ = ["read_whole", "read_whole_async"]

_MAX_ERROR_BYTES = 64 << 10


class _Body:
    """Collects a body: all of an answer, the beginning of an error.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        secrets: What must never show in an error about the answer.
        limit: The largest answer that is read, in bytes.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], secrets: tuple[str, ...], limit: int
    ) -> None:
        self.is_done = False
        self._limit = limit
        self.is_error = is_error_status(status)
        """The body of an error may be cut, late or unreadable: its status says enough."""
        self._reply = (status, headers)
        self._secrets = secrets
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take bytes.

        Raises:
            ResponseError: If the answer is larger than the limit.
        """
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self.is_error:
            self.is_done = self._size >= _MAX_ERROR_BYTES
        elif self._size > self._limit:
            raise ResponseError(f"the answer is larger than {self._limit} bytes")

    def break_off(self, error: WorkersAIError) -> None:
        """Take a failure of the connection: of an error, its status alone says enough.

        Raises:
            WorkersAIError: *error*, unless the answer itself is an error.
        """
        if not self.is_error:
            raise error

    def close(self) -> Reply:
        """Return the reply."""
        return Reply(*self._reply, b"".join(self._chunks), self._secrets)


def read_whole(answer: SyncAnswer, secrets: tuple[str, ...], limit: int = MAX_BODY_BYTES) -> Reply:
    """Read an answer to its end and let go of the connection."""
    try:
        body = _Body(answer.status, answer.headers, secrets, limit)
        try:
            for chunk in answer:
                body.feed(chunk)
                if body.is_done:
                    break
        except WorkersAIError as error:
            body.break_off(error)
        return body.close()
    finally:
        answer.close()


async def read_whole_async(
    answer: AsyncAnswer, secrets: tuple[str, ...], limit: int = MAX_BODY_BYTES
) -> Reply:
    """As `read_whole`."""
    try:
        body = _Body(answer.status, answer.headers, secrets, limit)
        try:
            async for chunk in answer:
                body.feed(chunk)
                if body.is_done:
                    break
        except WorkersAIError as error:
            body.break_off(error)
        return body.close()
    finally:
        await answer.aclose()
