"""Convert the core's log probabilities to LlamaIndex's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.base.llms.types import LogProb


def from_wire_logprobs(tokens: Iterable[Mapping[str, Any]]) -> list[list[LogProb]]:
    """Convert log probabilities: for each token its alternatives, or the token if it has none."""
    return [
        [_logprob(option) for option in token.get("top_logprobs") or [token]] for token in tokens
    ]


def _logprob(token: Mapping[str, Any]) -> LogProb:
    return LogProb(
        token=token.get("token") or "",
        logprob=token.get("logprob") or 0.0,
        bytes=token.get("bytes") or [],
    )
