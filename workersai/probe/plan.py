"""List the requests to each model, and their greatest cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workersai._models import get_profile
from workersai.errors import ConfigurationError
from workersai.probe.asks import SEED_MODELS, Ask, asks_for
from workersai.results import Usage

__all__ = ["SEED_MODELS", "Planned", "plan_probe", "worst_cost"]

_BYTES_A_TOKEN = 2
"""A request of English and JSON has fewer tokens than half of its bytes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One request of a run.

    Attributes:
        model: The model that is probed.
        ask: The request.
        cost: Its greatest cost in USD by the page's prices; `None` if they are unknown.
    """

    model: str
    ask: Ask
    cost: float | None


def plan_probe(models: Iterable[str]) -> list[Planned]:
    """List the requests of a run, in order.

    Raises:
        ConfigurationError: If there is no model.
    """
    chosen = list(dict.fromkeys(models))
    if not chosen:
        raise ConfigurationError("models is empty: pass at least one", parameter="models")
    planned = [
        Planned(model, ask, _cost(model, ask))
        for model in chosen
        for ask in asks_for(get_profile(model))
    ]
    seen: set[str] = set()
    return [one for one in planned if one.ask.model is None or not _repeats(one.ask, seen)]


def _repeats(ask: Ask, seen: set[str]) -> bool:
    """Return whether a request that does not depend on the probed model was already planned."""
    if ask.id in seen:
        return True
    seen.add(ask.id)
    return False


def _cost(model: str, ask: Ask) -> float | None:
    if ask.model is not None or ask.after is not None:
        return 0.0
    read = len(ask.request(model).content) // _BYTES_A_TOKEN
    choices = ask.body.get("n", 1)
    return get_profile(model).cost(Usage(read, ask.tokens * choices))


def worst_cost(planned: Iterable[Planned]) -> float:
    """Add the greatest cost of the requests; those with unknown price are left out."""
    return sum(one.cost or 0.0 for one in planned)
