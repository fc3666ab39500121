"""Messages to the wire: every block, role and older convention."""

from __future__ import annotations

import base64
import copy
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from llamaindex_workersai import ConfigurationError
from llamaindex_workersai._translate.content import to_wire_parts
from llamaindex_workersai._translate.messages import to_wire_messages
from workersai.integration import to_history

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
MODEL = "@cf/zai-org/glm-4.7-flash"
WAV = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"


def wire(*messages: ChatMessage) -> list[Any]:
    """Return the wire messages, and check that the messages are unchanged."""
    before = copy.deepcopy(messages)
    written = to_wire_messages(messages)
    assert list(before) == list(messages)
    return list(to_history(written, model=MODEL, repair=False))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (MessageRole.SYSTEM, "system"),
        (MessageRole.DEVELOPER, "developer"),
        (MessageRole.USER, "user"),
        (MessageRole.ASSISTANT, "assistant"),
        (MessageRole.CHATBOT, "assistant"),
        (MessageRole.MODEL, "assistant"),
    ],
)
def test_roles_of_other_providers_are_understood(role: MessageRole, expected: str) -> None:
    """Each role of LlamaIndex becomes a role of the API."""
    assert wire(ChatMessage(role=role, content="Hi")) == [{"role": expected, "content": "Hi"}]


def test_every_role_is_in_the_table() -> None:
    """The table of roles has every role of LlamaIndex."""
    for role in MessageRole:
        assert wire(ChatMessage(role=role, content="Hi"))


def test_text_blocks_are_joined_as_content_joins_them() -> None:
    """Several text blocks are sent as `ChatMessage.content` joins them."""
    message = ChatMessage(blocks=[TextBlock(text="a"), TextBlock(text="b")])
    assert wire(message)[0]["content"] == message.content == "a\nb"


def test_image_bytes_become_a_data_uri() -> None:
    """The bytes of an image are sent as a data URI."""
    message = ChatMessage(blocks=[TextBlock(text="What?"), ImageBlock(image=PNG, detail="low")])
    uri = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert wire(message)[0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": uri, "detail": "low"}},
    ]


def test_image_link_is_passed_on() -> None:
    """The URL of an image is sent and not downloaded."""
    message = ChatMessage(blocks=[ImageBlock(url="https://example.com/a.png")])
    assert wire(message)[0]["content"][0]["image_url"] == {"url": "https://example.com/a.png"}


def test_audio_becomes_input_audio() -> None:
    """Audio is sent as base64 with the name of its format."""
    message = ChatMessage(blocks=[AudioBlock(audio=WAV, format="wav")])
    audio = wire(message)[0]["content"][0]
    assert audio["type"] == "input_audio"
    assert audio["input_audio"]["format"] == "wav"
    assert base64.b64decode(audio["input_audio"]["data"]) == WAV


def test_audio_of_unknown_format_is_refused() -> None:
    """Audio of an unknown format raises an error."""
    with pytest.raises(ConfigurationError, match="format"):
        wire(ChatMessage(blocks=[AudioBlock(audio=b"????")]))


def test_text_document_is_written_out() -> None:
    """A text document is sent as text."""
    block = DocumentBlock(data=b"A river.", title="notes.txt", document_mimetype="text/plain")
    assert wire(ChatMessage(blocks=[block]))[0]["content"] == "notes.txt:\nA river."


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.yaml", "a.py", "a.log", "a"])
def test_a_text_file_is_written_out(tmp_path: Path, name: str) -> None:
    """A document of text bytes is sent as text with its name, whatever its suffix."""
    path = tmp_path / name
    path.write_text("über: 1")
    by_path = wire(ChatMessage(blocks=[DocumentBlock(path=path)]))
    by_data = wire(ChatMessage(blocks=[DocumentBlock(data="über: 1".encode(), title=name)]))
    assert by_path == by_data == [{"role": "user", "content": f"{name}:\nüber: 1"}]


def test_a_document_without_a_name_is_its_text() -> None:
    """A document with LlamaIndex's default title is sent as its text alone."""
    block = DocumentBlock(data=b"A river, a boat.")
    assert wire(ChatMessage(blocks=[block]))[0]["content"] == "A river, a boat."


@pytest.mark.parametrize("name", ["upload", "photo.jpg", "photo.png"])
def test_the_bytes_of_an_image_decide_its_type(tmp_path: Path, name: str) -> None:
    """The bytes of an image decide its type, whatever suffix its path has."""
    path = tmp_path / name
    path.write_bytes(PNG)
    image = wire(ChatMessage(blocks=[ImageBlock(path=path)]))[0]["content"][0]["image_url"]
    assert image["url"].startswith("data:image/png;base64,")


def test_the_bytes_of_a_stream_decide_its_type() -> None:
    """The bytes of a file object decide the image's type, unless the user names one."""
    unnamed = ImageBlock(image=io.BytesIO(PNG))
    named = ImageBlock(image=io.BytesIO(PNG), image_mimetype="image/x-own")
    urls = [part["image_url"]["url"] for part in map(only_part, (unnamed, named))]
    assert [url.split(";")[0] for url in urls] == ["data:image/png", "data:image/x-own"]


def only_part(block: ImageBlock) -> dict[str, Any]:
    (part,) = to_wire_parts(block)
    return part


def test_the_bytes_of_a_sound_decide_its_format(tmp_path: Path) -> None:
    """The bytes of a sound without a suffix decide its format."""
    path = tmp_path / "recording"
    path.write_bytes(WAV)
    audio = wire(ChatMessage(blocks=[AudioBlock(path=path)]))[0]["content"][0]["input_audio"]
    assert audio["format"] == "wav"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    """A user's file that does not exist raises ConfigurationError with its path."""
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    block = ImageBlock(path=path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="ImageBlock cannot be read") as caught:
        wire(ChatMessage(blocks=[block]))
    assert caught.value.parameter == "messages"


def test_other_document_becomes_a_file_part() -> None:
    """A PDF is sent as a file part with a data URI."""
    block = DocumentBlock(data=b"%PDF-1.4 x", title="a.pdf", document_mimetype="application/pdf")
    part = wire(ChatMessage(blocks=[block]))[0]["content"][0]
    assert part["type"] == "file"
    assert part["file"]["filename"] == "a.pdf"
    assert base64.b64decode(part["file"]["file_data"].split(",")[1]) == b"%PDF-1.4 x"


def test_blocks_of_other_providers_degrade() -> None:
    """Cache points and citations are left out, and a citable block is sent as text."""
    message = ChatMessage(
        blocks=[
            TextBlock(text="Hi"),
            CachePoint(cache_control=CacheControl(type="ephemeral")),
            CitationBlock(
                cited_content=TextBlock(text="cited"),
                source="s",
                title="t",
                additional_location_info={},
            ),
            CitableBlock(title="Rivers", source="atlas", content=[TextBlock(text="The Rhine.")]),
        ]
    )
    assert wire(message)[0]["content"] == "Hi\nRivers (atlas):\nThe Rhine."


def test_video_is_refused_with_an_alternative() -> None:
    """A video block raises an error that says what to send instead."""
    with pytest.raises(ConfigurationError, match="frames as ImageBlocks"):
        wire(ChatMessage(blocks=[VideoBlock(video=b"\x00\x00\x00\x18ftypmp42")]))


def test_unknown_block_is_refused_by_name() -> None:
    """An unknown kind of block raises an error with its name."""
    with pytest.raises(ConfigurationError, match="NewBlock"):
        to_wire_parts(type("NewBlock", (CacheControl,), {})(type="x"))


def test_an_assistant_says_its_text_alone() -> None:
    """Of an assistant's message of another provider, only text, calls and reasoning are sent."""
    blocks = [
        TextBlock(text="A cat."),
        ImageBlock(image=PNG),
        DocumentBlock(data=b"%PDF-1.4", title="a.pdf"),
        VideoBlock(video=b"\x00\x00\x00\x18ftypmp42"),
        CitationBlock(
            cited_content=TextBlock(text="cited"), source="s", title="t",
            additional_location_info={},
        ),
    ]  # fmt: skip
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
    assert wire(message) == [{"role": "assistant", "content": "A cat."}]


def test_thinking_goes_beside_the_content() -> None:
    """Reasoning is sent as `reasoning` and not in the text."""
    blocks = [ThinkingBlock(content="Hm."), TextBlock(text="Hi")]
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
    assert wire(message) == [{"role": "assistant", "content": "Hi", "reasoning": "Hm."}]


def test_tool_calls_carry_json_text() -> None:
    """Arguments are sent as JSON text with unescaped letters, beside an empty content."""
    block = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"city": "Köln"})
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=[block])
    assert wire(message) == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"city": "Köln"}'},
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("kwargs", "arguments"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        ({}, "{}"),
        ("not json", '{"input": "not json"}'),
        ("[1]", '{"input": "[1]"}'),
    ],
)
def test_arguments_are_always_a_json_object(kwargs: Any, arguments: str) -> None:
    """Arguments that are not a JSON object are sent as an object, because chat templates parse
    them.
    """
    block = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs=kwargs)
    sent = wire(ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]))[0]["tool_calls"][0]
    assert sent["function"]["arguments"] == arguments


def test_calls_without_ids_get_their_own() -> None:
    """Calls without ids get different ids."""
    blocks = [ToolCallBlock(tool_name="f"), ToolCallBlock(tool_name="f")]
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
    ids = [call["id"] for call in wire(message)[0]["tool_calls"]]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("as_object", [False, True])
def test_older_convention_is_read(as_object: bool) -> None:
    """Calls in `additional_kwargs`, as dicts or as an SDK's objects, are sent."""
    function: Any = {"name": "f", "arguments": '{"a": 1}'}
    entry: Any = {"id": "c1", "type": "function", "function": function}
    if as_object:
        entry = SimpleNamespace(id="c1", function=SimpleNamespace(**function))
    message = ChatMessage(
        role=MessageRole.ASSISTANT, content="", additional_kwargs={"tool_calls": [entry]}
    )
    assert wire(message)[0]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": function}
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "c1", "type": "tool_use", "name": "f", "input": {"a": 1}},
        {"toolUseId": "c1", "name": "f", "input": {"a": 1}},
        {"tool_id": "c1", "tool_name": "f", "tool_kwargs": {"a": 1}},
        SimpleNamespace(id="c1", name="f", args={"a": 1}),
        SimpleNamespace(id="c1", name="f", parameters={"a": 1}),
        {"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}},
    ],
    ids=["Anthropic", "Bedrock", "selection", "Google", "Cohere", "Ollama"],
)
def test_older_conventions_of_other_providers_are_read(entry: Any) -> None:
    """Calls in the older form of each provider's class are sent."""
    message = ChatMessage(
        role=MessageRole.ASSISTANT, content="", additional_kwargs={"tool_calls": [entry]}
    )
    function = {"name": "f", "arguments": '{"a": 1}'}
    assert wire(message)[0]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": function}
    ]


@pytest.mark.parametrize(
    "entries", [None, "x", {}, 5, [None], ["x"], [{}], [{"id": "c"}]], ids=repr
)
def test_items_that_are_no_calls_are_ignored(entries: Any) -> None:
    """Items of `tool_calls` that are no calls are ignored."""
    message = ChatMessage(
        role=MessageRole.ASSISTANT, content="Hi", additional_kwargs={"tool_calls": entries}
    )
    assert wire(message) == [{"role": "assistant", "content": "Hi"}]


def test_calls_that_could_not_be_run_are_sent() -> None:
    """A malformed call is sent before the result that answers it."""
    broken = {"id": "c2", "name": "f", "arguments": '{"a', "error": "cut"}
    message = ChatMessage(
        role=MessageRole.ASSISTANT,
        blocks=[ToolCallBlock(tool_call_id="c1", tool_name="f")],
        additional_kwargs={"invalid_tool_calls": [broken]},
    )
    sent = wire(message)[0]["tool_calls"]
    assert [call["id"] for call in sent] == ["c1", "c2"]
    assert json.loads(sent[1]["function"]["arguments"]) == {"input": '{"a'}


@pytest.mark.parametrize(
    "messages",
    ["hello", {"role": "user"}, [{"role": "user", "content": "Hi"}], ["hello"], None, [None]],
    ids=repr,
)
def test_values_that_are_no_messages_are_refused(messages: Any) -> None:
    """Dicts and strings raise an error that says to pass `ChatMessage`."""
    with pytest.raises(ConfigurationError, match="ChatMessage") as caught:
        to_wire_messages(messages)
    assert caught.value.parameter == "messages"


def test_calls_in_both_conventions_are_sent_once() -> None:
    """A block and a dict with the same id are sent as one call."""
    entry = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = ChatMessage(
        role=MessageRole.ASSISTANT,
        blocks=[ToolCallBlock(tool_call_id="c1", tool_name="f")],
        additional_kwargs={"tool_calls": [entry]},
    )
    assert len(wire(message)[0]["tool_calls"]) == 1


def test_tool_result_without_content_is_empty_text() -> None:
    """A tool's message without blocks is sent with an empty text."""
    message = ChatMessage(role="tool", blocks=[], additional_kwargs={"tool_call_id": "c1"})
    assert wire(message) == [{"role": "tool", "content": "", "tool_call_id": "c1"}]


def test_images_of_tool_results_stay_with_them() -> None:
    """The face hands images of a tool's result to the core, which places them."""
    blocks = [TextBlock(text="See."), ImageBlock(image=PNG)]
    (sent,) = wire(tool(*blocks))
    assert sent["role"] == "tool"
    assert [part["type"] for part in sent["content"]] == ["text", "image_url"]


@pytest.mark.parametrize(
    ("cited", "content"),
    [
        (TextBlock(text="Rivers rise."), "Atlas (p. 3):\nRivers rise."),
        (ImageBlock(), "Atlas (p. 3):\n"),
    ],
)
def test_citations_that_a_tool_returned_are_kept(cited: Any, content: str) -> None:
    """Citations that are all of a tool's result are sent as text."""
    citation = CitationBlock(
        cited_content=cited, source="p. 3", title="Atlas", additional_location_info={}
    )
    (sent,) = wire(tool(citation))
    assert sent["content"].startswith(content)
    assert len(sent["content"]) >= len(content)


def tool(*blocks: Any, call_id: str = "c1") -> ChatMessage:
    return ChatMessage(role="tool", blocks=blocks, additional_kwargs={"tool_call_id": call_id})


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (VideoBlock(video=b"\x00" * 5000), ["video", "bytes left out"]),
        (AudioBlock(url="https://example.com/a.mp3"), ["audio", "https://example.com/a.mp3"]),
        (DocumentBlock(url="demo://doc/1", title="Doc"), ["Doc", "demo://doc/1"]),
        (DocumentBlock(path="/nowhere/at/all.pdf"), ["/nowhere/at/all.pdf"]),
        (ImageBlock(), ["image"]),
        (AudioBlock(audio=b"????"), ["audio", "bytes left out"]),
        (
            CitableBlock(title="T", source="S", content=[DocumentBlock(url="demo://d")]),
            ["demo://d"],
        ),
    ],
    ids=["video", "audio link", "link", "missing file", "nothing", "unknown audio", "cited link"],
)
def test_tool_results_are_never_refused(block: Any, words: list[str]) -> None:
    """A block without a wire form raises in a user's message, and is described as text in a
    tool's.
    """
    with pytest.raises(ConfigurationError) as caught:
        wire(ChatMessage(blocks=[block]))
    assert caught.value.parameter == "messages"
    (sent,) = wire(tool(TextBlock(text="See."), block))
    assert sent["content"].startswith("See.\n")
    assert len(sent["content"]) < 400
    for word in words:
        assert word in sent["content"]


def test_assistant_with_a_call_id_is_a_plain_answer() -> None:
    """An assistant's message with a call id, as `return_direct` leaves it, is sent without the
    id.
    """
    message = ChatMessage(role="assistant", content="3", additional_kwargs={"tool_call_id": "c1"})
    assert wire(message) == [{"role": "assistant", "content": "3"}]


def test_messages_stay_as_they_are() -> None:
    """Translation does not modify the messages."""
    message = ChatMessage(
        role="assistant",
        blocks=[ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": [1]})],
    )
    before = message.model_dump_json()
    sent = wire(message)
    json.loads(sent[0]["tool_calls"][0]["function"]["arguments"])["a"].append(2)
    assert message.model_dump_json() == before
