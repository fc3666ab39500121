"""Holds an object's sync and async client; both are replaced when a connection setting changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Clients"]


class _Closes(Protocol):
    def close(self) -> None: ...


class _ClosesAsync(Protocol):
    async def aclose(self) -> None: ...


S = TypeVar("S", bound=_Closes)
A = TypeVar("A", bound=_ClosesAsync)


class Clients(Generic[S, A]):
    """Holds the sync and the async client of one object of an adapter.

    An object has one holder and replaces it when a connection setting changes; a holder never
    drops its clients. A thread that reads the holder before the settings therefore gets a valid
    client even if other threads assign settings meanwhile, and no lock is needed that a forked
    process could inherit locked. Copies and pickles of an object start with an empty holder, so
    that each object closes only its own clients.
    """

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def synchronous(self, make: Callable[[], S]) -> S:
        """Return the sync client.

        Args:
            make: Creates it from the object's settings. If two threads call at once, both may
                create one; both get the same one, and the other is never used.
        """
        made: S = self._get("synchronous", make)
        return made

    def asynchronous(self, make: Callable[[], A]) -> A:
        """Return the async client; see `synchronous`."""
        made: A = self._get("asynchronous", make)
        return made

    def _get(self, kind: str, make: Callable[[], Any]) -> Any:
        made = self._made.get(kind)
        return self._made.setdefault(kind, make()) if made is None else made

    def close(self) -> None:
        """Close the connections of the sync client, if there is one."""
        if (made := self._made.get("synchronous")) is not None:
            made.close()

    async def aclose(self) -> None:
        """Close the connections of the async client in this event loop, if there is one."""
        if (made := self._made.get("asynchronous")) is not None:
            await made.aclose()

    def __reduce__(self) -> tuple[type[Clients[S, A]], tuple[()]]:
        """Copy and pickle as an empty holder."""
        return type(self), ()

    def __eq__(self, other: object) -> bool:
        """Return true for every holder, so that objects with equal settings are equal."""
        return isinstance(other, Clients)

    def __hash__(self) -> int:
        return hash(Clients)
