"""Both faces send the same request for the same odd conversation.

A conversation may end a run with `ConfigurationError` only, and only because of a message that the
user wrote.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock

from langchain_workersai import ChatWorkersAI
from langchain_workersai._translate.messages import to_wire_messages as langchain_messages
from llamaindex_workersai import WorkersAI
from llamaindex_workersai._translate.messages import to_wire_messages as llamaindex_messages
from tests.conversations import NOBODY, ROWS, SCOUT, Row
from tests.llamaindex_workersai.scripted import Reply, Scripted
from tests.scenarios import GLM, GRANITE, SEA_LION
from workersai import ConfigurationError, get_profile
from workersai._json import dump_json
from workersai._request.messages import to_wire_messages as to_body
from workersai.integration import to_history

MODELS = [GRANITE, GLM, SEA_LION, SCOUT, NOBODY]

Way = Callable[[Any, Any], Awaitable[None]]


async def _invoke(model: Any, messages: Any) -> None:
    model.invoke(messages)


async def _ainvoke(model: Any, messages: Any) -> None:
    await model.ainvoke(messages)


async def _stream(model: Any, messages: Any) -> None:
    list(model.stream(messages))


async def _astream(model: Any, messages: Any) -> None:
    [_ async for _ in model.astream(messages)]


async def _chat(model: Any, messages: Any) -> None:
    model.chat(messages)


async def _achat(model: Any, messages: Any) -> None:
    await model.achat(messages)


async def _stream_chat(model: Any, messages: Any) -> None:
    list(model.stream_chat(messages))


async def _astream_chat(model: Any, messages: Any) -> None:
    [_ async for _ in await model.astream_chat(messages)]


FACES: dict[str, tuple[type[Any], list[Way]]] = {
    "langchain": (ChatWorkersAI, [_invoke, _ainvoke, _stream, _astream]),
    "llamaindex": (WorkersAI, [_chat, _achat, _stream_chat, _astream_chat]),
}
ROWS_BY_FACE = [
    pytest.param(row, face, id=f"{row.name}-{face}")
    for row in ROWS
    for face in FACES
    if getattr(row, face) is not None
]


@pytest.mark.parametrize(("row", "face"), ROWS_BY_FACE)
async def test_both_faces_send_the_same_request_for_an_odd_conversation(
    row: Row, face: str
) -> None:
    """Both faces send the messages of a row, plain and streamed, sync and async."""
    server = Scripted(Reply("Fine."))
    cls, ways = FACES[face]
    model = cls(row.model, repair_history=row.repair, **server.connection)
    messages = getattr(row, face)
    before = copy.deepcopy(messages)
    for way in ways:
        if row.wire is None:
            with pytest.raises(ConfigurationError) as caught:
                await way(model, messages)
            assert caught.value.parameter == "messages"
        else:
            await way(model, messages)
    assert repr(messages) == repr(before)
    expected = [] if row.wire is None else [row.wire] * len(ways)
    assert [request["messages"] for request in server.requests] == expected


BATCHED = [
    param
    for param in ROWS_BY_FACE
    if (row := param.values[0]).wire is not None  # type: ignore[union-attr]  # a `Row`
    and "requests" in get_profile(row.model).inputs  # type: ignore[union-attr]  # a `Row`
]


@pytest.mark.parametrize(("row", "face"), BATCHED)
def test_both_faces_send_the_same_messages_in_a_batch(row: Row, face: str) -> None:
    """Both faces send the messages of a row unchanged in a batch."""
    server = Scripted({"status": "queued", "request_id": "b", "model": row.model})
    model = FACES[face][0](row.model, repair_history=row.repair, **server.connection)
    model.submit_batch([getattr(row, face)])
    assert server.requests[0]["requests"][0]["messages"] == row.wire


# ------------------------------------------------------------------------- stored conversations


def _checkpoint(messages: Any) -> Any:
    serde = JsonPlusSerializer()
    return serde.loads_typed(serde.dumps_typed(list(messages)))


def _dicts(messages: Any) -> Any:
    return messages_from_dict(json.loads(json.dumps(messages_to_dict(messages))))


def _json(messages: Any) -> Any:
    return [ChatMessage.model_validate_json(message.model_dump_json()) for message in messages]


def _pickle(messages: Any) -> Any:
    return pickle.loads(pickle.dumps(messages))


STORES = {
    "langchain": [_checkpoint, _dicts, _pickle],
    "llamaindex": [_json, _pickle],
}
STORED = [
    pytest.param(*param.values, store, id=f"{param.id}-{store.__name__.strip('_')}")
    for param in ROWS_BY_FACE
    if (row := param.values[0]).is_stored and row.wire is not None  # type: ignore[union-attr]  # a `Row`
    for store in STORES[str(param.values[1])]
]


@pytest.mark.parametrize(("row", "face", "store"), STORED)
def test_both_faces_send_the_same_messages_after_storage(
    row: Row, face: str, store: Callable[[Any], Any]
) -> None:
    """Both faces send the messages of a row after a checkpoint, JSON or a pickle restored them."""
    server = Scripted(Reply("Fine."))
    model = FACES[face][0](row.model, repair_history=row.repair, **server.connection)
    messages = store(getattr(row, face))
    model.invoke(messages) if face == "langchain" else model.chat(messages)
    assert server.requests[0]["messages"] == row.wire


# ----------------------------------------------------------------------------- random contents

KEYS = st.sampled_from(
    ["type", "text", "data", "base64", "url", "source", "image_url", "file", "id", "input_audio",
     "mime_type", "title", "content", "name", "reasoning", "extras", "source_type"]
)  # fmt: skip
WORDS = st.text(max_size=5) | st.sampled_from(
    ["text", "text-plain", "image", "image_url", "audio", "input_audio", "file", "reasoning",
     "tool_call", "base64", "url", "data:image/png;base64,AAAA", "AAAA", "https://x.test/a.png"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=4) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
CONTENTS = WORDS | VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    result=CONTENTS, answer=CONTENTS, arguments=VALUES, extra=VALUES, model=st.sampled_from(MODELS)
)
def test_langchain_sends_any_content_of_a_tool_or_a_model(
    result: Any, answer: Any, arguments: Any, extra: Any, model: str
) -> None:
    """`ChatWorkersAI` writes a valid request for any tool result, any answer and any arguments."""
    calls = [{"id": "c1", "name": "look", "args": arguments, "type": "tool_call"}]
    beside = dict.fromkeys(("reasoning_content", "function_call", "invalid_tool_calls"), extra)
    fields = {"content": answer, "tool_calls": calls, "additional_kwargs": beside}
    assistant = AIMessage("").model_copy(update=fields)
    tool = ToolMessage("", tool_call_id="c1").model_copy(update={"content": result})
    assert_is_a_round(body(langchain_messages([HumanMessage("Hi"), assistant, tool]), model))


@settings(max_examples=300, deadline=None)
@given(arguments=VALUES, text=WORDS, extra=VALUES, model=st.sampled_from(MODELS))
def test_llamaindex_sends_any_arguments_and_additional_kwargs(
    arguments: Any, text: str, extra: Any, model: str
) -> None:
    """`WorkersAI` writes a valid request for any arguments and any older field with calls."""
    call = ToolCallBlock.model_construct(
        tool_call_id="c1", tool_name="look", tool_kwargs=arguments, block_type="tool_call"
    )
    beside = dict.fromkeys(("tool_calls", "invalid_tool_calls"), extra)
    history = [
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="assistant", blocks=[]).model_copy(
            update={"blocks": [TextBlock(text=text), call], "additional_kwargs": beside}
        ),
        ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "c1"}),
    ]
    assert_is_a_round(body(llamaindex_messages(history), model))


def body(messages: Any, model: str) -> list[Any]:
    """Return the messages of the request's body."""
    wire = to_body(to_history(messages, model=model), get_profile(model))
    messages_sent: list[Any] = json.loads(dump_json({"messages": wire}))["messages"]
    return messages_sent


def assert_is_a_round(messages_sent: list[Any]) -> None:
    """Assert that the messages are a question, a call with an object as arguments, and a result."""
    assert [message["role"] for message in messages_sent][:3] == ["user", "assistant", "tool"]
    assert all(isinstance(message["content"], str) for message in messages_sent[:3])
    for call in messages_sent[1]["tool_calls"]:
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_at_least_forty_conversations_are_for_both_faces() -> None:
    """The table of conversations has at least forty rows for both faces, each with its own name."""
    both = [row for row in ROWS if row.langchain is not None and row.llamaindex is not None]
    assert len(both) >= 40
    assert len({row.name for row in ROWS}) == len(ROWS)
