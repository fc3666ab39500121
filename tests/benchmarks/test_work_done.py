"""Bounds on the number of functions that a call and an event run, also on a busy machine.

The tests count calls of Python and C functions while an answer is read. The bounds leave room for
other versions of Python and of the frameworks; a change that saves calls lowers them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.contestants.base import Place
from benchmarks.contestants.registry import BY_NAME, CLIENT, LANGCHAIN, LLAMAINDEX
from benchmarks.server.accounts import Account
from benchmarks.server.process import serving

PER_CALL = {CLIENT: 530, LANGCHAIN: 1070, LLAMAINDEX: 860}
PER_EVENT = {CLIENT: 40, LANGCHAIN: 42, LLAMAINDEX: 54}


@pytest.fixture(scope="module")
def root(loopback: None) -> Iterator[str]:
    with serving() as url:
        yield url


def functions_called(work: Callable[[], object]) -> int:
    """Count the functions that are called in this thread."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", PER_CALL)
def test_functions_called_for_a_call(name: str, root: str) -> None:
    """Each of our contestants stays below its bound for a call on an open connection."""
    contestant: Any = BY_NAME[name].load()(Place(root, Account("words", 1)))
    contestant.ask()
    assert functions_called(contestant.ask) < PER_CALL[name]
    contestant.close()


@pytest.mark.parametrize("name", PER_EVENT)
def test_functions_called_for_an_event(name: str, root: str) -> None:
    """Each of our contestants stays below its bound for an event of a stream."""
    few, many = (
        BY_NAME[name].load()(Place(root, Account("words", events))) for events in (50, 150)
    )
    counts = [count_stream(contestant) for contestant in (few, many)]
    assert (counts[1] - counts[0]) / 100 < PER_EVENT[name]


def count_stream(contestant: Any) -> int:
    contestant.drain()
    count = functions_called(contestant.drain)
    contestant.close()
    return count
