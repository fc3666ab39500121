"""Structured output: three methods, four entry points, and answers that do not fit."""

from __future__ import annotations

import json
import pickle
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar

import httpx
import pytest
from jsonschema import Draft202012Validator
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, ConfigDict, RootModel

from llamaindex_workersai import (
    ConfigurationError,
    InvalidRequestError,
    StructuredOutputError,
    ToolCallError,
    WorkersAI,
)
from llamaindex_workersai._model.structured import PartialObjects
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted


class Album(BaseModel):
    """A music album."""

    name: str
    songs: list[str]


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    value: T


PROMPT = PromptTemplate("An album about {topic}.")
DATA = {"name": "Water", "songs": ["Rhine", "Elbe"]}
CALL = Reply(calls=[("Album", DATA)])
TEXT = Reply(json.dumps(DATA))
FAMILY = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
NAMED = {"type": "function", "function": {"name": "Album"}}
REPLIES = {"tool": CALL, "json_schema": TEXT, "prompt": TEXT}


def model(script: Scripted, **settings: Any) -> WorkersAI:
    return WorkersAI(MODEL, **{**script.connection, **settings})


async def predict(llm: WorkersAI, entry: str, cls: type[BaseModel], **kwargs: Any) -> list[Any]:
    """Call one of the four entry points and return its objects as a list."""
    method = getattr(llm, entry)
    prompt = kwargs.pop("prompt", PROMPT)
    if entry.startswith("astream"):
        found = await method(cls, prompt, topic="rivers", **kwargs)
        return [item async for item in found]
    if entry.startswith("stream"):
        return list(method(cls, prompt, topic="rivers", **kwargs))
    found = method(cls, prompt, topic="rivers", **kwargs)
    return [await found if entry.startswith("a") else found]


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("method", ["tool", "json_schema", "prompt"])
async def test_object_comes_out(entry: str, method: Any) -> None:
    """Each method returns the object through each of the four entry points, with one request."""
    script = Scripted(REPLIES[method])
    llm = model(script, structured_output_method=method)
    assert (await predict(llm, entry, Album))[-1] == Album(**DATA)
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", FAMILY)
async def test_tool_method_forces_the_call(entry: str) -> None:
    """The tool method sends the class as the only tool and forces its call, in streams too."""
    script = Scripted(CALL)
    await predict(model(script, structured_output_method="tool"), entry, Album)
    sent = script.requests[0]
    assert sent["tool_choice"] == NAMED
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Album"]
    assert "response_format" not in sent


def test_tool_is_described_by_the_class() -> None:
    """The tool's description is the class's docstring."""
    for cls, reply, about in (
        (Album, CALL, "A music album."),
        (One, Reply(calls=[("One", {"songs": []})]), "Give the answer by calling this."),
    ):
        script = Scripted(reply)
        llm = model(script, structured_output_method="tool")
        llm.structured_predict(cls, PROMPT, topic="x")
        assert script.requests[0]["tools"][0]["function"]["description"] == about


@pytest.mark.parametrize("entry", FAMILY)
async def test_schema_method_sends_the_schema(entry: str) -> None:
    """The schema method sends the class as `response_format`."""
    script = Scripted(TEXT)
    await predict(model(script, structured_output_method="json_schema"), entry, Album)
    sent = script.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert "songs" in json.dumps(sent["json_schema"])


TALKS: list[list[ChatMessage]] = [
    [ChatMessage(role="user", content="An album.")],
    [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="One.")],
    [ChatMessage(role="user", content="One."), ChatMessage(role="assistant", content="Which?")],
    [
        ChatMessage(role="user", content="One."),
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="1", tool_name="find", tool_kwargs={})],
        ),
        ChatMessage(role="tool", content="Water", additional_kwargs={"tool_call_id": "1"}),
    ],
]


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("talk", TALKS, ids=["user", "system", "assistant", "tool"])
async def test_prompt_method_asks_in_a_message_of_its_own(entry: str, talk: Any) -> None:
    """The prompt method adds the schema as a last user message, and changes no other message."""
    script = Scripted(TEXT)
    llm = model(script, structured_output_method="prompt")
    await predict(llm, entry, Album, prompt=ChatPromptTemplate(talk))
    *before, last = script.requests[0]["messages"]
    assert [m["role"] for m in before] == [m.role.value for m in talk]
    assert [m["content"] for m in before] == [m.content or "" for m in talk]
    assert last["role"] == "user"
    assert "songs" in last["content"]
    assert not {"tools", "response_format"} & script.requests[0].keys()


def method_of(body: dict[str, Any]) -> str:
    """Return the method by which a request asks for the class."""
    if "tools" in body:
        return "tool"
    return "json_schema" if "response_format" in body else "prompt"


UNKNOWN = "@cf/someone/new"


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({}, "json_schema"),
        ({"model": UNKNOWN}, "tool"),
        ({"model": UNKNOWN, "is_function_calling_model": False}, "prompt"),
        ({"pydantic_program_mode": PydanticProgramMode.FUNCTION}, "tool"),
        ({"pydantic_program_mode": PydanticProgramMode.LLM}, "prompt"),
        (
            {
                "structured_output_method": "tool",
                "pydantic_program_mode": PydanticProgramMode.LLM,
            },
            "tool",
        ),
    ],
)
async def test_method_is_chosen_by_model_and_settings(
    entry: str, settings: Any, method: str
) -> None:
    """The method is the best one that the model is known to take, unless the user sets one."""
    script = Scripted(REPLIES[method])
    llm = WorkersAI(**{"model": MODEL, **script.connection, **settings})
    assert (await predict(llm, entry, Album))[-1] == Album(**DATA)
    assert [method_of(body) for body in script.requests] == [method]


@pytest.mark.parametrize("entry", FAMILY)
async def test_method_is_chosen_for_the_model_that_is_asked(entry: str) -> None:
    """The model of the call, and not that of the object, decides the method."""
    script = Scripted(TEXT, CALL)
    llm = WorkersAI(UNKNOWN, **script.connection)
    await predict(llm, entry, Album, llm_kwargs={"model": MODEL})
    await predict(llm, entry, Album)
    assert [method_of(body) for body in script.requests] == ["json_schema", "tool"]


def refusal(code: int) -> httpx.Response:
    body = {"success": False, "result": None, "errors": [{"code": code, "message": "no"}]}
    return httpx.Response(400, json=body)


@pytest.mark.parametrize("entry", FAMILY)
async def test_refused_method_gives_way_to_the_next_and_is_remembered(entry: str) -> None:
    """After 5025 or 8001 the next method is used; copies remember the refusal, pickles do not."""
    script = Scripted(refusal(5025), refusal(8001), TEXT, TEXT, TEXT, refusal(5025), CALL)
    llm = model(script)
    for copied in (llm, llm, llm.model_copy()):
        assert (await predict(copied, entry, Album))[-1] == Album(**DATA)
    methods = [method_of(body) for body in script.requests]
    assert methods == ["json_schema", "tool", "prompt", "prompt", "prompt"]
    clients = dict.fromkeys(("http_client", "http_async_client"))
    other = pickle.loads(pickle.dumps(llm.model_copy(update=clients)))
    other = other.model_copy(update=script.connection)
    assert (await predict(other, entry, Album))[-1] == Album(**DATA)
    assert [method_of(body) for body in script.requests[5:]] == methods[:2]


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize(("method", "code"), [("json_schema", 5025), ("tool", 8001), (None, 5006)])
async def test_refused_method_of_the_users_raises(entry: str, method: Any, code: int) -> None:
    """A method that the user chose is not replaced, and an invalid request is not repeated."""
    script = Scripted(refusal(code))
    with pytest.raises(InvalidRequestError):
        await predict(model(script, structured_output_method=method), entry, Album)
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("method", ["json_schema", "prompt", None])
async def test_model_without_chat_gets_a_prompt(entry: str, method: Any) -> None:
    """With `is_chat_model=False`, structured prediction sends the prompt that `predict` would send,
    with the method's own text, also when it asks again.
    """
    script = Scripted({"response": "Sure!"}, {"response": json.dumps(DATA)})
    llm = model(
        script,
        is_chat_model=False,
        raw=True,
        structured_output_method=method,
        system_prompt="Be brief.",
        completion_to_prompt=lambda text: f"<s>{text}</s>",
        messages_to_prompt=lambda messages: "|".join(str(m.content) for m in messages),
    )
    assert (await predict(llm, entry, Album))[-1] == Album(**DATA)
    first, second = script.requests
    assert "messages" not in first
    assert first["raw"] is True
    beginning = "Be brief.\n\n<s>An album about rivers."
    if method == "prompt":
        assert first["prompt"].startswith(beginning)
        assert first["prompt"].endswith("</s>")
        assert '"songs"' in first["prompt"]
    else:
        assert first["prompt"] == f"{beginning}</s>"
        assert "response_format" in first
    assert "Sure!" in second["prompt"]
    assert "Answer again" in second["prompt"]


def test_call_cannot_be_forced_in_a_prompt() -> None:
    """A prompt with the tool method raises an error that names both settings."""
    script = Scripted(CALL)
    llm = model(script, is_chat_model=False, structured_output_method="tool")
    with pytest.raises(ConfigurationError, match="is_chat_model") as caught:
        llm.structured_predict(Album, PROMPT, topic="x")
    assert caught.value.parameter == "structured_output_method"
    assert not script.requests


class Comment(BaseModel):
    """A comment with its replies."""

    model_config = ConfigDict(extra="forbid")
    text: str
    replies: list[Comment] = []


class Circle(BaseModel):
    radius: float


class Square(BaseModel):
    side: float


class Shape(RootModel[Circle | Square]):
    """A circle or a square."""


class Numbers(RootModel[list[int]]):
    """Numbers."""


class Titled(BaseModel):
    """A class whose title cannot be a tool's name."""

    model_config = ConfigDict(title="Mein Titel: " + "x" * 80)
    value: int


class Kind(Enum):
    fee = "fee"


class Strict(BaseModel):
    """A strict class of types that Python and JSON write differently."""

    model_config = ConfigDict(strict=True)
    due: date
    total: Decimal
    tags: set[str]
    kind: Kind


OBJECTS: list[tuple[type[BaseModel], Any]] = [
    (Comment, {"text": "a", "replies": [{"text": "b", "replies": []}]}),
    (Shape, {"side": 2.0}),
    (Numbers, [1, 2]),
    (Titled, {"value": 1}),
    (Strict, {"due": "2026-01-31", "total": "19.90", "tags": ["a"], "kind": "fee"}),
]


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("method", ["tool", "json_schema", "prompt"])
@pytest.mark.parametrize(("cls", "data"), OBJECTS)
async def test_every_kind_of_class(entry: str, method: Any, cls: Any, data: Any) -> None:
    """Recursive classes, lists, unions and strict classes are sent as complete object schemas, and
    their JSON is read as the object.
    """

    def answer(body: dict[str, Any]) -> Reply:
        if tools := body.get("tools"):
            schema, name = tools[0]["function"]["parameters"], tools[0]["function"]["name"]
        else:
            schema = body.get("response_format", {}).get("json_schema")
            schema = schema or json.loads(body["messages"][-1]["content"].split("\n", 1)[1])
        sent.append(schema)
        wrapped = {"value": data} if issubclass(cls, RootModel) else data
        return Reply(calls=[(name, wrapped)]) if tools else Reply(json.dumps(wrapped))

    sent: list[Any] = []
    llm = model(Scripted(answer), structured_output_method=method)
    expected = cls.model_validate_json(json.dumps(data))
    assert (await predict(llm, entry, cls))[-1] == expected
    schema = sent[0]
    argument = {"value": data} if issubclass(cls, RootModel) else data
    assert schema["type"] == "object"
    assert Draft202012Validator(schema).is_valid(argument)
    assert not Draft202012Validator(schema).is_valid({"text": 5, "value": "?"})


@pytest.mark.parametrize("method", ["tool", "json_schema"])
def test_names_from_titles_are_acceptable(method: Any) -> None:
    """The tool's name has letters, digits, `_` and `-`, and at most 64 characters."""
    reply = Reply(calls=[("x", {"value": 1})]) if method == "tool" else Reply('{"value": 1}')
    script = Scripted(reply)
    llm = WorkersAI(REASONING_MODEL, **script.connection, structured_output_method=method)
    llm.structured_predict(Titled, PROMPT, topic="x")
    sent = script.requests[0]
    tools = sent.get("tools")
    name = tools[0]["function"]["name"] if tools else sent["response_format"]["json_schema"]["name"]
    assert name == "Mein_Titel__" + "x" * 52


@pytest.mark.parametrize("method", ["tool", "json_schema"])
def test_strict_reaches_the_wire(method: Any) -> None:
    """The request has `strict` of `llm_kwargs` beside the schema."""
    script = Scripted(REPLIES[method])
    llm = model(script, structured_output_method=method)
    llm.structured_predict(Album, PROMPT, {"strict": True}, topic="x")
    sent = script.requests[0]
    tools = sent.get("tools")
    schema = tools[0]["function"] if tools else sent["response_format"]["json_schema"]
    assert schema["strict"] is True


ADD = FunctionTool.from_defaults(lambda a, b: a + b, name="add", description="Add.")
WRONG: list[tuple[str, Any]] = [
    ("output_cls", lambda llm: llm.structured_predict(dict, PROMPT)),
    ("output_cls", lambda llm: llm.structured_predict(list[int], PROMPT)),
    ("output_cls", lambda llm: llm.structured_predict(Album(**DATA), PROMPT)),
    ("output_cls", lambda llm: list(llm.stream_structured_predict("Album", PROMPT))),
    ("output_cls", lambda llm: llm.as_structured_llm({"title": "Album"})),
    ("prompt", lambda llm: llm.structured_predict(Album, "An album.")),
    ("prompt", lambda llm: list(llm.stream_structured_predict(Album, ["An album."]))),
    ("llm_kwargs", lambda llm: llm.structured_predict(Album, PROMPT, ["x"])),
    ("tools", lambda llm: llm.chat_with_tools(len, "?")),
    ("tools", lambda llm: llm.chat_with_tools([len], "?")),
    ("tools", lambda llm: list(llm.stream_chat_with_tools(5, "?"))),
    ("tool_choice", lambda llm: llm.chat_with_tools([ADD], "?", tool_choice=5)),
    ("tool_choice", lambda llm: llm.chat_with_tools([ADD], "?", tool_choice="subtract")),
    ("strict", lambda llm: llm.chat_with_tools([ADD], "?", strict="yes")),
    ("user_msg", lambda llm: llm.chat_with_tools([ADD], 5)),
    ("chat_history", lambda llm: llm.chat_with_tools([ADD], "?", "Hi")),
    ("structured_output_method", lambda llm: type(llm)(MODEL, structured_output_method="json")),
]


@pytest.mark.parametrize(("parameter", "call"), WRONG)
def test_wrong_arguments_say_what_to_pass(parameter: str, call: Any) -> None:
    """Wrong arguments raise an error with their names before any request, and no builtin one."""
    script = Scripted(TEXT)
    with pytest.raises(ConfigurationError) as caught:
        call(model(script))
    assert caught.value.parameter == parameter
    assert not script.requests


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("method", ["tool", "json_schema", "prompt"])
async def test_system_prompt_is_sent(entry: str, method: Any) -> None:
    """All four entry points send the LLM's system prompt."""
    script = Scripted(REPLIES[method])
    llm = model(script, structured_output_method=method, system_prompt="Be brief.")
    await predict(llm, entry, Album)
    first = script.requests[0]["messages"][0]
    assert first["role"] == "system"
    assert first["content"].startswith("Be brief.")


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize("method", ["tool", "json_schema"])
async def test_generic_classes_work(entry: str, method: Any) -> None:
    """A class such as `Box[int]`, whose name no tool can have, returns its object."""
    reply = (
        Reply('{"value": 3}')
        if method == "json_schema"
        else Reply(calls=[("Box_int_", {"value": 3})])
    )
    llm = model(Scripted(reply), structured_output_method=method)
    assert (await predict(llm, entry, Box[int]))[-1] == Box[int](value=3)


@pytest.mark.parametrize("entry", FAMILY)
async def test_answer_that_does_not_fit_is_sent_back(entry: str) -> None:
    """The model gets the errors of its object as the call's result, and answers again."""
    script = Scripted(Reply(calls=[("Album", {"name": "Water"})]), CALL)
    llm = model(script, structured_output_method="tool")
    assert (await predict(llm, entry, Album))[-1] == Album(**DATA)
    call, complaint = script.requests[1]["messages"][-2:]
    assert call["tool_calls"][0]["id"] == complaint["tool_call_id"]
    assert "songs: Field required" in complaint["content"]


@pytest.mark.parametrize("entry", FAMILY)
async def test_text_where_a_call_was_required_is_sent_back(entry: str) -> None:
    """A model that answers with text instead of the forced call is asked again."""
    script = Scripted(Reply("Sure!"), CALL)
    llm = model(script, structured_output_method="tool")
    assert (await predict(llm, entry, Album))[-1] == Album(**DATA)
    assert [message["role"] for message in script.requests[1]["messages"]][-2:] == [
        "assistant",
        "user",
    ]


def test_object_in_the_text_counts_where_a_call_was_required() -> None:
    """An object in the text counts as the forced call's arguments."""
    script = Scripted(TEXT)
    llm = model(script, structured_output_method="tool")
    assert llm.structured_predict(Album, PROMPT, topic="x") == Album(**DATA)
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", FAMILY)
async def test_error_after_the_last_try_shows_the_answer(entry: str) -> None:
    """After the last try the error has the reasons and the model's text."""
    script = Scripted(Reply("I would rather not."))
    llm = model(script, structured_output_method="json_schema", structured_output_retries=2)
    with pytest.raises(StructuredOutputError, match="I would rather not") as caught:
        await predict(llm, entry, Album)
    assert isinstance(caught.value, ValueError)
    assert caught.value.text == "I would rather not."
    assert "base_url" not in str(caught.value)  # that is the advice for servers' answers
    assert len(script.requests) == 3


@pytest.mark.parametrize("entry", FAMILY)
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply('{"name": "Wa', finish="length"), "larger max_tokens"),
        (Reply("", refusal="I cannot help with that."), "refused"),
    ],
)
async def test_cut_and_refused_answers_are_not_asked_again(
    entry: str, reply: Reply, words: str
) -> None:
    """A cut answer and a refusal raise their own errors at once."""
    script = Scripted(reply)
    llm = model(script, structured_output_method="json_schema")
    with pytest.raises(StructuredOutputError, match=words):
        await predict(llm, entry, Album)
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", ["stream_structured_predict", "astream_structured_predict"])
@pytest.mark.parametrize("method", ["tool", "json_schema", "prompt"])
async def test_objects_grow_while_streaming(entry: str, method: Any) -> None:
    """Streamed objects grow, are new objects each, and the last one is of the class."""
    llm = model(Scripted(REPLIES[method]), structured_output_method=method)
    objects = await predict(llm, entry, Album)
    names = [item.name for item in objects]
    assert any(name and name != "Water" and "Water".startswith(name) for name in names)
    assert ["Rhine"] in [item.songs for item in objects]
    assert isinstance(objects[-1], Album)
    assert len({id(item) for item in objects}) == len(objects)


@pytest.mark.parametrize("entry", FAMILY)
async def test_llm_kwargs_are_sent_and_stay_as_they_are(entry: str) -> None:
    """The request has `llm_kwargs`, and the dict is not modified."""
    kwargs = {"temperature": 0.5, "tool_choice": "none", "tool_required": False}
    before = dict(kwargs)
    script = Scripted(CALL)
    llm = model(script, structured_output_method="tool")
    await predict(llm, entry, Album, llm_kwargs=kwargs)
    assert kwargs == before
    assert script.requests[0]["temperature"] == 0.5
    assert script.requests[0]["tool_choice"] == NAMED


@pytest.mark.filterwarnings("ignore:The `json` method:DeprecationWarning")  # LlamaIndex's own
@pytest.mark.parametrize("entry", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_structured_llm(entry: str) -> None:
    """`as_structured_llm` returns the object as JSON text and in `raw`, and keeps braces in
    messages.
    """
    script = Scripted(TEXT)
    structured = model(script).as_structured_llm(Album)
    messages = [ChatMessage(role="user", content="An album, {like this}.")]
    found = getattr(structured, entry)(messages)
    if entry == "achat":
        found = await found
    elif entry == "stream_chat":
        found = list(found)[-1]
    elif entry == "astream_chat":
        found = [item async for item in await found][-1]
    assert found.raw == Album(**DATA)
    assert json.loads(found.message.content) == DATA
    assert "{like this}" in script.requests[0]["messages"][-1]["content"]


# ---------------------------------------------------------- core's own program on our class


async def run_program(llm: WorkersAI, cls: Any, entry: str, **kwargs: Any) -> Any:
    program = FunctionCallingProgram.from_defaults(cls, prompt=PROMPT, llm=llm, **kwargs)
    if entry == "acall":
        return await program.acall(topic="rivers")
    return program(topic="rivers")


@pytest.mark.parametrize("entry", ["call", "acall"])
async def test_core_s_program_gives_the_object(entry: str) -> None:
    """LlamaIndex's function-calling program forces the call and returns the object."""
    script = Scripted(CALL)
    assert await run_program(model(script), Album, entry) == Album(**DATA)
    assert script.requests[0]["tool_choice"] == "required"


@pytest.mark.parametrize("entry", ["call", "acall"])
async def test_core_s_program_gives_several_objects(entry: str) -> None:
    """LlamaIndex's program returns one object for each parallel call."""
    script = Scripted(Reply(calls=[("Album", DATA), ("Album", DATA | {"name": "Fire"})]))
    found = await run_program(model(script), Album, entry, allow_parallel_tool_calls=True)
    assert [album.name for album in found] == ["Water", "Fire"]


@pytest.mark.parametrize("entry", ["call", "acall"])
@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("Album", {"type": "function", "function": {"name": "Album"}}),
        ({"type": "any"}, "required"),
    ],
)
async def test_core_s_program_forwards_the_tool_choice(entry: str, choice: Any, sent: Any) -> None:
    """LlamaIndex's program sends the tool choice it gets, in the API's form."""
    script = Scripted(CALL)
    await run_program(model(script), Album, entry, tool_choice=choice)
    assert script.requests[0]["tool_choice"] == sent


class One(BaseModel):
    songs: list[str] = []


class Text(BaseModel):
    value: str = ""


class Number(BaseModel):
    count: int = 0


@pytest.mark.parametrize("entry", ["call", "acall"])
@pytest.mark.parametrize(
    "expected", [One(songs=["Rhine"]), Text(value="Rhine"), Number(count=42)], ids=repr
)
async def test_core_s_program_reads_a_single_field(entry: str, expected: BaseModel) -> None:
    """LlamaIndex's program fills a class with a single field that has a default."""
    name = type(expected).__name__
    script = Scripted(Reply(calls=[(name, expected.model_dump())]))
    assert await run_program(model(script), type(expected), entry) == expected


@pytest.mark.parametrize("entry", ["call", "acall"])
async def test_core_s_program_raises_without_a_call(entry: str) -> None:
    """Repeated text instead of a call raises LlamaIndex's error with the model's text."""
    with pytest.raises(ValueError, match=r"Expected at least one tool call.*'No\.'") as caught:
        await run_program(model(Scripted(Reply("No."))), Album, entry)
    assert isinstance(caught.value, ToolCallError)
    assert caught.value.text == "No."


@pytest.mark.parametrize("entry", ["call", "acall"])
async def test_core_s_program_asks_again_where_a_call_was_required(entry: str) -> None:
    """LlamaIndex's program gets the call of a second answer after text where a call was
    required.
    """
    script = Scripted(Reply("Sure!"), CALL)
    assert await run_program(model(script), Album, entry) == Album(**DATA)
    question, answer, complaint = script.requests[1]["messages"]
    assert question == script.requests[0]["messages"][0]
    assert (answer["role"], answer["content"]) == ("assistant", "Sure!")
    assert complaint["role"] == "user"
    assert "Expected at least one tool call" in complaint["content"]


@pytest.mark.parametrize(
    ("replies", "retries", "requests"),
    [
        ([Reply("No.")], 0, 1),
        ([Reply("No.")], 3, 4),
        ([Reply(None), CALL], 1, 2),
        ([Reply(calls=[("Album", '"text"')]), CALL], 1, 2),
        ([Reply(calls=[("Album", '{"na')], finish="length"), CALL], 1, 1),
        ([Reply("", refusal="I cannot."), CALL], 1, 1),
    ],
)
async def test_how_often_a_required_call_is_asked_for(
    replies: list[Reply], retries: int, requests: int
) -> None:
    """A required call is asked for again `structured_output_retries` times, and never after a cut
    answer or a refusal.
    """
    script = Scripted(*replies)
    llm = model(script, structured_output_retries=retries)
    if requests == 2:
        assert await run_program(llm, Album, "call") == Album(**DATA)
    else:
        with pytest.raises(ToolCallError):
            await run_program(llm, Album, "call")
    assert len(script.requests) == requests


@pytest.mark.parametrize("entry", ["call", "acall"])
async def test_core_s_program_raises_on_an_invalid_object(entry: str) -> None:
    """A call that does not fit the class makes LlamaIndex's program raise an error."""
    with pytest.raises(ValueError, match="songs"):
        await run_program(model(Scripted(Reply(calls=[("Album", {"name": "x"})]))), Album, entry)


@pytest.mark.parametrize("entry", ["stream_call", "astream_call"])
async def test_core_s_program_streams_growing_objects(entry: str) -> None:
    """LlamaIndex's streaming program yields no blank object after the first call."""
    script = Scripted(CALL)
    program = FunctionCallingProgram.from_defaults(Album, prompt=PROMPT, llm=model(script))
    if entry == "stream_call":
        objects: list[Any] = list(program.stream_call(topic="rivers"))
    else:
        objects = [item async for item in await program.astream_call(topic="rivers")]
    assert objects[-1] == Album(**DATA)
    assert any(item.name == "Wa" for item in objects)
    assert script.requests[0]["tool_choice"] == "required"


class Band(BaseModel):
    name: str
    albums: list[Album] = []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "X", "albums": [{"name": "Water", "songs": ["Rhine", "El', (1, ["Rhine", "El"])),
        ('{"name": "X", "albums": [{"name": "Water", "songs": []}, {"na', (2, [])),
        ('{"name": "X", "albums": [{"name": "W", "songs": ["R"]}], "label": 1}', (1, ["R"])),
        ('```json\n{"name": "X", "albums": [{"name": "W", "songs": ["R"]}]}\n``', (1, ["R"])),
        ('<think>{"name": "no"}</think>{"name": "X", "albums": [{"songs": ["R"]}', (1, ["R"])),
    ],
)
def test_partial_objects_grow_by_item(text: str, expected: tuple[int, list[str]]) -> None:
    """Partial objects grow item by item, despite unknown fields, fences and reasoning."""
    found: Any = PartialObjects(Band).feed(response_of(text))
    assert found.name == "X"
    first = found.albums[0]
    songs = first["songs"] if isinstance(first, dict) else first.songs
    assert (len(found.albums), songs) == expected


@pytest.mark.parametrize("text", ["", "Sure!", "{", "[1, 2", '<think>{"name": "no"}', "{oops}"])
def test_no_partial_object_before_there_is_one(text: str) -> None:
    """Empty answers, words, reasoning and other JSON yield no blank object."""
    assert PartialObjects(Band).feed(response_of(text)) is None


def response_of(text: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=text))
