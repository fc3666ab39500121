"""JSON is read and written exactly."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workersai.talking import TOKEN
from workersai import ConfigurationError, ResponseError
from workersai._json import (
    dump_json,
    exact_text,
    join_surrogates,
    label_or_none,
    parse_halves,
    parse_json,
    parse_text,
    read_index,
    read_list,
    to_text,
)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b'"text"', "text"),
        (b"1", "1"),
        (b"1.50", "1.50"),
        (b"-0.0", "-0.0"),
        (b"1e400", "1e400"),
        (b"12345678901234567890123", "12345678901234567890123"),
        (b"true", "true"),
        (b"false", "false"),
        (b"null", ""),
        (b'[1.0, null, "a"]', '[1.0, null, "a"]'),
        (b'{"a":{"b":1.10}}', '{"a": {"b": 1.10}}'),
        ('{"ä":"ö"}'.encode(), '{"ä": "ö"}'),
    ],
)
def test_a_value_as_text(document: bytes, text: str) -> None:
    """`exact_text` keeps a string and a number's digits, and turns null into an empty text."""
    assert exact_text(b'{"a":[' + document + b"]}", ("a", 0)) == text


def test_text_of_a_parsed_value() -> None:
    """The JSON text of a parsed value has non-ASCII characters unescaped."""
    assert to_text({"a": ["ö", None]}) == '{"a": ["ö", null]}'


def test_a_body_is_compact_and_unescaped() -> None:
    """Request bodies are UTF-8 without spaces."""
    assert dump_json({"a": "ö🙂", "b": [1, 1.5]}) == '{"a":"ö🙂","b":[1,1.5]}'.encode()


def cycle() -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep() -> Any:
    value: Any = 0
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "Out of range"),
        ({"x": [float("inf")]}, "Out of range"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        (object(), "object"),
        (cycle(), "Circular"),
        (deep(), "nested too deeply"),
        ("\ud83d", "lone surrogate"),
        ({"\ud83d": 1}, "lone surrogate"),
    ],
    ids=["nan", "inf", "bytes", "set", "object", "cycle", "deep", "surrogate", "surrogate key"],
)
def test_what_has_no_json_form(value: Any, reason: str) -> None:
    """A value without a JSON form raises before any request, naming the parameter and the model."""
    with pytest.raises(ConfigurationError) as caught:
        dump_json({"fine": 1, "wrong": value}, model="@cf/a/b")
    assert caught.value.parameter == "wrong"
    text = str(caught.value)
    assert text.startswith("wrong for @cf/a/b cannot be sent as JSON")
    assert reason in text
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"nope",
        b'{"a":1',
        b"\xff",
        b"[" * 100_000,
        b'["\\ud83d"' + b"[" * 100_000,
        b"{'a': 1}",
        b'{"\\ud83d": 1',
    ],
    ids=["empty", "word", "cut", "not UTF-8", "deep", "deep with a half", "quotes", "cut half"],
)
def test_what_is_no_json(document: bytes) -> None:
    """Invalid JSON raises a package error that quotes the beginning, without a library's error."""
    with pytest.raises(ResponseError, match="not JSON") as caught:
        parse_json(document)
    assert len(str(caught.value)) < 400
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("parse", [parse_json, parse_halves])
def test_a_quote_hides_secrets(parse: Any) -> None:
    """An error that quotes a page hides a token that the page echoes."""
    with pytest.raises(ResponseError) as caught:
        parse(b"x" * 100 + TOKEN.encode() + b"\\ud8", (TOKEN,))
    assert TOKEN[:6] not in str(caught.value)


def test_halves_of_a_pair_pass_where_a_stream_may_split_them() -> None:
    """A stream may send half a surrogate pair, because the next event has the other half."""
    assert parse_halves(b'{"a":"\\ud83d"}', ()) == {"a": "\ud83d"}


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("", ("", "")),
        ("abc", ("abc", "")),
        ("\ud83d", ("", "\ud83d")),
        ("a\ud83d", ("a", "\ud83d")),
        ("\ud83d\ude00", ("\U0001f600", "")),
        ("\ud83d\ude00\ud83d", ("\U0001f600", "\ud83d")),
        ("\U0001f600", ("\U0001f600", "")),
    ],
    ids=ascii,
)
def test_surrogates_join(text: str, joined: tuple[str, str]) -> None:
    """`join_surrogates` joins pairs; a first half at the end waits for the second half."""
    assert join_surrogates(text) == joined


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("\ude00", ("\ufffd", "")),
        ("a\ude00b", ("a\ufffdb", "")),
        ("\ud83da", ("\ufffda", "")),
        ("\ud83d\ud83d\ude00", ("\ufffd\U0001f600", "")),
        ("\ude00\ud83d", ("\ufffd", "\ud83d")),
    ],
    ids=ascii,
)
def test_a_half_that_stands_alone(text: str, joined: tuple[str, str]) -> None:
    """A second half without a first, or a first half in the middle, becomes U+FFFD."""
    assert join_surrogates(text) == joined


@pytest.mark.parametrize("parse", [parse_json, lambda data: parse_text(data.decode())])
def test_halves_of_a_whole_document_become_replacement_characters(parse: Any) -> None:
    """In a plain answer, halves in names and values become U+FFFD."""
    document = b'{"\\uD83D": ["a\\ud83d", {"b": "\\ude00\\ud83d\\ude00"}, "\\\\ud83d", 1.5, null]}'
    inside = {"b": "\ufffd\U0001f600"}
    assert parse(document) == {"\ufffd": ["a\ufffd", inside, "\\ud83d", 1.5, None]}


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', '["\\ud83d", NaN]', "", "{"])
def test_text_that_is_no_json(text: str) -> None:
    """The reader is strict about text of a model, with half a character or without."""
    with pytest.raises(ValueError, match=r"."):
        parse_text(text)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("stop", "stop"),
        ("", None),
        (None, None),
        (7, "7"),
        (True, "true"),
        (1.5, "1.5"),
        ([], None),
        (["stop"], None),
        ({"type": "stop"}, None),
        ("a\ud83d", "a\ufffd"),
    ],
    ids=ascii,
)
def test_labels(value: Any, label: str | None) -> None:
    """A scalar becomes its text; null, a list and an object are no label."""
    assert label_or_none(value) == label


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (0, 0),
        (3, 3),
        ("0", 0),
        ("12", 12),
        *((odd, None) for odd in (True, 1.0, "", "x", "-1", "1" * 5000, "\u0663", None, [0])),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_positions(value: Any, index: int | None) -> None:
    """`read_index` accepts only a whole number or its digits as a position."""
    assert read_index(value) == index


def test_exact_text_is_plain_text() -> None:
    """`exact_text` returns exactly `str`, no subclass, because frameworks compare types."""
    for document in (b'"a"', b"1.50", b"true", b"null", b"[1.0]"):
        assert type(exact_text(document, ())) is str


@pytest.mark.parametrize("value", [None, [], "", 0, {}, False], ids=repr)
def test_a_missing_list_is_empty(value: Any) -> None:
    """Null, missing and empty lists have no entries."""
    assert read_list(value, "field") == []


@pytest.mark.parametrize("value", [5, "x", {"a": 1}, True], ids=repr)
def test_what_is_no_list_raises(value: Any) -> None:
    """`read_list` raises for a value that is no list, unless the value is empty."""
    with pytest.raises(ResponseError, match="'field'"):
        read_list(value, "field")
