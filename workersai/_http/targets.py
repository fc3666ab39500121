"""Parse URLs and choose routes: where to connect, through which proxy."""

from __future__ import annotations

import base64
import functools
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlencode, urlsplit

from workersai._http.tls import Trust
from workersai.errors import ConfigurationError

__all__ = ["Proxy", "Route", "Target", "parse_target", "route_to", "unusable_proxy"]

_PORTS = {"http": 80, "https": 443}
_UNQUOTED = "/@:+!$&'()*,;=~%-._"


def unusable_proxy(reason: str) -> ConfigurationError:
    """Return the error for a proxy of the environment that cannot be used."""
    return ConfigurationError(
        f"the proxy in HTTPS_PROXY or ALL_PROXY cannot be used: {reason}. Set it to an "
        "http, https or socks5 URL, or exclude the host with NO_PROXY"
    )


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that opens a tunnel (`CONNECT`), over plain HTTP.

    Attributes:
        host: Its name or address.
        port: Its port.
        authorization: The value of `proxy-authorization`, if it needs credentials.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Proxy | None:
        """Read a proxy's URL; return `None` for a kind that needs more than `CONNECT`.

        Raises:
            ConfigurationError: If it is not a URL. The text is not shown, as it may hold a
                password.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or 80
        except ValueError:
            parts = None
        if parts is None:
            raise unusable_proxy("it is not a URL")
        if parts.scheme != "http" or not parts.hostname:
            return None
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return cls(parts.hostname, port, authorization)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection goes.

    Attributes:
        scheme: `http` or `https`.
        host: The name or address, in the form for sockets.
        port: The port.
        proxy: The proxy to connect through, if any.
        trust: The certificates to trust, with https.
    """

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    trust: Trust = field(default_factory=Trust)

    def leads_to(self, target: Target) -> bool:
        """Return whether a request for *target* may use this route."""
        here = (self.scheme, self.host, self.port)
        return here == (target.scheme, target.host, target.port)

    @property
    def authority(self) -> str:
        """Host and port in the form for `CONNECT`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes:
        scheme: `http` or `https`.
        host: As in `Route`.
        port: As in `Route`.
        host_header: The value of the header `host`.
        path: The request line's path.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    path: str

    def with_query(self, params: Mapping[str, str]) -> str:
        """Return the path with a query string."""
        return f"{self.path}?{urlencode(params)}" if params else self.path


@functools.lru_cache(maxsize=256)
def parse_target(url: str) -> Target:
    """Parse a URL; the result is cached, because a client uses few URLs, and often."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode()
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return Target(parts.scheme, host, port, shown, quote(parts.path or "/", safe=_UNQUOTED))


def route_to(target: Target) -> Route | None:
    """Find the route to a host from the current environment: its proxy, and whom to trust.

    A plain-http request never goes through a proxy, because the proxy could read the token.

    Returns:
        The route; `None` if the proxy needs an HTTP library (SOCKS, or a proxy that is reached by
        https).
    """
    direct = Route(target.scheme, target.host, target.port)
    if target.scheme != "https":
        return direct
    direct = replace(direct, trust=Trust.of_the_environment())
    proxies = urllib.request.getproxies()
    url = proxies.get("https") or proxies.get("all")
    if not url or urllib.request.proxy_bypass(f"{target.host}:{target.port}"):
        return direct
    proxy = Proxy.parse(url)
    return None if proxy is None else replace(direct, proxy=proxy)
