"""Which engine a client sends with; what an engine needs is imported only when one is made."""

from __future__ import annotations

import sys
from typing import Any

from workersai._engine import AsyncEngine, SyncEngine
from workersai.errors import ConfigurationError
from workersai.types import AsyncHTTPClient, HTTPClient

__all__ = ["make_engine", "make_engine_async"]


def make_engine(binding: Any, http_client: HTTPClient | None) -> SyncEngine:
    """Make the engine of a `Client`.

    Raises:
        ConfigurationError: If what it is made of cannot be used, here or together.
    """
    if binding is not None:
        from workersai._binding import SyncBindingEngine  # noqa: PLC0415 - in a Worker alone

        _check_alone(http_client)
        return SyncBindingEngine(binding)
    _check_sockets()
    from workersai._http.sync import SyncEngine as HTTPEngine  # noqa: PLC0415 - sockets, llhttp

    return HTTPEngine(http_client)


def make_engine_async(binding: Any, http_client: AsyncHTTPClient | None) -> AsyncEngine:
    """Make the engine of an `AsyncClient`; see `make_engine`."""
    if binding is not None:
        from workersai._binding import AsyncBindingEngine  # noqa: PLC0415 - in a Worker alone

        _check_alone(http_client)
        return AsyncBindingEngine(binding)
    _check_sockets()
    from workersai._http.aio import AsyncEngine as HTTPEngine  # noqa: PLC0415 - sockets, llhttp

    return HTTPEngine(http_client)


def _check_alone(http_client: object) -> None:
    if http_client is not None:
        raise ConfigurationError(
            "binding and http_client exclude each other: through a binding no HTTP client is used",
            parameter="http_client",
        )


def _check_sockets() -> None:
    if sys.platform == "emscripten":
        raise ConfigurationError(
            "this Python runs in WebAssembly and has no sockets: inside a Worker pass "
            "binding=env.AI",
            parameter="binding",
        )
