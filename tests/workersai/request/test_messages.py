"""Messages, tools and formats into the form one model wants."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.workersai.talking import GLM, GRANITE, LLAMA, SEA_LION, UNKNOWN
from workersai import ConfigurationError, get_profile
from workersai._request.messages import to_wire_messages

TEXT_ONLY = [GRANITE, SEA_LION, "@cf/qwen/qwen2.5-coder-32b-instruct"]
SCOUT = "@cf/meta/llama-4-scout-17b-16e-instruct"
TEXT = {"type": "text", "text": "Look:"}
MORE = {"type": "text", "text": "there"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}}


def message(model: str, given: Any) -> dict[str, Any]:
    """One message as *model* wants it; what the caller passed stays as it was."""
    before = copy.deepcopy(given)
    (wire,) = to_wire_messages([given], get_profile(model))
    assert given == before
    return wire


# ------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("model", TEXT_ONLY)
def test_text_parts_are_joined_where_content_is_a_string(model: str) -> None:
    """A list of text parts answers 5006 on models whose schema says string."""
    wire = message(model, {"role": "user", "content": [TEXT, MORE]})
    assert wire == {"role": "user", "content": "Look:\nthere"}


@pytest.mark.parametrize("model", [GLM, LLAMA, UNKNOWN])
def test_text_parts_stay_where_lists_are_taken(model: str) -> None:
    """Other models get the list as it is."""
    wire = message(model, {"role": "user", "content": [TEXT, MORE]})
    assert wire == {"role": "user", "content": [TEXT, MORE]}


def test_a_part_is_sent_without_what_is_not_its_text() -> None:
    """Fields of other providers on a text part do not travel."""
    part = {**TEXT, "cache_control": {"type": "ephemeral"}}
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [TEXT]


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", TEXT_ONLY)
def test_what_is_no_text_is_refused_by_a_text_only_model(model: str, part: dict[str, Any]) -> None:
    """An image for a model that takes text raises before any request, naming the model."""
    with pytest.raises(ConfigurationError) as caught:
        message(model, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert part["type"] in str(caught.value)
    assert model in str(caught.value)
    assert "messages[0]" in str(caught.value)


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", [GLM, UNKNOWN])
def test_parts_are_sent_where_nothing_forbids_them(model: str, part: dict[str, Any]) -> None:
    """The schema of glm lists images, audio and files; of an unknown model nothing is known."""
    wire = message(model, {"role": "user", "content": [TEXT, part]})
    assert wire["content"] == [TEXT, part]


def test_an_address_is_refused_where_images_come_as_data() -> None:
    """A model whose page takes images as data URIs alone is not sent an address."""
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(ConfigurationError, match="data URIs alone") as caught:
        message(SCOUT, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert SCOUT in str(caught.value)
    assert message(SCOUT, {"role": "user", "content": [IMAGE]})["content"] == [IMAGE]
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [part]


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"c":"Zürich"}'}}


@pytest.mark.parametrize("content", [None, "", []], ids=repr)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_content_stands_beside_tool_calls(model: str, content: Any) -> None:
    """Missing or null content beside calls answers 5006; it is sent as the empty string."""
    given = {"role": "assistant", "content": content, "tool_calls": [CALL]}
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}
    del given["content"]
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}


def test_arguments_are_json_text() -> None:
    """Arguments given as an object go out as JSON text, unicode unescaped."""
    call = {"id": "a", "function": {"name": "f", "arguments": {"c": "Zürich"}}}
    wire = message(GRANITE, {"role": "assistant", "content": "", "tool_calls": [call]})
    assert wire["tool_calls"] == [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": '{"c": "Zürich"}'},
        }
    ]


def test_no_empty_list_of_calls_is_sent() -> None:
    """OpenAI-shaped models refuse an empty list; no calls is no field."""
    wire = message(GLM, {"role": "assistant", "content": "a", "tool_calls": []})
    assert wire == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(("model", "kept"), [(GLM, True), (GRANITE, False), (SEA_LION, False)])
def test_reasoning_goes_back_to_models_that_reason(model: str, kept: bool) -> None:
    """Reasoning is replayed under its own name, never inside the content."""
    wire = message(model, {"role": "assistant", "content": "Yes", "reasoning": "Hm."})
    assert wire["content"] == "Yes"
    assert wire.get("reasoning") == ("Hm." if kept else None)


@pytest.mark.parametrize(
    ("model", "role"), [(GLM, "developer"), (GRANITE, "system"), (UNKNOWN, "system")]
)
def test_the_role_developer(model: str, role: str) -> None:
    """Only models with the OpenAI schema list it; others know it as `system`."""
    assert message(model, {"role": "developer", "content": "Be brief."})["role"] == role


def test_fields_that_are_none_are_not_sent() -> None:
    """A name that is None is no name."""
    given = {"role": "user", "content": "Hi", "name": None}
    assert message(GLM, given) == {"role": "user", "content": "Hi"}


def test_a_tool_result_keeps_its_id_and_name() -> None:
    """What the model needs to match the result with its call is sent."""
    given = {"role": "tool", "tool_call_id": "a", "name": "f", "content": [TEXT]}
    assert message(GRANITE, given) == {**given, "content": "Look:"}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        ["hello"],
        [{"content": "no role"}],
        [{"role": 5, "content": "x"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": ["text"]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "assistant", "content": "", "tool_calls": ["f"]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}]}],
    ],
    ids=str,
)
def test_a_message_that_is_none_is_refused(messages: Any) -> None:
    """What no model could read raises as an argument, not as a crash."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_messages(messages, get_profile(GRANITE))
    assert caught.value.parameter == "messages"
