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


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
@pytest.mark.parametrize("model", [*TEXT_ONLY, GLM, LLAMA, UNKNOWN])
def test_parts_that_are_all_text_are_joined(model: str, role: str) -> None:
    """A list of text parts answers 5006 on several models, and joining it loses nothing."""
    wire = message(model, {"role": role, "content": [TEXT, MORE]})
    assert wire == {"role": role, "content": "Look:\nthere"}


def test_a_part_is_sent_without_what_is_not_its_text() -> None:
    """Fields of other providers on a text part do not travel."""
    part = {**TEXT, "cache_control": {"type": "ephemeral"}}
    assert message(GLM, {"role": "user", "content": [part, IMAGE]})["content"] == [TEXT, IMAGE]


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
    """A model whose page takes images as data URIs only is not sent an address."""
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
    """The server answers 8006 to it; the argument is named before any request."""
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*not base64") as caught:
        message(model, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"


@pytest.mark.parametrize("kind", ["", "text/html", "application/pdf", "video/mp4", "png"])
def test_a_data_uri_names_a_type_of_image(kind: str) -> None:
    """What calls itself another thing is no image."""
    part = {"type": "image_url", "image_url": {"url": f"data:{kind};base64,AAAA"}}
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*has no image type"):
        message(GLM, {"role": "user", "content": [TEXT, part]})


def test_base64_may_have_line_breaks() -> None:
    """Encoders of mail break lines."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA\nAA"}}
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [part]


@pytest.mark.parametrize("image", [{}, {"url": None}, None, 5], ids=repr)
def test_an_image_without_a_url_is_refused(image: Any) -> None:
    """An image part has a url, or it is an argument's error."""
    with pytest.raises(ConfigurationError, match="no url"):
        message(GLM, {"role": "user", "content": [{"type": "image_url", "image_url": image}]})


# ------------------------------------------------------------------------- results of tools


def several(model: str, *given: Any) -> list[dict[str, Any]]:
    """Messages as *model* wants them; what the caller passed stays as it was."""
    before = copy.deepcopy(given)
    wire = to_wire_messages(given, get_profile(model))
    assert given == before
    return wire


def result(content: Any, call_id: str = "a") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


@pytest.mark.parametrize("model", [GLM, SCOUT, UNKNOWN])
def test_an_image_of_a_tool_follows_its_result(model: str) -> None:
    """Images are understood in users' messages: that of a result comes after the last result."""
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
    """A result that ends the conversation keeps its image."""
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
    """A tool's image does not end the conversation: the model is told what was left out."""
    assert several(model, result([TEXT, part])) == [result(f"Look:\n{note.format(model)}")]


def test_a_link_that_the_model_does_not_follow_is_named() -> None:
    """A model that takes images as data is told the address."""
    link = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    (wire,) = several(SCOUT, result([link]))
    assert "https://example.com/a.png" in wire["content"]
    assert "data URIs only" in wire["content"]


def test_a_note_stays_short() -> None:
    """Neither megabytes of an image nor an endless address come into the text."""
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
    """What has no form on the wire is written as text, its JSON."""
    assert several(model, result(content)) == [result(text)]


KIMI = "@cf/moonshotai/kimi-k2.6"
PAGE = '<img src="data:image/gif;base64,R0lGODlh"> or "data:image/svg+xml;utf8,<svg/>"'


@pytest.mark.parametrize("model", [KIMI, "@cf/zai-org/glm-5.2"])
@pytest.mark.parametrize("role", ["tool", "assistant"])
def test_no_server_is_shown_an_image_inside_of_a_text(model: str, role: str) -> None:
    """Some servers take such text for an image, and answer 8006 to it in every later request."""
    (wire,) = several(model, {**result(PAGE), "role": role})
    shown = '<img src="[image left out: image/gif, 6 bytes]"> or "data: image/svg+xml;utf8,<svg/>"'
    assert wire["content"] == shown
    (wire,) = several(model, result([{"url": "data:image/png;base64,AAAA"}]))
    assert "data:image/" not in wire["content"]


@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
@pytest.mark.parametrize("role", ["tool", "assistant", "user"])
def test_text_with_an_image_stays_where_no_server_minds(model: str, role: str) -> None:
    """A page that a tool read is shown as it is."""
    assert several(model, {**result(PAGE), "role": role})[0]["content"] == PAGE


def test_a_users_text_stays_as_it_is() -> None:
    """What a user wrote is sent as written; the server's answer says what is wrong with it."""
    assert message(KIMI, {"role": "user", "content": PAGE})["content"] == PAGE


@pytest.mark.parametrize("part", [{"type": []}, {"type": {}}, {"type": 5}, {5: 6}, None], ids=repr)
def test_a_tool_may_return_parts_of_any_type(part: Any) -> None:
    """What is no part is written as JSON."""
    (wire,) = several(GLM, result([part]))
    assert isinstance(wire["content"], str)


def test_an_image_of_an_instruction_follows_it() -> None:
    """A system message holds text; its image is the user's, after all instructions."""
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
    """Half an emoji of an answer has no UTF-8; it does not end the conversation."""
    given = {"role": "assistant", "content": "a\ud83d", "reasoning": "b\ude00"}
    wire = message(GLM, given)
    assert wire == {"role": "assistant", "content": "a\ufffd", "reasoning": "b\ufffd"}


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
    """Servers parse a history's arguments, and refuse what is no object: it goes under `input`."""
    call = {"id": "a", "function": {"name": "f", "arguments": arguments}}
    wire = message(model, {"role": "assistant", "content": "", "tool_calls": [call]})
    assert wire["tool_calls"][0]["function"]["arguments"] == sent


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
