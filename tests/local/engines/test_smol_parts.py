"""The code around the real models: schemas, prompts and grounding, tested without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workersai.local.engines import EngineOptions, create_engine, smol
from workersai.local.engines.base import ChatJob, EngineUnavailable, ToolSpec
from workersai.local.engines.jsonmode import bounded_schema, grounded
from workersai.local.engines.preflight import Check
from workersai.local.engines.prompting import argument_messages, chat_messages, json_messages
from workersai.local.engines.routing import PlannedCall


def test_open_strings_and_arrays_are_limited() -> None:
    """`bounded_schema` limits open strings and arrays in a copy and keeps limited ones."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "free": {"type": "string"},
            "long": {"type": "string", "minLength": 100},
            "kind": {"type": "string", "enum": ["a"]},
            "list": {"type": "array", "items": {"$ref": "#/$defs/S"}},
            "short": {"type": "array", "maxItems": 2},
        },
        "$defs": {"S": {"type": "string"}},
    }
    before = json.dumps(schema)
    bounded = bounded_schema(schema)
    assert json.dumps(schema) == before
    assert bounded["properties"]["free"]["maxLength"] == 80
    assert bounded["properties"]["long"]["maxLength"] == 100
    assert "maxLength" not in bounded["properties"]["kind"]
    assert bounded["properties"]["list"]["maxItems"] == 8
    assert bounded["properties"]["short"]["maxItems"] == 2
    assert bounded["$defs"]["S"]["maxLength"] == 80


def multiply(text: str) -> PlannedCall:
    numbers = {"a": {"type": "number"}, "b": {"type": "number"}}
    parameters = {"type": "object", "properties": numbers, "required": ["a", "b"]}
    return PlannedCall(ToolSpec("multiply", "Multiply.", parameters), text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"a": 3, "b": 4}, {"a": 3, "b": 4}),
        ({"a": 4, "b": 3}, {"a": 4, "b": 3}),
        ({"a": 6, "b": 8}, {"a": 3, "b": 4}),
    ],
)
def test_arguments_come_from_the_request(written: dict[str, Any], expected: dict[str, Any]) -> None:
    """`grounded` keeps arguments of the request and replaces invented ones from the request."""
    assert grounded(written, multiply("Multiply 3 and 4")) == expected


def test_grounded_keeps_values_without_replacement() -> None:
    """`grounded` keeps the model's value if the request has no such value."""
    assert grounded({"a": 6, "b": 8}, multiply("Multiply them")) == {"a": 6, "b": 8}


def test_prompts_have_plain_roles() -> None:
    """`chat_messages` turns any conversation into system, user and assistant turns with text."""
    messages = (
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "w", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "user", "content": "And tomorrow?"},
    )
    prompt = chat_messages(ChatJob(messages=messages))
    assert [m["role"] for m in prompt] == ["system", "user", "assistant", "user", "user"]
    assert all(message["content"] for message in prompt)


def test_prompt_after_tool_results() -> None:
    """Tool results at the end of the conversation go into one turn with the question."""
    messages = (
        {"role": "user", "content": "Weather?"},
        {"role": "tool", "tool_call_id": "1", "name": "get_weather", "content": "sunny"},
    )
    last = chat_messages(ChatJob(messages=messages))[-1]
    assert last == {"role": "user", "content": "Facts: get weather: sunny\nQuestion: Weather?"}


def test_prompt_for_arguments_and_json() -> None:
    """The prompts for arguments and for JSON name the fields that the model must fill."""
    assert '"a": number, "b": number' in argument_messages(multiply("3 and 4"))[-1]["content"]
    job = ChatJob(messages=({"role": "user", "content": "Ann"},))
    schema: dict[str, Any] = {"properties": {"name": {}, "age": {}}}
    assert json_messages(job, schema)[-1]["content"].endswith("name, age.")


def test_preflight_names_all_missing_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error lists all parts that the engine lacks, each with its remedy."""
    lacking = [
        Check("package xllamacpp", ok=False, detail="not installed", remedy="pip install it"),
        Check("libgomp", ok=False, detail="not found", remedy="apt-get install libgomp1"),
    ]
    monkeypatch.setattr(smol, "missing", lambda: lacking)
    with pytest.raises(EngineUnavailable) as raised:
        smol.SmolEngine()
    assert all(check.name in str(raised.value) for check in lacking)
    assert all(check.remedy in str(raised.value) for check in lacking)


def test_fallback_is_used_only_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that cannot start raises, unless the caller names a fallback."""
    lacking = [Check("libgomp", ok=False, detail="not found", remedy="install it")]
    monkeypatch.setattr(smol, "missing", lambda: lacking)
    with pytest.raises(EngineUnavailable, match="libgomp"):
        create_engine(EngineOptions(engine="smol"))
    assert create_engine(EngineOptions(engine="smol", fallback="echo")).name == "echo"


def test_model_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A GGUF path without a file raises before anything is loaded."""
    monkeypatch.setattr(smol, "missing", list)
    with pytest.raises(EngineUnavailable, match=r"none\.gguf"):
        smol.SmolEngine(tmp_path / "none.gguf")
