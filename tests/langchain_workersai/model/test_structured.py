"""Structured output by each method."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
import pickle
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel
from pydantic.v1 import BaseModel as V1Model
from typing_extensions import TypedDict

import langchain_workersai as face
from tests.langchain_workersai.scripted import (
    GLM,
    GRANITE,
    LLAMA,
    SEA_LION,
    collect,
)


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
    """Each method returns the schema's object: plain, as the last of a stream, sync and async."""
    plain, events = answer(wire, method), stream(wire, method)
    llm, _ = scripted(plain, plain, events, events)
    structured = llm.with_structured_output(schema, method=method)
    assert as_dict(structured.invoke("Ada, 36")) == {"name": "Ada", "age": 36}
    assert as_dict(await structured.ainvoke("Ada, 36")) == {"name": "Ada", "age": 36}
    assert as_dict(list(structured.stream("Ada, 36"))[-1]) == {"name": "Ada", "age": 36}
    chunks: Any = await collect(structured, "Ada, 36")
    assert as_dict(chunks[-1]) == {"name": "Ada", "age": 36}


def test_function_calling_forces_the_call(scripted: Any, wire: Any) -> None:
    """`function_calling` sends the schema as a strict tool that the model must call."""
    llm, server = scripted(answer(wire, "function_calling"))
    llm.with_structured_output(Person, method="function_calling", strict=True).invoke("Ada")
    assert server.body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    assert server.body["tools"][0]["function"]["strict"] is True


def test_json_schema_is_sent_as_response_format(scripted: Any, wire: Any) -> None:
    """`json_schema` sends the schema as response format; the OpenAI endpoint gets its name too."""
    llm, server = scripted(answer(wire, "json_schema"), endpoint="openai")
    llm.with_structured_output(Person, method="json_schema", strict=True).invoke("Ada")
    form = server.body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == "Person"
    assert form["json_schema"]["strict"] is True
    assert "tools" not in server.body


def test_json_mode_asks_for_json(scripted: Any, wire: Any) -> None:
    """`json_mode` asks for a JSON object, sends no schema and needs none."""
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
    """Structured output raises an error that names `max_tokens` when the token cap cut the JSON."""
    make = stream if streamed else answer
    llm, _ = scripted(make(wire, method, '{"name": "Ada", "a', "length"))
    structured = llm.with_structured_output(SCHEMA, method=method)
    with pytest.raises(OutputParserException, match="max_tokens"):
        _ = list(structured.stream("Ada")) if streamed else structured.invoke("Ada")


def test_unreadable_arguments_raise(scripted: Any, wire: Any) -> None:
    """Structured output raises an error for a call whose arguments are not JSON."""
    llm, _ = scripted(answer(wire, "function_calling", "not json"))
    with pytest.raises(OutputParserException, match="Person"):
        llm.with_structured_output(Person, method="function_calling").invoke("Ada")


def test_a_refusal_raises(scripted: Any, wire: Any) -> None:
    """Structured output raises an error when the model refuses to answer."""
    llm, _ = scripted(wire.answer("", refusal="I will not"))
    with pytest.raises(Exception, match="refus"):
        llm.with_structured_output(Person, method="json_schema").invoke("Ada")


@pytest.mark.parametrize("method", METHODS)
def test_include_raw_never_raises(scripted: Any, wire: Any, method: str) -> None:
    """With `include_raw` structured output returns an error beside the message and never raises."""
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


def test_tracing_receives_method_and_schema(scripted: Any, wire: Any) -> None:
    """LangChain's callbacks receive the method and the schema among the options of the call."""
    formats: list[Any] = []

    class Starts(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            formats.append(kwargs["options"]["ls_structured_output_format"])

    llm, _ = scripted(answer(wire, "function_calling"))
    llm.with_structured_output(SCHEMA, method="function_calling").invoke(
        "Ada", config={"callbacks": [Starts()]}
    )
    assert [form["kwargs"]["method"] for form in formats] == ["function_calling"]
    assert formats[0]["schema"] == SCHEMA


def test_a_model_that_refuses_streamed_schemas_is_asked_once(scripted: Any, wire: Any) -> None:
    """`stream()` sends one plain request for a model that refuses to stream under a schema."""
    llm, server = scripted({"response": {"name": "Ada", "age": 36}}, model=LLAMA)
    structured = llm.with_structured_output(Person, method="json_schema")
    assert list(structured.stream("Ada"))[-1] == Person(name="Ada", age=36)
    assert "stream" not in server.body


def test_response_format_beside_tools(scripted: Any, wire: Any) -> None:
    """`bind_tools` sends a class passed as `response_format` beside the tools, as agents do."""
    llm, server = scripted(wire.answer("a"), endpoint="openai")
    llm.bind_tools([SCHEMA], response_format=Person).invoke("Ada")
    assert server.body["response_format"]["json_schema"]["name"] == "Person"
    assert server.body["tools"][0]["function"]["name"] == "Person"


# -------------------------------------------------------------------- the choice of a method


async def ask(chain: Any, way: str, *args: Any, **kwargs: Any) -> Any:
    """Run a chain in one of four ways and return the answer, or the last item of a stream."""
    args = args or ("Ada, 36",)
    if way == "astream":
        return [chunk async for chunk in chain.astream(*args, **kwargs)][-1]
    if way == "stream":
        return list(chain.stream(*args, **kwargs))[-1]
    result = getattr(chain, way)(*args, **kwargs)
    return await result if way == "ainvoke" else result


WAYS = ["invoke", "ainvoke", "stream", "astream"]


def reply_by(wire: Any, way: str, method: str) -> Any:
    return (stream if "stream" in way else answer)(wire, method)


def method_of(body: dict[str, Any]) -> str:
    """Return the method that a request uses to ask for the schema."""
    if "tools" in body:
        assert body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
        return "function_calling"
    if body.get("response_format", {}).get("type") == "json_schema":
        return "json_schema"
    assert "response_format" not in body
    assert body["messages"][-1]["role"] == "user"
    assert '"age"' in body["messages"][-1]["content"]
    return "prompt"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("model", "method"),
    [
        (GRANITE, "json_schema"),
        (SEA_LION, "json_schema"),
        (GLM, "json_schema"),
        ("@cf/qwen/qwen3-30b-a3b-fp8", "function_calling"),
        ("@cf/unknown/model", "function_calling"),
    ],
)
async def test_the_default_method_depends_on_the_model(
    scripted: Any, wire: Any, model: str, method: str, way: str
) -> None:
    """The default method is a JSON schema for models known to accept one, else a forced call."""
    llm, server = scripted(reply_by(wire, way, method), model=model)
    assert await ask(llm.with_structured_output(Person), way) == Person(name="Ada", age=36)
    assert method_of(server.body) == method


@pytest.mark.parametrize("way", WAYS)
async def test_a_model_without_tools_gets_the_schema_in_a_prompt(
    scripted: Any, wire: Any, way: str
) -> None:
    """A model without tools gets the schema in a user message after the conversation."""
    profile = {"tool_calling": False}
    fenced = f"Sure!\n```json\n{ADA}\n```"
    reply = wire.stream(fenced) if "stream" in way else wire.answer(fenced)
    llm, server = scripted(reply, model="@cf/unknown/model", profile=profile)
    conversation = [("user", "Who?"), ("assistant", "Ada."), ("user", "And how old?")]
    assert await ask(llm.with_structured_output(SCHEMA), way, conversation) == json.loads(ADA)
    assert method_of(server.body) == "prompt"
    assert [m["content"] for m in server.body["messages"][:-1]] == ["Who?", "Ada.", "And how old?"]


@pytest.mark.parametrize("way", WAYS)
async def test_the_method_follows_the_model_that_is_asked(
    scripted: Any, wire: Any, way: str
) -> None:
    """The model of the call or binding decides the method, not the model of the object."""
    unknown = "@cf/unknown/model"
    schema, call = reply_by(wire, way, "json_schema"), reply_by(wire, way, "function_calling")
    llm, server = scripted(schema, schema, call, model=unknown)
    ada = Person(name="Ada", age=36)
    assert await ask(llm.bind(model=SEA_LION).with_structured_output(Person), way) == ada
    assert await ask(llm.with_structured_output(Person), way, "Ada", model=GRANITE) == ada
    assert await ask(llm.with_structured_output(Person).bind(model=unknown), way) == ada
    assert [method_of(body) for body in server.bodies] == [
        "json_schema",
        "json_schema",
        "function_calling",
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_refused_default_method_is_replaced_and_remembered(
    scripted: Any, wire: Any, way: str
) -> None:
    """When the model refuses a default method, the object and its copies use the next one.

    The codes 5025 and 8001 are refusals. A pickle does not keep what the object learned.
    """
    schema, tool = wire.error(400, 5025), wire.error(400, 8001)
    text = wire.stream(ADA) if "stream" in way else wire.answer(ADA)
    llm, server = scripted(schema, tool, text, text, text, schema, tool, text)
    chain = llm.with_structured_output(Person)
    for _ in range(2):
        assert await ask(chain, way) == Person(name="Ada", age=36)
    assert await ask(llm.model_copy().with_structured_output(Person), way) == Person(
        name="Ada", age=36
    )
    methods = [method_of(body) for body in server.bodies]
    assert methods == ["json_schema", "function_calling", "prompt", "prompt", "prompt"]
    clients = {"http_client": llm.http_client, "http_async_client": llm.http_async_client}
    unpickled = pickle.loads(pickle.dumps(llm.model_copy(update=dict.fromkeys(clients))))
    unpickled = unpickled.model_copy(update={**clients, "api_token": llm.api_token})
    await ask(unpickled.with_structured_output(Person), way)
    assert [method_of(body) for body in server.bodies[5:]] == methods[:3]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("method", "code"), [("json_schema", 5025), ("function_calling", 8001), (None, 5006)]
)
async def test_a_refused_method_of_the_user_raises(
    scripted: Any, wire: Any, way: str, method: Any, code: int
) -> None:
    """A method that the user chose is not replaced, and an invalid request is not repeated."""
    llm, server = scripted(wire.error(400, code))
    with pytest.raises(face.InvalidRequestError) as caught:
        await ask(llm.with_structured_output(Person, method=method), way)
    assert caught.value.code == code
    assert len(server.requests) == 1


def test_threads_share_the_remembered_method(scripted: Any, wire: Any) -> None:
    """All threads of a `batch` get objects after the model refused the default method to one."""

    def reply(body: dict[str, Any]) -> Any:
        return wire.error(400, 5025) if "response_format" in body else wire.answer(ADA)

    llm, server = scripted(reply)
    people = llm.with_structured_output(Person).batch(["a"] * 8)
    assert people == [Person(name="Ada", age=36)] * 8
    assert llm.with_structured_output(Person).invoke("a") == Person(name="Ada", age=36)
    assert method_of(server.bodies[-1]) == method_of(server.bodies[-2]) == "function_calling"


# ------------------------------------------------------------------ answers without an object

PROSE = "Ada is 36."


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", [*METHODS, None])
@pytest.mark.parametrize(
    "text", [PROSE, "", '{"name": "Ada"}', '{"name": "Ada", "age": "old"}', "[1]", "null", ADA * 2]
)
async def test_an_answer_without_the_object_raises(
    scripted: Any, wire: Any, way: str, method: Any, text: str
) -> None:
    """An answer without the object raises OutputParserException, which has the model's text."""
    llm, _ = scripted(wire.stream(text) if "stream" in way else wire.answer(text))
    with pytest.raises(OutputParserException) as caught:
        await ask(llm.with_structured_output(Person, method=method), way)
    assert caught.value.llm_output == text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", ['{"name": "Ada"}', '{"name": 5, "age": []}', "{}"])
async def test_a_call_that_does_not_fit_the_schema_raises(
    scripted: Any, wire: Any, way: str, arguments: str
) -> None:
    """Structured output validates the arguments of a forced call against the class."""
    make = stream if "stream" in way else answer
    llm, _ = scripted(make(wire, "function_calling", arguments))
    with pytest.raises(OutputParserException, match="age"):
        await ask(llm.with_structured_output(Person, method="function_calling"), way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", ANY, ids=["pydantic", "pydantic v1", "TypedDict", "JSON schema"])
@pytest.mark.parametrize(
    "text",
    [ADA, f"```json\n{ADA}\n```", f"Here it is: {ADA}", f"<think>Hm {{}}</think>{ADA}",
     f'{{"name": "Person", "arguments": {ADA}}}'],
    ids=["bare", "fence", "words", "thought", "call"],
)  # fmt: skip
async def test_a_forced_call_in_the_text_is_read(
    scripted: Any, wire: Any, way: str, schema: Any, text: str
) -> None:
    """`function_calling` reads the call from the text if the model wrote its JSON there."""
    llm, _ = scripted(wire.stream(text) if "stream" in way else wire.answer(text))
    chain = llm.with_structured_output(schema, method="function_calling")
    assert as_dict(await ask(chain, way)) == json.loads(ADA)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", [SCHEMA, PersonDict], ids=["JSON schema", "TypedDict"])
async def test_other_json_in_the_text_is_not_an_answer(
    scripted: Any, wire: Any, way: str, schema: Any
) -> None:
    """`function_calling` rejects JSON in the text that lacks the keys the schema requires."""
    text = '{"error": "I cannot call tools"}'
    llm, _ = scripted(wire.stream(text) if "stream" in way else wire.answer(text))
    with pytest.raises(OutputParserException, match="name, age"):
        await ask(llm.with_structured_output(schema, method="function_calling"), way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", [*METHODS, None])
@pytest.mark.parametrize("text", [PROSE, "", '{"name": "Ada"}'])
async def test_include_raw_has_the_error_beside_the_message(
    scripted: Any, wire: Any, way: str, method: Any, text: str
) -> None:
    """With `include_raw` an answer without the object never raises, plain or streamed."""
    llm, _ = scripted(wire.stream(text) if "stream" in way else wire.answer(text))
    chain = llm.with_structured_output(Person, method=method, include_raw=True)
    if "stream" in way:
        chunks = [c async for c in chain.astream("x")] if way == "astream" else [*chain.stream("x")]
        result = chunks[0]
        for chunk in chunks[1:]:
            result = result + chunk
    else:
        result = await ask(chain, way)
    assert result["raw"].text == text
    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], OutputParserException)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("include_raw", [False, True])
async def test_another_tool_may_be_called_instead(
    scripted: Any, wire: Any, way: str, include_raw: bool
) -> None:
    """With tools beside a JSON schema the result is `None` when the model calls a tool."""

    def look_up(name: str) -> str:
        """Look up a person."""
        return name

    call = wire.call("look_up", '{"name": "Ada"}')
    reply = (
        wire.stream({"tool_calls": [call]})
        if "stream" in way
        else wire.answer("", tool_calls=[call])
    )
    llm, server = scripted(reply)
    chain = llm.with_structured_output(
        Person, method="json_schema", include_raw=include_raw, tools=[look_up]
    )
    result = await ask(chain, way)
    assert server.body["tools"][0]["function"]["name"] == "look_up"
    assert "response_format" in server.body
    if include_raw:
        assert (result["parsed"], result["parsing_error"]) == (None, None)
    else:
        assert result is None


def test_dicts_grow_while_they_stream(scripted: Any, wire: Any) -> None:
    """A stream yields a dict as it grows, but an object of a class only once, complete."""
    for method in METHODS:
        llm, _ = scripted(stream(wire, method))
        values = list(llm.with_structured_output(SCHEMA, method=method).stream("x"))
        assert values == [{}, {"name": "Ada", "age": 36}]
        assert list(llm.with_structured_output(Person, method=method).stream("x")) == [
            Person(name="Ada", age=36)
        ]


# ------------------------------------------------------------------------- schemas as sent


class Node(BaseModel):
    """A node of a tree."""

    name: str
    children: list[Node] = []


T = TypeVar("T")


class Answer(BaseModel, Generic[T]):
    """An answer."""

    value: T


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: int = 0


class Kind(enum.Enum):
    cat = "cat"
    dog = "dog"


class Pet(TypedDict, total=False):
    """A pet.

    Args:
        kind: What it is.
    """

    kind: Literal["cat", "dog"]
    age: Annotated[int, ..., "In years."]
    kittens: list[Pet]


class Owner(TypedDict):
    """An owner. LangChain cannot convert this class to a schema itself."""

    first: Node
    kind: Kind


class Strict(BaseModel):
    """Types that Python and JSON write differently."""

    model_config = {"strict": True}
    day: date
    price: Decimal
    tags: set[str]
    kind: Kind


STRICT = {"day": "2026-01-31", "price": "19.90", "tags": ["a"], "kind": "cat"}

SHAPES: list[tuple[Any, Any, Any]] = [
    (Node, {"name": "a", "children": [{"name": "b", "children": []}]}, None),
    (Answer[int], {"value": 3}, None),
    (Strict, STRICT, None),
    (Point, {"x": 1, "y": 2}, Point(1, 2)),
    (list[int], [1, 2], [1, 2]),
    (Point | Kind, "dog", Kind.dog),
    (Kind, "cat", Kind.cat),
    (Annotated[dict[str, int], "counts"], {"a": 1}, {"a": 1}),
    (Node | None, None, None),
    (Pet, {"kind": "cat", "kittens": [{"age": 1}]}, {"kind": "cat", "kittens": [{"age": 1}]}),
    (Owner, {"first": {"name": "a"}, "kind": "cat"}, {"first": {"name": "a"}, "kind": "cat"}),
    ({"title": "Ids", "type": "array", "items": {"type": "integer"}}, [1], [1]),
    ({"title": "Place", "type": ["object", "null"], "properties": {"c": {}}}, {"c": 1}, {"c": 1}),
]


def by_schema(wire: Any, body: dict[str, Any], value: Any) -> Any:
    """Answer as the schema asks: a value that is not an object is wrapped in one, under `value`."""
    tools = body.get("tools")
    schema = tools[0]["function"]["parameters"] if tools else bare(body["response_format"])
    assert schema["type"] == "object"
    known = schema.get("properties", {}).keys()
    if not isinstance(value, dict) or not value.keys() <= known:
        value = {"value": value} if "value" in known else value
    text = json.dumps(value)
    if not tools:
        return wire.stream(text) if body.get("stream") else wire.answer(text)
    call = wire.call(tools[0]["function"]["name"], text)
    if body.get("stream"):
        return wire.stream({"tool_calls": [call]})
    return wire.answer("", tool_calls=[call])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["function_calling", "json_schema", None])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape[0])[:40])
async def test_each_kind_of_schema(
    scripted: Any, wire: Any, way: str, method: Any, shape: Any
) -> None:
    """Each schema that LangChain accepts is sent as an object's schema, and its value is read
    back by its type.
    """
    schema, value, expected = shape
    llm, _ = scripted(lambda body: by_schema(wire, body, value))
    result = await ask(llm.with_structured_output(schema, method=method), way)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        expected = schema.model_validate_json(json.dumps(value))
    assert result == expected


def bare(form: dict[str, Any]) -> Any:
    return form["json_schema"].get("schema", form["json_schema"])


def test_a_recursive_class_keeps_its_recursion(scripted: Any, wire: Any) -> None:
    """A recursive class keeps its reference in a schema, a forced call and a bound tool."""
    llm, server = scripted(wire.answer('{"name": "a"}'), model=GLM)

    def grow(tree: Node) -> None:
        """Grow."""

    for method in ("json_schema", "function_calling"):
        llm.with_structured_output(Node, method=method).invoke("x")
    llm.bind_tools([Node, grow]).invoke("x")
    first, second, third = server.bodies
    schemas = [bare(first["response_format"])]
    schemas += [bound["function"]["parameters"] for bound in second["tools"] + third["tools"]]
    for schema in schemas:
        assert schema["$defs"]["Node"]["properties"]["children"]["items"] == {
            "$ref": "#/$defs/Node"
        }


PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ENVELOPE = {"name": "Place", "description": "A place.", "strict": True, "schema": PLACE}


@pytest.mark.parametrize("method", ["function_calling", "json_schema", None])
@pytest.mark.parametrize("model", [GRANITE, GLM])
@pytest.mark.parametrize(
    "schema",
    [
        ENVELOPE,
        {"type": "json_schema", "json_schema": ENVELOPE},
        {"type": "json_schema", **ENVELOPE},
    ],
    ids=["envelope", "response format", "flat"],
)
def test_openais_envelope_is_read(
    scripted: Any, wire: Any, schema: Any, model: str, method: Any
) -> None:
    """OpenAI's `{name, strict, schema}`, alone or in a response format, is read as its schema."""
    before = copy.deepcopy(schema)
    llm, server = scripted(wire.answer('{"city": "Oslo"}'), model=model)
    assert llm.with_structured_output(schema, method=method).invoke("x") == {"city": "Oslo"}
    request_text = json.dumps(server.body.get("tools") or server.body["response_format"])
    assert '"city"' in request_text
    assert '"strict": true' in request_text
    assert '"Place"' in request_text
    assert schema == before
    llm.bind_tools([], response_format=schema).invoke("x")
    assert '"city"' in json.dumps(server.bodies[1]["response_format"])


@pytest.mark.parametrize("endpoint", ["run", "openai"])
@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM])
def test_strict_reaches_the_wire(scripted: Any, wire: Any, model: str, endpoint: str) -> None:
    """Each method sends `strict` with the schema; a strict schema forbids extra keys."""
    for method in ("function_calling", "json_schema", None):
        for strict in (True, False):
            llm, server = scripted(wire.answer(ADA), model=model, endpoint=endpoint)
            llm.with_structured_output(Person, method=method, strict=strict).invoke("x")
            tools = server.body.get("tools")
            sent = tools[0]["function"] if tools else server.body["response_format"]["json_schema"]
            assert sent["strict"] is strict
            schema = sent.get("parameters") or sent.get("schema") or sent
            assert schema.get("additionalProperties") is (False if strict else None)


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize(
    ("title", "name"),
    [("Mein Haus", "Mein_Haus"), ("a" * 99, "a" * 64), ("住所", "answer"), ("ok-1_B", "ok-1_B")],
)
def test_titles_become_valid_names(
    scripted: Any, wire: Any, method: str, title: str, name: str
) -> None:
    """A schema's title is changed to a name that the wire accepts."""
    llm, server = scripted(wire.answer('{"city": "Oslo"}'), model=GLM)
    llm.with_structured_output({"title": title, **PLACE}, method=method).invoke("x")
    tools = server.body.get("tools")
    sent = tools[0]["function"] if tools else server.body["response_format"]["json_schema"]
    assert sent["name"] == name
    if tools:
        assert server.body["tool_choice"]["function"]["name"] == name


def test_optional_keys_of_a_typed_dict(scripted: Any, wire: Any) -> None:
    """`total=False` makes the keys of a recursive TypedDict optional; descriptions are kept."""
    llm, server = scripted(wire.answer("{}"), model=GLM)
    llm.with_structured_output(Pet, method="json_schema").invoke("x")
    schema = bare(server.body["response_format"])
    assert "required" not in schema
    assert schema["description"] == "A pet."
    assert schema["properties"]["kind"]["description"] == "What it is."
    assert schema["properties"]["age"]["description"] == "In years."


# ------------------------------------------------------------------------------ wrong arguments

SCHEMALESS = [5, "Person", [Person], object(), {}, {"type": "json_object"}, json, "{}"]


@pytest.mark.parametrize(
    ("arguments", "parameter", "words"),
    [
        ({}, "schema", "pass a pydantic class"),
        ({"method": "json_schema"}, "schema", "pass a pydantic class"),
        ({"schema": Person, "method": "json"}, "method",
         "method must be 'function_calling', 'json_schema' or 'json_mode', not 'json'"),
        ({"schema": Person, "method": ["json_mode"]}, "method", "method must be"),
        ({"schema": Person, "tool_choice": "any"}, "tool_choice", "leave it out"),
        ({"schema": Person, "response_format": {}}, "response_format", "leave it out"),
        ({"schema": Person, "method": "function_calling", "tools": [Person]}, "tools",
         "method='json_schema'"),
        ({"schema": Person, "method": "json_schema", "tools": Person}, "tools", "must be a list"),
        *(({"schema": odd}, "schema", "schema") for odd in SCHEMALESS),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(
    scripted: Any, wire: Any, arguments: dict[str, Any], parameter: str, words: str
) -> None:
    """Wrong arguments raise an error that names the argument and says what to pass."""
    llm, server = scripted(wire.answer("a"))
    with pytest.raises(face.ConfigurationError, match=words) as caught:
        llm.with_structured_output(**arguments)
    assert caught.value.parameter == parameter
    assert not server.requests


async def test_a_structured_model_is_one_of_several_alternatives(scripted: Any, wire: Any) -> None:
    """A config chooses between structured models, as between LangChain's own chains."""
    llm, server = scripted(*[wire.answer(ADA)] * 3, model=GRANITE)
    other = llm.model_copy(update={"model": GLM}).with_structured_output(SCHEMA)
    either = llm.with_structured_output(Person).configurable_alternatives(
        ConfigurableField("by"), default_key="granite", glm=other
    )
    assert either.invoke("Ada, 36") == Person(name="Ada", age=36)
    glm = either.with_config(configurable={"by": "glm"})
    assert as_dict(await glm.ainvoke("Ada, 36")) == {"name": "Ada", "age": 36}
    assert as_dict(list(glm.stream("Ada, 36"))[-1]) == {"name": "Ada", "age": 36}
    assert [GLM in str(request.url) for request in server.requests] == [False, True, True]
