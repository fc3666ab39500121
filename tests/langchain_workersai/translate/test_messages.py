"""Wire messages made of LangChain messages."""

from __future__ import annotations

import base64
import copy
import json
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
    convert_to_messages,
)
from langchain_core.messages.content import (
    create_audio_block,
    create_file_block,
    create_plaintext_block,
    create_video_block,
)

from langchain_workersai._translate.messages import (
    to_wire_message,
    to_wire_messages,
    with_arguments_read,
)
from workersai import ConfigurationError, get_profile
from workersai._request.messages import to_wire_messages as to_body
from workersai.integration import to_history

CALL = {"name": "weather", "args": {"city": "Zürich"}, "id": "c1", "type": "tool_call"}
INVALID = {
    "name": "weather",
    "args": '{"ci',
    "id": "c2",
    "error": "cut",
    "type": "invalid_tool_call",
}


MODEL = "@cf/zai-org/glm-4.7-flash"


def request_messages(*messages: BaseMessage) -> list[Any]:
    """Return the messages as a request has them, without repair; the originals must not change."""
    before = copy.deepcopy(messages)
    wire = to_history(to_wire_messages(messages), model=MODEL, repair=False)
    assert messages == before
    return to_body(wire, get_profile(MODEL))


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
            {"role": "tool", "content": "4", "tool_call_id": "", "name": "add"},
        ),
        (ChatMessage(content="x", role="developer"), {"role": "developer", "content": "x"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_message_has_its_role(message: BaseMessage, wire: dict[str, Any]) -> None:
    """Each message class becomes a wire message with its role."""
    assert to_wire_message(message) == wire


def test_tool_calls_beside_text_are_kept_with_the_text() -> None:
    """An assistant's text beside tool calls is kept; the core writes the arguments."""
    wire = to_wire_message(AIMessage("Let me look.", tool_calls=[CALL]))
    assert wire == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": {"city": "Zürich"}},
            }
        ],
    }


def test_calls_without_text_carry_empty_content() -> None:
    """An assistant message with calls and no text has the content "", not null."""
    assert to_wire_message(AIMessage("", tool_calls=[CALL]))["content"] == ""


def test_invalid_calls_are_replayed() -> None:
    """An invalid call is sent too, because its tool message would have no call otherwise."""
    (wire,) = request_messages(AIMessage("", invalid_tool_calls=[INVALID]))
    (call,) = wire["tool_calls"]
    assert (call["id"], json.loads(call["function"]["arguments"])) == ("c2", {"input": '{"ci'})


def test_a_call_without_a_name_is_named_unknown() -> None:
    """A call without a name is sent with the name `unknown`, because the API requires one."""
    (wire,) = request_messages(AIMessage("", invalid_tool_calls=[{**INVALID, "name": None}]))
    assert wire["tool_calls"][0]["function"]["name"] == "unknown"


def test_reasoning_is_replayed_as_reasoning() -> None:
    """Reasoning is sent under its own key and never inside the content."""
    kept = AIMessage("4", additional_kwargs={"reasoning_content": "2+2"})
    blocks = AIMessage([{"type": "reasoning", "reasoning": "2+2"}, {"type": "text", "text": "4"}])
    assert to_wire_message(kept) == to_wire_message(blocks)
    assert to_wire_message(kept) == {"role": "assistant", "content": "4", "reasoning": "2+2"}


TEXT = {"type": "text", "text": "Looking."}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_call", "id": "c1", "name": "weather", "args": {}},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "non_standard", "value": {}},
        {"type": "function_call", "id": "fc_1", "name": "weather", "arguments": "{}"},
        {"type": "file_search_call", "id": "fs_1", "queries": ["x"], "results": None},
        {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw0KGgo="},
        {"type": "computer_call", "id": "cu_1", "action": {"type": "screenshot"}},
        {"type": "mcp_approval_request", "id": "mcpr_1", "name": "n", "arguments": "{}"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "z"},
        {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {}},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "s", "content": {}},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "executable_code", "executable_code": {"code": "1"}},
        {"type": "media", "mime_type": "image/png", "data": b"x"},
        {"type": "image", "base64": "AA==", "mime_type": "image/png"},
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s"}},
        {"type": "guard_content", "guard_content": {}},
        {"cachePoint": {"type": "default"}},
        {"type": "refusal", "refusal": "no"},
        {"type": "text"},
        {"type": "text", "text": None},
        {"type": "text", "text": ""},
        {},
    ],
    ids=lambda block: str(block.get("type")),
)
def test_blocks_of_other_providers_are_dropped(block: dict[str, Any]) -> None:
    """Only the text of an assistant's blocks is sent as content; calls are sent as calls."""
    message = AIMessage([block, TEXT], tool_calls=[CALL])
    wire = to_wire_message(message)
    assert wire["content"] == "Looking."
    assert len(wire["tool_calls"]) == 1
    assert set(wire) == {"role", "content", "tool_calls"}
    assert to_wire_message(AIMessage([block]))["content"] in ("", [], block.get("refusal"))


@pytest.mark.parametrize(
    "block",
    [
        {"type": "output_text", "text": "Looking.", "annotations": []},
        {"text": "Looking."},
        {"type": "text", "text": "Looking.", "citations": [{"cited_text": "x"}]},
        {"type": "text-plain", "text": "Looking."},
        "Looking.",
    ],
    ids=["OpenAI Responses", "Bedrock", "Anthropic", "v1", "string"],
)
def test_the_text_of_every_provider_is_kept(block: Any) -> None:
    """The text of each provider's text block is kept."""
    assert to_wire_message(AIMessage([block]))["content"] == "Looking."


def test_several_text_blocks_stay_apart() -> None:
    """Text blocks are sent as separate parts, without the keys of other providers."""
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
        ({"type": "input_text", "text": "notes"}, {"type": "text", "text": "notes"}),
        ({"type": "input_image", "image_url": "data:image/png;base64,AA=="}, IMAGE),
        (
            {"type": "input_image", "image_url": "https://x.test/b.png", "detail": "low"},
            {"type": "image_url", "image_url": {"url": "https://x.test/b.png", "detail": "low"}},
        ),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "id": 1},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
        ),
        (
            {
                "type": "document",
                "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            },
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            },
        ),
        (
            {"type": "non_standard", "value": {"type": "input_text", "text": "notes"}},
            {"type": "text", "text": "notes"},
        ),
    ],
)
def test_media_blocks_of_every_form_become_wire_parts(
    block: dict[str, Any], part: dict[str, Any]
) -> None:
    """v1, v0, OpenAI and Anthropic blocks all become the parts that Workers AI reads."""
    assert to_wire_message(HumanMessage([block]))["content"] == [part]


def test_images_in_tool_messages_are_parts_too() -> None:
    """An image in a tool message is sent as a part."""
    message = ToolMessage(
        [{"type": "image", "base64": "AA==", "mime_type": "image/png"}], tool_call_id="c"
    )
    assert to_wire_message(message)["content"] == [IMAGE]


def test_tool_status_stays_in_langchain() -> None:
    """The `status` of a tool message is not sent."""
    wire = to_wire_message(ToolMessage("boom", tool_call_id="c", status="error"))
    assert wire == {"role": "tool", "content": "boom", "tool_call_id": "c"}


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "video", "base64": "AA=="}]),
        HumanMessage([{"type": "image"}]),
        HumanMessage([{"value": 1}]),
        HumanMessage([{"type": "audio", "url": "https://x.test/a.mp3"}]),
        HumanMessage(
            [{"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}]
        ),
        HumanMessage([{"type": "document", "source": {"type": "content", "content": [IMAGE]}}]),
        HumanMessage([{"type": "document"}]),
        HumanMessage([{"type": "input_image", "file_id": "f1"}]),
        HumanMessage([{"type": "input_file", "file_url": "https://x.test/a.pdf"}]),
        ChatMessage(content="x", role="narrator"),
        RemoveMessage(id="1"),
    ],
    ids=[
        "video",
        "empty image",
        "no type",
        "audio by url",
        "document by url",
        "images in a document",
        "empty document",
        "image by id",
        "file by url",
        "unknown role",
        "RemoveMessage",
    ],
)
def test_messages_without_a_wire_form_are_refused(message: BaseMessage) -> None:
    """A user's message without a wire form raises an error that names `messages`."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_message(message)
    assert caught.value.parameter == "messages"


def test_messages_are_not_changed() -> None:
    """`to_wire_messages` does not change the messages or their blocks."""
    messages: list[BaseMessage] = [
        HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]),
        AIMessage("", tool_calls=[CALL]),
    ]
    before = copy.deepcopy(messages)
    wire = to_wire_messages(messages)
    wire[0]["content"][0]["image_url"]["url"] = "changed"  # type: ignore[index]  # parts
    assert messages == before


V1 = {"type": "tool_call", "id": "c1", "name": "weather", "args": {"city": "Oslo"}}


@pytest.mark.parametrize("block", [V1, {**V1, "type": "tool_use", "input": V1["args"]}])
def test_only_tool_calls_of_a_message_are_sent(block: dict[str, Any]) -> None:
    """Calls removed from `tool_calls` are not sent, even if a block still has them."""
    message = AIMessage([TEXT, block], tool_calls=[CALL])
    for without in (
        message.model_copy(update={"tool_calls": []}),
        AIMessage(message.content),
        AIMessage(message.content, additional_kwargs={"tool_calls": []}),
    ):
        assert to_wire_message(without) == {"role": "assistant", "content": "Looking."}


def test_an_edited_call_is_sent_as_edited() -> None:
    """A call that a middleware edited is sent with its new arguments, not with the block's."""
    message = AIMessage([V1], tool_calls=[{**V1, "args": {"city": "Bergen"}}])
    (wire,) = request_messages(message)
    assert json.loads(wire["tool_calls"][0]["function"]["arguments"]) == {"city": "Bergen"}


@pytest.mark.parametrize("answered", [True, False])
def test_openai_functions_are_calls_if_answered(answered: bool) -> None:
    """A `function_call` of OpenAI's old API is sent as a call if a `FunctionMessage` answers it.

    Otherwise it is not sent, because Google's classes repeat each call there.
    """
    function = {"name": "add", "arguments": '{"a": 1}'}
    request = AIMessage("", additional_kwargs={"function_call": function})
    result = [FunctionMessage(content="4", name="add")] if answered else []
    wire = request_messages(HumanMessage("1 + 3?"), request, *result, HumanMessage("Thanks."))
    if answered:
        assert wire[1]["tool_calls"][0]["function"] == function
        assert wire[2] == {
            "role": "tool",
            "content": "4",
            "name": "add",
            "tool_call_id": wire[1]["tool_calls"][0]["id"],
        }
    else:
        assert "tool_calls" not in wire[1]


def result(content: Any) -> ToolMessage:
    """Return a tool message with unvalidated content, as checkpoints and edits produce."""
    return ToolMessage("", tool_call_id="c1").model_copy(update={"content": content})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([create_file_block(url="docs://a/1", mime_type="application/pdf")], ["docs://a/1"]),
        ([create_audio_block(url="https://x.test/a.mp3")], ["https://x.test/a.mp3"]),
        (
            [create_video_block(base64="AA" * 500, mime_type="video/mp4")],
            ["video", "bytes of base64 left out"],
        ),
        ([{"type": "document", "source": {"type": "text", "data": "A fig."}}], ["A fig."]),
        ([{"type": "document", "source": {"data": "AA" * 500}}], ["bytes of base64 left out"]),
        ([{"type": "tool_reference", "tool_name": "look"}], ["look"]),
        ([{"type": "json", "json": {"day": 3}}], ['{"day": 3}']),
        ([{"type": "image", "title": "A cat", "width": 30}], ["A cat", "30"]),
        ([{"type": "file", "path": "a.txt", "size": 12}], ["a.txt", "12"]),
        ([{"type": "text", "line": 12}], ["12"]),
        ([{"type": 5, "of": "a number"}], ["a number"]),
        ([{"type": "audio", "base64": 3}], ["audio"]),
        ([{"type": "file", "base64": "not base64!"}], ["not base64!"]),
        ([{"kind": "plain", "tags": {"b", "a"}}], ['["a", "b"]']),
        ([{"at": date(2026, 1, 2)}], ["2026-01-02"]),
        ([["nested", 1]], ['["nested", 1]']),
        ([3], ["3"]),
        ({"a": 1}, ['{"a": 1}']),
        (7, ["7"]),
        (None, []),
    ],
)
def test_tool_results_are_never_refused(content: Any, words: list[str]) -> None:
    """A tool result without a wire form is sent as JSON text, without the bytes of files."""
    (wire,) = request_messages(result(content))
    assert isinstance(wire["content"], str)
    assert len(wire["content"]) < 300
    for word in words:
        assert word in wire["content"]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (create_plaintext_block("A fig."), "A fig."),
        (create_plaintext_block("A fig.", title="fruit.txt"), "fruit.txt:\nA fig."),
        (
            create_plaintext_block("A fig.", title="f.txt", context="From a list."),
            "f.txt:\nFrom a list.\nA fig.",
        ),
        ({"type": "text-plain", "base64": "QSBmaWcu", "mime_type": "text/plain"}, "A fig."),
        ({"type": "file", "base64": "QSBmaWcu", "mime_type": "text/csv"}, "A fig."),
        (
            {"type": "file", "data": "QSBm\naWcu", "source_type": "base64", "filename": "f"},
            "f:\nA fig.",
        ),
        (
            {"type": "file", "text": "A fig.", "source_type": "text", "mime_type": "text/plain"},
            "A fig.",
        ),
        (
            {
                "type": "document",
                "title": "f.txt",
                "source": {"type": "text", "media_type": "text/plain", "data": "A fig."},
            },
            "f.txt:\nA fig.",
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "text/plain", "data": "QSBmaWcu"},
            },
            "A fig.",
        ),
        (
            {
                "type": "document",
                "context": "From a list.",
                "source": {"type": "content", "content": [{"type": "text", "text": "A fig."}]},
            },
            "From a list.\nA fig.",
        ),
        ({"type": "document", "source": {"type": "content", "content": "A fig."}}, "A fig."),
    ],
    ids=[
        "text",
        "title",
        "context",
        "base64",
        "file",
        "v0 file",
        "v0 text",
        "document",
        "document in base64",
        "document with context",
        "document of one text",
    ],
)
def test_a_text_file_is_sent_as_text(block: Any, text: str) -> None:
    """A document that holds text is sent as text, because each model reads text."""
    assert request_messages(HumanMessage([block])) == [{"role": "user", "content": text}]


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0123").decode()


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": PNG},
        {"type": "image", "data": PNG, "source_type": "base64"},
        {"type": "image", "source": {"type": "base64", "data": PNG}},
    ],
    ids=["v1", "v0", "Anthropic"],
)
def test_an_image_without_a_type_gets_it_from_its_bytes(block: dict[str, Any]) -> None:
    """An image without a type gets the type that its bytes show."""
    (wire,) = request_messages(HumanMessage([block]))
    (part,) = wire["content"]
    assert part == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


@pytest.mark.parametrize(
    ("role", "wire"),
    [
        ("human", "user"),
        ("ai", "assistant"),
        ("model", "assistant"),
        ("chatbot", "assistant"),
        ("system", "system"),
        ("developer", "developer"),
    ],
)
def test_role_names_of_other_providers(role: str, wire: str) -> None:
    """A `ChatMessage` may use another provider's name of its role."""
    message = ChatMessage(content="x", role=role)
    assert to_wire_message(message) == {"role": wire, "content": "x"}


def test_a_tool_result_in_a_chat_message() -> None:
    """A `ChatMessage` with the role `tool` is sent with its tool call id."""
    message = ChatMessage(content="4", role="tool", additional_kwargs={"tool_call_id": "c1"})
    assert to_wire_message(message) == {"role": "tool", "content": "4", "tool_call_id": "c1"}


def openai(arguments: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (None, {}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a', {"input": '{"a'}),
        ([1], {"input": [1]}),
        (2, {"input": 2}),
    ],
    ids=repr,
)
def test_arguments_in_openai_dicts_are_read(arguments: Any, args: dict[str, Any]) -> None:
    """`with_arguments_read` accepts any arguments in a stored OpenAI conversation.

    LangChain alone reads complete JSON only.
    """
    stored = openai(arguments)
    before = copy.deepcopy(stored)
    (message,) = convert_to_messages(with_arguments_read([stored]))
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["args"] == args
    assert stored == before


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "image_url"}]),
        HumanMessage([{"type": "image_url", "image_url": 3}]),
        HumanMessage([{"type": "input_audio"}]),
        HumanMessage([{"type": "image", "source": {"type": "url"}}]),
        HumanMessage([{"type": "text"}]),
        HumanMessage([{"type": "text-plain", "url": "https://x.test/a.txt"}]),
        HumanMessage([{"type": "text-plain", "base64": "no base64!"}]),
        HumanMessage([{"type": "file", "extras": "x", "base64": "AA=="}]),
        HumanMessage("").model_copy(update={"content": None}),
        HumanMessage("").model_copy(update={"content": [5]}),
        SystemMessage([{"type": "thinking"}]),
    ],
    ids=[
        "no image_url",
        "number",
        "no input_audio",
        "no url",
        "no text",
        "text by url",
        "no base64",
        "odd extras",
        "no content",
        "no block",
        "thinking system",
    ],
)
def test_blocks_without_a_key_are_refused(message: BaseMessage) -> None:
    """A user's block that lacks a key raises an error that names `messages`."""
    with pytest.raises(ConfigurationError, match="messages: ") as caught:
        to_wire_message(message)
    assert caught.value.parameter == "messages"
    assert caught.value.__cause__ is None
