"""Pools of connections that objects share: one for each route, kept after its last user.

If a model is created for one request and dropped, its connection stays for the next one, which
saves a TLS handshake. A pool is dropped when it has been unused for as long as a connection may
idle, or at once when its last user closes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["IDLE_SECONDS", "SharedPools"]

IDLE_SECONDS = 30.0
"""Seconds that a connection waits for the next request, and a pool for the next user."""


class _Pool(Protocol):
    def is_forgotten(self) -> bool: ...


K = TypeVar("K", bound=Hashable)
P = TypeVar("P", bound=_Pool)


class SharedPools(Generic[K, P]):
    """The pools of one process or one event loop, for any number of threads.

    Every step is a single operation on a dict, so no lock is needed that a fork could leave locked.
    A forked process starts without pools: it must not use the connections of its parent.

    Args:
        make: Creates the pool of a route.
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
        """Drop pools that have been unused for a while, and those of a parent process.

        Args:
            but: A pool to keep, because it is about to be used.
        """
        for key, pool in self._pools.copy().items():
            if key[0] != os.getpid() or (pool is not but and pool.is_forgotten()):
                self._pools.pop(key, None)  # this closes its connections
