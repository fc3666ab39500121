"""Limits of an account: places in time, shares, and what refusals do to them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from benchmarks.limits import Outcome, simulate
from tests.workersai.conftest import Mocked
from tests.workersai.talking import answer, json_answer, refusal
from workersai import (
    APITimeoutError,
    Client,
    ConfigurationError,
    QuotaExceededError,
    RateLimitError,
    RateLimits,
)
from workersai.client import rate_limits
from workersai.client.rate_limits import RateLimiter
from workersai.results import Usage

MINUTES = 5
OK = json_answer(answer("completion_choices"))
TOO_MANY = refusal(429, 3021, "rate limiting: inference request per min rate reached")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workersai.client.retries._FIRST_DELAY", 0.0)
    monkeypatch.setattr(rate_limits, "_FIRST_HOLD", 0.0)
    monkeypatch.setattr(rate_limits, "_shared", {})


def run(workers: int, limits: RateLimits | None, **settings: Any) -> Outcome:
    return simulate(workers, limits, slots=4, minutes=MINUTES, **settings)


@pytest.mark.parametrize("workers", [1, 8, 32])
def test_workers_with_shares_use_the_limit_and_are_never_refused(workers: int) -> None:
    """However many workers share a limit, the server refuses nothing and most of it is used."""
    found = run(workers, RateLimits(100, share=1 / workers), limit=100)
    assert found.refused == 0
    assert found.failed == 0
    assert found.used > 0.85


def test_workers_without_limits_are_refused() -> None:
    """The same workers without limits get mostly refusals, and calls fail."""
    found = run(8, None, limit=100)
    assert found.refused > 0.5
    assert found.failed > 0.5


@pytest.mark.parametrize(
    ("share", "limit"), [(1 / 4, 100), (1 / 8, 50)], ids=["too large a share", "a lower limit"]
)
def test_refusals_slow_workers_down_before_they_fail_them(
    monkeypatch: pytest.MonkeyPatch, share: float, limit: int
) -> None:
    """Workers whose shares add up to twice the server's limit slow down, and lose no call."""
    monkeypatch.setattr(rate_limits, "_FIRST_HOLD", 2.0)
    found = run(8, RateLimits(100, share=share), limit=limit)
    assert found.failed == 0
    assert found.refused < 0.25
    assert found.used > 0.7


def test_no_minute_has_more_than_the_limit() -> None:
    """The limiter allows no more requests or tokens in any 60 s than its limits."""
    for limits, tokens in ((RateLimits(600), 1), (RateLimits(tokens_per_minute=6000), 100)):
        clock = Clock()
        limiter = RateLimiter(limits, clock)
        places = []
        for _ in range(200):
            wait = limiter.reserve(tokens, 0.0, float("inf"))
            assert wait is not None
            places.append(clock.now + wait)
        allowed = limits.requests_per_minute or 60
        for first in places:
            assert sum(first <= place < first + 60 for place in places) <= allowed


def test_tokens_that_were_not_foreseen_count_with_the_next_request() -> None:
    """The limiter delays later requests by the tokens that an answer reports above the estimate."""
    clock = Clock()
    limiter = RateLimiter(RateLimits(tokens_per_minute=6000), clock)
    limiter.reserve(100, 0.0, float("inf"))
    limiter.answered(100, Usage(total_tokens=3100))
    wait = limiter.reserve(100, 0.0, float("inf"))
    limiter.reserve(100, 0.0, float("inf"))
    after = limiter.reserve(100, 0.0, float("inf"))
    assert wait is not None
    assert after is not None
    assert after - wait > 25


def test_clients_of_a_process_share_a_limiter(mocked: Mocked) -> None:
    """Two clients with the same limits, account and model take places of one sequence."""
    limits = RateLimits(60)
    one, _ = mocked(OK, limits=limits)
    other, _ = mocked(OK, limits=limits)
    one.chat()
    with pytest.raises(APITimeoutError, match="leave no place"):
        other.chat(timeout=0.4)


def test_a_refusal_is_waited_out_and_counts_as_no_retry(mocked: Mocked) -> None:
    """A client with limits waits through more 429s than `max_retries`; without, the call fails."""
    client, recorder = mocked(*[TOO_MANY] * 5, OK, limits=RateLimits(1e9), max_retries=1)
    assert client.chat().text
    assert len(recorder.requests) == 6
    without, recorder = mocked(TOO_MANY, max_retries=1)
    with pytest.raises(RateLimitError):
        without.chat()
    assert len(recorder.requests) == 2


def test_a_used_up_allocation_is_not_waited_out(mocked: Mocked) -> None:
    """A client with limits raises `QuotaExceededError` at once, without waiting."""
    client, recorder = mocked(refusal(429, 4006), limits=RateLimits(1e9))
    with pytest.raises(QuotaExceededError):
        client.chat()
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [{}, {"requests_per_minute": 0}, {"tokens_per_minute": True}, {"requests_per_minute": "9"},
     {"requests_per_minute": 9, "share": 0}, {"requests_per_minute": 9, "share": 2}],
)  # fmt: skip
def test_limits_are_checked(wrong: dict[str, Any]) -> None:
    """A limit is a number above 0, a share at most 1, and one limit must be there."""
    with pytest.raises(ConfigurationError):
        RateLimits(**wrong)


def test_a_missing_package_names_the_extra() -> None:
    """A client with limits names the extra to install when pyrate-limiter is missing."""
    script = (
        "import sys; sys.modules['pyrate_limiter'] = None\n"
        "from workersai import Client, RateLimits\n"
        "own = dict(account_id='0' * 32, api_token='t')\n"
        "Client('@cf/a/b', **own)\n"
        "Client('@cf/a/b', limits=RateLimits(9), **own)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert b"pip install 'workersai[limits]'" in done.stderr.splitlines()[-1]


# ------------------------------------------------------------- a gateway that retries by itself


GATEWAY = {"id": "mine", "max_attempts": 3}


def requests_of(mocked: Mocked, **settings: Any) -> int:
    client, recorder = mocked(refusal(500), **settings)
    with pytest.raises(Exception, match="500"):
        client.chat()
    return len(recorder.requests)


def test_a_gateway_that_retries_leaves_no_retries_to_the_client(
    mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    """A client with a gateway's `max_attempts` and no `max_retries` sends one request."""
    assert requests_of(mocked, gateway=GATEWAY) == 1
    assert requests_of(mocked, gateway={"id": "mine", "max_attempts": 1}) == 3
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_retries_that_multiply_are_said(mocked: Mocked, caplog: pytest.LogCaptureFixture) -> None:
    """A client with `max_attempts` and `max_retries` warns how many requests a call may send."""
    from workersai.client.gateway_retries import _warn

    _warn.cache_clear()
    assert requests_of(mocked, gateway=GATEWAY, max_retries=1) == 2
    assert "up to 6 for one call" in caplog.text


def test_a_gateway_of_one_call_counts_too(mocked: Mocked) -> None:
    """`max_attempts` of a single call turns the client's own retries off for that call."""
    client, recorder = mocked(refusal(500))
    with pytest.raises(Exception, match="500"):
        client.chat(gateway=GATEWAY)
    assert len(recorder.requests) == 1
    with pytest.raises(Exception, match="500"):
        client.chat()
    assert len(recorder.requests) == 4


def test_limits_of_a_closed_client_stay(mocked: Mocked) -> None:
    """A limiter belongs to the process: closing a client does not give its places back."""
    with httpx.Client(transport=httpx.MockTransport(OK)) as http:
        settings: dict[str, Any] = {"account_id": "0" * 32, "api_token": "t", "http_client": http}
        limits = RateLimits(60)
        with Client("@cf/a/b", limits=limits, **settings) as client:
            client.chat([{"role": "user", "content": "x"}])
        with (
            Client("@cf/a/b", limits=limits, timeout=0.4, **settings) as client,
            pytest.raises(APITimeoutError),
        ):
            client.chat([{"role": "user", "content": "x"}])
