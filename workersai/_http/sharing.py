"""Pools of connections that objects share: one a route, kept a while after its last user is gone.

A model that is made for one request and dropped leaves its connection to the next one, which spares
it a TLS handshake. So a pool goes when nobody has used it for as long as a connection may idle, or
at once when its last user closes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["IDLE_SECONDS", "SharedPools"]

IDLE_SECONDS = 30.0
"""How long a connection may wait for the next request, and a pool for the next user."""


class _Pool(Protocol):
    def is_forgotten(self) -> bool: ...


K = TypeVar("K", bound=Hashable)
P = TypeVar("P", bound=_Pool)


class SharedPools(Generic[K, P]):
    """The pools of one process or one event loop, for any number of threads.

    Every step is a single one of a dict, so there is no lock that a fork could leave locked. A
    forked process starts with none: the pools of its parent are its parent's.

    Args:
        make: Makes the pool of a route.
    """

    def __init__(self, make: Callable[[K], P]) -> None:
        self._make = make
        self._pools: dict[tuple[int, K], P] = {}

    def get(self, route: K) -> P:
        """Return the pool of a route."""
        key = (os.getpid(), route)
        if (pool := self._pools.get(key)) is None:
            pool = self._pools.setdefault(key, self._make(route))
        self.drop_forgotten(but=pool)
        return pool

    def drop_forgotten(self, but: P | None = None) -> None:
        """Let go of pools that nobody has used for a while, and of those of a parent process.

        Args:
            but: A pool that is about to be used.
        """
        for key, pool in self._pools.copy().items():
            if key[0] != os.getpid() or (pool is not but and pool.is_forgotten()):
                self._pools.pop(key, None)  # its connections are closed with it
