"""Both faces take the parameters, functions and tool choices that the models' pages list."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any, cast

import httpx
import numpy as np
import pytest
from langchain_classic.agents import AgentExecutor, create_openai_functions_agent
from langchain_core.messages import AIMessage, FunctionMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.tools import tool
from llama_index.core.tools import FunctionTool

from tests.seven import MESSAGES, SEVEN, TEXT, Wire
from workersai import ConfigurationError, get_profile

GLM = "@cf/zai-org/glm-4.7-flash"
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
CHATS = ("ChatWorkersAI", "WorkersAI")

VALUES: dict[str, Any] = {
    "temperature": 0.5, "max_tokens": 5, "top_p": 0.5, "seed": 5, "frequency_penalty": 1.5,
    "presence_penalty": 1.5, "stop": ["."], "n": 1, "logprobs": True, "top_logprobs": 5,
    "logit_bias": {"1": 5}, "reasoning_effort": "low", "parallel_tool_calls": False, "user": "u",
    "chat_template_kwargs": {"enable_thinking": False}, "response_format": {"type": "text"},
    "functions": [{"name": "f", "parameters": {"type": "object", "properties": {}}}],
    "function_call": {"name": "f"}, "modalities": ["text"], "audio": {"voice": "x"},
    "prediction": {"type": "content", "content": "a"}, "service_tier": "flex", "store": True,
    "web_search_options": {"search_context_size": "low"}, "metadata": {"team": "a"},
}  # fmt: skip
"""A value for each parameter on the page of glm-4.7-flash, except those in `TESTED_ELSEWHERE`."""
TESTED_ELSEWHERE = {
    "model",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "max_completion_tokens",
}
FIELDS = {"request_metadata" if name == "metadata" else name: v for name, v in VALUES.items()}


def ask(it: Any, **options: Any) -> Any:
    """Call `chat` of a LlamaIndex class, and `invoke` of a LangChain class."""
    if isinstance(it, SEVEN["WorkersAI"].cls):
        return it.chat(MESSAGES, **options)
    return it.invoke("Hello", **options)


def test_this_file_covers_every_parameter_of_the_page() -> None:
    """`VALUES` and `TESTED_ELSEWHERE` together name every parameter on the page of GLM."""
    assert set(get_profile(GLM).parameters) == VALUES.keys() | TESTED_ELSEWHERE


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("how", ["object", "call", "assigned"])
def test_numbers_of_other_libraries_are_numbers(name: str, how: str) -> None:
    """A whole number or a fraction of numpy, and a `Decimal`, are sent as JSON numbers."""
    numbers: dict[str, Any] = {
        "max_tokens": np.int64(5),
        "seed": np.uint8(3),
        "temperature": np.float32(0.5),
    }
    numbers["top_p"] = Decimal("0.25")
    wire = Wire()
    it = SEVEN[name].make(**wire.settings(), **(numbers if how == "object" else {}))
    for key, value in numbers.items() if how == "assigned" else ():
        setattr(it, key, value)
    ask(it, **(numbers if how == "call" else {}))
    body = json.loads(wire.requests[0].content)
    sent = {key: body[key] for key in numbers}
    assert sent == {"max_tokens": 5, "seed": 3, "temperature": 0.5, "top_p": 0.25}


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("how", ["object", "call"])
@pytest.mark.parametrize("value", [np.True_, np.array(0.5)], ids=["boolean", "array"])
def test_what_only_converts_to_a_number_is_refused(name: str, how: str, value: Any) -> None:
    """A boolean and an array of numpy are refused by constructor and call, before any request."""
    wire = Wire()

    def use() -> None:
        options = {"temperature": value}
        it = SEVEN[name].make(**wire.settings(), **(options if how == "object" else {}))
        ask(it, **(options if how == "call" else {}))

    with pytest.raises(ConfigurationError, match="temperature must be a number"):
        use()
    assert wire.requests == []


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("how", ["object", "call"])
def test_every_parameter_of_the_page_is_an_argument(name: str, how: str) -> None:
    """Each text class takes every parameter of the page, in the constructor and in a call.

    `metadata` is `request_metadata`, because both frameworks use the first name for their own.
    """
    wire = Wire()
    own = {"model": GLM, **wire.settings()}
    it = SEVEN[name].make(**own, **(FIELDS if how == "object" else {}))
    ask(it, **(FIELDS if how == "call" else {}))
    body = wire.body()
    assert {key: body[key] for key in VALUES} == VALUES


@pytest.mark.parametrize("name", TEXT)
def test_max_completion_tokens_sets_max_tokens(name: str) -> None:
    """Each text class sends `max_completion_tokens` as `max_tokens`, the older name on the page."""
    wire = Wire()
    ask(SEVEN[name].make(model=GLM, max_completion_tokens=7, **wire.settings()))
    ask(SEVEN[name].make(model=GLM, **wire.settings()), max_completion_tokens=8)
    assert [json.loads(r.content)["max_tokens"] for r in wire.requests] == [7, 8]


@pytest.mark.parametrize("name", TEXT)
def test_the_constructor_refuses_a_parameter_of_a_wrong_type(name: str) -> None:
    """Each text class raises an error that names the parameter."""
    for field in ("audio", "modalities", "functions", "store", "request_metadata"):
        with pytest.raises(ConfigurationError) as caught:
            SEVEN[name].make(**{field: 5})
        assert caught.value.parameter == field


# ------------------------------------------------------------------------- the choice of a tool


def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


NAMED = {"type": "function", "function": {"name": "weather"}}
CHOICES = [
    (True, "required"),
    ("any", "required"),
    ("auto", "auto"),
    ("none", "none"),
    ("weather", NAMED),
    (NAMED, NAMED),
    ({"type": "tool", "name": "weather"}, NAMED),
    ({"type": "any"}, "required"),
    ({"type": "auto"}, "auto"),
    ({"type": "none"}, "none"),
]


async def choose(name: str, way: str, choice: Any, **settings: Any) -> dict[str, Any]:
    """Ask a chat model with a tool and a `tool_choice`; return the body of its request."""
    wire = Wire()
    it = SEVEN[name].make(**wire.settings(), **settings)
    if name == "ChatWorkersAI":
        bound = it.bind_tools([weather], tool_choice=choice)
        response = getattr(bound, {"plain": "invoke", "awaited": "ainvoke"}[way])("Rain?")
    else:
        tools = [FunctionTool.from_defaults(weather)]
        method = {"plain": "chat_with_tools", "awaited": "achat_with_tools"}[way]
        response = getattr(it, method)(tools, user_msg="Rain?", tool_choice=choice)
    if isinstance(response, Awaitable):
        await response
    return wire.body()


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("way", ["plain", "awaited"])
@pytest.mark.parametrize(("choice", "sent"), CHOICES, ids=repr)
async def test_tool_choice_is_sent_in_the_form_of_the_api(
    name: str, way: str, choice: Any, sent: Any
) -> None:
    """Both chat classes translate OpenAI's, Anthropic's and the frameworks' forms of a choice."""
    assert (await choose(name, way, choice))["tool_choice"] == sent


@pytest.mark.parametrize("name", CHATS)
async def test_disable_parallel_tool_use_becomes_parallel_tool_calls(name: str) -> None:
    """Both chat classes send Anthropic's `disable_parallel_tool_use` as `parallel_tool_calls`."""
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert (await choose(name, "plain", choice))["parallel_tool_calls"] is False


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("choice", [5, {"type": "tool"}, {"name": 5}, "another", ["weather"]])
async def test_a_tool_choice_that_names_no_tool_is_refused(name: str, choice: Any) -> None:
    """Both chat classes raise before any request for a choice of an unknown form or tool."""
    with pytest.raises(ConfigurationError) as caught:
        await choose(name, "plain", choice)
    assert caught.value.parameter == "tool_choice"


# ------------------------------------------------------------ functions (OpenAI's older interface)

FUNCTION = {
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def answer(request: httpx.Request) -> httpx.Response:
    """Answer with a call of a function, or with text when the request has the call's result.

    The answer is a stream of events when the request asks for one.
    """
    body = json.loads(request.content)
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": GLM}
    is_answered = body["messages"][-1]["role"] == "tool"
    if not body.get("stream"):
        call = {"name": "weather", "arguments": '{"city": "Bern"}'}
        message: dict[str, Any] = {"role": "assistant", "content": None, "function_call": call}
        if is_answered:
            message = {"role": "assistant", "content": "It is sunny."}
        choice = {"index": 0, "message": message, "finish_reason": "function_call"}
        result = {**head, "choices": [choice]}
        return httpx.Response(200, json={"result": result, "success": True})
    deltas: list[Any] = [{"function_call": {"name": "weather", "arguments": ""}}]
    deltas += [{"function_call": {"arguments": part}} for part in ('{"city": ', '"Bern"}')]
    deltas = [{"content": "It is sunny."}] if is_answered else deltas
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices += [{"index": 0, "delta": {}, "finish_reason": "function_call"}]
    events = [json.dumps({**head, "choices": [choice]}) for choice in choices]
    text = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=text)


def connection(requests: list[httpx.Request]) -> dict[str, Any]:
    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        response = answer(request)
        stream = httpx.ByteStream(response.content)
        return httpx.Response(response.status_code, headers=response.headers, stream=stream)

    async def respond_async(request: httpx.Request) -> httpx.Response:
        return respond(request)

    return {
        "http_client": httpx.Client(transport=httpx.MockTransport(respond)),
        "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(respond_async)),
    }


async def _all(items: Any) -> list[Any]:
    return [item async for item in items]


def _sum(chunks: list[Any]) -> Any:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


@pytest.mark.parametrize("model", [GLM, GRANITE])
async def test_langchain_binds_functions_and_returns_their_calls(model: str) -> None:
    """`ChatWorkersAI.bind(functions=...)` sends the functions unchanged.

    The call in the answer is in `tool_calls`, and in `additional_kwargs["function_call"]`, where
    code for functions reads it: plain and streamed, sync and async.
    """
    requests: list[httpx.Request] = []
    llm = SEVEN["ChatWorkersAI"].make(model=model, **connection(requests))
    bound = llm.bind(functions=[FUNCTION], function_call={"name": "weather"})
    messages = [
        bound.invoke("Rain?"),
        await bound.ainvoke("Rain?"),
        _sum(list(bound.stream("Rain?"))),
        _sum(await _all(bound.astream("Rain?"))),
    ]
    for message in messages:
        (call,) = message.tool_calls
        assert (call["name"], call["args"]) == ("weather", {"city": "Bern"})
        function = message.additional_kwargs["function_call"]
        arguments = json.loads(function["arguments"])
        assert (function["name"], arguments) == ("weather", {"city": "Bern"})
    for request in requests:
        body = json.loads(request.content)
        assert body["functions"] == [FUNCTION]
        assert body["function_call"] == {"name": "weather"}
        assert not {"tools", "tool_choice"} & body.keys()


def test_a_function_message_is_sent_as_the_result_of_the_call_before_it() -> None:
    """`ChatWorkersAI` sends a `FunctionMessage` with the id of the call in the message before it.

    The call, which the message holds in two places, is sent once.
    """
    requests: list[httpx.Request] = []
    llm = SEVEN["ChatWorkersAI"].make(model=GLM, **connection(requests))
    bound = llm.bind(functions=[FUNCTION])
    reply = bound.invoke("Rain?")
    bound.invoke([HumanMessage("Rain?"), reply, FunctionMessage(content="sunny", name="weather")])
    _, assistant, result = json.loads(requests[-1].content)["messages"]
    (call,) = assistant["tool_calls"]
    assert (result["role"], result["tool_call_id"]) == ("tool", call["id"])


@pytest.mark.parametrize("streams", [True, False])
def test_langchains_agent_for_functions_runs(streams: bool) -> None:
    """LangChain's older agent, which binds functions and reads `function_call`, ends its run."""
    requests: list[httpx.Request] = []
    llm = SEVEN["ChatWorkersAI"].make(model=GLM, **connection(requests))
    prompt = ChatPromptTemplate([("user", "{input}"), MessagesPlaceholder("agent_scratchpad")])
    agent = create_openai_functions_agent(llm, [tool(weather)], prompt)
    executor = AgentExecutor(agent=agent, tools=[tool(weather)])
    cast("Any", executor.agent).stream_runnable = streams
    assert executor.invoke({"input": "Rain?"})["output"] == "It is sunny."
    first, second = (json.loads(request.content) for request in requests)
    assert first["functions"][0]["name"] == "weather"
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]


def test_a_call_of_a_tool_is_not_reported_as_a_function_call() -> None:
    """`ChatWorkersAI` leaves `function_call` out of the answer to a request with tools."""
    llm = SEVEN["ChatWorkersAI"].make(model=GLM, **connection([]))
    message = llm.bind_tools([weather]).invoke("Rain?")
    assert isinstance(message, AIMessage)
    assert message.tool_calls
    assert "function_call" not in message.additional_kwargs


async def test_llamaindex_takes_functions_and_returns_their_calls() -> None:
    """`WorkersAI` takes `functions` in a call, and reports the answer's call as a tool call."""
    requests: list[httpx.Request] = []
    llm = SEVEN["WorkersAI"].make(model=GLM, **connection(requests))
    responses = [
        llm.chat(MESSAGES, functions=[FUNCTION]),
        await llm.achat(MESSAGES, functions=[FUNCTION]),
        [*llm.stream_chat(MESSAGES, functions=[FUNCTION])][-1],
        (await _all(await llm.astream_chat(MESSAGES, functions=[FUNCTION])))[-1],
    ]
    for response in responses:
        (selection,) = llm.get_tool_calls_from_response(response)
        assert (selection.tool_name, selection.tool_kwargs) == ("weather", {"city": "Bern"})
    assert all(json.loads(r.content)["functions"] == [FUNCTION] for r in requests)


# ------------------------------------------------------------------- messages of a wrong type


DICT: Any = {"role": "user", "content": "Hi"}
NO_MESSAGES: list[Any] = [[DICT], DICT, "Hi", [MESSAGES[0], DICT], [None], None, ["Hi"]]


async def result_of(method: Any, *arguments: Any, **options: Any) -> Any:
    """Call a method, and await its result when it is awaitable."""
    response = method(*arguments, **options)
    return await response if isinstance(response, Awaitable) else response


@pytest.mark.parametrize("wrong", NO_MESSAGES, ids=repr)
@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat", "submit_batch"])
async def test_llamaindex_refuses_messages_that_are_not_chat_messages(way: str, wrong: Any) -> None:
    """`WorkersAI` raises for dicts and texts before any request; the error names `ChatMessage`."""
    wire = Wire()
    it = SEVEN["WorkersAI"].make(**wire.settings())
    with pytest.raises(ConfigurationError, match="ChatMessage") as caught:
        await result_of(getattr(it, way), [wrong] if way == "submit_batch" else wrong)
    assert caught.value.parameter == "messages"
    assert wire.requests == []


@pytest.mark.parametrize("way", ["chat_with_tools", "achat_with_tools", "stream_chat_with_tools"])
@pytest.mark.parametrize("history", [[DICT], DICT, "Hi", MESSAGES[0]], ids=repr)
async def test_llamaindex_refuses_a_history_that_has_no_chat_messages(
    way: str, history: Any
) -> None:
    """`WorkersAI` raises before any request when `chat_history` is not a list of `ChatMessage`."""
    wire = Wire()
    it = SEVEN["WorkersAI"].make(**wire.settings())
    tools = [FunctionTool.from_defaults(weather)]
    with pytest.raises(ConfigurationError, match="ChatMessage"):
        await result_of(getattr(it, way), tools, user_msg="Hi", chat_history=history)
    assert wire.requests == []
