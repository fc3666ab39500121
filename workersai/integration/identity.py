"""Which settings can change an answer or a vector, for caches that key on an object's settings."""

from __future__ import annotations

from typing import Any

__all__ = ["OPERATIONAL", "gateway_identity"]

OPERATIONAL = frozenset({
    "allow_insecure_http",
    "batch_size",
    "default_headers",
    "embed_batch_size",
    "gateway",
    "headers",
    "max_concurrency",
    "max_retries",
    "num_workers",
    "reject_if_busy",
    "request_timeout",
    "session_affinity",
    "show_progress",
    "timeout",
})  # fmt: skip
"""Settings that say how requests are sent, and not what is asked of which model.

A cache that keyed on them would ask and pay again after a change of a timeout. `base_url` is none
of them: another root may be another service, such as a local server with models of its own. A
gateway passes an embedding on to the same model; for chat see `gateway_identity`.
"""


def gateway_identity(gateway: Any) -> str | None:
    """Return what of a gateway can change a chat's answer: its id.

    A gateway can guard or reroute what is asked. Its other options say how long it keeps answers,
    how often it tries and what it logs.
    """
    found = gateway.get("id") if isinstance(gateway, dict) else gateway
    return None if found is None else str(found)
