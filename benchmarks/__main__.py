"""Measure what the adapters cost, and write the figures and the report.

    python -m benchmarks              the main table, in about two minutes
    python -m benchmarks --all        with more rounds, all peers in all rows, and the curves
    python -m benchmarks --curves     the curves alone
    python -m benchmarks --only KEY   some rows, with as many rounds as --all; the others stay
    python -m benchmarks --report     RESULTS.md and README's table, from the JSON that is there

Writes `results/*.json`, `results/*.svg` (with `--all`), `RESULTS.md` and the table in README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import resource
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants.registry import CHAT_OPENAI, ENTRIES, OPENAI, OPENAI_LIKE
from benchmarks.measure.alone import first_answers, memory
from benchmarks.measure.curves import draw
from benchmarks.measure.turns import Budget, Figures, take_turns
from benchmarks.report import page, plots, results
from benchmarks.report.machine import machine
from benchmarks.report.tables import ROWS, Row, figure
from benchmarks.scenarios.curves import CURVES
from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.table import FRESH, MAIN, MEMORY
from benchmarks.server.process import serving


@dataclass(frozen=True)
class Effort:
    """How much time a run spends.

    Attributes:
        command: The command that the report names.
        budget: The budget of a scenario whose ratio is of CPU time.
        patient: The budget of a scenario with a slow server, whose ratio is of wall time.
        rounds: How often each contestant gives a first answer in a new interpreter.
        memory_seconds: The most seconds to measure the memory of one contestant.
        left_out: The contestants that take no part in long rows and rows about memory.
    """

    command: str
    budget: Budget
    patient: Budget
    rounds: int
    memory_seconds: float
    left_out: Sequence[str] = ()


QUICK = Effort(
    "make benchmark",
    Budget(2.0, fewest=3, most=7, each=1.0),
    Budget(1.0, fewest=1, most=1),
    rounds=2,
    memory_seconds=60,
    left_out=(CHAT_OPENAI, OPENAI_LIKE, OPENAI),
)
ALL = Effort(
    "make benchmark-all",
    Budget(10.0, most=15),
    Budget(10.0, fewest=2, most=3),
    rounds=5,
    memory_seconds=150,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--all", action="store_true", help="more rounds, and the curves")
    parser.add_argument("--curves", action="store_true", help="the curves alone")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="rows to measure")
    parser.add_argument("--report", action="store_true", help="write the report, measure nothing")
    options = parser.parse_args()
    if not options.report:
        run(rows=not options.curves, curves=options.all or options.curves, only=options.only)
    write_report()


def run(*, rows: bool, curves: bool, only: Sequence[str]) -> None:
    """Measure and write the JSON; rows that are not selected keep their figures."""
    effort = ALL if curves or only else QUICK
    with prepared() as (root, loop):
        if rows:
            scenarios = measure(effort, root, loop, only)
            write_main(effort, scenarios)
        if curves:
            write_curves(root, loop)


def write_report() -> None:
    """Draw the plots, and write RESULTS.md and README's table."""
    main, curves = results.read(results.MAIN), results.read(results.CURVES)
    if main is None:
        sys.exit("There are no figures yet: run `make benchmark`.")
    if curves is not None:
        plots.draw_all(curves, results.RESULTS)
    page.write(main, curves)


@contextmanager
def prepared() -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Import every contestant, start the server, and give its root and an event loop."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    allow_connections()
    for entry in ENTRIES:
        if entry.is_installed:
            entry.load()
    loop = asyncio.new_event_loop()
    gc.collect()
    gc.freeze()  # excludes the objects of imports, which belong to no contestant, from collections
    with serving() as root:
        yield root, loop
    loop.close()


def allow_connections() -> None:
    """Raise the limit of open files to what the machine allows; the server inherits it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(
    effort: Effort, root: str, loop: asyncio.AbstractEventLoop, only: Sequence[str]
) -> dict[str, dict[str, Figures]]:
    """Measure all rows, or some; print each when it is done."""
    found: dict[str, dict[str, Figures]] = {}
    for row in (*MAIN, FRESH, *MEMORY):
        if only and row.key not in only:
            continue
        began = time.perf_counter()
        found[row.key] = measure_row(row, effort, root, loop)
        show(row, found[row.key], time.perf_counter() - began)
    return found


def measure_row(
    row: Row, effort: Effort, root: str, loop: asyncio.AbstractEventLoop
) -> dict[str, Figures]:
    if row is FRESH:
        return first_answers(FRESH, root, effort.rounds)
    if isinstance(row, Scenario):
        budget = effort.budget if row.by == "cpu" else effort.patient
        return take_turns(row, root, loop, budget, effort.left_out if row.is_long else ())
    return memory(row, root, effort.memory_seconds, effort.left_out)


def show(row: Row, found: dict[str, Figures], seconds: float) -> None:
    print(f"\n{row.key}: {row.title} [{seconds:.1f} s]")
    for name, figures in found.items():
        spent = "".join(
            f"{figures[key]:12,.1f} us {key[:-3]}"
            for key in ("cpu_us", "wall_us")
            if key in figures
        )
        print(f"  {name:24}{figure(row, figures):>14}{spent}", flush=True)


def write_main(effort: Effort, scenarios: dict[str, dict[str, Figures]]) -> None:
    before = results.read(results.MAIN) or {"scenarios": {}}
    found = {row.key: scenarios.get(row.key, before["scenarios"].get(row.key)) for row in ROWS}
    measured = {key: figures for key, figures in found.items() if figures is not None}
    document = {"command": effort.command, "machine": machine(), "scenarios": measured}
    results.write(results.MAIN, document)


def write_curves(root: str, loop: asyncio.AbstractEventLoop) -> None:
    curves: dict[str, Any] = {}
    for curve in CURVES:
        began = time.perf_counter()
        curves[curve.key] = draw(curve, root, loop)
        document = {"machine": machine(), "curves": curves}
        results.write(results.CURVES, document)
        print(f"\n{curve.title} [{time.perf_counter() - began:.1f} s]")
        for name, points in curves[curve.key].items():
            print(f"  {name:24}", *(f"{size:,}: {cost:,.1f} us" for size, cost in points), sep="  ")


if __name__ == "__main__":
    main()
