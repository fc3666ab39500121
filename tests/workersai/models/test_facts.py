"""Recorded facts override the tables, and requests are built from the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import workersai._models as models
from tests.scenarios import HELLO
from workersai import ConfigurationError, get_profile
from workersai._models.facts import FACTS_VARIABLE, Fact, read_facts, recorded_facts
from workersai._models.profile import ModelProfile
from workersai._request.chat import ChatOptions, chat_body
from workersai.integration import splits_think_tags, structured_methods

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = {"name": "look", "parameters": {"type": "object", "properties": {"at": {}}}}

Record = Callable[..., None]


def fact(field: str, value: Any, model: str = GRANITE) -> dict[str, Any]:
    return {"model": model, "field": field, "value": value, "date": "2026-11-25", "source": "probe"}


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """Write a file of facts, and set the user's variable to it."""

    def written(*facts: dict[str, Any]) -> None:
        path = tmp_path / "facts.json"
        path.write_text(json.dumps({"facts": facts}))
        monkeypatch.setenv(FACTS_VARIABLE, str(path))
        forget()

    yield written
    monkeypatch.undo()
    forget()


def forget() -> None:
    recorded_facts.cache_clear()
    models._profiles.cache_clear()


def body(**options: Any) -> dict[str, Any]:
    call = options.pop("call", {})
    tools = options.pop("tools", None)
    messages: Any = HELLO
    return chat_body(messages, ChatOptions(GRANITE, call, **options), tools=tools)[0]


def test_a_fact_replaces_what_the_table_says(record: Record) -> None:
    """The profile has the fact's value and names its source and date; the rest stays."""
    before = get_profile(GRANITE)
    record(fact("structured_output", value=False))
    after = get_profile(GRANITE)
    assert after.structured_output is False
    assert after.context_window == before.context_window
    assert after.sources == (*before.sources, "probe, 2026-11-25: structured_output")


def test_a_fact_about_an_unlisted_model_makes_it_known(record: Record) -> None:
    """A model that no table lists is known by its facts."""
    record(fact("inputs", ["messages"], model="@cf/new/model"))
    assert get_profile("@cf/new/model").known
    assert get_profile("@cf/new/model").inputs == ("messages",)


def test_parameters_are_facts_as_well(record: Record) -> None:
    """Arguments are checked against the recorded range."""
    record(fact("parameters", {"temperature": {"type": "number", "minimum": 0, "maximum": 9}}))
    assert body(call={"temperature": 8})["temperature"] == 8
    with pytest.raises(ConfigurationError, match="temperature"):
        body(call={"temperature": 10})


def test_the_cap_of_v1_is_read_from_the_profile(record: Record) -> None:
    """`/ai/v1` gets the page's token cap only if the server was seen to stop earlier."""
    assert body(endpoint="openai")["max_tokens"] == 2000
    record(fact("openai_token_cap", value=None))
    assert "max_tokens" not in body(endpoint="openai")


def test_the_rules_of_tool_schemas_are_read_from_the_profile(record: Record) -> None:
    """Properties get a type and a description only if the profile requires them."""
    record(fact("describes_properties", value=False))
    assert body(tools=[TOOL])["tools"][0]["function"]["parameters"]["properties"] == {"at": {}}
    record(fact("describes_properties", value=True))
    described = body(tools=[TOOL])["tools"][0]["function"]["parameters"]["properties"]
    assert "description" in described["at"]


def test_the_form_of_a_schema_is_read_from_the_profile(record: Record) -> None:
    """The profile decides whether a JSON schema is sent bare or in its envelope."""
    call = {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}
    assert body(call=call)["response_format"]["json_schema"] == SCHEMA
    record(fact("schema_envelope", value=True))
    assert body(call=call)["response_format"]["json_schema"]["schema"] == SCHEMA


def test_lists_of_parts_are_read_from_the_profile(record: Record) -> None:
    """An image is refused before the request only if the profile requires content to be text."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "hi"}, image]}]
    with pytest.raises(ConfigurationError, match="text only"):
        chat_body(messages, ChatOptions(GRANITE, {}))
    record(fact("text_only_content", value=False), fact("vision", value=True))
    assert chat_body(messages, ChatOptions(GRANITE, {}))[0]["messages"][0]["content"][1] == image


def test_think_tags_are_read_from_the_profile(record: Record) -> None:
    """Without the user's setting, the profile decides whether text holds reasoning."""
    assert splits_think_tags(None, GRANITE) is False
    record(fact("think_tags", value=True))
    assert splits_think_tags(None, GRANITE) is True
    assert splits_think_tags(setting=False, model=GRANITE) is False


def test_a_forced_tool_is_no_method_where_it_is_ignored() -> None:
    """Structured output forces no tool if the model was seen to ignore the tool choice."""
    calls = ModelProfile("m", function_calling=True)
    assert structured_methods(calls) == ("tool", "prompt")
    ignores = ModelProfile("m", function_calling=True, forces_tools=False)
    assert structured_methods(ignores) == ("prompt",)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"facts": [5]}',
        '{"facts": [{"model": "m"}]}',
        json.dumps({"facts": [fact("name", "x")]}),
        json.dumps({"facts": [fact("colour", "x")]}),
    ],
)
def test_a_file_that_holds_no_facts_is_refused(text: str) -> None:
    """The error names the file."""
    with pytest.raises(ConfigurationError, match=r"mine\.json"):
        read_facts(text, "mine.json")


def test_a_missing_file_is_refused(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the path of no file raises an error."""
    record()
    monkeypatch.setenv(FACTS_VARIABLE, "/nowhere/facts.json")
    forget()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        get_profile(GRANITE)


def test_the_package_holds_facts_that_can_be_read() -> None:
    """Each fact that the package ships sets a field of a profile, with a date."""
    assert all(isinstance(found, Fact) and len(found.date) == 10 for found in recorded_facts())
