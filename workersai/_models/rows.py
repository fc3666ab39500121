"""Build a model's profile from the facts of its schema and its own facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from workersai._models.parameters import CLASSIC, GUIDED, OPENAI_NEWER
from workersai._models.profile import ModelProfile

__all__ = [
    "BATCHED",
    "CLASSIC_SCHEMA",
    "GUIDED_SCHEMA",
    "OPENAI_SCHEMA",
    "PLAIN",
    "Prices",
    "prices",
    "row",
]

Prices: TypeAlias = tuple[float, ...]

PLAIN = ("prompt", "messages")
BATCHED = (*PLAIN, "requests")

# Facts that the models of one schema share. Models with the classic schema accept only text in
# messages; for the others, each model's page says whether it accepts images.
CLASSIC_SCHEMA: Mapping[str, Any] = {
    "inputs": PLAIN,
    "parameters": CLASSIC,
    "describes_properties": True,
    "vision": False,
    "audio": False,
    "files": False,
    "lora": True,
}
GUIDED_SCHEMA: Mapping[str, Any] = {
    "inputs": PLAIN,
    "parameters": GUIDED,
    "describes_properties": True,
}
OPENAI_SCHEMA: Mapping[str, Any] = {
    "inputs": BATCHED,
    "parameters": OPENAI_NEWER,
    "function_calling": True,
    "schema_envelope": True,
    "reasoning": True,
}


def prices(usd: Prices) -> dict[str, Any]:
    """Name the prices, in USD per million tokens: read, written, read from the prefix cache."""
    return dict(zip(("input_price", "output_price", "cached_price"), usd, strict=False))


def row(
    schema: Mapping[str, Any], name: str, window: int, usd: Prices = (), **facts: Any
) -> ModelProfile:
    """Describe a model: its own facts replace the facts of its schema."""
    return ModelProfile(name, context_window=window, **{**prices(usd), **schema, **facts})
