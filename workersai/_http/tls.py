"""The certificates that both engines trust, read once a process."""

from __future__ import annotations

import functools
import os
import ssl
from typing import NamedTuple

import certifi

__all__ = ["TLSBuffer", "Trust", "shared_ssl_context"]

_READ_BYTES = 64 << 10


class Trust(NamedTuple):
    """Whose certificates to trust.

    Attributes:
        file: What `SSL_CERT_FILE` names.
        folder: What `SSL_CERT_DIR` names.
    """

    file: str | None = None
    folder: str | None = None

    @classmethod
    def of_the_environment(cls) -> Trust:
        """Read what the environment says now."""
        return cls(os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)


@functools.lru_cache(maxsize=8)
def shared_ssl_context(trust: Trust) -> ssl.SSLContext:
    """Return the context of all our connections that trust the same certificates.

    Where the environment names none, they are certifi's. Reading them takes tens of milliseconds.
    """
    file = trust.file if trust != (None, None) else certifi.where()
    context = ssl.create_default_context(cafile=file, capath=trust.folder)
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
