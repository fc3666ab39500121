"""Split bytes into server-sent events.

A push parser for the part of the format that streams use (WHATWG HTML, "Server-sent events"):
lines end in LF, CR or CRLF, wherever the network cut them; `data` lines of one event are joined.
It splits bytes, not text, because the Unicode line separators are ordinary characters in JSON.
"""

from __future__ import annotations

from workersai.errors import ResponseError

__all__ = ["DONE", "ErrorData", "SSEDecoder"]

DONE = b"[DONE]"
_BOM = b"\xef\xbb\xbf"
_MAX_EVENT_BYTES = 1 << 20


class ErrorData(bytes):
    """The data of an event with `event: error`; may be empty."""

    __slots__ = ()


class SSEDecoder:
    """Turns the chunks of a byte stream into the data of its events.

    Two extensions of the standard are needed for Workers AI: a `[DONE]` or a JSON object on a line
    without `data:`, and a last event without the blank line after it. Fields other than `data` are
    ignored, except `event: error`: its data is returned as `ErrorData`.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the incomplete line
        self._data: list[bytes] = []  # lines of the incomplete event
        self._size = 0
        self._held = 0  # bytes in its lines after the first
        self._is_error = False  # whether the event has `event: error`
        self._at_start = True
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take more bytes and return the data of the events they complete.

        Raises:
            ResponseError: If an event is larger than 1 MiB.
        """
        if self._data or self._is_error or self._skip_lf or b"\r" in chunk:
            return self._feed_lines(chunk)
        end = chunk.rfind(b"\n\n") + 2
        if end == 1:
            return self._feed_lines(chunk)
        # Fast path: complete events of one line each, by far the usual case.
        whole = b"".join((*self._pieces, chunk[:end])) if self._pieces else chunk[:end]
        events = whole[6:-2].split(b"\n\ndata: ")
        is_usual = whole.startswith(b"data: ") and len(whole) < _MAX_EVENT_BYTES
        if not is_usual or whole.count(b"\n") != 2 * len(events):
            return self._feed_lines(chunk)
        self._pieces.clear()
        self._at_start, self._size = False, 0
        return events + self._feed_lines(chunk[end:]) if end < len(chunk) else events

    def _feed_lines(self, chunk: bytes) -> list[bytes]:
        """Take bytes, line by line."""
        if b"\r" in chunk or self._skip_lf:
            chunk = self._unify_line_ends(chunk)
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        if self._pieces:
            self._pieces.append(chunk)
            chunk = b"".join(self._pieces)
            self._pieces.clear()
        lines = chunk.split(b"\n")
        self._size = 0
        self._keep(lines.pop())
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        return self._read(lines)

    def close(self) -> list[bytes]:
        """End the stream and return an event without a line end or a blank line after it."""
        last = b"".join(self._pieces)
        self._pieces.clear()
        if self._at_start:
            last = last.removeprefix(_BOM)
        return self._read([last, b""])

    def _unify_line_ends(self, chunk: bytes) -> bytes:
        if self._skip_lf and chunk:
            self._skip_lf = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._skip_lf = True  # the LF may be in the next chunk
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            _check_size(self._size)

    def _read(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if len(line) > _MAX_EVENT_BYTES:
                _check_size(len(line))
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
                if len(data) > 1:
                    self._held += len(line)
                    _check_size(self._held)
            elif not line and (data or self._is_error):
                events.append(self._end_event())
                continue
            elif line.startswith((b"{", DONE)):
                data.append(line)
                self._held += len(line)
                _check_size(self._held)
            elif line.startswith(b"event:"):
                self._is_error = line[6:].strip().lower() == b"error"
            # Ignore comments, other fields and repeated blank lines.
            if data and data[-1] == DONE and not self._is_error:
                events.extend(data)
                data.clear()
        return events

    def _end_event(self) -> bytes:
        """Return the data of the complete event."""
        lines, is_error = self._data.copy(), self._is_error
        self._data.clear()
        self._held, self._is_error = 0, False
        if is_error:
            return ErrorData(b"\n".join(line for line in lines if line != DONE))
        return lines[0] if len(lines) == 1 else b"\n".join(lines)


def _check_size(size: int) -> None:
    if size > _MAX_EVENT_BYTES:
        raise ResponseError(f"the stream sent an event larger than {_MAX_EVENT_BYTES} bytes")
