"""Contestants at several sizes; who takes too long at one takes no part in the next."""

from __future__ import annotations

import asyncio
import gc
import time

from benchmarks.contestants.base import Place
from benchmarks.contestants.registry import ENTRIES, Entry
from benchmarks.measure.turns import can, first_run
from benchmarks.scenarios.curves import Curve

Points = dict[str, list[tuple[int, float]]]
"""For each contestant, sizes and CPU microseconds a unit."""
FEWEST_SECONDS = 0.15
"""A size is run again until this much CPU time was measured, or `MOST` times."""
MOST = 10


def draw(curve: Curve, root: str, loop: asyncio.AbstractEventLoop, seconds: float) -> Points:
    """Measure a curve; a contestant is left out beyond the size whose run takes so many seconds."""
    running = [entry for entry in ENTRIES if entry.is_installed and can(entry, curve.at(1))]
    points: Points = {entry.name: [] for entry in running}
    for size in curve.sizes:
        for entry in list(running):
            began = time.perf_counter()
            cost = _at(curve, size, entry, root, loop)
            if cost is None:
                running.remove(entry)
                continue
            points[entry.name].append((size, cost))
            if time.perf_counter() - began > seconds:
                running.remove(entry)
    return points


def _at(
    curve: Curve, size: int, entry: Entry, root: str, loop: asyncio.AbstractEventLoop
) -> float | None:
    """CPU microseconds a unit, or `None` for a wrong answer."""
    scenario = curve.at(size)
    contestant = entry.load()(Place(root, scenario.account, loop))
    try:
        if first_run(scenario, contestant) != "measured":
            return None
        spent, runs = 0.0, 0
        while runs < 1 or (spent < FEWEST_SECONDS and runs < MOST):
            gc.collect()
            cpu = time.process_time()
            came = scenario.run(contestant, scenario.size)
            spent += time.process_time() - cpu
            runs += 1
            if not scenario.is_right(contestant, came, scenario):
                return None
        return round(spent / runs / scenario.units * 1e6, 3)
    finally:
        contestant.close()
