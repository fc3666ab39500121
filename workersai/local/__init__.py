"""A Workers AI of your own on this machine: Cloudflare's wire, local engines.

Cloudflare offers no local mode for its inference API. This package speaks the REST wire that
Cloudflare documents, over engines that run here: `smol` (small real models), `echo` (rule-based,
deterministic, nothing to download) and `upstream` (any OpenAI-compatible server). It needs the
extra `serve` (or `local` for the real models) and imports it only when used.

    from workersai.local import LocalServer

    with LocalServer(engine="echo") as server:
        print(server.base_url, server.account_id, server.api_token)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workersai.local.packages import is_of_serve

if TYPE_CHECKING:
    from workersai.local.api.batches import BatchPlay
    from workersai.local.engines.base import EngineUnavailable
    from workersai.local.run.server import LocalServer, RecordedRequest

__all__ = ["BatchPlay", "EngineUnavailable", "LocalServer", "RecordedRequest"]

_HOMES = {
    "BatchPlay": "workersai.local.api.batches",
    "EngineUnavailable": "workersai.local.engines.base",
    "LocalServer": "workersai.local.run.server",
    "RecordedRequest": "workersai.local.run.server",
}


def __getattr__(name: str) -> Any:
    """Import the server stack at first use, so that importing this package stays cheap.

    Raises:
        ImportError: If a package of the extra `serve` is missing.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if not is_of_serve(error):
            raise
        raise ImportError(
            f"the local server needs {error.name}: pip install 'workersai[serve]'", name=error.name
        ) from None
