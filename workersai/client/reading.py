"""Read a whole answer's bytes into a reply, up to a size limit."""

from __future__ import annotations

from collections.abc import Mapping

from workersai._engine import AsyncAnswer, SyncAnswer
from workersai._response.reply import Reply
from workersai._wire import MAX_BODY_BYTES, is_error_status
from workersai.errors import ResponseError, WorkersAIError

__all__ = ["read_whole", "read_whole_async"]

_MAX_ERROR_BYTES = 64 << 10


class _Body:
    """Collects the body of an answer; of an error, only the beginning.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        secrets: Texts that must not appear in an error about the answer.
        limit: Bytes. A larger answer is rejected.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], secrets: tuple[str, ...], limit: int
    ) -> None:
        self.is_done = False
        self._limit = limit
        self.is_error = is_error_status(status)
        """An error's body may be cut, late or unreadable, because its status is sufficient."""
        self._reply = (status, headers)
        self._secrets = secrets
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Add bytes.

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
        """Handle a failed connection; an error answer is used without the rest of its body.

        Raises:
            WorkersAIError: *error*, unless the answer itself is an error.
        """
        if not self.is_error:
            raise error

    def close(self) -> Reply:
        """Return the reply."""
        return Reply(*self._reply, b"".join(self._chunks), self._secrets)


def read_whole(answer: SyncAnswer, secrets: tuple[str, ...], limit: int = MAX_BODY_BYTES) -> Reply:
    """Read an answer to its end and release the connection."""
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
    """As `read_whole`, asynchronously."""
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
