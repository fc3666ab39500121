"""Build the request that runs any model with a payload of the caller's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._arguments import check_no_credentials
from workersai._json import dump_json
from workersai._request.path import run_path
from workersai._wire import Request
from workersai.errors import ConfigurationError

__all__ = ["MAX_RUN_BYTES", "run_request"]

MAX_RUN_BYTES = 256 << 20
"""Bytes. The largest answer that is read: pictures and speech are larger than text."""


def run_request(model: str, payload: Mapping[str, Any]) -> Request:
    """Build a request for a model of any task; the payload is neither checked nor changed.

    Args:
        model: The model id.
        payload: The body, as the model's page documents it.

    Raises:
        ConfigurationError: If *model* is not a model id, or the payload cannot be written as JSON.
    """
    if not isinstance(payload, Mapping):
        raise ConfigurationError(
            f"payload must be a mapping, not {type(payload).__name__}", parameter="payload"
        )
    check_no_credentials("payload", payload)
    content = dump_json(dict(payload), model=model)
    return Request(
        run_path(model),
        content,
        model=model,
        stream=payload.get("stream") is True,
        begins_late=True,
        is_repeatable=False,
        max_answer=MAX_RUN_BYTES,
        is_chat=False,
    )
