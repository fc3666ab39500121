"""Messages in the form that each model accepts."""

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
    """Return one message as *model* accepts it; check that the input stays unchanged."""
    before = copy.deepcopy(given)
    (wire,) = to_wire_messages([given], get_profile(model))
    assert given == before
    return wire


# ------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
@pytest.mark.parametrize("model", [*TEXT_ONLY, GLM, LLAMA, UNKNOWN])
def test_parts_that_are_all_text_are_joined(model: str, role: str) -> None:
    """The client joins a list of text parts, because several models answer 5006 to one."""
    wire = message(model, {"role": role, "content": [TEXT, MORE]})
    assert wire == {"role": role, "content": "Look:\nthere"}


def test_a_part_is_sent_without_what_is_not_its_text() -> None:
    """The client drops other providers' fields from a text part."""
    part = {**TEXT, "cache_control": {"type": "ephemeral"}}
    assert message(GLM, {"role": "user", "content": [part, IMAGE]})["content"] == [TEXT, IMAGE]


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", [*TEXT_ONLY, LLAMA])
def test_what_is_no_text_is_refused_by_a_text_only_model(model: str, part: dict[str, Any]) -> None:
    """An image for a text-only model raises before any request, naming the model."""
    with pytest.raises(ConfigurationError) as caught:
        message(model, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert part["type"] in str(caught.value)
    assert model in str(caught.value)
    assert "messages[0]" in str(caught.value)


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", [GLM, UNKNOWN])
def test_parts_are_sent_where_nothing_forbids_them(model: str, part: dict[str, Any]) -> None:
    """The client sends images, audio and files to glm, which lists them, and to unknown models."""
    wire = message(model, {"role": "user", "content": [TEXT, part]})
    assert wire["content"] == [TEXT, part]


def test_an_address_is_refused_where_images_come_as_data() -> None:
    """The client refuses an image URL if the model's page accepts data URIs alone."""
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(ConfigurationError, match="data URIs only") as caught:
        message(SCOUT, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert SCOUT in str(caught.value)
    assert message(SCOUT, {"role": "user", "content": [IMAGE]})["content"] == [IMAGE]
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [part]


@pytest.mark.parametrize(
    "url",
    [
        "data:image/svg+xml;utf8,<svg/>",
        "data:image/png;base64,@@",
        "data:image/png;base64,AAAAA",
        "data:image/png;base64,A===",
        "data:image/png;base64,-_-_",
        "data:image/png;base64,",
        "data:image/png;base64, \n",
        "data:image/png;base64",
        "data:image/png;BASE64,AAAA",
        "data:image/png,AAAA",
        "DATA:image/png,AAAA",
        " data:image/png,AAAA",
        "data:image/png",
        "data:",
    ],
)
@pytest.mark.parametrize("model", [GLM, SCOUT, UNKNOWN])
def test_an_image_whose_data_is_not_base64_is_refused(model: str, url: str) -> None:
    """The error names the argument before any request; the server would answer 8006."""
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*not base64") as caught:
        message(model, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"


@pytest.mark.parametrize("kind", ["", "text/html", "application/pdf", "video/mp4", "png"])
def test_a_data_uri_names_a_type_of_image(kind: str) -> None:
    """The client refuses a data URI whose type is not an image."""
    part = {"type": "image_url", "image_url": {"url": f"data:{kind};base64,AAAA"}}
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*has no image type"):
        message(GLM, {"role": "user", "content": [TEXT, part]})


def test_base64_may_have_line_breaks() -> None:
    """The client accepts line breaks in base64, as mail encoders write them."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA\nAA"}}
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [part]


@pytest.mark.parametrize("image", [{}, {"url": None}, None, 5], ids=repr)
def test_an_image_without_a_url_is_refused(image: Any) -> None:
    """An image part without a URL raises an argument error."""
    with pytest.raises(ConfigurationError, match="no url"):
        message(GLM, {"role": "user", "content": [{"type": "image_url", "image_url": image}]})


# ------------------------------------------------------------------------- results of tools


def several(model: str, *given: Any) -> list[dict[str, Any]]:
    """Return messages as *model* accepts them; check that the input stays unchanged."""
    before = copy.deepcopy(given)
    wire = to_wire_messages(given, get_profile(model))
    assert given == before
    return wire


def result(content: Any, call_id: str = "a") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


@pytest.mark.parametrize("model", [GLM, SCOUT, UNKNOWN])
def test_an_image_of_a_tool_follows_its_result(model: str) -> None:
    """The image of a tool result becomes a user message after the last result."""
    question = {"role": "user", "content": "What now?"}
    wire = several(model, result([TEXT, IMAGE]), result([IMAGE], "b"), question)
    assert wire == [
        result("Look:"),
        result("", "b"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Attached to tool call a:"},
                IMAGE,
                {"type": "text", "text": "Attached to tool call b:"},
                IMAGE,
            ],
        },
        question,
    ]


def test_an_image_of_the_last_result_is_sent() -> None:
    """The image is sent even if the result ends the conversation."""
    assert [m["role"] for m in several(GLM, result([IMAGE]))] == ["tool", "user"]


@pytest.mark.parametrize(
    ("part", "note"),
    [
        (IMAGE, "[image left out: image/png, 3 bytes; {} takes text only]"),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            "[image left out: https://example.com/a.png; {} takes text only]",
        ),
        (AUDIO, "[audio left out: wav, 3 bytes; {} takes text only]"),
        (
            {"type": "file", "file": {"filename": "a.zip", "file_data": "data:x/y;base64,AAAA"}},
            "[file left out: a.zip, x/y, 3 bytes; {} takes text only]",
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, "[file left out: f1; {} takes text only]"),
    ],
    ids=["image", "link", "audio", "file", "file id"],
)
@pytest.mark.parametrize("model", TEXT_ONLY)
def test_what_a_text_only_model_cannot_take_of_a_tool_is_named(
    model: str, part: dict[str, Any], note: str
) -> None:
    """For a text-only model, the result states that a tool's image was left out."""
    assert several(model, result([TEXT, part])) == [result(f"Look:\n{note.format(model)}")]


def test_a_link_that_the_model_does_not_follow_is_named() -> None:
    """A model that accepts images as data alone gets the URL as text."""
    link = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    (wire,) = several(SCOUT, result([link]))
    assert "https://example.com/a.png" in wire["content"]
    assert "data URIs only" in wire["content"]


def test_a_note_stays_short() -> None:
    """A note about an image holds neither its data nor a long URL."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4_000_000}}
    link = {"type": "image_url", "image_url": {"url": "https://example.com/" + "a" * 10_000}}
    for part in (image, link):
        (wire,) = several(GRANITE, result([part]))
        assert len(wire["content"]) < 600


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ("plain", "plain"),
        ("half \ud83d", "half \ufffd"),
        ({"a": 1}, '{"a": 1}'),
        (5, "5"),
        (["a", TEXT], "a\nLook:"),
        ([{"type": "text", "lines": 3}], '{"type": "text", "lines": 3}'),
        ([{"type": "json", "json": {"a": 1}}], '{"type": "json", "json": {"a": 1}}'),
        ([{"type": "file", "size": 3}], '{"type": "file", "size": 3}'),
        ([{"name": "a.txt"}, 7], '{"name": "a.txt"}\n7'),
        ([{"type": "image_url", "image_url": {}}], '{"type": "image_url", "image_url": {}}'),
        ([{"at": {1, 2}}], '{"at": [1, 2]}'),
    ],
    ids=repr,
)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_what_a_tool_returned_is_never_refused(model: str, content: Any, text: str) -> None:
    """The client writes a result without a wire form as JSON text."""
    assert several(model, result(content)) == [result(text)]


KIMI = "@cf/moonshotai/kimi-k2.6"
PAGE = '<img src="data:image/gif;base64,R0lGODlh"> or "data:image/svg+xml;utf8,<svg/>"'


@pytest.mark.parametrize("model", [KIMI, "@cf/zai-org/glm-5.2"])
@pytest.mark.parametrize("role", ["tool", "assistant"])
def test_no_server_is_shown_an_image_inside_of_a_text(model: str, role: str) -> None:
    """The client rewrites text that a server takes for an image, and answers with 8006."""
    (wire,) = several(model, {**result(PAGE), "role": role})
    shown = '<img src="[image left out: image/gif, 6 bytes]"> or "data: image/svg+xml;utf8,<svg/>"'
    assert wire["content"] == shown
    (wire,) = several(model, result([{"url": "data:image/png;base64,AAAA"}]))
    assert "data:image/" not in wire["content"]


@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
@pytest.mark.parametrize("role", ["tool", "assistant", "user"])
def test_text_with_an_image_stays_where_no_server_minds(model: str, role: str) -> None:
    """Text with an image stays unchanged for models whose server accepts it."""
    assert several(model, {**result(PAGE), "role": role})[0]["content"] == PAGE


def test_a_users_text_stays_as_it_is() -> None:
    """The client sends a user's text unchanged; the server may refuse it."""
    assert message(KIMI, {"role": "user", "content": PAGE})["content"] == PAGE


@pytest.mark.parametrize("part", [{"type": []}, {"type": {}}, {"type": 5}, {5: 6}, None], ids=repr)
def test_a_tool_may_return_parts_of_any_type(part: Any) -> None:
    """The client writes a part of an unknown type as JSON."""
    (wire,) = several(GLM, result([part]))
    assert isinstance(wire["content"], str)


def test_an_image_of_an_instruction_follows_it() -> None:
    """The image of a system message becomes a user message after all system messages."""
    wire = several(
        GLM,
        {"role": "system", "content": [TEXT, IMAGE]},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    )
    assert [m["role"] for m in wire] == ["system", "system", "user", "user"]
    assert wire[0]["content"] == "Look:"
    assert wire[2]["content"][1] == IMAGE


def test_halves_of_surrogate_pairs_that_a_model_wrote_are_replaced() -> None:
    """The client replaces half an emoji in an answer, because it has no UTF-8 form."""
    given = {"role": "assistant", "content": "a\ud83d", "reasoning": "b\ude00"}
    wire = message(GLM, given)
    assert wire == {"role": "assistant", "content": "a\ufffd", "reasoning": "b\ufffd"}


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"c":"Zürich"}'}}


@pytest.mark.parametrize("content", [None, "", []], ids=repr)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_content_stands_beside_tool_calls(model: str, content: Any) -> None:
    """The client sends the empty string as content: missing or null content answers 5006."""
    given = {"role": "assistant", "content": content, "tool_calls": [CALL]}
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}
    del given["content"]
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}


def test_arguments_are_json_text() -> None:
    """Arguments that are an object are sent as JSON text, with non-ASCII unescaped."""
    call = {"id": "a", "function": {"name": "f", "arguments": {"c": "Zürich"}}}
    wire = message(GRANITE, {"role": "assistant", "content": "", "tool_calls": [call]})
    assert wire["tool_calls"] == [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": '{"c": "Zürich"}'},
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("", "{}"),
        ("null", "{}"),
        ("{oops", '{"input": "{oops"}'),
        ("[1]", '{"input": "[1]"}'),
        ([1], '{"input": "[1]"}'),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ('{"y": Infinity}', '{"y": "Infinity"}'),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_arguments_are_the_text_of_an_object(model: str, arguments: Any, sent: str) -> None:
    """The client sends arguments that are no object under the key `input`."""
    call = {"id": "a", "function": {"name": "f", "arguments": arguments}}
    wire = message(model, {"role": "assistant", "content": "", "tool_calls": [call]})
    assert wire["tool_calls"][0]["function"]["arguments"] == sent


def test_no_empty_list_of_calls_is_sent() -> None:
    """The client drops an empty list of calls, which OpenAI-shaped models refuse."""
    wire = message(GLM, {"role": "assistant", "content": "a", "tool_calls": []})
    assert wire == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(("model", "kept"), [(GLM, True), (GRANITE, False), (SEA_LION, False)])
def test_reasoning_goes_back_to_models_that_reason(model: str, kept: bool) -> None:
    """The client sends reasoning in its own field, never inside the content."""
    wire = message(model, {"role": "assistant", "content": "Yes", "reasoning": "Hm."})
    assert wire["content"] == "Yes"
    assert wire.get("reasoning") == ("Hm." if kept else None)


@pytest.mark.parametrize(
    ("model", "role"), [(GLM, "developer"), (GRANITE, "system"), (UNKNOWN, "system")]
)
def test_the_role_developer(model: str, role: str) -> None:
    """The client sends `developer` to models that list it, and `system` to others."""
    assert message(model, {"role": "developer", "content": "Be brief."})["role"] == role


def test_fields_that_are_none_are_not_sent() -> None:
    """The client drops fields that are None."""
    given = {"role": "user", "content": "Hi", "name": None}
    assert message(GLM, given) == {"role": "user", "content": "Hi"}


def test_a_tool_result_keeps_its_id_and_name() -> None:
    """The client sends the id and name of a result."""
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
def test_an_invalid_message_is_refused(messages: Any) -> None:
    """A message without a readable form raises an argument error."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_messages(messages, get_profile(GRANITE))
    assert caught.value.parameter == "messages"
