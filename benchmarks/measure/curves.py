"""Measure contestants at several sizes; drop a slow contestant from larger sizes."""

from __future__ import annotations

import asyncio
import gc
import time

from benchmarks.contestants.base import Contestant, Place
from benchmarks.contestants.registry import ENTRIES
from benchmarks.measure.turns import can, prepare
from benchmarks.scenarios.curves import Curve
from benchmarks.scenarios.scenario import Scenario

Points = dict[str, list[tuple[int, float]]]
"""For each contestant, sizes and CPU microseconds a unit: the least of its runs."""
FEWEST_SECONDS = 0.15
"""A size is run again until this much CPU time was measured, or `MOST` times."""
MOST = 10
LONG_SECONDS = 1.0
"""After so much CPU time a size is run no more, even if nothing but warm-ups were run."""


def draw(curve: Curve, root: str, loop: asyncio.AbstractEventLoop) -> Points:
    """Measure a curve; leave a contestant out beyond the size at which it was too slow."""
    running = [entry for entry in ENTRIES if entry.is_installed and can(entry, curve.at(1))]
    points: Points = {entry.name: [] for entry in running}
    for size in curve.sizes:
        for entry in list(running):
            scenario = curve.at(size)
            contestant = entry.load()(Place(root, scenario.account, loop))
            try:
                spent = _runs(scenario, contestant)
            finally:
                contestant.close()
            if spent:
                cost = round(min(spent) / scenario.units * 1e6, 3)
                points[entry.name].append((size, cost))
            if not spent or sum(spent) > curve.seconds:
                running.remove(entry)
    return points


def _runs(scenario: Scenario, contestant: Contestant) -> list[float]:
    """Return the CPU seconds of each run; an empty list for a wrong answer."""
    prepare(scenario, contestant)
    spent: list[float] = []
    while not _is_enough(spent, scenario.warm_ups):
        gc.collect()
        cpu = time.process_time()
        try:
            came = scenario.run(contestant, scenario.size)
        except Exception:  # noqa: BLE001 - whatever a contestant raises, it gave no answer
            return []
        spent.append(time.process_time() - cpu)
        if not scenario.is_right(contestant, came, scenario):
            return []
    return spent


def _is_enough(spent: list[float], warm_ups: int) -> bool:
    measured = spent[warm_ups:]
    is_measured = bool(measured) and (sum(measured) >= FEWEST_SECONDS or len(spent) >= MOST)
    return is_measured or sum(spent) > LONG_SECONDS
