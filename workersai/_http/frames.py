"""HTTP chunks -> fewer HTTP chunks.

A server that flushes each event sends each in an HTTP chunk of its own (RFC 9112, section 7.1),
and one read from a socket often brings many. To parse each alone costs more than all else that
is done with it, so those that came whole in one read are joined before the HTTP parser sees them.
"""

from __future__ import annotations

__all__ = ["ChunkJoiner"]

_CRLF = b"\r\n"
_CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
_HEX = b"0123456789abcdefABCDEF"
_MAX_DIGITS = 8


class ChunkJoiner:
    """Joins the chunks of one answer's body.

    The parser behind it remains the judge: where this does not know the bytes to the letter (a
    broken size, an extension, the last chunk), they and all that follow go through as they are.
    """

    def __init__(self) -> None:
        self._is_joining = False
        self._missing = 0  # bytes of a chunk whose beginning has gone through
        self._held = b""  # the beginning of a chunk's size

    def begin(self, data: bytes) -> bytes:
        """Take the first bytes of an answer, its head among them, and return what to hand on."""
        head, blank, body = data.partition(_CRLF * 2)
        self._missing, self._held = 0, b""
        self._is_joining = (
            bool(blank)  # else what comes next is still the head, which may look like a chunk
            and head.startswith(b"HTTP/1.1 200")
            and _CHUNKED in head.lower() + blank
            and b"\n" not in head.replace(_CRLF, b"")  # the parser also knows ends of just LF
        )
        return head + blank + self.feed(body) if self._is_joining else data

    def feed(self, data: bytes) -> bytes:
        """Take more bytes and return what to hand on: nothing, if a size has only begun."""
        if not self._is_joining:
            return data
        if self._held:
            data, self._held = self._held + data, b""
        start = min(self._missing, len(data))
        self._missing -= start
        payloads, at = self._split(data, start)
        rest = data[at : len(data) - len(self._held)]
        if len(payloads) < 2:
            return data[:at] + rest
        whole = b"".join(payloads)
        return b"%b%x\r\n%b\r\n%b" % (data[:start], len(whole), whole, rest)

    def _split(self, data: bytes, at: int) -> tuple[list[bytes], int]:
        """Return what the whole chunks from *at* on hold, and where they end."""
        payloads: list[bytes] = []
        length = len(data)
        while at < length:
            line_end = data.find(_CRLF, at, at + _MAX_DIGITS + 2)
            if line_end < 0 and length - at < _MAX_DIGITS + 2:
                self._held = data[at:]
                break
            digits = data[at:line_end]
            if line_end <= at or digits.translate(None, _HEX) or not (size := int(digits, 16)):
                self._is_joining = False
                break
            end = line_end + 2 + size
            if end + 2 > length:
                self._missing = end + 2 - length
                break
            if data[end : end + 2] != _CRLF:
                self._is_joining = False
                break
            payloads.append(data[line_end + 2 : end])
            at = end + 2
        return payloads, at
