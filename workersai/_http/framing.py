"""Read one HTTP/1.1 response (RFC 9112) with llhttp: its head and its body.

Both engines feed it the bytes of their sockets. It uses neither sockets nor clocks.
"""

from __future__ import annotations

from collections.abc import Iterable

import httptools

__all__ = ["MalformedResponseError", "ResponseReader", "request_bytes"]

MAX_OVERHEAD = 100 << 10
"""Bytes allowed without a byte of the body: a head, interim answers, trailers."""


class MalformedResponseError(Exception):
    """The bytes are not an HTTP response, or not a whole one."""


def request_bytes(
    method: str, target: str, host: str, headers: Iterable[tuple[str, str]], content: bytes
) -> bytes:
    """Return the bytes of a whole request, to be sent at once.

    Args:
        method: Such as `POST`.
        target: The path with its query, or `host:port` for `CONNECT`; in ASCII.
        host: The value of the header `host`.
        headers: Names and values without line breaks, except host and content-length.
        content: The body.
    """
    lines = [f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers]
    if content or method == "POST":
        lines.append(f"content-length: {len(content)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1") + content


class ResponseReader:
    """Reads one response.

    Attributes:
        status: The HTTP status, once the head has arrived.
        headers: By lower-case name; values of a repeated name are joined by a comma.
        has_head: Whether the head has arrived.
        is_done: Whether the whole response has arrived.
    """

    __slots__ = (
        "_body",
        "_has_length",
        "_has_surplus",
        "_is_interim",
        "_overhead",
        "_parser",
        "_stays_open",
        "has_head",
        "headers",
        "is_done",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._overhead = 0
        self._is_interim = False
        self._has_length = False
        self._has_surplus = False
        self._stays_open = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_done = False

    @property
    def can_be_followed(self) -> bool:
        """Whether another request may use the same connection."""
        return self.is_done and self._stays_open and not self._has_surplus

    def feed(self, data: bytes) -> bytes:
        """Read bytes and return the bytes of the body among them.

        Raises:
            MalformedResponseError: If they are not HTTP, or too many of them are not the body.
        """
        if self.is_done:
            self._has_surplus = True
            return b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise MalformedResponseError("the server changes the protocol") from None
        except httptools.HttpParserError as error:
            self._take_error(error)
        body = self._body
        if body:
            self._overhead = 0
            self._body = []
            return body[0] if len(body) == 1 else b"".join(body)
        self._overhead += len(data)
        if self._overhead > MAX_OVERHEAD:
            raise MalformedResponseError(f"{MAX_OVERHEAD} bytes came without a byte of the body")
        return b""

    def _take_error(self, error: Exception) -> None:
        if not self.is_done:
            raise MalformedResponseError(str(error)) from None
        self._has_surplus = True  # bytes after the end belong to no response

    def feed_eof(self) -> bool:
        """Handle the end of the connection; return whether the response is whole.

        A body without a length ends with its connection.
        """
        if self.has_head and not self._has_length and not self.is_done:
            self.is_done = self._has_surplus = True
        return self.is_done

    # ------------------------------------------------------------------ called by llhttp

    def on_message_begin(self) -> None:
        """Record a message that begins after the end of the response."""
        if self.is_done:
            self._has_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; trailers are ignored."""
        if self.has_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers = self.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """Handle a complete head: the response's, or that of an interim answer before it."""
        if self.is_done:
            return
        self.status = self._parser.get_status_code()
        self._is_interim = 100 <= self.status < 200
        self.has_head = not self._is_interim
        self._stays_open = self._parser.should_keep_alive()
        headers = self.headers
        self._has_length = "content-length" in headers or "transfer-encoding" in headers

    def on_body(self, body: bytes) -> None:
        """Store a piece of the body."""
        if not self.is_done:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Handle the end of a message."""
        if self._is_interim:
            self.headers = {}
            self._is_interim = False
        else:
            self.is_done = True
