"""The path of a model's native route."""

from __future__ import annotations

import re

from workersai.errors import ConfigurationError

__all__ = ["run_path"]

_SEGMENT = re.compile(r"[A-Za-z0-9@_:+-][A-Za-z0-9@._:+-]*")


def run_path(model: str) -> str:
    """Return the path of a model's native route.

    Raises:
        ConfigurationError: If *model* is not a model id.
    """
    return f"/run/{_check_model(model)}"


def _check_model(model: str) -> str:
    """Return a model id that is a single path below `/ai/run/`; reject all others."""
    segments = model.split("/") if isinstance(model, str) else [""]
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ConfigurationError(
            f"model={model!r} is not a model id: pass one such as '@cf/zai-org/glm-4.7-flash'",
            parameter="model",
        )
    return model
