"""A usual conversation takes a short way, which must write what the long one writes."""

from __future__ import annotations

import copy
import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workersai.talking import GLM, GRANITE, SEA_LION, UNKNOWN
from workersai import ConfigurationError, get_profile
from workersai._json import PlainList, dump_json
from workersai._request.messages import to_wire_messages
from workersai._stream.tool_calls import ToolCallAssembler
from workersai.integration import repair_history, to_history

MODELS = [GRANITE, GLM, SEA_LION, UNKNOWN, "@cf/qwen/qwen3.8-27b"]

TEXTS = st.sampled_from(["", "Hi", "ü\U0001f642", "\ud800", "data:image/png;base64,AAAA", '"\x01'])
IDS = st.sampled_from(["a", "b", ""])
ARGUMENTS = st.sampled_from(['{"a": 1}', "{}", "[1]", "no JSON", "\ud800"])


def call(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    function = st.fixed_dictionaries({"name": st.just("f"), "arguments": arguments})
    return st.fixed_dictionaries({"id": IDS, "type": st.just("function"), "function": function})


def messages(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Conversations of text, calls and results, sound ones and others."""
    role = st.sampled_from(["system", "developer", "user", "assistant"])
    text = st.fixed_dictionaries({"role": role, "content": TEXTS}, optional={"name": st.just("n")})
    result = st.fixed_dictionaries({"role": st.just("tool"), "content": TEXTS, "tool_call_id": IDS})
    answer = st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": TEXTS},
        optional={"tool_calls": st.lists(call(arguments), max_size=2), "reasoning": TEXTS},
    )
    return st.lists(st.one_of(text, answer, result), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(conversation=messages(ARGUMENTS), model=st.sampled_from(MODELS))
def test_a_sound_conversation_needs_no_repair(conversation: list[Any], model: str) -> None:
    """`to_history` returns a valid conversation as `repair_history` would, without repairs."""
    before = copy.deepcopy(conversation)
    assert to_history(conversation, model=model) == repair_history(conversation, model=model)
    assert conversation == before


@settings(max_examples=150, deadline=None)
@given(conversation=messages(ARGUMENTS), model=st.sampled_from(MODELS))
def test_a_message_of_text_is_written_as_any_other(conversation: list[Any], model: str) -> None:
    """A dict of texts is taken as it is; another mapping with the same entries is written anew."""
    before, profile = copy.deepcopy(conversation), get_profile(model)
    anew = [MappingProxyType(message) for message in conversation]
    assert to_wire_messages(conversation, profile) == to_wire_messages(anew, profile)
    assert conversation == before


def fragments() -> st.SearchStrategy[list[Any]]:
    """Pieces of tool calls, usual ones and others."""
    name = {"name": st.sampled_from(["f", "g", "", None])}
    pieces = st.sampled_from(['{"a"', ": 1}", "", None, {"a": 1}])
    function = st.fixed_dictionaries({"arguments": pieces}, optional=name)
    piece = st.fixed_dictionaries(
        {"function": function},
        optional={"index": st.sampled_from([0, 1, True, None]), "id": st.sampled_from(["c", None])},
    )
    return st.lists(st.lists(piece, min_size=1, max_size=2), max_size=8)


@settings(max_examples=200, deadline=None)
@given(events=fragments())
def test_a_usual_piece_of_a_call_is_read_as_any_other(events: list[Any]) -> None:
    """Deltas and calls are those of the long way."""
    short, long = ToolCallAssembler(lambda: "s"), ToolCallAssembler(lambda: "s")
    for event in events:
        deltas = short.feed_usual(event)
        assert (short.feed(event) if deltas is None else deltas) == long.feed(event)
    assert short.close(is_truncated=False) == long.close(is_truncated=False)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(max_size=8), max_size=4), name=st.sampled_from(["a", '"', "é"]))
@pytest.mark.parametrize(("before", "after"), [({}, {}), ({"m": 1}, {}), ({}, {"z": [1.5]})])
def test_both_writers_write_the_same_bytes(
    before: dict[str, Any], after: dict[str, Any], texts: list[str], name: str
) -> None:
    """A recorded request is found again by its body, and ids of calls are made from it."""
    body = {**before, name: PlainList([{"text": text} for text in texts]), **after}
    expected = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert dump_json(body) == expected.encode()


def test_half_a_character_of_a_user_is_refused_by_both_writers() -> None:
    """The message of the error names the parameter and the reason."""
    with pytest.raises(ConfigurationError, match=r"messages.*surrogate"):
        dump_json({"messages": PlainList([{"role": "user", "content": "\ud800"}])})
