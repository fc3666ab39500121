"""Structured output in the core: choosing the method, sending schemas, reading JSON."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter

from tests.workersai.talking import GLM, GRANITE, SEA_LION, UNKNOWN
from workersai import InvalidRequestError, get_profile
from workersai.integration import (
    MethodMemory,
    MethodTrial,
    OutputSchema,
    StructuredMethod,
    json_text,
    resolve_root,
    structured_methods,
    without_generated_titles,
)

# ------------------------------------------------------------------- the choice of the method


@pytest.mark.parametrize(
    ("model", "methods"),
    [
        (GRANITE, ("json_schema", "tool", "prompt")),
        (SEA_LION, ("json_schema", "tool", "prompt")),
        (GLM, ("json_schema", "tool", "prompt")),
        ("@cf/qwen/qwen3-30b-a3b-fp8", ("tool", "prompt")),
        ("@cf/meta/llama-3.2-1b-instruct", ("tool", "prompt")),
        (UNKNOWN, ("tool", "prompt")),
    ],
)
def test_methods_follow_what_is_known(model: str, methods: tuple[str, ...]) -> None:
    """A JSON schema if it is known to work, else a forced tool, else the prompt."""
    assert structured_methods(get_profile(model)) == methods


def test_a_model_without_tools_is_not_asked_to_call_one() -> None:
    """The page says whether a model has tools; the user's setting overrides it."""
    toolless = replace(get_profile(UNKNOWN), function_calling=False)
    assert structured_methods(toolless) == ("prompt",)
    assert structured_methods(toolless, calls_tools=True) == ("tool", "prompt")
    assert structured_methods(get_profile(GLM), calls_tools=False) == ("json_schema", "prompt")


ALL: tuple[StructuredMethod, ...] = ("json_schema", "tool", "prompt")


def refusal(code: int | None) -> InvalidRequestError:
    return InvalidRequestError("no", status_code=400, code=code)


def tried(memory: MethodMemory, codes: Sequence[int], key: str = "m") -> list[str]:
    """Return the methods that the adapter tries with a model that gives these refusals."""
    trial = MethodTrial(memory, (key,), ALL)
    methods = [trial.method]
    for code in codes:
        trial.refuse(refusal(code))
        methods.append(trial.method)
    trial.accept()
    return [str(method) for method in methods]


def test_the_next_method_is_tried_and_the_refusal_remembered() -> None:
    """A refused method is not tried again with that model, but is with others."""
    memory = MethodMemory()
    assert tried(memory, [5025, 8001]) == ["json_schema", "tool", "prompt"]
    assert tried(memory, []) == ["prompt"]
    assert tried(memory, [], key="other") == ["json_schema"]


@pytest.mark.parametrize("code", [5023, 5024, 8001])
def test_a_refusal_of_one_schema_is_not_remembered(code: int) -> None:
    """The next call tries the method again: the refusal may concern this schema or stream."""
    memory = MethodMemory()
    assert tried(memory, [code]) == ["json_schema", "tool"]
    assert tried(memory, []) == ["json_schema"]


@pytest.mark.parametrize(("method", "code"), [("tool", 5006), ("prompt", 8001), ("tool", None)])
def test_another_error_is_raised(method: StructuredMethod, code: int | None) -> None:
    """The adapter raises an error that refuses no method, and the refusal of the last method."""
    trial = MethodTrial(MethodMemory(), ("m",), (method, "prompt"))
    with pytest.raises(InvalidRequestError):
        trial.refuse(refusal(code))
    alone = MethodTrial(MethodMemory(), ("m",), ("tool",))
    with pytest.raises(InvalidRequestError):
        alone.refuse(refusal(8001))


def test_nothing_is_remembered_of_a_question_that_no_method_answered() -> None:
    """If every method fails, the request is at fault, and the adapter remembers no refusal."""
    memory = MethodMemory()
    trial = MethodTrial(memory, ("m",), ALL)
    trial.refuse(refusal(5025))
    trial.refuse(refusal(8001))
    with pytest.raises(InvalidRequestError):
        trial.refuse(refusal(8001))
    assert tried(memory, []) == ["json_schema"]


def test_copies_share_the_memory_and_pickles_have_none() -> None:
    """Copies share the remembered refusals, which are about models; a pickle has none."""
    memory = MethodMemory()
    tried(memory, [5025])
    assert copy.copy(memory) is memory
    assert copy.deepcopy([memory])[0] is memory
    assert tried(pickle.loads(pickle.dumps(memory)), []) == ["json_schema"]


# ------------------------------------------------------------------------ schemas on their way


class Reply(BaseModel):
    """A reply, with replies to it."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(description="What it says.")
    replies: list[Reply] = []


class Circle(BaseModel):
    radius: float


class Square(BaseModel):
    side: float


class Shape(RootModel[Circle | Square]):
    """A shape."""


class Tree(RootModel["dict[str, Tree] | None"]):
    pass


TREES: list[tuple[Any, Any, bool]] = [
    (Reply, {"text": "a", "replies": [{"text": "b"}]}, False),
    (Shape, {"side": 2.0}, True),
    (Tree, {"a": {"b": None}}, True),
    (list[int], [1, 2], True),
    (dict[str, int], {"a": 1}, False),
    (int, 7, True),
    (Circle | None, None, True),
]


@pytest.mark.parametrize(("kind", "value", "wrapped"), TREES, ids=str)
def test_a_schema_arrives_whole(kind: Any, value: Any, wrapped: bool) -> None:
    """The schema that is sent accepts what the type accepts, and refuses the rest."""
    adapter = TypeAdapter(kind)
    made = OutputSchema.of(adapter.json_schema())
    sent = made.tool()["function"]["parameters"]
    format_schema = made.response_format()["json_schema"]["schema"]
    assert format_schema == {**format_schema, **sent}
    assert sent["type"] == "object"
    assert made.is_wrapped is wrapped
    argument = {"value": value} if wrapped else value
    assert Draft202012Validator(sent).is_valid(argument)
    assert not Draft202012Validator(sent).is_valid({"replies": 5, "value": "?"})
    for reading in (made.of_arguments(argument)[0], made.of_text(json.dumps(argument))[0]):
        assert json.loads(reading) == value
    plainly = [json.loads(reading) for reading in made.of_text(json.dumps(value))]
    assert value in plainly


def test_the_description_of_a_class_is_sent() -> None:
    """The schema has name, docstring, descriptions and `extra`, but no titles made from names."""
    made = OutputSchema.of(without_generated_titles(resolve_root(Reply.model_json_schema())))
    assert (made.name, made.description) == ("Reply", "A reply, with replies to it.")
    function = made.tool()["function"]
    assert function["description"] == "A reply, with replies to it."
    assert function["parameters"]["additionalProperties"] is False
    text = function["parameters"]["properties"]["text"]
    assert text == {"description": "What it says.", "type": "string"}
    assert "title" not in json.dumps(function["parameters"])
    assert "A reply, with replies to it." in made.instruction()


def test_a_title_of_the_users_own_is_sent() -> None:
    """The adapter removes only the titles that pydantic derives from names.

    A property may be named `title`, and a value may have one.
    """
    schema = {
        "title": "Book",
        "type": "object",
        "properties": {
            "title": {"title": "Title", "type": "string"},
            "page_count": {"title": "Pages in all", "type": "integer"},
            "kind": {"title": "Kind", "default": {"title": "kind"}},
        },
    }
    before = copy.deepcopy(schema)
    found = OutputSchema.of(schema).tool()["function"]["parameters"]["properties"]
    assert found == schema["properties"]
    assert without_generated_titles(schema)["properties"] == {
        "title": {"type": "string"},
        "page_count": {"title": "Pages in all", "type": "integer"},
        "kind": {"default": {"title": "kind"}},
    }
    assert schema == before


def test_references_to_the_root_follow_it() -> None:
    """A schema that refers to itself still does when it is nested."""
    schema = {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}}
    made = OutputSchema.of(schema)
    check = Draft202012Validator(made.schema)
    assert check.is_valid({"value": [1, [2, [3]]]})
    assert not check.is_valid({"value": [1, ["x"]]})


def test_strict_closes_every_object() -> None:
    """`strict` is set in both forms, and every nested object allows no other keys."""
    schema = TypeAdapter(list[Circle]).json_schema()
    made = OutputSchema.of(schema, name="circles")
    function = made.tool(strict=True)["function"]
    envelope = made.response_format(strict=True)["json_schema"]
    assert function["strict"] is envelope["strict"] is True
    for sent in (function["parameters"], envelope["schema"]):
        assert sent["additionalProperties"] is False
        assert sent["$defs"]["Circle"]["additionalProperties"] is False
    assert "additionalProperties" not in json.dumps(made.tool(strict=False))


@pytest.mark.parametrize(
    ("title", "name"),
    [("My Answer!", "My_Answer_"), ("Antwört", "Antwort"), ("答え", "answer"), (None, "answer"),
     ("L" * 80, "L" * 64), (5, "answer")],
)  # fmt: skip
def test_names_from_titles_are_acceptable(title: Any, name: str) -> None:
    """The tool, its choice and the response format have the same acceptable name."""
    made = OutputSchema.of({"title": title, "type": "object", "properties": {}})
    assert made.tool()["function"]["name"] == name
    assert made.tool_choice()["function"]["name"] == name
    assert made.response_format()["json_schema"]["name"] == name


# -------------------------------------------------------------------------- the JSON in a text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('Sure:\n```json\n{"a": 1}\n```\nDone.', '{"a": 1}'),
        ('```\n{"a": 1}', '{"a": 1}'),
        ('Here: {"a": 1}. Good?', '{"a": 1}'),
        ('First {"a": 0}, then\n```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```python\nprint("hi")\n```\n```json\n{"a": 1}\n```', '{"a": 1}'),
        ('{"a": "```x```"}', '{"a": "```x```"}'),
        ('```json\n{"a": "```x```"}\n```', '{"a": "```x```"}'),
        ("[1]", "[1]"),
        ("none", "none"),
        ("", ""),
        ('Here [as asked]: {"a": 1}', '{"a": 1}'),
        ('{"a": 1}\nNote: for {x} see [y].', '{"a": 1}'),
        ('<think>maybe {"a": 0}</think>\n{"a": 1}', '{"a": 1}'),
        ('Maybe {"a": 0}.</think>{"a": 1}', '{"a": 1}'),
        ('{"a": "</think>"}', '{"a": "</think>"}'),
        ('<think>never {"a": 1}', ""),
    ],
)
def test_json_is_found_in_text(text: str, expected: str) -> None:
    """The reader ignores fences, sentences and reasoning around the JSON."""
    assert json_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1} or rather {"a": 2}',
        '```{"a": 1}``` or ```{"a": 2}```',
        '{"a": {"b": 1}, "c": ',
        '{"a": {"b": 1}, oops, "c": {"d": 2}}',
        "[" * 5000,
        '{"a": ' + "9" * 5000,
        "{",
    ],
)
def test_no_json_is_chosen_from_several_or_from_inside(text: str) -> None:
    """The reader refuses several values, and takes no part of a broken one."""
    assert json_text(text) == text


def test_a_long_text_is_read_in_one_go() -> None:
    """Reading takes linear time, also for millions of spaces, fences and brackets."""
    for text in ("```" + " " * 2_000_000, "``` {" * 300_000, "[ " * 1_000_000):
        assert json_text(text) == text


CALLED = {"city": "Oslo", "days": 2}


@pytest.mark.parametrize(
    "written",
    [
        CALLED,
        {"name": "forecast", "arguments": CALLED},
        {"name": "forecast", "parameters": CALLED},
        {"name": "forecast", "arguments": json.dumps(CALLED)},
        [{"name": "forecast", "arguments": CALLED}],
        {"type": "function", "function": {"name": "forecast", "arguments": CALLED}},
        {"name": "forecast", **CALLED},
        {"type": "function", "name": "forecast", **CALLED},
    ],
    ids=str,
)
def test_a_call_that_was_written_as_text_is_read(written: Any) -> None:
    """The reader accepts the forms in which models were seen to write a call as text."""
    properties = {"city": {"type": "string"}, "days": {"type": "integer"}}
    made = OutputSchema.of({"title": "forecast", "type": "object", "properties": properties})
    assert json.loads(made.of_text(f"```json\n{json.dumps(written)}\n```")[0]) == CALLED


@pytest.mark.parametrize(
    "written",
    [
        {"name": "other", "arguments": CALLED},
        {"name": "forecast", "arguments": "no json"},
        {"name": "forecast", "days": 2},
    ],
    ids=str,
)
def test_what_only_looks_like_a_call_is_the_answer(written: Any) -> None:
    """An object with another name, or without arguments, is the answer itself."""
    properties = {"name": {"type": "string"}, "days": {"type": "integer"}}
    made = OutputSchema.of({"title": "forecast", "type": "object", "properties": properties})
    assert json.loads(made.of_text(json.dumps(written))[0]) == written


def test_digits_of_a_text_stay_as_they_are() -> None:
    """A number keeps the digits that the model wrote, not those of a float."""
    made = OutputSchema.of({"type": "object", "properties": {"price": {"type": "number"}}})
    assert made.of_text('It is {"price": 19.90}.') == ['{"price": 19.90}']
