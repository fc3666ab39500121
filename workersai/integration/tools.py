"""Tools as both faces write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._schemas import closed, resolve_root

__all__ = ["function_tool"]


def function_tool(
    name: str,
    description: str | None,
    schema: Mapping[str, Any],
    *,
    strict: bool | None = None,
) -> dict[str, Any]:
    """Write a tool in the nested form.

    Args:
        name: The tool's own name; the core writes it as models accept it.
        description: What the tool does; else what its schema says, left out if that says nothing.
        schema: The JSON schema of its arguments, whole: of a recursive class too.
        strict: Sent with the tool if given; with `True` its objects take no other keys.
    """
    whole = resolve_root(schema)
    whole = closed(whole) if strict else whole
    function: dict[str, Any] = {"name": name}
    if about := description or whole.get("description"):
        function["description"] = about
    function["parameters"] = {
        key: value for key, value in whole.items() if key not in ("title", "description")
    }
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}
