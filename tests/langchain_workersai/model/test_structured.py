"""Structured output by every method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel
from pydantic.v1 import BaseModel as V1Model
from typing_extensions import TypedDict

import langchain_workersai as face
from langchain_workersai._model.structured import default_method
from tests.langchain_workersai.scripted import GRANITE, SEA_LION, collect
from workersai import get_profile

LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


PersonDict.__name__ = "Person"

SCHEMA = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
ADA = '{"name": "Ada", "age": 36}'


class PersonV1(V1Model):
    """A person."""

    name: str
    age: int


PersonV1.__name__ = "Person"

ANY = [Person, PersonV1, PersonDict, SCHEMA]
METHODS = ["function_calling", "json_schema", "json_mode"]


def as_dict(value: Any) -> Any:
    if isinstance(value, V1Model):
        return value.dict()
    return value.model_dump() if isinstance(value, BaseModel) else value


def answer(wire: Any, method: str, text: str = ADA, finish: str = "stop") -> Any:
    if method == "function_calling":
        return wire.answer("", tool_calls=[wire.call("Person", text)], finish=finish)
    return wire.answer(text, finish=finish)


def stream(wire: Any, method: str, text: str = ADA, finish: str = "stop") -> Any:
    if method != "function_calling":
        return wire.stream(text[:9], text[9:], finish=finish)
    first = {"tool_calls": [wire.call("Person", text[:9])]}
    second = {"tool_calls": [wire.call(None, text[9:], None)]}
    return wire.stream(first, second, finish=finish)


@pytest.mark.parametrize("schema", ANY, ids=["pydantic", "pydantic v1", "TypedDict", "JSON schema"])
@pytest.mark.parametrize("method", METHODS)
async def test_structured_output_methods(
    scripted: Any, wire: Any, method: str, schema: Any
) -> None:
    """Each method gives the schema's objects: plain and as the last of a stream, sync and async."""
    plain, events = answer(wire, method), stream(wire, method)
    llm, _ = scripted(plain, plain, events, events)
    structured = llm.with_structured_output(schema, method=method)
    assert as_dict(structured.invoke("Ada, 36")) == {"name": "Ada", "age": 36}
    assert as_dict(await structured.ainvoke("Ada, 36")) == {"name": "Ada", "age": 36}
    assert as_dict(list(structured.stream("Ada, 36"))[-1]) == {"name": "Ada", "age": 36}
    chunks: Any = await collect(structured, "Ada, 36")
    assert as_dict(chunks[-1]) == {"name": "Ada", "age": 36}


def test_function_calling_forces_the_call(scripted: Any, wire: Any) -> None:
    """The schema is a tool that the model must call; `strict` is on it."""
    llm, server = scripted(answer(wire, "function_calling"))
    llm.with_structured_output(Person, method="function_calling", strict=True).invoke("Ada")
    assert server.body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    assert server.body["tools"][0]["function"]["strict"] is True


def test_json_schema_is_sent_as_the_model_wants_it(scripted: Any, wire: Any) -> None:
    """The schema is the response format; the compatible endpoint gets it with its name."""
    llm, server = scripted(answer(wire, "json_schema"), endpoint="openai")
    llm.with_structured_output(Person, method="json_schema", strict=True).invoke("Ada")
    form = server.body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == "Person"
    assert form["json_schema"]["strict"] is True
    assert "tools" not in server.body


def test_json_mode_asks_for_json(scripted: Any, wire: Any) -> None:
    """JSON mode names no schema and needs none."""
    llm, server = scripted(answer(wire, "json_mode"))
    assert llm.with_structured_output(method="json_mode").invoke("Ada") == {
        "name": "Ada",
        "age": 36,
    }
    assert server.body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_a_cut_answer_raises_and_names_max_tokens(
    scripted: Any, wire: Any, method: str, streamed: bool
) -> None:
    """What the token cap cut off is an error, not an object with keys missing."""
    make = stream if streamed else answer
    llm, _ = scripted(make(wire, method, '{"name": "Ada", "a', "length"))
    structured = llm.with_structured_output(SCHEMA, method=method)
    with pytest.raises(OutputParserException, match="max_tokens"):
        _ = list(structured.stream("Ada")) if streamed else structured.invoke("Ada")


def test_unreadable_arguments_raise(scripted: Any, wire: Any) -> None:
    """A call with broken arguments is an error and not `None`."""
    llm, _ = scripted(answer(wire, "function_calling", "not json"))
    with pytest.raises(OutputParserException, match="Person"):
        llm.with_structured_output(Person, method="function_calling").invoke("Ada")


def test_a_refusal_raises(scripted: Any, wire: Any) -> None:
    """A refusal is not parsed as an answer."""
    llm, _ = scripted(wire.answer("", refusal="I will not"))
    with pytest.raises(Exception, match="refus"):
        llm.with_structured_output(Person, method="json_schema").invoke("Ada")


@pytest.mark.parametrize("method", METHODS)
def test_include_raw_never_raises(scripted: Any, wire: Any, method: str) -> None:
    """With `include_raw` an error is a value beside the message."""
    good, bad = answer(wire, method), answer(wire, method, '{"name": ', "length")
    llm, _ = scripted(good, bad)
    structured = llm.with_structured_output(Person, method=method, include_raw=True)
    result = structured.invoke("Ada")
    assert result["parsed"] == Person(name="Ada", age=36)
    assert result["parsing_error"] is None
    assert result["raw"].response_metadata["model_name"] == GRANITE
    result = structured.invoke("Ada")
    assert result["parsed"] is None
    assert "max_tokens" in str(result["parsing_error"])


def test_tracing_is_told_the_form(scripted: Any, wire: Any) -> None:
    """One model call, whose options name method and schema."""
    seen: list[Any] = []

    class Starts(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            seen.append(kwargs["options"]["ls_structured_output_format"])

    llm, _ = scripted(answer(wire, "function_calling"))
    llm.with_structured_output(SCHEMA, method="function_calling").invoke(
        "Ada", config={"callbacks": [Starts()]}
    )
    assert [s["kwargs"]["method"] for s in seen] == ["function_calling"]
    assert seen[0]["schema"] == SCHEMA


def test_a_model_that_refuses_streamed_schemas_is_asked_once(scripted: Any, wire: Any) -> None:
    """`stream()` under a schema is one plain call for models that refuse to stream JSON."""
    llm, server = scripted({"response": {"name": "Ada", "age": 36}}, model=LLAMA)
    structured = llm.with_structured_output(Person, method="json_schema")
    assert list(structured.stream("Ada"))[-1] == Person(name="Ada", age=36)
    assert "stream" not in server.body


def test_the_default_method_is_what_the_page_supports() -> None:
    """Tools where the model has them, else a schema, else plain JSON."""
    assert default_method(get_profile(GRANITE)) == "function_calling"
    assert default_method(get_profile(SEA_LION)) == "json_schema"
    assert default_method(get_profile("@cf/unknown/model")) == "function_calling"
    toolless = replace(get_profile("@cf/unknown/model"), function_calling=False)
    assert default_method(toolless) == "json_mode"


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [({"method": "json_schema"}, "schema"), ({"schema": Person, "method": "magic"}, "method")],
    ids=["no schema", "no method"],
)
def test_what_cannot_work_is_refused(
    scripted: Any, wire: Any, arguments: dict[str, Any], parameter: str
) -> None:
    """A missing schema and an unknown method are errors at once."""
    llm, _ = scripted(wire.answer("a"))
    with pytest.raises(face.ConfigurationError) as caught:
        llm.with_structured_output(**arguments)
    assert caught.value.parameter == parameter


def test_response_format_beside_tools(scripted: Any, wire: Any) -> None:
    """`bind_tools` takes a schema as response format, as agents send it."""
    llm, server = scripted(wire.answer("a"), endpoint="openai")
    llm.bind_tools([SCHEMA], response_format=Person).invoke("Ada")
    assert server.body["response_format"]["json_schema"]["name"] == "Person"
    assert server.body["tools"][0]["function"]["name"] == "Person"
