"""Simulate workers of one account and a server with a rate limit, with and without `RateLimits`.

The client's own retries and rate limiter run on a virtual clock, so that a quarter of an hour takes
a moment and every run is the same. The server counts requests in minutes of its clock, as in
Cloudflare's page on limits (300 a minute for text generation), and answers 429 with code 3021 above
the limit.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from workersai import RateLimitError, RateLimits, Timeout, WorkersAIError
from workersai.client.rate_limits import RateLimiter
from workersai.client.retries import RetryBudget, exchange

MINUTES = 15
LIMIT = 300
LATENCY = 1.5


@dataclass
class World:
    """Time, the server, and counts of requests and calls.

    Attributes:
        limit: The requests that the server allows in a minute.
        now: Seconds since the beginning.
        taken: The accepted requests of each minute.
        refused: The requests that the server refused.
        failed: The calls that ended with an error.
        answered: The calls that ended with an answer.
    """

    limit: int
    now: float = 0.0
    taken: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    failed: int = 0
    answered: int = 0

    def clock(self) -> float:
        return self.now

    def ask(self) -> WorkersAIError | None:
        minute = int(self.now // 60)
        if self.taken[minute] >= self.limit:
            self.refused += 1
            return RateLimitError("per min rate reached", status_code=429, is_retryable=True)
        self.taken[minute] += 1
        return None


@dataclass(frozen=True)
class Outcome:
    """The result of a simulation.

    Attributes:
        refused: The share of requests that the server refused.
        used: The share of the limit that was used.
        failed: The share of calls that ended with an error.
    """

    refused: float
    used: float
    failed: float


def slot(world: World, limiter: RateLimiter | None, rng: random.Random) -> Iterator[float]:
    """Make calls one after the other, without end; yield the time at which each step continues."""
    budget = RetryBudget()
    while True:
        flow: Generator[Any, Any, Any] = exchange(
            2,
            Timeout(),
            budget=budget,
            turn=None if limiter is None else limiter.turn(400),
            clock=world.clock,
            jitter=rng.random,
        )
        yield from call(world, flow)


def call(world: World, flow: Generator[Any, Any, Any]) -> Iterator[float]:
    try:
        step = next(flow)
        while True:
            yield world.now + step.delay
            error = world.ask()
            yield world.now + (LATENCY if error is None else 0.1)
            if error is None:
                world.answered += 1
                flow.send(None)
            step = flow.throw(error)  # type: ignore[arg-type] # `send` has ended the flow
    except StopIteration:
        return
    except WorkersAIError:
        world.failed += 1
        yield world.now + 0.1


def simulate(
    workers: int,
    limits: RateLimits | None,
    *,
    slots: int = 8,
    limit: int = LIMIT,
    minutes: int = MINUTES,
) -> Outcome:
    """Run workers for some minutes, each with `slots` calls at once."""
    world, rng, order = World(limit), random.Random(7), itertools.count()
    waiting: list[tuple[float, int, Iterator[float]]] = []
    for _ in range(workers):
        limiter = None if limits is None else RateLimiter(limits, world.clock, rng.random)
        for _ in range(slots):
            heapq.heappush(waiting, (0.0, next(order), slot(world, limiter, rng)))
    while waiting[0][0] < 60 * minutes:
        world.now, _, place = heapq.heappop(waiting)
        heapq.heappush(waiting, (next(place), next(order), place))
    sent = world.answered + world.refused
    used = sum(world.taken[minute] for minute in range(minutes)) / (limit * minutes)
    ended = world.answered + world.failed
    return Outcome(world.refused / sent, used, world.failed / ended)


def cases() -> Iterator[tuple[str, int, RateLimits | None, int]]:
    for workers in (1, 8, 32):
        yield "no limits", workers, None, LIMIT
        yield f"share 1/{workers}", workers, RateLimits(LIMIT, share=1 / workers), LIMIT
    yield "share 1/4 for each of 8", 8, RateLimits(LIMIT, share=1 / 4), LIMIT
    yield "share 1/8, server at half", 8, RateLimits(LIMIT, share=1 / 8), LIMIT // 2


def main() -> None:
    print(f"{'case':28} {'workers':>7} {'refused':>8} {'limit used':>10} {'calls failed':>12}")
    for name, workers, limits, limit in cases():
        found = simulate(workers, limits, limit=limit)
        print(f"{name:28} {workers:7} {found.refused:8.1%} {found.used:10.1%} {found.failed:12.1%}")


if __name__ == "__main__":
    main()
