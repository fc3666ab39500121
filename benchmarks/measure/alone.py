"""Contestants alone, each in a process of its own: a first answer, and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.contestants.registry import BY_NAME, ENTRIES, Entry
from benchmarks.measure.turns import Figures
from benchmarks.scenarios.scenario import MemoryScenario, Scenario
from benchmarks.server.accounts import Account
from benchmarks.server.answers import ANSWER, words

ROOT = Path(__file__).parent.parent.parent
AT_ONCE = 2
"""Processes at a time; CPU time and memory of one do not depend on the other."""
GIVEN_UP = "took over {:.0f} s"


def child(module: str, *arguments: str, seconds: float) -> dict[str, Any] | None:
    """Run a module of this folder in a new interpreter; `None` if it printed no answer."""
    command = [sys.executable, "-m", f"benchmarks.measure.{module}", *arguments]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
    )
    if ran.returncode:
        return None
    printed: dict[str, Any] = json.loads(ran.stdout)
    return printed


# -------------------------------------------------------------------------------- a first answer


def first_answers(scenario: Scenario, root: str, rounds: int) -> dict[str, Figures]:
    """Let each contestant import, construct and answer, so many times, in turn.

    The first round is not counted: it writes Python's compiled files.
    """
    figures: dict[str, Figures] = {}
    running = [entry.name for entry in ENTRIES if _takes_part(entry, scenario.verb, figures)]
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in running}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(rounds + 1):
            answers = pool.map(lambda name: first_answer(name, root, scenario.account), running)
            for name, answer in zip(list(running), answers, strict=True):
                if answer is None:
                    figures[name] = {"status": "wrong answer"}
                    running.remove(name)
                else:
                    spent[name].append(answer)
    measured = {name: spent[name][1:] for name in running}
    return {**figures, **{name: _against_base(name, scenario, measured) for name in running}}


def _takes_part(entry: Entry, verb: str, figures: dict[str, Figures]) -> bool:
    if not entry.is_installed:
        figures[entry.name] = {"status": "not installed"}
        return False
    return hasattr(entry.load(), verb)


def first_answer(name: str, root: str, account: Account) -> tuple[float, float] | None:
    """Return CPU and wall seconds, or `None` for a wrong answer."""
    began = time.perf_counter()
    came = child("first_answer", name, root, account.id, seconds=60)
    wall = time.perf_counter() - began
    return (came["cpu"], wall) if came and came["text"] == ANSWER else None


def _against_base(
    name: str, scenario: Scenario, measured: dict[str, list[tuple[float, float]]]
) -> Figures:
    own = measured[name]
    base_name = scenario.base[BY_NAME[name].load().family]
    base = measured.get(base_name)
    return {
        "status": "measured",
        "rounds": len(own),
        "cpu_us": round(statistics.median(cpu for cpu, _ in own) * 1e6, 1),
        "wall_us": round(statistics.median(wall for _, wall in own) * 1e6, 1),
        "base": base_name,
        "cpu_ratio": _ratio(own, base, 0) if base else None,
        "wall_ratio": _ratio(own, base, 1) if base else None,
    }


def _ratio(
    own: Sequence[tuple[float, float]], base: Sequence[tuple[float, float]], which: int
) -> float:
    pairs = zip(own, base, strict=True)
    return round(statistics.median(one[which] / other[which] for one, other in pairs), 4)


# ----------------------------------------------------------------------------------------- memory


def memory(
    scenario: MemoryScenario, root: str, seconds: float, left_out: Sequence[str] = ()
) -> dict[str, Figures]:
    """Measure the memory that each contestant adds for a stream, in bytes."""
    figures: dict[str, Figures] = {}
    verb = "drain" if scenario.streams == 1 else "adrain"
    running = [entry.name for entry in ENTRIES if _takes_part(entry, verb, figures)]
    figures.update({name: {"status": "left out"} for name in running if name in left_out})
    running = [name for name in running if name not in left_out]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        came = pool.map(lambda name: _memory_of(name, scenario, root, seconds), running)
        return {**figures, **dict(zip(running, came, strict=True))}


def _memory_of(name: str, scenario: MemoryScenario, root: str, seconds: float) -> Figures:
    wanted = scenario.streams * sum(map(len, words(Account("words", scenario.account.events))))
    arguments = (name, root, scenario.account.id, str(scenario.streams))
    try:
        came = child("memory_of", *arguments, seconds=seconds)
    except subprocess.TimeoutExpired:
        return {"status": GIVEN_UP.format(seconds)}
    if came is None or came["length"] != wanted:
        return {"status": "wrong answer"}
    return {"status": "measured", "bytes": round(came["bytes"] / scenario.streams)}
