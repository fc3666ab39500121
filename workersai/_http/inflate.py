"""Decompress answers in steps of limited size.

Requests ask for `identity`, so compressed answers are rare; but they may be decompression bombs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from workersai.errors import ResponseError

__all__ = ["Decoder", "decoder_for"]

_STEP_BYTES = 256 << 10


class Decoder:
    """Decompresses gzip and deflate."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=47)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed *data* in pieces, so that the caller can stop at a limit.

        Raises:
            ResponseError: If it is not compressed as declared, or continues after its end.
        """
        piece = b"-"
        while data or len(piece) == _STEP_BYTES:
            piece = self._step(data)
            if self._inflate.unused_data:
                raise ResponseError("the compressed answer goes on after its end")
            data = self._inflate.unconsumed_tail
            if piece:
                yield piece

    def _step(self, data: bytes) -> bytes:
        try:
            return self._inflate.decompress(data, _STEP_BYTES)
        except zlib.error as error:
            reason = str(error)
        raise ResponseError(
            f"the answer is not compressed as its header content-encoding states ({reason})"
        )

    def close(self) -> None:
        """Check that the compressed data was complete.

        Raises:
            ResponseError: If it was not.
        """
        if not self._inflate.eof:
            raise ResponseError("the compressed answer is cut short")


def decoder_for(headers: Mapping[str, str]) -> Decoder | None:
    """Choose the decoder of a body.

    Raises:
        ResponseError: If the encoding was not requested and is not a common one.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return Decoder()
    raise ResponseError(f"the answer is compressed with {encoding!r}, which was not asked for")
