"""Cookies of a user's own client: they are sent, but cookies from our answers are not stored.

httpx stores the cookies of every answer in the client's jar and has no setting to prevent it. So
the jar is replaced by a guarded one while one of our requests is running.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["CookieGuard"]

_current: ContextVar[str | None] = ContextVar("workersai_url", default=None)
"""The URL of the request that this thread or task is sending through a user's client."""


class _GuardedJar:
    """A wrapper of a cookie jar that ignores cookies from answers to our requests.

    Cookies from other requests of the same client, at the same time or from a hook, are stored.
    """

    def __init__(self, jar: Any) -> None:
        self.jar = jar
        self.users = 0

    def extract_cookies(self, response: Any, request: Any) -> None:
        if request.full_url != _current.get():
            self.jar.extract_cookies(response, request)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.jar)

    def __len__(self) -> int:
        return len(self.jar)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.jar, name)


class CookieGuard:
    """Keeps the cookies of our answers out of one client, for all engines that use it.

    Its lock is held for a few steps. A forked process never needs it, because a client that was
    used before the fork is rejected.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watching(self, client: Any, url: str) -> Iterator[None]:
        """Keep the client's cookies unchanged while it sends a request.

        Args:
            client: A client of httpx or httpx2.
            url: The request's URL, as the client writes it.
        """
        cookies, current = client.cookies, _current.set(url)
        self._put_in(cookies)
        try:
            yield
        finally:
            self._take_out(cookies)
            _current.reset(current)

    def _put_in(self, cookies: Any) -> None:
        with self._lock:
            if not isinstance(cookies.jar, _GuardedJar):
                cookies.jar = _GuardedJar(cookies.jar)
            cookies.jar.users += 1

    def _take_out(self, cookies: Any) -> None:
        with self._lock:
            guarded = cookies.jar
            if isinstance(guarded, _GuardedJar):  # otherwise its owner has replaced it
                guarded.users -= 1
                if not guarded.users:
                    cookies.jar = guarded.jar
