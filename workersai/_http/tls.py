"""The certificates that both engines trust, read once a process."""

from __future__ import annotations

import functools
import os
import ssl

import certifi

__all__ = ["TLSBuffer", "shared_ssl_context"]

_READ_BYTES = 64 << 10


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """Return the context of all our connections.

    It trusts the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else certifi's. Reading
    them takes tens of milliseconds.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not folder:
        file = certifi.where()
    context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


class TLSBuffer:
    """TLS between two buffers, for sockets that only an event loop may wait for.

    Args:
        context: What to trust.
        host: The name that the certificate must have.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake(self) -> bool:
        """Go on with the handshake; say whether it is done.

        Raises:
            ssl.SSLError: If it failed.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def pending(self) -> bytes:
        """Return what is to be sent now."""
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Take bytes of the socket; none means that the other side has closed it."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def encrypt(self, data: bytes) -> bytes:
        """Return the bytes to send for *data*."""
        self._object.write(data)
        return self._outgoing.read()

    def decrypt(self) -> bytes | None:
        """Return what has come, `b""` after the end, `None` if more bytes are needed.

        Raises:
            ssl.SSLError: If the bytes are no TLS.
        """
        try:
            return self._object.read(_READ_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
