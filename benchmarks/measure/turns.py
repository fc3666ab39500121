"""Contestants take turns in one process, so changes in the machine's speed affect all."""

from __future__ import annotations

import asyncio
import gc
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contestants.base import Contestant, Place
from benchmarks.contestants.registry import ENTRIES, Entry
from benchmarks.scenarios.scenario import Scenario

Figures = dict[str, Any]
"""What is known of one contestant in one scenario, as it is in the JSON."""


@dataclass(frozen=True)
class Budget:
    """How long a scenario may take.

    Attributes:
        seconds: After so many seconds no round of all contestants begins.
        fewest: How many rounds there are even so.
        most: How many rounds there are at most.
        each: A contestant that used so much CPU time takes part in no further round, unless others
            are compared with it.
    """

    seconds: float
    fewest: int = 3
    most: int = 9
    each: float = math.inf


@dataclass
class Spent:
    """CPU and wall seconds of each round."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def take_turns(
    scenario: Scenario,
    root: str,
    loop: asyncio.AbstractEventLoop,
    budget: Budget,
    left_out: Sequence[str] = (),
) -> dict[str, Figures]:
    """Run a scenario through everything that is installed and can do it.

    Args:
        scenario: What is done.
        root: Where the server is.
        loop: Where coroutines run.
        budget: How long it may take.
        left_out: Contestants that take no part.

    Returns:
        Figures of each contestant; `status` says `measured`, or why there are none.
    """
    began = time.perf_counter()
    figures, running = _warm(scenario, Place(root, scenario.account, loop), left_out)
    try:
        spent = {name: Spent() for name in running}
        names, done = list(running), 0
        bases = set(scenario.base.values())
        while running and not _is_enough(done, began, budget):
            for name in names[done % len(names) :] + names[: done % len(names)]:
                is_over = sum(spent[name].cpu) > budget.each and name not in bases
                if name not in running or is_over:
                    continue
                if not _run(scenario, running[name], spent[name]):
                    figures[name] = {"status": "wrong answer"}
                    running.pop(name).close()
            done += 1
        measured = {name: spent[name] for name in running}
        return {**figures, **_ratios(scenario, running, measured)}
    finally:
        for contestant in running.values():
            contestant.close()


def _is_enough(done: int, began: float, budget: Budget) -> bool:
    over = time.perf_counter() - began > budget.seconds
    return done >= budget.most or (done >= budget.fewest and over)


def can(entry: Entry, scenario: Scenario) -> bool:
    """Say whether an installed contestant has the verb that a scenario needs."""
    return hasattr(entry.load(), scenario.verb)


def _warm(
    scenario: Scenario, place: Place, left_out: Sequence[str]
) -> tuple[dict[str, Figures], dict[str, Contestant]]:
    """Make the contestants and run each once; drop those with a wrong answer."""
    figures: dict[str, Figures] = {}
    running: dict[str, Contestant] = {}
    for entry in ENTRIES:
        if not entry.is_installed:
            figures[entry.name] = {"status": "not installed"}
        elif not can(entry, scenario):
            continue
        elif entry.name in left_out:
            figures[entry.name] = {"status": "left out"}
        else:
            contestant = entry.load()(place)
            status = first_run(scenario, contestant)
            if status == "measured":
                running[entry.name] = contestant
            else:
                figures[entry.name] = {"status": status}
                contestant.close()
    return figures, running


def prepare(scenario: Scenario, contestant: Any) -> None:
    """Make the inputs of a run before the clock starts."""
    if scenario.verb == "ask_history":
        contestant.remember(scenario.events)


def first_run(scenario: Scenario, contestant: Any) -> str:
    """Run unmeasured; say `measured` if the contestant may take part, or what was wrong.

    Where the server is slow, a tenth is enough: nothing but wall time counts there.
    """
    tried = scenario.sized(max(1, scenario.size // 10)) if scenario.by == "wall" else scenario
    prepare(scenario, contestant)
    try:
        for _ in range(scenario.warm_ups):
            came = scenario.run(contestant, tried.size)
            if not scenario.is_right(contestant, came, tried):
                return "wrong answer"
    except Exception as error:  # noqa: BLE001 - whatever a contestant raises, it gave no answer
        return f"wrong answer ({type(error).__name__})"
    return "measured"


def _run(scenario: Scenario, contestant: Contestant, spent: Spent) -> bool:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    came = scenario.run(contestant, scenario.size)
    spent.cpu.append(time.process_time() - cpu)
    spent.wall.append(time.perf_counter() - wall)
    return scenario.is_right(contestant, came, scenario)


def _ratios(
    scenario: Scenario, running: Mapping[str, Contestant], spent: Mapping[str, Spent]
) -> dict[str, Figures]:
    """Return the medians of a contestant's cost and of its ratio to the base."""
    figures = {}
    for name, contestant in running.items():
        base = spent.get(scenario.base[contestant.family])
        own = spent[name]
        figures[name] = {
            "status": "measured",
            "rounds": len(own.cpu),
            "cpu_us": _per_unit(own.cpu, scenario),
            "wall_us": _per_unit(own.wall, scenario),
            "base": scenario.base[contestant.family],
            "cpu_ratio": _ratio(own.cpu, base.cpu) if base else None,
            "wall_ratio": _ratio(own.wall, base.wall) if base else None,
        }
    return figures


def _per_unit(seconds: list[float], scenario: Scenario) -> float:
    return round(statistics.median(seconds) / scenario.units * 1e6, 3)


def _ratio(own: list[float], base: list[float]) -> float:
    """Compare round by round; a contestant that stopped early counts with its own rounds."""
    pairs = zip(own, base, strict=False)
    return round(statistics.median(one / other for one, other in pairs), 4)
