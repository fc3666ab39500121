"""Open listening sockets for a host name and a port, and find out who can reach them."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from workersai import ConfigurationError

__all__ = ["TOKEN_VARIABLE", "Addresses", "listening", "resolved", "token_for"]

TOKEN_VARIABLE = "WORKERSAI_SERVE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token that callers of a reachable server must send."""


_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""`localhost` is an IPv6 address too by most machines' hosts file, also where IPv6 is off."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of a host name on this machine.

    Attributes:
        host: The name or address as the user wrote it.
        sockets: Family and address of each socket to open.
    """

    host: str
    sockets: tuple[tuple[socket.AddressFamily, Any], ...]

    @property
    def are_loopback(self) -> bool:
        """Whether only this machine can reach all of them."""
        return all(ipaddress.ip_address(address[0]).is_loopback for _, address in self.sockets)

    @property
    def caller_host(self) -> str:
        """The host for a URL of a caller on this machine."""
        address = ipaddress.ip_address(self.sockets[0][1][0])
        if not address.is_unspecified:
            return f"[{address}]" if address.version == 6 else str(address)
        return "127.0.0.1" if address.version == 4 else "[::1]"


def resolved(host: str, port: int) -> Addresses:
    """Look a host up once, so that the checked addresses are those that are used.

    Raises:
        ConfigurationError: The host is not an address or a known name, or the port is not valid.
    """
    if not isinstance(host, str):
        raise ConfigurationError(f"host must be an address or a name, not {host!r}")
    if type(port) is not int or not 0 <= port <= 65535:
        raise ConfigurationError(f"port must be a number from 0 to 65535, not {port!r}")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"host must be an address or a name of this machine, not {host!r}: {error}"
        ) from error
    return Addresses(host, tuple(dict.fromkeys((family, address) for family, *_, address in found)))


def token_for(addresses: Addresses, token: str | None) -> str | None:
    """Return the token that callers must send; `None` lets any well-formed one pass.

    Args:
        addresses: Where the server will listen.
        token: The token that the user passed.

    Raises:
        ConfigurationError: Other machines can reach the server, and neither the user nor the
            environment names a token.
    """
    if token is not None or addresses.are_loopback:
        return token
    from_environment = os.environ.get(TOKEN_VARIABLE)
    if from_environment:
        return from_environment
    raise ConfigurationError(
        f"Other machines can reach {addresses.host or 'this server'}, so callers must send a "
        f"token: set the environment variable {TOKEN_VARIABLE}, or listen on 127.0.0.1."
    )


def listening(addresses: Addresses) -> list[socket.socket]:
    """Open a listening socket for each address that this machine has, all on one port.

    Raises:
        OSError: The port is not free, or this machine has none of the addresses.
    """
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        for place, (family, address) in enumerate(addresses.sockets, 1):
            port = sockets[0].getsockname()[1] if sockets else address[1]
            try:
                made = _bound(family, (address[0], port, *address[2:]))
            except OSError as error:
                last = place == len(addresses.sockets)
                if error.errno not in _ABSENT or (last and not sockets):
                    raise
            else:
                sockets.append(opened.enter_context(made))
        opened.pop_all()
    return sockets


def _bound(family: socket.AddressFamily, address: Sequence[Any]) -> socket.socket:
    """Open one socket whose connections send at once.

    asyncio switches Nagle's algorithm off only where the protocol is spelled out; with it on,
    every answer in two writes waits 40 ms for the client's acknowledgement.
    """
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there the option would let two servers share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(tuple(address))
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made
