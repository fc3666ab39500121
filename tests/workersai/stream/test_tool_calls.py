"""Fragments of tool calls into deltas and calls; the fixtures of `test_stream` hold the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workersai import ToolCall, ToolCallDelta
from workersai._stream.tool_calls import ToolCallAssembler


def fragment(arguments: Any = None, index: Any = 0, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    return {"index": index, "function": {"name": name, "arguments": arguments}, **more}


def assembled(
    *events: list[Any],
) -> tuple[list[ToolCallDelta], tuple[ToolCall, ...], tuple[Any, ...]]:
    assembler = ToolCallAssembler("seed")
    deltas = [delta for event in events for delta in assembler.feed(event)]
    last, valid, invalid = assembler.close(is_truncated=False)
    return [*deltas, *last], valid, invalid


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


@given(st.lists(OBJECTS, min_size=1, max_size=3), st.booleans(), st.data())
def test_however_calls_are_cut_they_are_put_together(
    arguments: list[dict[str, Any]], ascii_only: bool, data: st.DataObject
) -> None:
    """Parallel calls in any cuts and any order give each call its arguments, byte for byte."""
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value in arguments]
    queues: list[list[str]] = []
    for text in texts:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
        ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
        queues.append([text[a:b] for a, b in ends])
    events = [[fragment("", i, id=f"id{i}", name="f")] for i in range(len(texts))]
    while any(queues):
        index = data.draw(st.sampled_from([i for i, queue in enumerate(queues) if queue]))
        events.append([fragment(queues[index].pop(0), index)])
    deltas, valid, invalid = assembled(*events)
    assert invalid == ()
    assert valid == tuple(ToolCall(f"id{i}", "f", value) for i, value in enumerate(arguments))
    for index, text in enumerate(texts):
        assert "".join(delta.arguments for delta in deltas if delta.index == index) == text


@given(OBJECTS, st.integers(1, 3), st.data())
def test_text_of_text_is_undone(value: dict[str, Any], times: int, data: st.DataObject) -> None:
    """Arguments encoded twice, in any cuts, come out as the object."""
    text = json.dumps(value)
    for _ in range(times - 1):
        text = json.dumps(text)
    cut = data.draw(st.integers(0, len(text)))
    events = [[fragment("", id="a", name="f")], [fragment(text[:cut])], [fragment(text[cut:])]]
    _, valid, invalid = assembled(*events)
    assert invalid == ()
    assert valid == (ToolCall("a", "f", value),)


def test_the_first_delta_alone_has_id_and_name() -> None:
    """Later deltas of an index carry neither, whatever the fragments repeat."""
    deltas, _, _ = assembled(
        [fragment('{"a"', id="a", name="f")], [fragment(":1}", id="a", name="f")]
    )
    assert deltas == [ToolCallDelta(0, "a", "f", '{"a"'), ToolCallDelta(0, arguments=":1}")]


def test_empty_fragments_make_no_delta() -> None:
    """A delta that says nothing is not handed out."""
    deltas, _, _ = assembled([fragment("{}", id="a", name="f")], [fragment("")], [fragment(None)])
    assert deltas == [ToolCallDelta(0, "a", "f", "{}")]


def test_an_id_may_come_late() -> None:
    """Until the name is there, the id can still come; after that one is made."""
    _, valid, _ = assembled([fragment("{}")], [fragment(id="late")], [fragment(name="f")])
    assert valid == (ToolCall("late", "f", {}),)
    _, valid, _ = assembled([fragment("{}", name="f")], [fragment(id="too-late")])
    assert valid == (ToolCall("call_seed0", "f", {}),)


def test_a_new_name_at_an_index_is_a_new_call() -> None:
    """A server that gives every call the index 0 and no ids still names them."""
    _, valid, _ = assembled([fragment("{}", name="f")], [fragment("{}", name="g")])
    assert [call.name for call in valid] == ["f", "g"]


def test_calls_keep_the_order_in_which_they_were_handed_out() -> None:
    """The deltas' indices count the calls of the answer, whatever the server's own."""
    deltas, valid, _ = assembled(
        [fragment("{}", 7, id="a", name="f")], [fragment("{}", 3, id="b", name="g")]
    )
    assert [delta.index for delta in deltas] == [0, 1]
    assert [call.id for call in valid] == ["a", "b"]


@pytest.mark.parametrize("items", [[None], [5], ["x"], [[]]], ids=repr)
def test_fragments_that_are_no_objects_are_passed_over(items: list[Any]) -> None:
    """They say nothing."""
    assert assembled(items) == ([], (), ())


def test_half_a_character_at_the_end_makes_a_call_invalid() -> None:
    """Arguments that end in the middle of an emoji are cut, not a call."""
    _, valid, invalid = assembled([fragment('{"a": "\ud83d', id="a", name="f")])
    assert valid == ()
    assert [call.arguments for call in invalid] == ['{"a": "']


@pytest.mark.parametrize("index", [True, 1.5, "0", None], ids=repr)
def test_an_index_of_an_odd_type_is_none(index: Any) -> None:
    """Fragments are then matched by id and order."""
    _, valid, _ = assembled([fragment('{"a":', index, id="a", name="f")], [fragment("1}", index)])
    assert valid == (ToolCall("a", "f", {"a": 1}),)


def test_one_id_for_two_names_is_two_calls() -> None:
    """Calls without an index are told apart by name too: a model may give both one id."""
    first = {"id": "a", "function": {"name": "f", "arguments": '{"x":'}}
    rest = {"id": "a", "function": {"name": "f", "arguments": "1}"}}
    other = {"id": "a", "function": {"name": "g", "arguments": '{"y":2}'}}
    _, valid, invalid = assembled([first, rest, other])
    assert invalid == ()
    assert [(call.name, call.arguments) for call in valid] == [("f", {"x": 1}), ("g", {"y": 2})]
    assert valid[0].id != valid[1].id
