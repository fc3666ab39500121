"""Values of any type as JSON text of limited size."""

from __future__ import annotations

import base64
import json
from collections import deque
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workersai._jsonable import (
    brief_json,
    clean_text,
    is_object_text,
    object_text,
    whole_json,
)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def strictly(text: str) -> Any:
    """Parse JSON as a strict server does."""
    text.encode()
    return json.loads(text, parse_constant=no_constant)


class Mood(str, Enum):
    """A string enumeration."""

    GOOD = "good"


class Answer(BaseModel):
    """A pydantic model with a field that pydantic cannot write."""

    raw: bytes = b"\xff"
    tags: set[str] = {"b", "a"}


@dataclass
class Point:
    """A dataclass."""

    x: float


class Odd:
    """A class without a known JSON form."""

    def __str__(self) -> str:
        return "odd \ud83d"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"a"}), ["a"]),
        (deque([1]), [1]),
        ((1, "a"), [1, "a"]),
        (date(2026, 2, 3), "2026-02-03"),
        (timedelta(days=1), "P1D"),
        (Decimal("1.50"), "1.50"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Mood.GOOD, "good"),
        (Point(float("nan")), {"x": "NaN"}),
        (Answer(), {"raw": "(1 bytes left out)", "tags": ["a", "b"]}),
        (np.array([[1.5, np.inf]]), [[1.5, "Infinity"]]),
        (np.int64(3), 3),
        (np.bool_(1), True),
        (MappingProxyType({1: None}), {"1": None}),
        ({("a", 1): 2}, {"('a', 1)": 2}),
        (b"bytes", "(5 bytes left out)"),
        (float("-inf"), "-Infinity"),
        (10**30, 10**30),
        (Odd(), "odd \ufffd"),
        ({"k\ud83d": "v\ude00"}, {"k\ufffd": "v\ufffd"}),
        (1 + 2j, "1+2j"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_has_a_json_form(value: Any, written: Any) -> None:
    """A tool's result of any type has a JSON form."""
    assert strictly(whole_json(value)) == written
    assert strictly(brief_json(value)) == written


def test_cyclic_and_deep_values_are_cut() -> None:
    """A value that contains itself, or is nested too deeply, is cut."""
    loop: list[Any] = []
    loop.append(loop)
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"in": deep}
    for value in (loop, deep):
        assert "nested too deeply" in whole_json(value)
        assert strictly(whole_json(value))


PAYLOAD = base64.b64encode(bytes(3000)).decode()


@pytest.mark.parametrize(
    "value",
    [
        {"type": "file", "base64": PAYLOAD},
        {"source": {"data": PAYLOAD}},
        {"image_url": {"url": f"data:image/png;base64,{PAYLOAD}"}},
        [f"data:image/png;base64,{PAYLOAD}"],
        {"anything": base64.b64encode(bytes(30_000)).decode()},
    ],
    ids=["base64", "data", "data URI", "data URI in a list", "very long"],
)
def test_files_are_left_out_of_what_a_tool_returned(value: Any) -> None:
    """The text states the size of a file instead of its base64."""
    written = brief_json(value)
    assert len(written) < 200
    assert "bytes" in written
    assert "3,000" in written or "30,000" in written


@pytest.mark.parametrize(
    "value",
    [
        {"dna": "ACGT" * 1000},
        {"data": "two words " * 500},
        {"base64": "aGk="},
        {"text": "a" * 9000},
    ],
    ids=["long word", "words", "short", "long text"],
)
def test_words_are_not_left_out(value: Any) -> None:
    """Long text that is no file stays complete."""
    assert json.loads(brief_json(value)) == value


def test_arguments_of_a_call_are_written_whole() -> None:
    """Arguments are never cut, so that a model can read a file that it wrote by a call."""
    assert json.loads(object_text({"data": PAYLOAD})) == {"data": PAYLOAD}


def test_halves_of_surrogate_pairs() -> None:
    """A pair is joined; a single half is replaced."""
    assert clean_text("a\ud83d\ude00b\ud83d") == "a\U0001f600b\ufffd"
    assert clean_text("plain ü") == "plain ü"


def test_text_that_holds_an_object_stays_as_it_is() -> None:
    """Valid arguments keep the model's numbers, spaces and order."""
    text = '{"b": 1.50,  "a": 1e400, "u": "\\u00fc"}'
    assert object_text(text) == text


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_arguments_are_always_the_text_of_an_object(value: Any) -> None:
    """Any arguments become an object, and a second pass changes nothing."""
    text = object_text(value)
    assert isinstance(strictly(text), dict)
    assert object_text(text) == text
    assert is_object_text(text)
