"""A raw socket server on the loopback interface, for faults that an HTTP server cannot make."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

WAIT = 5.0


class Seen(NamedTuple):
    """A request as the server received it."""

    head: str
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: Loopback, number: int, sock: socket.socket) -> None:
        self.server = server
        self.number = number
        self.sock = sock
        self.is_open = True

    def send(self, data: bytes) -> None:
        # The client may have hung up, as many tests intend.
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def answer(
        self, body: bytes, status: str = "200 OK", kind: str = "application/json", *extra: str
    ) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}"]
        self.send("\r\n".join([*lines, *extra, "", ""]).encode() + body)

    def begin(self, kind: str = "text/event-stream", *extra: str) -> None:
        """Begin a chunked body."""
        lines = ["HTTP/1.1 200 OK", f"content-type: {kind}", "transfer-encoding: chunked"]
        self.send("\r\n".join([*lines, *extra, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def stream(self, body: bytes) -> None:
        """Send a whole stream, an event a chunk."""
        self.begin()
        for event in body.split(b"\n\n"):
            if event:
                self.chunk(event + b"\n\n")
        self.end()

    def hang_up(self, *, reset: bool = False) -> None:
        self.is_open = False
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_hang_up(self) -> bool:
        """Wait until the client closes its end; return whether it did."""
        self.sock.settimeout(WAIT)
        with contextlib.suppress(ConnectionError):
            while self.sock.recv(4096):
                pass
        self.hang_up()
        self.server.gone.set()
        return True


Script = Callable[[Peer, Seen], None]


class Loopback:
    """Serves every request by calling *script*; counts requests and connections.

    Args:
        script: What to do with a request.
        context: Speak TLS, with this certificate.

    Attributes:
        requests: What came, in order.
        connections: How many were opened.
        gone: Set when a script has seen the client hang up.
        release: Set when the test is over; a script that waits for it never sleeps too long.
    """

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self._context = context
        self.requests: list[Seen] = []
        self.connections = 0
        self.gone = threading.Event()
        self.release = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def base_url(self) -> str:
        if self._context is not None:
            return f"https://localhost:{self.port}/client/v4"
        return f"http://127.0.0.1:{self.port}/client/v4"

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                peer = Peer(self, self.connections, sock)
                self._peers.append(peer)
                self._start(self._serve, peer)

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                peer.sock = self._context.wrap_socket(peer.sock, server_side=True)
            buffer = b""
            while peer.is_open:
                while b"\r\n\r\n" not in buffer:
                    if not (data := peer.sock.recv(65536)):
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                seen = Seen(head.decode("latin-1"), b"", peer.number)
                length = int(seen.header("content-length") or 0)
                while len(buffer) < length:
                    buffer += peer.sock.recv(65536)
                seen, buffer = seen._replace(body=buffer[:length]), buffer[length:]
                self.requests.append(seen)
                self.script(peer, seen)

    def close(self) -> None:
        self.release.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT)
        for peer in self._peers:
            peer.sock.close()


class TunnelProxy:
    """A proxy that knows `CONNECT` alone, and remembers each byte that its clients sent in clear.

    Args:
        port: Where its tunnels lead, whatever host is asked for.
        status: What it answers to `CONNECT`.
    """

    def __init__(self, port: int, status: str = "200 Connection established") -> None:
        self.heads: list[str] = []
        self.connections = 0
        self.received = b""
        self._port, self._status = port, status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._socks: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._socks.append(sock)
                threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (data := sock.recv(65536)):
                    return
                head += data
                self.received += data
            self.heads.append(head.decode("latin-1"))
            sock.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if self._status.startswith("200") and head.startswith(b"CONNECT "):
                other = socket.create_connection(("127.0.0.1", self._port))
                self._socks.append(other)
                threading.Thread(target=self._relay, args=[other, sock], daemon=True).start()
                self._relay(sock, other, is_heard=True)
            else:
                sock.shutdown(socket.SHUT_RDWR)

    def _relay(self, source: socket.socket, sink: socket.socket, *, is_heard: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_heard:
                    self.received += data
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for sock in (self._listener, *self._socks):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
