"""Where a request through a user's own client may go: to the host of `base_url` alone, unseen."""

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
    """The host that a request is for, and the headers that are ours there.

    Attributes:
        is_plain: Whether the request goes over plain http.
    """

    def __init__(self, outgoing: Outgoing, family: Family) -> None:
        self._outgoing = outgoing
        url = parse_url(family, outgoing.url)
        self._origin = _origin_of(url)
        self.is_plain = url.scheme == "http"

    def __repr__(self) -> str:
        """Show the host: a traceback that prints local variables must print no header."""
        return f"<Destination {self._origin}>"

    def claim(self, request: Any) -> None:
        """Write our headers into a request, over what anybody else has written there.

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
        """Take our token out of a request that an auth makes of its own, unless it comes here."""
        ours = self._outgoing.headers.get("authorization")
        is_elsewhere = _origin_of(request.url) != self._origin
        if is_elsewhere and request.headers.get("authorization") == ours:
            del request.headers["authorization"]

    def check_connection(self, host: str, port: int) -> None:
        """Look at a TCP connection that is about to be made.

        Raises:
            ConfigurationError: If it is for plain http and leads to a proxy.
        """
        if self.is_plain and (host, port) != self._origin[1:]:
            raise self.elsewhere()

    def check_request(self, request: Any) -> None:
        """Look at a request that httpcore is about to write.

        Raises:
            ConfigurationError: If it would go to another host, or in clear to a proxy.
        """
        origin = request.url.origin
        found = (origin.scheme.decode(), origin.host.decode(), origin.port)
        if request.method == b"CONNECT" or found == self._origin:
            return
        raise self.elsewhere()

    @staticmethod
    def elsewhere() -> ConfigurationError:
        """Return the error for a request that would take the token elsewhere."""
        return misused(
            "the HTTP client would take the token to another host than base_url names: to a proxy, "
            "which could read it in plain http, or wherever a hook, an auth or a method of the "
            "client has turned the request. Bring a client that goes to base_url directly, such "
            "as one with trust_env=False, or use an https base_url, whose token no proxy can read"
        )


def _origin_of(url: Any) -> tuple[str, str, int | None]:
    host = url.raw_host.decode("ascii")
    return url.scheme, host, url.port or _PORTS.get(url.scheme)
