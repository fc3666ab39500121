"""Retries and the deadline, on a simulated clock."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    ResponseError,
    RetryNotice,
    StreamInterruptedError,
    Timeout,
    WorkersAIError,
)
from workersai._response.errors import error_from_body, error_from_response
from workersai.client.retries import exchange, retry_delay


class Clock:
    """A clock that advances only when the test calls it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failure(status: int, code: int | None = None, **headers: Any) -> APIStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b'{"errors":[{"message":"no","code":%d}]}' % code if code else b"{}"
    return error_from_response(status, named, body)


BUSY = failure(503)


class Run:
    """One exchange: every attempt fails with the next error, or succeeds."""

    def __init__(
        self,
        errors: Iterable[WorkersAIError],
        retries: int = 2,
        *,
        timeout: Timeout | None = None,
        jitter: float = 1.0,
        seconds: float = 0.0,
        is_repeatable: bool = True,
    ) -> None:
        self.delays: list[float] = []
        self.notices: list[RetryNotice] = []
        self.result: str | None = None
        self.error: WorkersAIError | None = None
        self.clock = Clock()
        flow: Any = exchange(
            retries,
            timeout or Timeout(),
            is_repeatable=is_repeatable,
            on_retry=self.notices.append,
            clock=self.clock,
            jitter=lambda: jitter,
        )
        waiting = list(errors)
        attempt = next(flow)
        try:
            while True:
                self.delays.append(attempt.delay)
                self.clock.now += attempt.delay + seconds
                attempt = flow.throw(waiting.pop(0)) if waiting else flow.send("done")
        except StopIteration as stop:
            self.result = stop.value
        except WorkersAIError as error:
            self.error = error

    @property
    def attempts(self) -> int:
        return len(self.delays)


def test_a_call_that_succeeds_is_made_once() -> None:
    """A call that succeeds has no wait before it and no retry notice."""
    run = Run([])
    assert (run.result, run.delays, run.notices) == ("done", [0.0], [])


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_how_often_it_is_tried_again(retries: int) -> None:
    """The client retries twice by default or as set, and then raises the last error."""
    errors = [failure(503) for _ in range(retries + 1)]
    run = Run(errors, retries)
    assert run.attempts == retries + 1
    assert run.error is errors[-1]


@pytest.mark.parametrize("fails", [1, 2])
def test_a_retry_that_succeeds(fails: int) -> None:
    """The call returns the result of the attempt that succeeded."""
    run = Run([BUSY] * fails)
    assert run.result == "done"
    assert run.attempts == fails + 1


RETRIED = [(s, None) for s in (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524)] + [
    (408, 3007),
    (408, 3008),
    (429, 3021),
    (429, 3040),
    (429, 2003),
    (408, 3046),
    (400, 3040),
]
NOT_RETRIED = [(s, None) for s in (301, 307, 400, 401, 402, 403, 404, 405, 410, 413, 422)] + [
    (429, 3036),
    (429, 4006),
    (429, 2045),
    (429, 2041),
    (400, 5006),
    (413, 5021),
    (500, 5006),
    (503, 4006),
]


@pytest.mark.parametrize(("status", "code"), RETRIED)
def test_what_is_tried_again(status: int, code: int | None) -> None:
    """The client retries 408, 409, 425, 429, 5xx, and codes of a temporary failure."""
    assert Run([failure(status, code)]).attempts == 2


@pytest.mark.parametrize(("status", "code"), NOT_RETRIED)
def test_what_is_not_tried_again(status: int, code: int | None) -> None:
    """The client retries no lasting failure, such as a used-up allocation, whatever its status."""
    run = Run([failure(status, code)])
    assert run.attempts == 1
    assert run.error is not None


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (APIConnectionError("gone"), 2),
        (APITimeoutError("slow", phase="connect"), 2),
        (APITimeoutError("slow", phase="first_byte"), 2),
        (ResponseError("odd"), 1),
        (StreamInterruptedError("cut"), 1),
        (ConfigurationError("wrong"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failures_without_a_status(error: WorkersAIError, attempts: int) -> None:
    """The client retries a failed connection, but not an unreadable answer."""
    assert Run([error]).attempts == attempts


def test_nothing_is_tried_again_after_the_first_token() -> None:
    """An error that holds a part of the answer is not retryable, and says so."""
    error = error_from_body({"errors": [{"code": 3040, "message": "busy"}]})
    assert error.is_retryable
    error.is_retryable = False  # as the reader of a stream sets it beside `.partial`
    assert Run([error]).attempts == 1


UNCERTAIN = [
    lambda: failure(408, 3007),
    lambda: failure(408, 2014),
    lambda: failure(500),
    lambda: failure(504),
    lambda: failure(524),
    lambda: retryable(StreamInterruptedError("ended")),
]


def retryable(error: WorkersAIError) -> WorkersAIError:
    error.is_retryable = True
    return error


@pytest.mark.parametrize("make", UNCERTAIN)
@pytest.mark.parametrize(
    ("is_repeatable", "seconds", "attempts"), [(False, 1, 2), (False, 31, 1), (True, 31, 2)]
)
def test_a_generation_that_was_worked_on_is_not_tried_again(
    make: Callable[[], WorkersAIError], is_repeatable: bool, seconds: float, attempts: int
) -> None:
    """A failure after 30 s may have been paid for, so the client retries earlier ones only."""
    run = Run([make()], seconds=seconds, is_repeatable=is_repeatable)
    assert run.attempts == attempts
    if attempts == 1:
        assert run.error is not None
        assert not run.error.is_retryable


@pytest.mark.parametrize("code", [3040, 3021, None])
def test_a_busy_model_is_tried_again_however_late_it_says_so(code: int | None) -> None:
    """A 429 is retried at any time, because it means that the server generated nothing."""
    assert Run([failure(429, code)], seconds=100, is_repeatable=False).attempts == 2


@pytest.mark.parametrize(("is_repeatable", "attempts"), [(False, 1), (True, 2)])
def test_a_generation_timeout_is_not_retried(is_repeatable: bool, attempts: int) -> None:
    """Code 3046 is never retried: the generation would take as long again."""
    assert Run([failure(408, 3046)], is_repeatable=is_repeatable).attempts == attempts


def test_the_server_can_forbid_retries() -> None:
    """With `x-should-retry: false` the client makes one attempt."""
    assert Run([failure(503, x_should_retry="false")]).attempts == 1


# ---------------------------------------------------------------------------------- waits


def test_waits_double_up_to_a_limit() -> None:
    """The first wait is half a second; each later wait doubles, up to eight seconds."""
    run = Run([BUSY] * 7, retries=7)
    assert run.delays == [0, 0.5, 1, 2, 4, 8, 8, 8]


@given(st.floats(0, 1), st.integers(0, 50))
def test_waits_are_fully_jittered(share: float, number: int) -> None:
    """Each wait is a random part of its limit, so that clients do not retry together."""
    longest = retry_delay(BUSY, number, 1.0)
    found = retry_delay(BUSY, number, share)
    assert longest is not None
    assert found is not None
    assert found == pytest.approx(share * longest)
    assert 0 <= found <= 8


def test_jitter_is_random_by_default() -> None:
    """Two clients wait for different times."""
    random.seed()
    delays = set()
    for _ in range(8):
        flow: Any = exchange(1, Timeout())
        next(flow)
        delays.add(flow.throw(BUSY).delay)
    assert len(delays) > 1


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"retry_after": "1"}, 1.0),
        ({"retry_after": "59.5"}, 59.5),
        ({"retry_after": "60"}, 60.0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "0"}, 0.5),
        ({"retry_after": "-1"}, 0.5),
        ({"retry_after": "nan"}, 0.5),
        ({"retry_after": "soon"}, 0.5),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.5),
    ],
    ids=str,
)
def test_a_wait_that_the_server_asks_for(headers: dict[str, str], delay: float) -> None:
    """The client waits as long as the server asks; an invalid value leaves the usual wait."""
    run = Run([failure(429, None, **headers)], timeout=Timeout(total=100))
    assert run.delays == [0, delay]


@pytest.mark.parametrize("seconds", ["60.1", "100000", "1e9"])
def test_a_wait_that_is_too_long_is_raised_at_once(seconds: str) -> None:
    """Above 60 seconds the client raises instead of waiting, and states the wait."""
    run = Run([failure(429, retry_after=seconds)], timeout=Timeout(total=10**9))
    assert run.attempts == 1
    assert isinstance(run.error, APIStatusError)
    assert run.error.retry_after == float(seconds)


# ------------------------------------------------------------------------------- deadline


def test_no_wait_passes_the_deadline() -> None:
    """The client does not begin a wait that would end after the deadline."""
    run = Run([failure(429, retry_after="10")], timeout=Timeout(total=10))
    assert run.attempts == 1
    assert run.error is not None


def test_attempts_count_against_the_deadline() -> None:
    """Slow attempts leave less time for the next ones."""
    run = Run([BUSY] * 9, retries=9, timeout=Timeout(total=2), seconds=0.8)
    assert run.attempts == 2
    assert run.clock.now <= 1002.2


def test_every_attempt_has_the_same_deadline() -> None:
    """`total` bounds all attempts together."""
    clock = Clock()
    flow: Any = exchange(2, Timeout(total=30), clock=clock, jitter=lambda: 1.0)
    first = next(flow)
    clock.now += 5
    second = flow.throw(BUSY)
    assert first.deadline == second.deadline == 1030
    assert (first.number, second.number) == (0, 1)


# -------------------------------------------------------------------------------- notices


def test_every_retry_is_reported_before_it_is_made() -> None:
    """The client reports number, wait and reason of each retry, but not the final failure."""
    errors = [failure(503), failure(500), failure(502)]
    run = Run(errors)
    assert run.notices == [RetryNotice(1, 0.5, errors[0]), RetryNotice(2, 1.0, errors[1])]
    assert run.error is errors[2]


# -------------------------------------------------------------------------------- Timeout


def test_a_number_is_the_total() -> None:
    """A number sets every clock on the answer, but not the connect clock; `None` sets no limit."""
    assert Timeout.of(5) == Timeout(first_byte=5, idle=5, total=5)
    assert Timeout.of(900) == Timeout(first_byte=900, idle=900, total=900)
    no_limit = Timeout.of(None)
    assert min(no_limit.connect, no_limit.first_byte, no_limit.idle, no_limit.total) > 10**8
    own = Timeout(connect=1, first_byte=2, idle=3, total=4)
    assert Timeout.of(own) is own


@pytest.mark.parametrize("name", ["connect", "first_byte", "idle", "total"])
@pytest.mark.parametrize(
    "value",
    [0, -1, float("nan"), float("inf"), 1e20, True, "5", None],
    ids=repr,
)
def test_a_timeout_is_a_number_of_seconds(name: str, value: Any) -> None:
    """A value that no clock can wait for raises an argument error."""
    with pytest.raises(ConfigurationError) as caught:
        Timeout(**{name: value})
    assert caught.value.parameter == "timeout"
    assert f"{name}={value!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("5", "not str"),
        ([5], "not list"),
        (True, "timeout=True must be a number of seconds"),
        (-3, "timeout=-3 must be a number of seconds"),
    ],
    ids=repr,
)
def test_what_is_no_timeout(value: Any, words: str) -> None:
    """The client refuses a wrong type or value, and the message states what to pass."""
    with pytest.raises(ConfigurationError, match=re.escape(words)) as caught:
        Timeout.of(value)
    assert caught.value.parameter == "timeout"


def test_timeout_of_httpx_is_refused_by_its_name() -> None:
    """The client refuses an `httpx.Timeout`, which old versions of `openai` rename."""
    with pytest.raises(ConfigurationError, match=r"not (httpx|openai)\.Timeout"):
        Timeout.of(httpx.Timeout(5))  # type: ignore[arg-type]  # the wrong type on purpose
