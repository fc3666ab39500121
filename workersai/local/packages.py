"""The packages of the extra `serve`, and what to install if one of them is missing."""

from __future__ import annotations

__all__ = ["is_of_serve"]

_SERVE = frozenset(
    {"typer", "rich", "starlette", "uvicorn", "jsonschema", "referencing", "platformdirs"}
)


def is_of_serve(error: ModuleNotFoundError) -> bool:
    """Return whether the missing module belongs to a package of the extra."""
    return (error.name or "").partition(".")[0] in _SERVE
