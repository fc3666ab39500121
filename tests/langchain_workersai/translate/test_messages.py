"""Messages of LangChain as the wire has them."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_workersai._translate.messages import to_wire_message, to_wire_messages
from workersai import ConfigurationError

CALL = {"name": "weather", "args": {"city": "Zürich"}, "id": "c1", "type": "tool_call"}
INVALID = {
    "name": "weather",
    "args": '{"ci',
    "id": "c2",
    "error": "cut",
    "type": "invalid_tool_call",
}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (SystemMessage("be brief"), {"role": "system", "content": "be brief"}),
        (
            SystemMessage("x", additional_kwargs={"__openai_role__": "developer"}),
            {"role": "developer", "content": "x"},
        ),
        (HumanMessage("hi", name="ada"), {"role": "user", "content": "hi", "name": "ada"}),
        (AIMessage("yes"), {"role": "assistant", "content": "yes"}),
        (
            ToolMessage("4", tool_call_id="c1"),
            {"role": "tool", "content": "4", "tool_call_id": "c1"},
        ),
        (
            FunctionMessage(content="4", name="add"),
            {"role": "function", "content": "4", "name": "add"},
        ),
        (ChatMessage(content="x", role="developer"), {"role": "developer", "content": "x"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_message_has_its_role(message: BaseMessage, wire: dict[str, Any]) -> None:
    """Every message class becomes the one wire message of its role."""
    assert to_wire_message(message) == wire


def test_tool_calls_beside_text_are_kept_with_the_text() -> None:
    """Text next to calls stays; arguments are JSON text with their letters unescaped."""
    wire = to_wire_message(AIMessage("Let me look.", tool_calls=[CALL]))
    assert wire == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city": "Zürich"}'},
            }
        ],
    }


def test_calls_without_text_carry_empty_content() -> None:
    """Content is "" beside calls, never null."""
    assert to_wire_message(AIMessage("", tool_calls=[CALL]))["content"] == ""


def test_invalid_calls_are_replayed_as_they_came() -> None:
    """An invalid call goes back too, or the tool message that answers it would be an orphan."""
    wire = to_wire_message(AIMessage("", invalid_tool_calls=[INVALID]))
    (call,) = wire["tool_calls"]
    assert (call["id"], call["function"]["arguments"]) == ("c2", '{"ci')


def test_reasoning_is_replayed_as_reasoning() -> None:
    """Reasoning goes back under its own key and never inside the content."""
    kept = AIMessage("4", additional_kwargs={"reasoning_content": "2+2"})
    blocks = AIMessage([{"type": "reasoning", "reasoning": "2+2"}, {"type": "text", "text": "4"}])
    assert to_wire_message(kept) == to_wire_message(blocks)
    assert to_wire_message(kept) == {"role": "assistant", "content": "4", "reasoning": "2+2"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_call", "id": "c1", "name": "weather", "args": {}},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "non_standard", "value": {}},
    ],
    ids=lambda block: block["type"],
)
def test_blocks_of_other_providers_do_not_become_text(block: dict[str, Any]) -> None:
    """Of an assistant's blocks only the text is its content; calls travel as calls."""
    message = AIMessage([{"type": "text", "text": "Looking."}, block], tool_calls=[CALL])
    wire = to_wire_message(message)
    assert wire["content"] == "Looking."
    assert len(wire["tool_calls"]) == 1


def test_several_text_blocks_stay_apart() -> None:
    """Text blocks are parts, with the keys of other providers left behind."""
    message = HumanMessage(
        ["a", {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    )
    assert to_wire_message(message)["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "image", "base64": "AA==", "mime_type": "image/png"}, IMAGE),
        (
            {"type": "image", "data": "AA==", "mime_type": "image/png", "source_type": "base64"},
            IMAGE,
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
            },
            IMAGE,
        ),
        ({"type": "image_url", "image_url": "data:image/png;base64,AA=="}, IMAGE),
        (
            {"type": "image", "url": "https://x.test/a.png"},
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        ),
        (
            {"type": "audio", "base64": "AA==", "mime_type": "audio/mpeg"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
        (
            {"type": "file", "base64": "AA==", "mime_type": "application/pdf", "filename": "a.pdf"},
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            },
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        ({"type": "text-plain", "text": "notes"}, {"type": "text", "text": "notes"}),
    ],
)
def test_media_blocks_of_every_form_become_wire_parts(
    block: dict[str, Any], part: dict[str, Any]
) -> None:
    """v1, v0, OpenAI and Anthropic blocks all become the parts that Workers AI reads."""
    assert to_wire_message(HumanMessage([block]))["content"] == [part]


def test_images_in_tool_messages_are_parts_too() -> None:
    """A tool may answer with an image."""
    message = ToolMessage(
        [{"type": "image", "base64": "AA==", "mime_type": "image/png"}], tool_call_id="c"
    )
    assert to_wire_message(message)["content"] == [IMAGE]


def test_tool_status_stays_in_langchain() -> None:
    """`status` has no place on the wire."""
    wire = to_wire_message(ToolMessage("boom", tool_call_id="c", status="error"))
    assert wire == {"role": "tool", "content": "boom", "tool_call_id": "c"}


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "video", "base64": "AA=="}]),
        HumanMessage([{"type": "image"}]),
        HumanMessage([{"value": 1}]),
        HumanMessage([{"type": "audio", "url": "https://x.test/a.mp3"}]),
        ChatMessage(content="x", role="narrator"),
        RemoveMessage(id="1"),
    ],
    ids=["video", "empty image", "no type", "audio by url", "unknown role", "RemoveMessage"],
)
def test_what_has_no_form_is_refused(message: BaseMessage) -> None:
    """A message that cannot be said on the wire raises and names `messages`."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_message(message)
    assert caught.value.parameter == "messages"


def test_nothing_that_was_passed_is_changed() -> None:
    """Translation reads; messages and their blocks stay as they were."""
    messages: list[BaseMessage] = [
        HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]),
        AIMessage("", tool_calls=[CALL]),
    ]
    before = copy.deepcopy(messages)
    wire = to_wire_messages(messages)
    wire[0]["content"][0]["image_url"]["url"] = "changed"  # type: ignore[index]  # parts
    assert messages == before


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_call", "id": "c1", "name": "weather", "args": {"city": "Oslo"}},
        {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}},
    ],
    ids=["v1", "Anthropic"],
)
def test_calls_that_are_blocks_alone_are_kept(block: dict[str, Any]) -> None:
    """Written by hand, a turn may have its calls among its blocks; they are said once."""
    alone = AIMessage([{"type": "text", "text": "Looking."}, block])
    both = AIMessage(
        [{"type": "text", "text": "Looking."}, block],
        tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}],
    )
    assert to_wire_message(alone) == to_wire_message(both)
    (call,) = to_wire_message(alone)["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "image_url"}]),
        HumanMessage([{"type": "image_url", "image_url": 3}]),
        HumanMessage([{"type": "input_audio"}]),
        HumanMessage([{"type": "image", "source": {"type": "url"}}]),
        AIMessage("", tool_calls=[{"name": "f", "args": {"day": date(2020, 1, 1)}, "id": "c"}]),
    ],
    ids=["no image_url", "number", "no input_audio", "no url", "a date"],
)
def test_what_cannot_be_read_is_said_in_our_words(message: BaseMessage) -> None:
    """A block that lacks a key, and arguments that are no JSON, name `messages`."""
    with pytest.raises(ConfigurationError, match="messages: ") as caught:
        to_wire_message(message)
    assert caught.value.parameter == "messages"
    assert caught.value.__cause__ is None
