"""Fragments of tool calls become deltas and calls; the fixtures of `test_reader` test the rest."""

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
    assembler = ToolCallAssembler(lambda: "seed")
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
    """Parallel calls, cut anywhere and in any order, keep their exact arguments."""
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
    """Arguments that are encoded twice become the object, wherever they are cut."""
    text = json.dumps(value)
    for _ in range(times - 1):
        text = json.dumps(text)
    cut = data.draw(st.integers(0, len(text)))
    events = [[fragment("", id="a", name="f")], [fragment(text[:cut])], [fragment(text[cut:])]]
    _, valid, invalid = assembled(*events)
    assert invalid == ()
    assert valid == (ToolCall("a", "f", value),)


def test_the_first_delta_alone_has_id_and_name() -> None:
    """The reader puts id and name on the first delta of a call only, even if the server repeats
    them.
    """
    deltas, _, _ = assembled(
        [fragment('{"a"', id="a", name="f")], [fragment(":1}", id="a", name="f")]
    )
    assert deltas == [ToolCallDelta(0, "a", "f", '{"a"'), ToolCallDelta(0, arguments=":1}")]


def test_empty_fragments_make_no_delta() -> None:
    """The reader makes no delta of a fragment without content."""
    deltas, _, _ = assembled([fragment("{}", id="a", name="f")], [fragment("")], [fragment(None)])
    assert deltas == [ToolCallDelta(0, "a", "f", "{}")]


def test_an_id_may_come_late() -> None:
    """The reader accepts a call's id until the name arrives; after that the reader makes an id."""
    _, valid, _ = assembled([fragment("{}")], [fragment(id="late")], [fragment(name="f")])
    assert valid == (ToolCall("late", "f", {}),)
    _, valid, _ = assembled([fragment("{}", name="f")], [fragment(id="too-late")])
    assert valid == (ToolCall("call_seed0", "f", {}),)


def test_a_new_name_at_an_index_is_a_new_call() -> None:
    """A new name starts a new call, for servers that send index 0 and no ids."""
    _, valid, _ = assembled([fragment("{}", name="f")], [fragment("{}", name="g")])
    assert [call.name for call in valid] == ["f", "g"]


def test_calls_keep_the_order_in_which_they_were_handed_out() -> None:
    """The reader numbers deltas by the calls of the answer, whatever the server's indices are."""
    deltas, valid, _ = assembled(
        [fragment("{}", 7, id="a", name="f")], [fragment("{}", 3, id="b", name="g")]
    )
    assert [delta.index for delta in deltas] == [0, 1]
    assert [call.id for call in valid] == ["a", "b"]


@pytest.mark.parametrize("items", [[None], [5], ["x"], [[]]], ids=repr)
def test_fragments_that_are_no_objects_are_passed_over(items: list[Any]) -> None:
    """The reader ignores fragments that are no objects."""
    assert assembled(items) == ([], (), ())


def test_half_a_character_at_the_end_makes_a_call_invalid() -> None:
    """Arguments that end in the middle of an emoji make the call invalid."""
    _, valid, invalid = assembled([fragment('{"a": "\ud83d', id="a", name="f")])
    assert valid == ()
    assert [call.arguments for call in invalid] == ['{"a": "\ufffd']


@pytest.mark.parametrize("index", [True, 1.5, "0", None], ids=repr)
def test_an_index_of_another_type_is_ignored(index: Any) -> None:
    """The reader ignores an index that is no integer, and matches fragments by id and order."""
    _, valid, _ = assembled([fragment('{"a":', index, id="a", name="f")], [fragment("1}", index)])
    assert valid == (ToolCall("a", "f", {"a": 1}),)


def test_one_id_for_two_names_is_two_calls() -> None:
    """Fragments without an index belong to two calls if their names differ."""
    first = {"id": "a", "function": {"name": "f", "arguments": '{"x":'}}
    rest = {"id": "a", "function": {"name": "f", "arguments": "1}"}}
    other = {"id": "a", "function": {"name": "g", "arguments": '{"y":2}'}}
    _, valid, invalid = assembled([first, rest, other])
    assert invalid == ()
    assert [(call.name, call.arguments) for call in valid] == [("f", {"x": 1}), ("g", {"y": 2})]
    assert valid[0].id != valid[1].id


PLACEHOLDERS = [None, "", "null", "None", "NULL", "undefined", " "]


@pytest.mark.parametrize("given", PLACEHOLDERS, ids=repr)
@pytest.mark.parametrize("index", [0, "0", None], ids=repr)
def test_a_placeholder_is_no_id(given: Any, index: Any) -> None:
    """A fragment that continues a call may have `null`, also as text, for id and name."""
    name = given if given in ("null", "None") else None
    _, valid, invalid = assembled(
        [fragment('{"x": ', index, id="real", name="f")],
        [fragment("[1,", index, id=given, name=name)],
        [fragment(" 2]}", index, id=given, name="f" if index is not None else name)],
    )
    assert invalid == ()
    assert valid == (ToolCall("real", "f", {"x": [1, 2]}),)


def test_a_tool_may_be_named_like_a_placeholder() -> None:
    """The reader accepts `null` as a tool's name if the request has a tool of that name."""
    assembler = ToolCallAssembler(lambda: "seed", {"null": "null", "f": "f"})
    assembler.feed([fragment("{}", name="f"), fragment("{}", 1, name="null")])
    assert [call.name for call in assembler.close(is_truncated=False)[1]] == ["f", "null"]


@pytest.mark.parametrize("given", PLACEHOLDERS, ids=repr)
def test_a_call_whose_only_id_is_a_placeholder_gets_one(given: Any) -> None:
    """The reader gives two calls with the same placeholder two different ids."""
    _, valid, _ = assembled(
        [fragment("{}", 0, id=given, name="f")], [fragment("{}", 1, id=given, name="g")]
    )
    assert [call.id for call in valid] == ["call_seed0", "call_seed1"]


def test_a_real_id_may_come_after_a_placeholder() -> None:
    """A real id replaces a placeholder until the reader yields the call."""
    _, valid, _ = assembled(
        [fragment("{}", id="null")],
        [fragment("", id="call_9", name="f")],
        [fragment("", id="None")],
    )
    assert valid == (ToolCall("call_9", "f", {}),)


@pytest.mark.parametrize("named", ["first", "rest"])
def test_an_index_on_some_fragments_only(named: str) -> None:
    """Fragments with and without an index are one call if nothing contradicts."""
    first, rest = (0, None) if named == "first" else (None, 0)
    _, valid, invalid = assembled(
        [fragment('{"x":', first, id="a", name="f")], [fragment("1", rest)], [fragment("}", rest)]
    )
    assert (valid, invalid) == ((ToolCall("a", "f", {"x": 1}),), ())


def test_an_index_that_comes_late_can_be_the_next_call_s() -> None:
    """Arguments that begin after the end of a call belong to the next one."""
    _, valid, invalid = assembled(
        [fragment('{"x": 1}', None, id="a", name="f")],
        [fragment('{"y": 2}', 1)],
        [fragment("", 1, id="b", name="g")],
    )
    assert invalid == ()
    assert valid == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))


def test_two_calls_share_an_index_and_have_ids() -> None:
    """The reader assigns fragments that share an index to calls by their ids, in any order."""
    _, valid, invalid = assembled(
        [fragment('{"x":', id="a", name="f"), fragment('{"x":', id="b", name="f")],
        [fragment("1", id="a")],
        [fragment("2", id="b"), fragment("}", id="null")],
        [fragment("}", id="a")],
    )
    assert invalid == ()
    assert valid == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "f", {"x": 2}))


@pytest.mark.parametrize("index", [0, None])
def test_a_new_id_in_each_fragment_begins_no_call(index: int | None) -> None:
    """A fragment with an unknown id and no name continues arguments that are not complete."""
    _, valid, invalid = assembled(
        [fragment("", id="a", name="f", index=index)],
        [fragment('{"x":', id="b", index=index)],
        [fragment("1}", id="c", index=index)],
        [fragment('{"y": 2}', id="d", name="g", index=index)],
    )
    assert invalid == ()
    assert valid == (ToolCall("a", "f", {"x": 1}), ToolCall("d", "g", {"y": 2}))


def test_two_calls_of_one_tool_share_an_index_and_have_no_ids() -> None:
    """A repeated name after complete arguments starts the next call."""
    _, valid, invalid = assembled(
        [fragment('{"x": 1}', name="f")],
        [fragment('{"x": ', name="f")],
        [fragment("2}")],
        [fragment('{"x": 2}', name="f")],  # this fragment repeats the call before it
    )
    assert invalid == ()
    assert [call.arguments for call in valid] == [{"x": 1}, {"x": 2}]
    assert valid[0].id != valid[1].id


def cumulative(text: str, cuts: list[int]) -> list[str]:
    return [text[:cut] for cut in cuts if cut] + [text]


@given(OBJECTS, st.data(), st.booleans())
def test_arguments_that_start_over_are_read_once(
    value: dict[str, Any], data: st.DataObject, again: bool
) -> None:
    """Fragments that each repeat the earlier text make one call; deltas repeat nothing."""
    text = json.dumps(value)
    pieces = cumulative(text, sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=6))))
    pieces += [text] if again else []
    events = [[fragment("", id="a", name="f")], *([fragment(piece)] for piece in pieces)]
    deltas, valid, invalid = assembled(*events)
    assert invalid == ()
    assert valid == (ToolCall("a", "f", value),)
    assert json.loads("".join(delta.arguments for delta in deltas)) == value


@given(OBJECTS, st.data())
def test_whole_arguments_that_come_again_at_the_end_are_no_second_call(
    value: dict[str, Any], data: st.DataObject
) -> None:
    """A last fragment with the whole call, in any spacing, adds no second call."""
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text)))
    closing = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    deltas, valid, invalid = assembled(
        [fragment("", id="a", name="f")],
        [fragment(text[:cut])],
        [fragment(text[cut:])],
        [fragment(closing, name=data.draw(st.sampled_from([None, "f"])))],
    )
    assert (valid, invalid) == ((ToolCall("a", "f", value),), ())
    assert "".join(delta.arguments for delta in deltas) == text


@pytest.mark.parametrize(
    "closing",
    [
        ['{"a": {"a": null}}'],
        ['{\n "a": {\n  "a": null\n }\n}'],
        ['{"a":{"a":', "null}}"],
        ['{"a":{"a":null}}', " ", '{"a":{"a":null}}'],
    ],
    ids=str,
)
def test_nested_arguments_that_come_again_are_read_once(closing: list[str]) -> None:
    """A second fragment that begins like the first, and then the whole object, is one call."""
    pieces = ['{"a": ', '{"a": null}}', *closing]
    deltas, valid, invalid = assembled(
        [fragment("", id="a", name="f")], *([fragment(piece)] for piece in pieces)
    )
    assert (valid, invalid) == ((ToolCall("a", "f", {"a": {"a": None}}),), ())
    assert "".join(delta.arguments for delta in deltas) == '{"a": {"a": null}}'


@pytest.mark.parametrize(
    "pieces",
    [
        ['{"a":', '{"a":', "1}}"],
        ['{"a": ', '{"a": 1}', "}"],
        ['{"a":', '{"a":', '{"a":', '{"a":', "null}}}}"],
        ['{"a": [{"a": [1', "]}, ", '{"a": [2]}]}'],
        ['{"a": "}', '{}"}'],
        ["{", '"a": {', '"b": {}}', "}"],
    ],
    ids=str,
)
def test_nested_arguments_are_not_taken_for_a_new_start(pieces: list[str]) -> None:
    """Repetition inside the arguments is kept, as long as the whole is valid JSON."""
    text = "".join(pieces)
    deltas, valid, invalid = assembled(
        [fragment("", id="a", name="f")], *([fragment(piece)] for piece in pieces)
    )
    assert invalid == ()
    assert valid == (ToolCall("a", "f", json.loads(text)),)
    assert "".join(delta.arguments for delta in deltas) == text


@pytest.mark.parametrize(
    "pieces",
    [['{"a": 1}', '{"a": 2}'], ['{"a": ', '{"b": 1}'], ['{"a": "x', '{"a": "y"}'], ["{}", "[]"]],
    ids=str,
)
def test_what_may_be_a_new_start_or_not_is_no_call(pieces: list[str]) -> None:
    """Arguments that can be read in two ways make the call invalid."""
    _, valid, invalid = assembled(
        [fragment("", id="a", name="f")], *([fragment(piece)] for piece in pieces)
    )
    assert valid == ()
    assert [call.arguments for call in invalid] == ["".join(pieces)]


def test_growing_pieces_are_handed_out_while_they_come() -> None:
    """Once fragments are known to repeat, the reader yields their new part at once."""
    text = '{"a": "' + "x" * 40 + '"}'
    assembler = ToolCallAssembler(lambda: "seed")
    sent = [
        "".join(delta.arguments for delta in assembler.feed([fragment(text[:cut], name="f")]))
        for cut in range(8, 40, 4)
    ]
    assert "".join(sent) == text[:36]
    assert all(sent[4:])


def test_a_hostile_repetition_is_bounded() -> None:
    """The reader parses in linear time, even if the arguments seem to end with each fragment."""
    assembler = ToolCallAssembler(lambda: "seed")
    assembler.feed([fragment('{"a": "' + "x" * 100_000, id="a", name="f")])
    for _ in range(20_000):
        assembler.feed([fragment("}"), fragment("{")])
    _, valid, invalid = assembler.close(is_truncated=False)
    assert valid == ()
    assert len(invalid) == 1


@pytest.mark.parametrize("cut", range(1, 20))
def test_an_escaped_half_becomes_a_replacement_character(cut: int) -> None:
    """Deltas and calls hold no escape that a framework's parser would turn into half a pair."""
    text = r'{"a": "\ud83d", "\ude00b": "\ud83d\ude00 \\ud83d \ud83d\n"}'
    pieces = [text[start : start + cut] for start in range(0, len(text), cut)]
    deltas, valid, _ = assembled(
        [fragment("", id="a", name="f")], *([fragment(piece)] for piece in pieces)
    )
    value = {"a": "\ufffd", "\ufffdb": "\U0001f600 \\ud83d \ufffd\n"}
    assert valid == (ToolCall("a", "f", value),)
    assert json.loads("".join(delta.arguments for delta in deltas)) == value


@pytest.mark.parametrize("encode", [1, 2])
def test_raw_halves_in_arguments_and_names_are_mended(encode: int) -> None:
    """Halves of a pair are joined in arguments; any other half becomes U+FFFD."""
    text = '{"a": "x\ud83d"}'
    text = json.dumps(text, ensure_ascii=False) if encode == 2 else text
    deltas, valid, _ = assembled(
        [fragment(text[:-3], id="a\ud83d", name="f\ude00")], [fragment(text[-3:])]
    )
    assert valid == (ToolCall("a\ufffd", "f\ufffd", {"a": "x\ufffd"}),)
    for delta in deltas:
        f"{delta.id}{delta.name}{delta.arguments}".encode()
