"""Odd conversations through both faces: the same conversation is the same request.

None may end a run with an error that is not a `ConfigurationError`, and only what a user wrote may
end it with that one.
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
SENT = [
    pytest.param(row, face, id=f"{row.name}-{face}")
    for row in ROWS
    for face in FACES
    if getattr(row, face) is not None
]


@pytest.mark.parametrize(("row", "face"), SENT)
async def test_an_odd_conversation_is_one_request(row: Row, face: str) -> None:
    """In both faces, plain and streamed, sync and async, a conversation is the same request."""
    server = Scripted(Reply("Fine."))
    made, ways = FACES[face]
    model = made(row.model, repair_history=row.repair, **server.connection)
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
    wanted = [] if row.wire is None else [row.wire] * len(ways)
    assert [request["messages"] for request in server.requests] == wanted


BATCHED = [
    param
    for param in SENT
    if (row := param.values[0]).wire is not None  # type: ignore[union-attr]  # a `Row`
    and "requests" in get_profile(row.model).inputs  # type: ignore[union-attr]  # a `Row`
]


@pytest.mark.parametrize(("row", "face"), BATCHED)
def test_an_odd_conversation_is_the_same_in_a_batch(row: Row, face: str) -> None:
    """A conversation that waits in a queue is the one that would be sent at once."""
    server = Scripted({"status": "queued", "request_id": "b", "model": row.model})
    model = FACES[face][0](row.model, repair_history=row.repair, **server.connection)
    model.submit_batch([getattr(row, face)])
    assert server.requests[0]["requests"][0]["messages"] == row.wire


# ------------------------------------------------------------------------- where it was stored


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
KEPT = [
    pytest.param(*param.values, store, id=f"{param.id}-{store.__name__.strip('_')}")
    for param in SENT
    if (row := param.values[0]).is_stored and row.wire is not None  # type: ignore[union-attr]  # a `Row`
    for store in STORES[str(param.values[1])]
]


@pytest.mark.parametrize(("row", "face", "store"), KEPT)
def test_a_stored_conversation_is_the_same_request(
    row: Row, face: str, store: Callable[[Any], Any]
) -> None:
    """What comes back from a checkpoint, a file or another process is sent as it was before."""
    server = Scripted(Reply("Fine."))
    model = FACES[face][0](row.model, repair_history=row.repair, **server.connection)
    messages = store(getattr(row, face))
    model.invoke(messages) if face == "langchain" else model.chat(messages)
    assert server.requests[0]["messages"] == row.wire


# ------------------------------------------------------------------------------ of any content

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
    result=CONTENTS, answer=CONTENTS, arguments=VALUES, kept=VALUES, model=st.sampled_from(MODELS)
)
def test_nothing_that_a_tool_or_a_model_produced_is_refused(
    result: Any, answer: Any, arguments: Any, kept: Any, model: str
) -> None:
    """Whatever stands in a tool's result, an answer or a call, LangChain's run goes on."""
    calls = [{"id": "c1", "name": "look", "args": arguments, "type": "tool_call"}]
    beside = dict.fromkeys(("reasoning_content", "function_call", "invalid_tool_calls"), kept)
    fields = {"content": answer, "tool_calls": calls, "additional_kwargs": beside}
    asked = AIMessage("").model_copy(update=fields)
    answered = ToolMessage("", tool_call_id="c1").model_copy(update={"content": result})
    sent = body(langchain_messages([HumanMessage("Hi"), asked, answered]), model)
    assert_is_a_round(sent)


@settings(max_examples=300, deadline=None)
@given(arguments=VALUES, text=WORDS, kept=VALUES, model=st.sampled_from(MODELS))
def test_nothing_that_another_class_left_is_refused(
    arguments: Any, text: str, kept: Any, model: str
) -> None:
    """Whatever stands in a call or in the older places for calls, LlamaIndex's run goes on."""
    call = ToolCallBlock.model_construct(
        tool_call_id="c1", tool_name="look", tool_kwargs=arguments, block_type="tool_call"
    )
    beside = dict.fromkeys(("tool_calls", "invalid_tool_calls"), kept)
    history = [
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="assistant", blocks=[]).model_copy(
            update={"blocks": [TextBlock(text=text), call], "additional_kwargs": beside}
        ),
        ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "c1"}),
    ]
    sent = body(llamaindex_messages(history), model)
    assert_is_a_round(sent)


def body(messages: Any, model: str) -> list[Any]:
    """The messages of the body that is sent."""
    wire = to_body(to_history(messages, model=model), get_profile(model))
    sent: list[Any] = json.loads(dump_json({"messages": wire}))["messages"]
    return sent


def assert_is_a_round(sent: list[Any]) -> None:
    """A question, a call and its result, each with text, and with arguments that are an object."""
    assert [message["role"] for message in sent][:3] == ["user", "assistant", "tool"]
    assert all(isinstance(message["content"], str) for message in sent[:3])
    for call in sent[1]["tool_calls"]:
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_the_table_is_long_enough() -> None:
    """At least forty conversations go through both faces."""
    both = [row for row in ROWS if row.langchain is not None and row.llamaindex is not None]
    assert len(both) >= 40
    assert len({row.name for row in ROWS}) == len(ROWS)
