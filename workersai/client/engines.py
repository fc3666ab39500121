"""Create the engine of a client; its modules are imported only then."""

from __future__ import annotations

import sys
from typing import Any

from workersai._engine import AsyncEngine, SyncEngine
from workersai.errors import ConfigurationError
from workersai.types import AsyncHTTPClient, HTTPClient

__all__ = ["make_engine", "make_engine_async"]


def make_engine(binding: Any, http_client: HTTPClient | None) -> SyncEngine:
    """Create the engine of a `Client`.

    Raises:
        ConfigurationError: If *binding* or *http_client* cannot be used, or both are passed.
    """
    if binding is not None:
        from workersai._binding import SyncBindingEngine  # noqa: PLC0415 - in a Worker alone

        _check_alone(http_client)
        return SyncBindingEngine(binding)
    _check_sockets()
    from workersai._http.sync import SyncEngine as HTTPEngine  # noqa: PLC0415 - sockets, llhttp

    return HTTPEngine(http_client)


def make_engine_async(binding: Any, http_client: AsyncHTTPClient | None) -> AsyncEngine:
    """Create the engine of an `AsyncClient`; see `make_engine`."""
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
            "binding and http_client exclude each other: a binding does not use an HTTP client",
            parameter="http_client",
        )


def _check_sockets() -> None:
    if sys.platform == "emscripten":
        raise ConfigurationError(
            "this Python runs in WebAssembly and has no sockets: inside a Worker pass "
            "binding=env.AI",
            parameter="binding",
        )
