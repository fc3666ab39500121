"""A model id -> the path of its native route."""

from __future__ import annotations

import re

from workersai.errors import ConfigurationError

__all__ = ["run_path"]

_SEGMENT = re.compile(r"[A-Za-z0-9@_:+-][A-Za-z0-9@._:+-]*")


def run_path(model: str) -> str:
    """Return a model's native route.

    Raises:
        ConfigurationError: If *model* is not an id.
    """
    return f"/run/{_check_model(model)}"


def _check_model(model: str) -> str:
    """Let only ids pass that stay one path below `/ai/run/`."""
    segments = model.split("/") if isinstance(model, str) else [""]
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ConfigurationError(
            f"model={model!r} is not a model id: it looks like '@cf/zai-org/glm-4.7-flash'",
            parameter="model",
        )
    return model
