"""Many calls at once: order, limit, and what stops when one fails."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import wait
from contextvars import ContextVar
from typing import Any

import pytest

from workersai import _concurrency
from workersai.integration import call_each, call_each_async

NAME: ContextVar[str] = ContextVar("name", default="the caller's")


class Broken(Exception):  # noqa: N818 - a failure of a test's own
    pass


async def test_results_come_in_the_order_of_the_items() -> None:
    """Results are in the order of the items, even if the last call ends first."""
    gates = [asyncio.Event() for _ in range(4)]

    async def call(place: int) -> str:
        if place == 3:
            for gate in gates:
                gate.set()
        await gates[place].wait()
        return f"result {place}"

    found = await call_each_async(call, range(4), limit=4)

    assert found == ["result 0", "result 1", "result 2", "result 3"]


async def test_no_more_calls_run_than_the_limit() -> None:
    """Of twelve calls with a limit of 3, three run at the same time."""
    running, most = 0, 0

    async def call(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await call_each_async(call, range(12), limit=3)

    assert most == 3


async def test_after_a_failure_nothing_starts_and_what_runs_is_ended_first() -> None:
    """The failure is raised after the running calls have run `finally`; no other call begins."""
    begun, ended = [], []
    are_running = asyncio.Event()

    async def call(place: int) -> None:
        begun.append(place)
        if place == 2:
            await are_running.wait()
            raise Broken
        try:
            if place == 1:
                are_running.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # for example, closing a connection
            ended.append(place)

    with pytest.raises(Broken):
        await call_each_async(call, range(20), limit=3)

    assert begun == [0, 1, 2]
    assert sorted(ended) == [0, 1]


async def test_a_call_that_ends_beside_the_failure_is_followed_by_none() -> None:
    """A slot that becomes free in the same loop step as the failure is not filled again."""
    begun = []
    go, have_begun = asyncio.Event(), asyncio.Event()

    async def call(place: int) -> None:
        begun.append(place)
        if place == 2:
            have_begun.set()
        await go.wait()
        if place == 0:
            raise Broken

    task = asyncio.ensure_future(call_each_async(call, range(9), limit=3))
    await have_begun.wait()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(Broken):
        await task

    assert begun == [0, 1, 2]


@pytest.mark.parametrize("cancels", [1, 3])
async def test_a_cancelled_caller_waits_for_its_calls(cancels: int) -> None:
    """No call is left running, however often the caller is cancelled."""
    ended = []
    are_running = asyncio.Event()

    async def call(place: int) -> None:
        are_running.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append(place)

    task = asyncio.ensure_future(call_each_async(call, range(2), limit=2))
    await are_running.wait()
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sorted(ended) == [0, 1]


async def test_a_second_failure_is_not_logged_as_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log of asyncio has none of the failures that were not raised."""

    async def call(place: int) -> None:
        await asyncio.sleep(0)
        raise Broken(place)

    with pytest.raises(Broken):
        await call_each_async(call, range(5), limit=5)

    assert not caplog.records


async def test_each_awaited_call_has_a_context_of_its_own() -> None:
    """A call sees the caller's context variables, but not those that the call before it set."""

    async def call(place: int) -> str:
        seen = NAME.get()
        NAME.set(f"call {place}'s")
        return seen

    assert await call_each_async(call, range(4), limit=1) == ["the caller's"] * 4
    assert NAME.get() == "the caller's"


async def test_no_items_give_no_results() -> None:
    """An empty list of items returns an empty list."""

    async def call(place: int) -> int:
        return place

    assert await call_each_async(call, [], limit=3) == []
    assert call_each(str, [], limit=3) == []


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_threads_keep_the_order(limit: int) -> None:
    """With one thread or several, results are in the order of the items."""
    assert call_each(str, range(7), limit=limit) == list("0123456")


def test_as_many_threads_run_as_the_limit_says() -> None:
    """Three calls that wait for each other end, so all three run at the same time."""
    meeting = threading.Barrier(3, timeout=5)

    assert call_each(lambda place: meeting.wait() >= 0 and place, range(6), limit=3) == [*range(6)]


def test_after_a_failure_no_thread_begins_another_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is raised after the running call; no other call begins."""
    begun, ended = [], []
    is_running, has_failed = threading.Event(), threading.Event()

    def call(place: int) -> None:
        begun.append(place)
        if place == 1:
            is_running.wait(5)
            raise Broken
        is_running.set()
        has_failed.wait(5)
        ended.append(place)

    def wait_for_failure(*args: Any, **kwargs: Any) -> Any:
        found = wait(*args, **kwargs)
        has_failed.set()
        return found

    monkeypatch.setattr(_concurrency, "wait", wait_for_failure)
    with pytest.raises(Broken):
        call_each(call, range(20), limit=2)

    assert sorted(begun) == [0, 1]
    assert ended == [0]
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("workersai-call")
    ]


@pytest.mark.parametrize("limit", [1, 3])
def test_each_call_in_a_thread_has_a_context_of_its_own(limit: int) -> None:
    """A call sees the caller's context variables, but not those that the call before it set."""

    def call(place: int) -> str:
        seen = NAME.get()
        NAME.set(f"call {place}'s")
        return seen

    token = NAME.set("the test's")
    try:
        assert call_each(call, range(9), limit=limit) == ["the test's"] * 9
    finally:
        NAME.reset(token)
