"""Each scenario of the benchmarks runs at a small size, and its check finds a wrong answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.contestants.base import Place
from benchmarks.contestants.registry import (
    AIOHTTP,
    BY_NAME,
    CLIENT,
    ENTRIES,
    HTTPX,
    LANGCHAIN,
    LANGCHAIN_FLOOR,
    LLAMAINDEX_FLOOR,
    OURS,
)
from benchmarks.measure import alone, curves, turns
from benchmarks.measure.alone import memory
from benchmarks.measure.curves import draw
from benchmarks.measure.turns import Budget, first_run, take_turns
from benchmarks.scenarios.curves import CURVES, Curve
from benchmarks.scenarios.scenario import MemoryScenario, Scenario
from benchmarks.scenarios.table import CALL, FRESH, MAIN
from benchmarks.server.accounts import Account
from benchmarks.server.process import serving

NAMES = (HTTPX, AIOHTTP, LANGCHAIN_FLOOR, LLAMAINDEX_FLOOR, *OURS)
ROWS = [
    pytest.param(scenario.sized(size=2, events=5), name, id=f"{scenario.key}-{name}")
    for scenario in MAIN
    for name in NAMES
    if hasattr(BY_NAME[name].load(), scenario.verb)
]
TINY_MEMORY = MemoryScenario("memory", "memory", Account("words", 30), 1, (1e6, 1e6))
LYING_MEMORY = replace(TINY_MEMORY, account=Account("words", 30, is_wrong=True))
ONE_ROUND = Budget(0.0, fewest=1, most=1)


class Lying(Place):
    """A place whose server answers every request wrongly."""

    @property
    def account_id(self) -> str:
        return self.account._replace(is_wrong=True).id


@pytest.fixture(scope="module")
def root(loopback: None) -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    event_loop = asyncio.new_event_loop()
    yield event_loop
    event_loop.close()


def run_once(scenario: Scenario, name: str, place: Place) -> str:
    contestant = BY_NAME[name].load()(place)
    try:
        return first_run(scenario, contestant)
    finally:
        contestant.close()


@pytest.mark.parametrize(("scenario", "name"), ROWS)
def test_a_contestant_with_right_answers_is_measured(
    scenario: Scenario, name: str, root: str, loop: asyncio.AbstractEventLoop
) -> None:
    """The check of each row accepts the answers of each contestant."""
    assert run_once(scenario, name, Place(root, scenario.account, loop)) == "measured"


@pytest.mark.parametrize(("scenario", "name"), ROWS)
def test_a_contestant_with_a_wrong_answer_is_not_measured(
    scenario: Scenario, name: str, root: str, loop: asyncio.AbstractEventLoop
) -> None:
    """The check of each row finds a wrong word, argument, count or number."""
    if name in {LANGCHAIN_FLOOR, LLAMAINDEX_FLOOR}:
        place = Place(root, scenario.account._replace(is_wrong=True), loop)
    else:
        place = Lying(root, scenario.account, loop)
    assert run_once(scenario, name, place) == "wrong answer"


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Remove all other contestants."""
    entries = [entry for entry in ENTRIES if entry.name in names]
    monkeypatch.setattr(turns, "ENTRIES", entries)
    monkeypatch.setattr(alone, "ENTRIES", entries)


def test_ratios_are_relative_to_the_base_of_the_row(
    root: str, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`take_turns` divides each cost by that of the row's base.

    It reports a contestant that is not installed as such.
    """
    missing = BY_NAME[HTTPX]._replace(name="a peer", needs=("no-such-distribution",))
    monkeypatch.setattr(turns, "ENTRIES", [BY_NAME[HTTPX], BY_NAME[LANGCHAIN], missing])
    found = take_turns(CALL.sized(2), root, loop, ONE_ROUND)
    assert found[HTTPX]["cpu_ratio"] == 1
    own, base = found[LANGCHAIN]["cpu_us"], found[HTTPX]["cpu_us"]
    assert found[LANGCHAIN]["cpu_ratio"] == pytest.approx(own / base, rel=0.01)
    assert found["a peer"] == {"status": "not installed"}


def test_first_answers_and_memory_are_measured_in_new_interpreters(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`first_answer` and `memory` measure in new processes, and drop wrong answers."""
    only(monkeypatch, HTTPX)
    assert alone.first_answer(HTTPX, root, FRESH.account) is not None
    assert alone.first_answer(HTTPX, root, FRESH.account._replace(is_wrong=True)) is None
    found = memory(TINY_MEMORY, root, 30)[HTTPX]
    assert found["status"] == "measured"
    assert 0 < found["bytes"] < 1e6
    assert memory(LYING_MEMORY, root, 30)[HTTPX] == {"status": "wrong answer"}


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.key)
def test_a_curve_has_a_point_for_each_size(
    curve: Curve,
    root: str,
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`draw` returns a point for each size of a curve."""
    monkeypatch.setattr(curves, "ENTRIES", [BY_NAME[CLIENT]])
    monkeypatch.setattr(curves, "FEWEST_SECONDS", 0.0)
    found = draw(replace(curve, sizes=(1, 4)), root, loop)
    assert [size for size, _ in found[CLIENT]] == [1, 4]


def test_a_curve_ends_when_a_contestant_is_too_slow(
    root: str, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`draw` measures no larger size after one that took longer than the curve's limit."""
    monkeypatch.setattr(curves, "ENTRIES", [BY_NAME[CLIENT]])
    monkeypatch.setattr(curves, "FEWEST_SECONDS", 0.0)
    found = draw(replace(CURVES[1], sizes=(1, 4), seconds=0.0), root, loop)
    assert [size for size, _ in found[CLIENT]] == [1]
