"""Make a profile from a model's entry in the live catalogue.

The catalogue's property ids and their forms were observed by public clients: values are strings,
also numbers and booleans (`"131072"`, `"true"`); a price is a list of `{unit, price, currency}`;
dates are text, or seconds or milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from workersai._models import get_profile
from workersai._models.profile import ModelProfile, Task
from workersai.errors import ConfigurationError
from workersai.results import ModelInfo

__all__ = ["catalogue_profile", "profile_in_catalogue"]

_TASKS: Mapping[str, Task] = {
    "text generation": "text-generation",
    "text embeddings": "embeddings",
    "text classification": "rerank",
}
_RERANKER = "rerank"
_LATEST_SECONDS = 1e11
"""A timestamp above this number is in milliseconds."""


def catalogue_profile(info: ModelInfo) -> ModelProfile:
    """Return a model's profile: facts of the catalogue replace those of the table.

    Args:
        info: The model, as `Client.models` returns it.

    Returns:
        The profile. A fact that the catalogue lacks, or writes in an unknown form, is taken from
        the table.
    """
    table = get_profile(info.name)
    facts: dict[str, Any] = {"known": True}
    for name, (field, read) in _PROPERTIES.items():
        if (value := read(info.properties.get(name))) is not None:
            facts[field] = value
    facts.update(_prices(info.properties.get("price")))
    task = _TASKS.get((info.task or "").lower())
    if not table.known and task is not None and (task != "rerank" or _RERANKER in info.name):
        facts["task"] = task
    sources = (*table.sources, "catalogue: the account's live catalogue")
    return replace(table, **facts, sources=sources)


def profile_in_catalogue(found: Iterable[ModelInfo], model: str) -> ModelProfile:
    """Return a model's profile from the catalogue and the table.

    Args:
        found: The result of searching the catalogue for the model's id.
        model: The model's id.

    Raises:
        ConfigurationError: If the catalogue does not list the model.
    """
    for info in found:
        if info.name == model:
            return catalogue_profile(info)
    raise ConfigurationError(
        f"{model} is not in the account's catalogue: check the id and the account",
        parameter="model",
    )


def _count(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value > 0 else None
    return int(value) if isinstance(value, str) and value.isdecimal() and int(value) > 0 else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _day(value: Any) -> str | None:
    if isinstance(value, str) and not value.isdecimal():
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00")).date().isoformat()
        except ValueError:
            return None
    seconds = _count(value)
    if seconds is None:
        return None
    if seconds > _LATEST_SECONDS:
        seconds //= 1000
    return datetime.fromtimestamp(min(seconds, _LATEST_SECONDS), timezone.utc).date().isoformat()


def _prices(listed: Any) -> dict[str, float]:
    """Read USD per million tokens; prices in other units are for other kinds of models."""
    found: dict[str, float] = {}
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, Mapping) or entry.get("currency", "USD") != "USD":
            continue
        unit, price = str(entry.get("unit", "")).lower(), entry.get("price")
        if not isinstance(price, (int, float)) or isinstance(price, bool):
            continue
        if "per m" not in unit or "token" not in unit:
            continue
        kind = "cached" if "cache" in unit else "output" if "output" in unit else "input"
        found[f"{kind}_price"] = float(price)
    return found


_PROPERTIES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "context_window": ("context_window", _count),
    "max_input_tokens": ("max_input_tokens", _count),
    "output_dimensions": ("dimensions", _count),
    "function_calling": ("function_calling", _flag),
    "reasoning": ("reasoning", _flag),
    "vision": ("vision", _flag),
    "lora": ("lora", _flag),
    "async_queue": ("batch", _flag),
    "require_workers_paid": ("paid_plan", _flag),
    "planned_deprecation_date": ("deprecated", _day),
}
