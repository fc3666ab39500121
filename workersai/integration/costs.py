"""The cost of calls: of one call by its model's prices, and of many.

Prices are from the model's page, in USD per million tokens. If the page or the usage of a call is
unknown, its cost is `None`; such calls are counted separately, and never as 0.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workersai._models import get_profile
from workersai._models.profile import ModelProfile
from workersai.results import Usage

__all__ = ["CostMeter", "CostTotals", "call_cost"]

_NO_GATEWAY: Mapping[str, str] = MappingProxyType({})


def call_cost(
    usage: Usage | None,
    model: str,
    gateway: Mapping[str, str] = _NO_GATEWAY,
    facts: ModelProfile | None = None,
) -> float | None:
    """Return the cost of a call in USD, by the prices of the model's page.

    Args:
        usage: The usage of the call; `None` if none was reported.
        model: The model that was asked.
        gateway: Facts of an AI Gateway, as in `ChatResult.gateway`. An answer from its cache
            costs nothing, because no model was asked (page: AI Gateway, caching).
        facts: A profile from the account's catalogue; used if it is *model*'s.

    Returns:
        `None` if the tokens of the call or the prices of the model are unknown.
    """
    if gateway.get("cache_status", "").upper() == "HIT":
        return 0.0
    if usage is None or not usage.total_tokens:
        return None
    if facts is None or facts.name != model:
        facts = get_profile(model)
    return facts.cost(usage)


@dataclass(frozen=True, slots=True)
class CostTotals:
    """The total cost of some calls.

    Attributes:
        calls: How many calls brought an answer, or the beginning of one.
        input_tokens: Tokens read, cached ones included.
        output_tokens: Tokens written, reasoning included.
        cached_tokens: Tokens read from the prefix cache, where reported.
        reasoning_tokens: Tokens spent on reasoning, where reported.
        neurons: Cloudflare's billing unit, where reported; `None` if no call reported any.
        cost_usd: USD by the prices of the models' pages; `None` if the cost of all calls is
            unknown.
        calls_without_usage: Calls that reported no tokens; they are not in the counts above.
        calls_without_cost: Calls with unknown cost; they are not in `cost_usd`.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    neurons: float | None = None
    cost_usd: float | None = None
    calls_without_usage: int = 0
    calls_without_cost: int = 0

    def __add__(self, other: CostTotals) -> CostTotals:
        """Add two totals field by field."""
        return CostTotals(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            neurons=_sum(self.neurons, other.neurons),
            cost_usd=_sum(self.cost_usd, other.cost_usd),
            calls_without_usage=self.calls_without_usage + other.calls_without_usage,
            calls_without_cost=self.calls_without_cost + other.calls_without_cost,
        )

    @classmethod
    def of_call(cls, usage: Usage | None, cost_usd: float | None) -> CostTotals:
        """Return the totals of one call.

        Args:
            usage: What the call used, if that is known.
            cost_usd: Its price, if that is known.
        """
        counted = usage or Usage()
        return cls(
            calls=1,
            input_tokens=counted.prompt_tokens,
            output_tokens=counted.completion_tokens,
            cached_tokens=counted.cached_tokens or 0,
            reasoning_tokens=counted.reasoning_tokens or 0,
            neurons=counted.neurons,
            cost_usd=cost_usd,
            calls_without_usage=int(not counted.total_tokens),
            calls_without_cost=int(cost_usd is None),
        )


def _sum(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


class CostMeter:
    """Adds up the cost of calls, for each model and in total; threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_model: dict[str, CostTotals] = {}

    def __repr__(self) -> str:
        return repr(self.by_model)

    def add(self, model: str, usage: Usage | None, cost_usd: float | None) -> None:
        """Add one call.

        Args:
            model: The name to count it under.
            usage: The usage of the call, `None` if none was reported.
            cost_usd: Its cost in USD, `None` if unknown.
        """
        call = CostTotals.of_call(usage, cost_usd)
        with self._lock:
            self._by_model[model] = self._by_model.get(model, CostTotals()) + call

    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Add one call by its `model`, `usage` and `cost_usd`; see `usage_facts`."""
        self.add(str(facts["model"]), _usage(facts.get("usage")), facts.get("cost_usd"))

    @property
    def by_model(self) -> dict[str, CostTotals]:
        """The totals of each model, in a new dict."""
        with self._lock:
            return dict(self._by_model)

    @property
    def total(self) -> CostTotals:
        """The totals of all models together."""
        return sum(self.by_model.values(), CostTotals())

    def reset(self) -> None:
        """Set all totals to zero."""
        with self._lock:
            self._by_model.clear()


def _usage(written: Mapping[str, Any] | None) -> Usage | None:
    """Read a dict that `Usage.to_dict` wrote."""
    if written is None:
        return None
    read, wrote = (written.get(f"{kind}_tokens_details", {}) for kind in ("prompt", "completion"))
    return Usage(
        prompt_tokens=written.get("prompt_tokens", 0),
        completion_tokens=written.get("completion_tokens", 0),
        total_tokens=written.get("total_tokens", 0),
        cached_tokens=read.get("cached_tokens"),
        reasoning_tokens=wrote.get("reasoning_tokens"),
        neurons=written.get("neurons"),
    )
