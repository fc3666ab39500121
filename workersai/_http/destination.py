"""Check that a request of a user's own client goes to the host of `base_url`, unseen by others."""

from __future__ import annotations

from typing import Any

from workersai._http.families import Family
from workersai._http.shared import parse_url
from workersai._outgoing import Outgoing
from workersai.errors import ConfigurationError

__all__ = ["Destination", "misused"]

_PORTS = {"http": 80, "https": 443}


def misused(text: str) -> ConfigurationError:
    """Return the error for a user's client that cannot be used."""
    return ConfigurationError(text, parameter="http_client")


class Destination:
    """The host that a request is for, and our headers for it.

    Attributes:
        is_plain: Whether the request goes over plain http.
    """

    def __init__(self, outgoing: Outgoing, family: Family) -> None:
        self._outgoing = outgoing
        url = parse_url(family, outgoing.url)
        self._origin = _origin_of(url)
        self.is_plain = url.scheme == "http"

    def __repr__(self) -> str:
        """Show only the host: tracebacks with local variables must not print headers."""
        return f"<Destination {self._origin}>"

    def claim(self, request: Any) -> None:
        """Write our headers into a request; they replace others of the same name.

        Raises:
            ConfigurationError: If it is for another host.
        """
        if _origin_of(request.url) != self._origin:
            raise self.elsewhere()
        headers = request.headers
        headers.update(self._outgoing.headers)
        headers["host"] = request.url.netloc.decode("ascii")
        for name in ("transfer-encoding", "content-length"):
            headers.pop(name, None)
        if self._outgoing.content:
            headers["content-length"] = str(len(self._outgoing.content))

    def take_back_token(self, request: Any) -> None:
        """Remove our token from a request that an auth created, unless it goes to our host."""
        ours = self._outgoing.headers.get("authorization")
        is_elsewhere = _origin_of(request.url) != self._origin
        if is_elsewhere and request.headers.get("authorization") == ours:
            del request.headers["authorization"]

    def check_connection(self, host: str, port: int) -> None:
        """Check a TCP connection before it is made.

        Raises:
            ConfigurationError: If it is for plain http and leads to a proxy.
        """
        if self.is_plain and (host, port) != self._origin[1:]:
            raise self.elsewhere()

    def check_request(self, request: Any) -> None:
        """Check a request before httpcore writes it.

        Raises:
            ConfigurationError: If it would go to another host, or unencrypted to a proxy.
        """
        origin = request.url.origin
        found = (origin.scheme.decode(), origin.host.decode(), origin.port)
        if request.method == b"CONNECT" or found == self._origin:
            return
        raise self.elsewhere()

    @staticmethod
    def elsewhere() -> ConfigurationError:
        """Return the error for a request that would send the token to another host."""
        return misused(
            "the HTTP client would send the token to another host than that of base_url: to a "
            "proxy, which could read it in plain http, or to where a hook, an auth or a method of "
            "the client redirected the request. Pass a client that sends to base_url directly, "
            "such as one with trust_env=False, or an https base_url, whose token no proxy can read"
        )


def _origin_of(url: Any) -> tuple[str, str, int | None]:
    host = url.raw_host.decode("ascii")
    return url.scheme, host, url.port or _PORTS.get(url.scheme)
