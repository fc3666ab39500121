"""Settings that can change an answer or a vector, for caches with an object's settings as key."""

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
    "limits",
    "max_concurrency",
    "max_retries",
    "num_workers",
    "reject_if_busy",
    "request_timeout",
    "session_affinity",
    "show_progress",
    "timeout",
})  # fmt: skip
"""Settings that control how requests are sent, not what a model is asked.

If they were in the key of a cache, a changed timeout would cause new, billed requests. `base_url`
is not among them, because another root may be another service, such as a local server with other
models. A gateway forwards requests for embeddings to the same model; for chat see
`gateway_identity`.
"""


def gateway_identity(gateway: Any) -> str | None:
    """Return the part of a gateway's options that can change a chat's answer: its id.

    A gateway can filter or reroute requests. Its other options concern how long it caches answers,
    how often it retries and what it logs.
    """
    found = gateway.get("id") if isinstance(gateway, dict) else gateway
    return None if found is None else str(found)
