"""The bytes of a whole answer -> a reply, within limits, in both colours."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from workersai._failures import is_error_status
from workersai._http import AsyncAnswer, SyncAnswer
from workersai._replay import MAX_BODY_BYTES
from workersai._responses import Reply
from workersai.errors import ResponseError

__all__ = ["read_whole", "read_whole_async"]

_MAX_ERROR_BYTES = 64 << 10


class _Body:
    """Collects a body: all of an answer, the beginning of an error.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        secrets: What must never show in an error about the answer.
    """

    def __init__(self, status: int, headers: Mapping[str, str], secrets: tuple[str, ...]) -> None:
        self.is_done = False
        self._is_error = is_error_status(status)
        self._reply = (status, headers)
        self._secrets = secrets
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take bytes.

        Raises:
            ResponseError: If the answer is larger than 16 MiB.
        """
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._is_error:
            self.is_done = self._size >= _MAX_ERROR_BYTES
        elif self._size > MAX_BODY_BYTES:
            raise ResponseError(f"the answer is larger than {MAX_BODY_BYTES} bytes")

    def close(self) -> Reply:
        """Return the reply."""
        return Reply(*self._reply, b"".join(self._chunks), self._secrets)


def read_whole(answer: SyncAnswer, secrets: tuple[str, ...]) -> Reply:
    """Read an answer to its end and let go of the connection."""
    try:
        body = _Body(answer.status, answer.headers, secrets)
        for chunk in answer:
            body.feed(chunk)
            if body.is_done:
                break
        return body.close()
    finally:
        answer.close()


async def read_whole_async(answer: AsyncAnswer, secrets: tuple[str, ...]) -> Reply:
    """As `read_whole`."""
    try:
        body = _Body(answer.status, answer.headers, secrets)
        async with aclosing(aiter(answer)) as chunks:
            async for chunk in chunks:
                body.feed(chunk)
                if body.is_done:
                    break
        return body.close()
    finally:
        await answer.aclose()
