"""Usage in every form in which servers report it."""

from __future__ import annotations

from typing import Any

import pytest

from workersai import Usage
from workersai._response.headers import read_neurons
from workersai._response.usage import UsageLedger, add_usages, parse_usage, with_neurons


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            Usage(1, 2, 3),
        ),
        ({"prompt_tokens": 1, "completion_tokens": 2}, Usage(1, 2, 3)),
        ({"prompt_tokens": 1, "completion_tokens": None, "total_tokens": None}, Usage(1, 0, 1)),
        ({"input_tokens": 1, "output_tokens": 2}, Usage(1, 2, 3)),
        ({"prompt_tokens": 1.0, "total_tokens": 1}, Usage(1, 0, 1)),
        ({"prompt_tokens": 1, "neurons": 0.5}, Usage(1, 0, 1, neurons=0.5)),
        ({"neurons": 1}, Usage(0, 0, 0, neurons=1.0)),
        (
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
            Usage(5, 0, 5, cached_tokens=4),
        ),
        (
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0}},
            Usage(5, 0, 5, cached_tokens=0),
        ),
        ({"prompt_tokens": 5, "prompt_tokens_details": None}, Usage(5, 0, 5)),
        (
            {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(0, 5, 5, reasoning_tokens=3),
        ),
        ({"completion_tokens": 5, "reasoning_tokens": 3}, Usage(0, 5, 5, reasoning_tokens=3)),
        ({"prompt_tokens": True, "completion_tokens": 1}, Usage(0, 1, 1)),
        ({"prompt_tokens": "9", "completion_tokens": 1}, Usage(0, 1, 1)),
        ({"prompt_tokens": float("nan"), "completion_tokens": 1}, Usage(0, 1, 1)),
        ({"prompt_tokens": 10**400, "completion_tokens": 1}, Usage(0, 1, 1)),
        ({"prompt_tokens": 2**70, "completion_tokens": 1, "total_tokens": 1e30}, Usage(0, 1, 1)),
        ({"prompt_tokens": -1, "completion_tokens": 1}, Usage(0, 1, 1)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({}, None),
        (None, None),
        ("none", None),
        ([1], None),
    ],
    ids=str,
)
def test_a_report(report: Any, usage: Usage | None) -> None:
    """Fields of a usage report may be missing, null, float or odd; an empty report is None."""
    assert parse_usage(report) == usage


def reckon(*reports: tuple[Any, bool]) -> Usage | None:
    ledger = UsageLedger()
    for report, is_tail in reports:
        ledger.add(report, is_tail=is_tail)
    return ledger.total()


def chunk(prompt: int, completion: int, **more: Any) -> tuple[Any, bool]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}, False


def tail(prompt: int, completion: int, **more: Any) -> tuple[Any, bool]:
    return chunk(prompt, completion, **more)[0], True


@pytest.mark.parametrize(
    ("reports", "usage"),
    [
        pytest.param([], None, id="none"),
        pytest.param([chunk(9, 3)], Usage(9, 3, 12), id="once"),
        pytest.param([chunk(9, 0), chunk(0, 1), chunk(0, 1)], Usage(9, 2, 11), id="incremental"),
        pytest.param([chunk(9, 1), chunk(9, 2), chunk(9, 3)], Usage(9, 3, 12), id="cumulative"),
        pytest.param([chunk(9, 3), chunk(0, 0), tail(0, 0)], Usage(9, 3, 12), id="zeros last"),
        pytest.param([chunk(9, 0), chunk(0, 1), tail(9, 2)], Usage(9, 2, 11), id="tail"),
        pytest.param([tail(9, 1), tail(9, 2)], Usage(9, 2, 11), id="native cumulative"),
        pytest.param(
            [chunk(9, 0, neurons=1.0), chunk(0, 1, neurons=0.25)],
            Usage(9, 1, 10, neurons=1.25),
            id="neurons add up",
        ),
        pytest.param(
            [chunk(9, 0, prompt_tokens_details={"cached_tokens": 4}), chunk(0, 1)],
            Usage(9, 1, 10, cached_tokens=4),
            id="cached once",
        ),
        pytest.param([("odd", False), (None, True), chunk(1, 1)], Usage(1, 1, 2), id="odd"),
    ],
)
def test_the_reports_of_a_stream(reports: list[Any], usage: Usage | None) -> None:
    """The reader adds increments, keeps running totals, and ignores zeros; the last event
    overrides.
    """
    assert reckon(*reports) == usage


def test_usages_add_up() -> None:
    """The sum of usages takes a field from those that report it."""
    both = add_usages([Usage(1, 2, 3, cached_tokens=1), Usage(4, 5, 9, neurons=0.5)])
    assert both == Usage(5, 7, 12, cached_tokens=1, neurons=0.5)


def test_usage_as_a_dict() -> None:
    """The dict of a usage has the OpenAI form without fields that the server did not report."""
    assert Usage(1, 2, 3).to_dict() == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
    }
    assert Usage(1, 2, 3, 0, 1, 0.5).to_dict() == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1},
        "neurons": 0.5,
    }


@pytest.mark.parametrize(
    ("value", "neurons"),
    [
        ("12.24", 12.24),
        ("1", 1.0),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("x", None),
        (None, None),
    ],
)
def test_neurons_of_a_header(value: str | None, neurons: float | None) -> None:
    """The reader accepts a positive number in the neurons header and ignores any other value."""
    assert read_neurons({} if value is None else {"cf-ai-neurons": value}) == neurons


def test_a_header_fills_in_what_the_body_does_not_say() -> None:
    """The body's neurons override the header's, and tokens stay unchanged."""
    assert with_neurons(Usage(1, 2, 3, neurons=0.5), 9.0) == Usage(1, 2, 3, neurons=0.5)
    assert with_neurons(Usage(1, 2, 3), 9.0) == Usage(1, 2, 3, neurons=9.0)
    assert with_neurons(None, 9.0) == Usage(neurons=9.0)
    assert with_neurons(None, None) is None
