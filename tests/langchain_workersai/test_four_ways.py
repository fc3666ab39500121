"""Options of a call in each of the four ways to call: plain and streamed, sync and async."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel
from pydantic.v1 import BaseModel as V1Model
from typing_extensions import TypedDict

import langchain_workersai as face
from tests.langchain_workersai.scripted import GLM, GRANITE, Scripted, collect, merged

WAYS = ["invoke", "ainvoke", "stream", "astream"]
VISION = "@cf/meta/llama-4-scout-17b-16e-instruct"

pytestmark = pytest.mark.parametrize("way", WAYS)


async def ask(model: Any, way: str, question: Any = "hi", **options: Any) -> AIMessage:
    """Call the model in one way and return its answer; a stream's chunks are merged."""
    if way in ("invoke", "ainvoke"):
        message: AIMessage = (
            model.invoke(question, **options)
            if way == "invoke"
            else await model.ainvoke(question, **options)
        )
        return message
    chunks = list(model.stream(question, **options)) if way == "stream" else None
    return merged(chunks or await collect(model, question, **options))


def reply(wire: Any, way: str, text: str = "Hello", **message: Any) -> Any:
    """Return the server's answer, whole or as a stream of several chunks."""
    if way in ("invoke", "ainvoke"):
        return wire.answer(text, **message)
    reasoning = {"reasoning_content": message.pop("reasoning_content", "")}
    return wire.stream(reasoning, text[:2], text[2:], message)


class Weather(BaseModel):
    """The weather of a city."""

    city: str


class WeatherV1(V1Model):
    """The weather of a city."""

    city: str


class WeatherDict(TypedDict):
    """The weather of a city."""

    city: str


def weather(city: str) -> str:
    """The weather of a city."""
    return city


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA = {"title": "weather", "description": "The weather of a city.", **PARAMETERS}
OPENAI = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ANTHROPIC = {"name": "weather", "description": "The weather.", "input_schema": PARAMETERS}
TOOLS = {
    "BaseTool": tool(weather),
    "function": weather,
    "pydantic": Weather,
    "pydantic v1": WeatherV1,
    "TypedDict": WeatherDict,
    "JSON schema": SCHEMA,
    "OpenAI": OPENAI,
    "Anthropic": ANTHROPIC,
}


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "per call"])
@pytest.mark.parametrize("kind", TOOLS)
async def test_each_kind_of_tool_reaches_the_wire(
    scripted: Scripted, wire: Any, way: str, kind: str, bound: bool
) -> None:
    """Each kind of tool that LangChain accepts is sent in one shape, bound or per call."""
    llm, server = scripted(reply(wire, way))
    if bound:
        await ask(llm.bind_tools([TOOLS[kind]]), way)
    else:
        await ask(llm, way, tools=[TOOLS[kind]])
    (definition,) = server.body["tools"]
    assert definition["type"] == "function"
    assert definition["function"]["name"].lower().startswith("weather")
    assert definition["function"]["parameters"]["properties"]["city"]["type"] == "string"


ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    },
}


NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("any", "required"), (ALLOWED, ALLOWED), (OPENAI, NAMED)],
    ids=["any", "allowed tools", "dict"],
)
async def test_a_tool_choice_is_sent(
    scripted: Scripted, wire: Any, way: str, choice: Any, expected: Any
) -> None:
    """`bind_tools` translates LangChain's choices and passes the API's dicts unchanged."""
    llm, server = scripted(reply(wire, way))
    await ask(llm.bind_tools([weather], tool_choice=choice), way)
    assert server.body["tool_choice"] == expected


@pytest.mark.parametrize("schema", [Weather, WeatherV1, WeatherDict, SCHEMA])
async def test_a_schema_is_a_response_format(
    scripted: Scripted, wire: Any, way: str, schema: Any
) -> None:
    """`response_format` accepts a schema in a call, in `bind` and in `bind_tools`."""
    llm, server = scripted(reply(wire, way), endpoint="openai")
    await ask(llm, way, response_format=schema)
    await ask(llm.bind(response_format=schema), way)
    await ask(llm.bind_tools([], response_format=schema), way)
    first, second, third = (body["response_format"] for body in server.bodies)
    assert first == second == third
    assert first["type"] == "json_schema"
    assert "city" in first["json_schema"]["schema"]["properties"]


async def test_strict_applies_to_tools_and_answer(scripted: Scripted, wire: Any, way: str) -> None:
    """`bind_tools(strict=True)` sends `strict` for the arguments and for the answer's schema."""
    llm, server = scripted(reply(wire, way), endpoint="openai")
    await ask(llm.bind_tools([weather], strict=True, response_format=Weather), way)
    assert server.body["tools"][0]["function"]["strict"] is True
    assert server.body["response_format"]["json_schema"]["strict"] is True


async def test_stop_words_are_sent(scripted: Scripted, wire: Any, way: str) -> None:
    """ChatWorkersAI sends the stop words of the call instead of the object's."""
    llm, server = scripted(reply(wire, way), stop=["A"])
    await ask(llm, way)
    await ask(llm, way, stop=["B"])
    assert [body["stop"] for body in server.bodies] == [["A"], ["B"]]


async def test_other_keys_of_the_request(scripted: Scripted, wire: Any, way: str) -> None:
    """`model_kwargs` or `extra` of a call add keys to those of the object and replace them."""
    llm, server = scripted(reply(wire, way), model_kwargs={"a": 1, "b": 1})
    for name in ("model_kwargs", "extra"):
        await ask(llm, way, **{name: {"b": 2, "c": 3}})
        assert {key: server.bodies[-1][key] for key in "abc"} == {"a": 1, "b": 2, "c": 3}


async def test_log_probabilities_are_kept(scripted: Scripted, wire: Any, way: str) -> None:
    """A message has the log probabilities in its metadata."""
    entry = {"token": "a", "logprob": -0.5, "top_logprobs": []}
    answer = reply(wire, way)
    (answer[0] if isinstance(answer, list) else answer)["choices"][0]["logprobs"] = {
        "content": [entry]
    }
    llm, server = scripted(answer, logprobs=True)
    message = await ask(llm, way)
    assert server.body["logprobs"] is True
    assert message.response_metadata["logprobs"] == {"content": [entry]}


@pytest.mark.parametrize("version", ["v0", "v1"])
async def test_reasoning_text_and_calls(
    scripted: Scripted, wire: Any, way: str, version: str
) -> None:
    """A message has reasoning, text and calls as blocks and sends all three back."""
    calls = [wire.call("f", '{"a": 1}', "x", 0), wire.call("g", "{}", "y", 1)]
    answer = reply(wire, way, reasoning_content="hm", tool_calls=calls)
    llm, server = scripted(answer, model=GLM, output_version=version)
    message = await ask(llm, way)
    blocks = [block["type"] for block in message.content_blocks]
    assert blocks == ["reasoning", "text", "tool_call", "tool_call"]
    assert isinstance(message.content, list) is (version == "v1")
    assert message.text == "Hello"
    await ask(llm, way, [HumanMessage("hi"), message])
    replayed = server.bodies[1]["messages"][1]
    assert (replayed["content"], replayed["reasoning"]) == ("Hello", "hm")
    assert [call["id"] for call in replayed["tool_calls"]] == ["x", "y"]


MEDIA: list[dict[str, Any]] = [
    {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
    {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
]


@pytest.mark.parametrize("block", MEDIA, ids=[str(block["type"]) for block in MEDIA])
async def test_media_that_a_model_does_not_take_are_refused(
    scripted: Scripted, wire: Any, way: str, block: dict[str, Any]
) -> None:
    """A model that takes text only raises before any request when the message has media."""
    llm, server = scripted(reply(wire, way), model=GRANITE)
    with pytest.raises(ValueError, match="takes text only"):
        await ask(llm, way, [HumanMessage([block])])
    assert server.requests == []


async def test_an_image_reaches_a_model_with_vision(
    scripted: Scripted, wire: Any, way: str
) -> None:
    """A v1 image block is sent as a part with a data URL."""
    llm, server = scripted(reply(wire, way), model=VISION)
    await ask(llm, way, [HumanMessage([MEDIA[0]])])
    (part,) = server.body["messages"][0]["content"]
    assert part == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


async def test_disable_streaming_for_tools(scripted: Scripted, wire: Any, way: str) -> None:
    """With `disable_streaming="tool_calling"` a call with tools is one plain request."""
    plain = wire.answer("Hello")
    llm, server = scripted(plain, reply(wire, way), disable_streaming="tool_calling")
    assert (await ask(llm.bind_tools([weather]), way)).text == "Hello"
    assert (await ask(llm.bind_tools([]), way)).text == "Hello"
    assert "stream" not in server.bodies[0]
    assert server.bodies[1].get("stream", False) is (way in ("stream", "astream"))


class Retries(AsyncCallbackHandler):
    """Keeps the numbers of failed attempts of async calls."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.attempts.append(retry_state.attempt_number)


class SyncRetries(BaseCallbackHandler):
    """Keeps the numbers of failed attempts of sync calls."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.attempts.append(retry_state.attempt_number)


async def test_retries_are_announced(scripted: Scripted, wire: Any, way: str) -> None:
    """Callbacks receive the retries of plain calls; LangChain passes no handlers to streams."""
    recorder = Retries() if way.startswith("a") else SyncRetries()
    busy = wire.error(429, 3040, retry_after="0")
    llm, server = scripted(busy, reply(wire, way), callbacks=[recorder])
    assert (await ask(llm, way)).text == "Hello"
    assert len(server.requests) == 2
    assert recorder.attempts == ([1] if way in ("invoke", "ainvoke") else [])


async def test_a_refused_token_is_the_frameworks_error_too(
    scripted: Scripted, wire: Any, way: str
) -> None:
    """A refused token raises a class of ours and of LangChain's, and is not retried."""
    llm, server = scripted(wire.error(401, 10000))
    with pytest.raises(ModelAuthenticationError) as caught:
        await ask(llm, way)
    assert isinstance(caught.value, face.AuthenticationError)
    assert not caught.value.is_retryable
    assert len(server.requests) == 1


async def test_completions(scripted: Scripted, wire: Any, way: str) -> None:
    """WorkersAILLM sends prompt, adapter, stop words and the call's model, and returns the text."""
    plain = way in ("invoke", "ainvoke")
    answer: Any = {"response": "Hello"} if plain else [{"response": "Hello"}, "[DONE]"]
    llm, server = scripted(answer, cls=face.WorkersAILLM, lora="mine", raw=True)
    options: dict[str, Any] = {"model": "@cf/meta/other", "stop": ["!"]}
    if plain:
        text = (
            llm.invoke("hi", **options) if way == "invoke" else await llm.ainvoke("hi", **options)
        )
    elif way == "stream":
        text = "".join(llm.stream("hi", **options))
    else:
        text = "".join([piece async for piece in llm.astream("hi", **options)])
    assert text == "Hello"
    assert (server.body["prompt"], server.body["lora"], server.body["raw"]) == ("hi", "mine", True)
    assert server.body["stop"] == ["!"]
    assert "@cf/meta/other" in server.requests[0].url.path


UNTYPED = [
    {"type": "image", "base64": "R0lGODlhAQ=="},
    {"type": "image", "data": "R0lGODlhAQ==", "source_type": "base64"},
    {"type": "image", "base64": None},
    {"type": "image", "base64": "no base64!"},
]


@pytest.mark.parametrize("block", UNTYPED, ids=["v1", "v0", "no data", "no base64"])
async def test_an_image_without_a_type_does_not_end_the_run(
    scripted: Scripted, wire: Any, way: str, block: dict[str, Any]
) -> None:
    """A tool's image without a type does not stop the run.

    LangChain's tracing refuses such an image before the model is called, and the image is in
    every later turn of the conversation.
    """
    llm, server = scripted(reply(wire, way), model=VISION)
    call = {"name": "look", "args": {}, "id": "c1"}
    history = [
        HumanMessage("Look."),
        AIMessage([block], tool_calls=[call]),
        ToolMessage([block], tool_call_id="c1"),
    ]
    assert (await ask(llm, way, history)).text == "Hello"
    assert server.body["messages"][2]["role"] == "tool"
    assert history[2].content == [block]


@pytest.mark.parametrize("block", UNTYPED[:2], ids=["v1", "v0"])
async def test_an_image_without_a_type_gets_one(
    scripted: Scripted, wire: Any, way: str, block: dict[str, Any]
) -> None:
    """A user's image without a type is sent with the type that its bytes show."""
    llm, server = scripted(reply(wire, way), model=VISION)
    await ask(llm, way, [HumanMessage([block])])
    (part,) = server.body["messages"][0]["content"]
    assert part["image_url"]["url"] == "data:image/gif;base64,R0lGODlhAQ=="


@pytest.mark.parametrize("block", UNTYPED[2:], ids=["no data", "no base64"])
async def test_an_image_without_data_is_refused(
    scripted: Scripted, wire: Any, way: str, block: dict[str, Any]
) -> None:
    """A user's image without readable data raises ConfigurationError before a request."""
    llm, server = scripted(reply(wire, way), model=VISION)
    with pytest.raises(face.ConfigurationError, match="base64"):
        await ask(llm, way, [HumanMessage([block])])
    assert not server.requests
