"""What one call cost, and what many did."""

from __future__ import annotations

import pytest

from workersai import Usage
from workersai.integration import CostMeter, CostTotals, call_cost

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"


@pytest.mark.parametrize(
    ("usage", "model", "gateway", "expected"),
    [
        (Usage(1_000_000, 0, 1_000_000), GRANITE, {}, 0.017),
        (Usage(1_000_000, 0, 1_000_000), GRANITE, {"cache_status": "MISS"}, 0.017),
        (Usage(1_000_000, 0, 1_000_000), GRANITE, {"cache_status": "hit"}, 0.0),
        (Usage(1_000_000, 0, 1_000_000), "@cf/new/model", {}, None),
        (Usage(neurons=1.5), GRANITE, {}, None),
        (None, GRANITE, {}, None),
    ],
)
def test_a_cost_needs_its_facts(
    usage: Usage | None, model: str, gateway: dict[str, str], expected: float | None
) -> None:
    """`call_cost` is `None` without tokens or prices, and 0 for an answer of a gateway's cache."""
    assert call_cost(usage, model, gateway) == expected


def test_a_meter_gives_away_nothing_of_its_own() -> None:
    """`CostMeter.by_model` returns a copy: later calls do not change it, nor it the meter."""
    meter = CostMeter()
    meter.add("a", Usage(1, 2, 3), 0.5)
    totals = meter.by_model
    meter.add("a", Usage(1, 2, 3), 0.25)
    assert totals["a"].cost_usd == 0.5
    totals.clear()
    assert meter.total == CostTotals(2, 2, 4, cost_usd=0.75)
    meter.reset()
    assert meter.total == CostTotals()
