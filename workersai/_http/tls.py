"""The certificates that both engines trust, read once in each process."""

from __future__ import annotations

import functools
import os
import ssl
from typing import NamedTuple

import certifi

from workersai.errors import ConfigurationError

__all__ = ["TLSBuffer", "Trust", "shared_ssl_context"]

_READ_BYTES = 64 << 10


class Trust(NamedTuple):
    """The sources of trusted certificates.

    Attributes:
        file: The value of `SSL_CERT_FILE`.
        folder: The value of `SSL_CERT_DIR`.
    """

    file: str | None = None
    folder: str | None = None

    @classmethod
    def of_the_environment(cls) -> Trust:
        """Read the current environment."""
        return cls(os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)


@functools.lru_cache(maxsize=8)
def shared_ssl_context(trust: Trust) -> ssl.SSLContext:
    """Return the shared context of all our connections with the same trusted certificates.

    Without variables, certifi's certificates are used. Reading them takes tens of milliseconds.

    Raises:
        ConfigurationError: If the file or the folder that the environment names cannot be read.
    """
    file = trust.file if trust != (None, None) else certifi.where()
    try:
        context = ssl.create_default_context(cafile=file, capath=trust.folder)
    except OSError as error:  # an SSLError as well
        raise ConfigurationError(
            f"the certificates in {file or trust.folder} cannot be read ({error}): let "
            "SSL_CERT_FILE name a file of PEM certificates, or unset it"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


class TLSBuffer:
    """TLS between two buffers, for sockets that only an event loop may wait for.

    Args:
        context: The certificates to trust.
        host: The name that the certificate must have.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake(self) -> bool:
        """Continue the handshake; return whether it is done.

        Raises:
            ssl.SSLError: If it failed.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def pending(self) -> bytes:
        """Return the bytes to send now."""
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket; empty bytes mean that the other side has closed it."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def encrypt(self, data: bytes) -> bytes:
        """Return the bytes to send for *data*."""
        self._object.write(data)
        return self._outgoing.read()

    def decrypt(self) -> bytes | None:
        """Return the bytes that have arrived, `b""` after the end, `None` if more are needed.

        Raises:
            ssl.SSLError: If the bytes are not TLS.
        """
        try:
            return self._object.read(_READ_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
