"""Run the auth of a user's own client; it may neither replace our headers nor move the token."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

__all__ = ["guarded_auth"]


class _GuardedAuth:
    """Runs an auth of httpx or httpx2, and checks each request that it sends."""

    def __init__(self, auth: Any, check: Callable[[Any], None]) -> None:
        self._auth = auth
        self._check = check

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        flow = self._auth.sync_auth_flow(request)
        try:
            sent = next(flow, None)
            while sent is not None:
                self._check(sent)
                response = yield sent
                try:
                    sent = flow.send(response)
                except StopIteration:
                    break
        finally:
            flow.close()

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        flow = self._auth.async_auth_flow(request)
        try:
            sent = await anext(flow, None)
            while sent is not None:
                self._check(sent)
                response = yield sent
                try:
                    sent = await flow.asend(response)
                except StopAsyncIteration:
                    break
        finally:
            await flow.aclose()


def guarded_auth(library: Any, auth: Any, check: Callable[[Any], None]) -> Any:
    """Wrap an auth for one call.

    Args:
        library: The module that the auth comes from: httpx or httpx2.
        auth: The client's; `None` stays `None`.
        check: Called with every request that the auth is about to send.
    """
    return None if auth is None else _class_for(library)(auth, check)


@functools.cache
def _class_for(library: Any) -> Any:
    return type("GuardedAuth", (_GuardedAuth, library.Auth), {})
