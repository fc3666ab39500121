"""Write tool definitions; shared by all adapters."""

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
        name: The tool's own name; the core replaces it if models do not accept it.
        description: What the tool does; if `None`, the schema's description is used, if any.
        schema: The JSON schema of its arguments, with all definitions it refers to.
        strict: Sent with the tool unless `None`; with `True` its objects allow no other keys.
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
