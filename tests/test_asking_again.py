"""Both faces repeat a request whose answer has only tool calls that cannot be run."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.tools import FunctionTool

from langchain_workersai import ChatWorkersAI
from langchain_workersai import ConfigurationError as LangChainError
from llamaindex_workersai import ConfigurationError, ToolCallError, WorkersAI
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted

FACES = ("langchain", "llamaindex")
WAYS = ("plain", "aplain", "stream", "astream")
BROKEN = '{"city": "Oslo", "days": }'
GOOD = {"city": "Oslo", "days": 2}
OTHERS = ["[1, 2]", '"Oslo"', "city=Oslo", "{'city': 'Oslo'}", '{"city": "Oslo"', '{"a": NaN}', "3"]
FORECAST = {
    "type": "function",
    "function": {
        "name": "forecast",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def broken(arguments: str = BROKEN, **fields: Any) -> Reply:
    return Reply(calls=[("forecast", arguments)], **fields)


def good(**fields: Any) -> Reply:
    return Reply(calls=[("forecast", GOOD)], **fields)


def make(face: str, script: Scripted, name: str = MODEL, **settings: Any) -> Any:
    cls: Any = ChatWorkersAI if face == "langchain" else WorkersAI
    return cls(name, **{**script.connection, **settings})


async def ask(llm: Any, way: str, **options: Any) -> Any:
    """Ask with a tool; return the answer, or what the chunks of a stream add up to."""
    options = {"tools": [FORECAST], **options}
    if isinstance(llm, ChatWorkersAI):
        return await _ask_langchain(llm, way, options)
    return await _ask_llamaindex(llm, way, options)


async def _ask_langchain(llm: Any, way: str, options: dict[str, Any]) -> AIMessage:
    if way == "plain":
        return llm.invoke("Weather?", **options)  # type: ignore[no-any-return]  # a message
    if way == "aplain":
        return await llm.ainvoke("Weather?", **options)  # type: ignore[no-any-return]  # a message
    if way == "stream":
        chunks = list(llm.stream("Weather?", **options))
    else:
        chunks = [chunk async for chunk in llm.astream("Weather?", **options)]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole  # type: ignore[no-any-return]  # a message


async def _ask_llamaindex(llm: Any, way: str, options: dict[str, Any]) -> Any:
    tools = options.pop("tools")
    entry = {"plain": "chat", "aplain": "achat", "stream": "stream_chat", "astream": "astream_chat"}
    found = getattr(llm, f"{entry[way]}_with_tools")(
        tools, "Weather?", allow_parallel_tool_calls=True, **options
    )
    if way == "plain":
        return found
    if way == "stream":
        return list(found)[-1]
    found = await found
    return found if way == "aplain" else [response async for response in found][-1]


def calls_of(answer: Any) -> list[Any]:
    """Return the names and arguments of the calls that may be run."""
    if isinstance(answer, AIMessage):
        return [(call["name"], call["args"]) for call in answer.tool_calls]
    blocks = answer.message.blocks
    return [(b.tool_name, b.tool_kwargs) for b in blocks if isinstance(b, ToolCallBlock)]


def broken_of(answer: Any) -> list[Any]:
    """Return the names of the calls that must not be run."""
    if isinstance(answer, AIMessage):
        return [call["name"] for call in answer.invalid_tool_calls]
    invalid = answer.message.additional_kwargs.get("invalid_tool_calls", [])
    return [call["name"] for call in invalid]


def text_of(answer: Any) -> str:
    return str(answer.text if isinstance(answer, AIMessage) else answer.message.content or "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("arguments", [BROKEN, *OTHERS])
async def test_a_request_is_repeated_after_a_malformed_call(
    face: str, way: str, arguments: str
) -> None:
    """Both faces repeat a request whose answer has a malformed call.

    The second request has the call, with an object as arguments, and a result that says why the
    call was not run. The answer has only the second call.
    """
    script = Scripted(broken(arguments), good())
    answer = await ask(make(face, script), way)
    assert calls_of(answer) == [("forecast", GOOD)]
    first, second = script.requests
    assert second["tools"] == first["tools"]
    call, tool_result = second["messages"][len(first["messages"]) :]
    assert isinstance(json.loads(call["tool_calls"][0]["function"]["arguments"]), dict)
    assert (tool_result["role"], tool_result["tool_call_id"]) == (
        "tool",
        call["tool_calls"][0]["id"],
    )
    assert arguments in tool_result["content"]
    assert "JSON object" in tool_result["content"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_tool_call_retries_bounds_the_repeated_requests(face: str, way: str) -> None:
    """Both faces repeat a request `tool_call_retries` times: twice, or what object or call set.

    When the last answer is malformed too, both faces report the call as invalid.
    """
    cases: list[tuple[dict[str, Any], dict[str, Any], int]] = [
        ({}, {}, 3),
        ({"tool_call_retries": 0}, {}, 1),
        ({"tool_call_retries": 4}, {}, 5),
        ({}, {"tool_call_retries": 1}, 2),
    ]
    for settings, options, requests in cases:
        script = Scripted(broken())
        llm = make(face, script, **settings)
        answer = await ask(llm, way, **options)
        assert len(script.requests) == requests
        assert calls_of(answer) == []
        assert set(broken_of(answer)) == {"forecast"}
        if face == "llamaindex":
            with pytest.raises(ToolCallError, match="cannot be run") as caught:
                llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
            assert not caught.value.is_final


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    "reply",
    [
        broken('{"city": "Os', finish="length"),
        Reply("No.", calls=[("forecast", BROKEN)], refusal="I will not."),
        Reply(calls=[("forecast", GOOD), ("forecast", BROKEN)]),
        Reply("Rain."),
        good(),
    ],
    ids=["cut", "refused", "beside a sound one", "text", "sound"],
)
async def test_a_request_is_not_repeated_after_a_usable_answer(
    face: str, way: str, reply: Reply
) -> None:
    """Both faces accept a cut answer, a refusal, a text, and an answer with a valid call."""
    script = Scripted(reply)
    await ask(make(face, script), way)
    assert len(script.requests) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_request_without_tools_is_not_repeated(face: str, way: str) -> None:
    """Both faces send a request without tools once, even when the answer has a malformed call."""
    script = Scripted(broken())
    llm = make(face, script)
    if face == "langchain":
        await ask(llm, way, tools=None)
    else:
        await ask(llm, way, tools=[])
    assert len(script.requests) == 1


@pytest.mark.parametrize("face", FACES)
async def test_the_answers_of_repeated_requests_are_joined(face: str) -> None:
    """Both faces join text and reasoning of the answers, and add up their usage."""
    found = []
    for way in WAYS:
        first = broken(text="Let me see.", reasoning="Hm.")
        first = Reply("Let me see.", calls=first.calls, reasoning="Hm.")
        script = Scripted(first, Reply("Once more.", calls=[("forecast", GOOD)], reasoning="So."))
        answer = await ask(make(face, script, REASONING_MODEL), way)
        assert text_of(answer) == "Let me see.\n\nOnce more."
        assert calls_of(answer) == [("forecast", GOOD)]
        again = script.requests[1]["messages"][1]
        assert (again["content"], again["reasoning"]) == ("Let me see.", "Hm.")
        if face == "langchain":
            assert answer.additional_kwargs["reasoning_content"] == "Hm.\n\nSo."
            assert answer.usage_metadata["total_tokens"] == 36
            assert len({c["id"] for c in answer.tool_calls + answer.invalid_tool_calls}) == 2
        else:
            assert answer.message.blocks[0].content == "Hm.\n\nSo."
            assert answer.raw["usage"]["total_tokens"] == 36
        found.append((broken_of(answer), [text_of(answer), calls_of(answer)]))
    assert all(entry == found[0] for entry in found)
    assert found[0][0] == (["forecast"] if face == "langchain" else [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_text_may_follow_a_malformed_call(face: str, way: str) -> None:
    """Both faces return a text after a malformed call as the answer, without invalid calls."""
    script = Scripted(broken(), Reply("I cannot."))
    llm = make(face, script)
    answer = await ask(llm, way)
    assert (text_of(answer), calls_of(answer)) == ("I cannot.", [])
    if face == "llamaindex":
        assert llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_request_is_repeated_after_a_call_without_a_name(face: str, way: str) -> None:
    """Both faces report a call without a name to the model in a user's message."""
    script = Scripted(Reply(calls=[("", GOOD)]), good())
    assert calls_of(await ask(make(face, script), way)) == [("forecast", GOOD)]
    last = script.requests[1]["messages"][-1]
    assert last["role"] == "user"
    assert "no name" in last["content"]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("retries", [-1, "two", 1.5])
async def test_a_wrong_number_of_retries_is_refused(face: str, retries: Any) -> None:
    """Both faces raise for a wrong `tool_call_retries` in the constructor and in a call."""
    script = Scripted(good())
    wrong = LangChainError if face == "langchain" else ConfigurationError
    with pytest.raises(wrong) as caught:
        make(face, script, tool_call_retries=retries)
    assert caught.value.parameter == "tool_call_retries"
    with pytest.raises(wrong):
        await ask(make(face, script), "plain", tool_call_retries=retries)
    assert not script.requests


async def test_each_repeated_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """`ChatWorkersAI` logs one line for each repeated request, without the model's text."""
    caplog.set_level(logging.INFO, logger="workersai")
    await ask(make("langchain", Scripted(broken("SECRET"), good())), "plain")
    lines = [r.getMessage() for r in caplog.records if "asking again" in r.getMessage()]
    assert len(lines) == 1
    assert "SECRET" not in lines[0]


def test_a_stream_drops_partial_calls_when_it_repeats_the_request() -> None:
    """`WorkersAI` streams the partial calls of the current answer only."""
    llm = make("llamaindex", Scripted(broken(), good()))
    add = FunctionTool.from_defaults(lambda city, days: "", name="forecast", description="F.")
    for parallel in (True, False):
        shown = [
            [
                call.tool_kwargs
                for call in llm.get_tool_calls_from_response(r, error_on_no_tool_call=False)
            ]
            for r in llm.stream_chat_with_tools([add], "?", allow_parallel_tool_calls=parallel)
        ]
        assert max(map(len, shown)) == 1
        assert shown[-1] == [GOOD]
        llm = make("llamaindex", Scripted(broken(), good()))


# ------------------------------------------------------------------------------------ agents

RAN: list[Any] = []


def forecast(city: str = "?", days: int = 0) -> str:
    """Forecast the weather."""
    RAN.append((city, days))
    return f"{days} dry days in {city}"


EARLIER = Reply(calls=[("forecast", {"city": "Rome", "days": 1})])


@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_langgraph_thread_continues_after_a_malformed_call(
    is_async: bool, streaming: bool | None
) -> None:
    """A LangGraph agent keeps earlier results, runs the repeated call, and takes another turn."""
    RAN.clear()
    script = Scripted(EARLIER, broken(), good(), Reply("Dry."), Reply("Bye."))
    agent = create_agent(
        make("langchain", script, streaming=streaming),
        [tool(forecast)],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    for text in ("Weather?", "Thanks."):
        turn: Any = {"messages": [("user", text)]}
        state = await agent.ainvoke(turn, config) if is_async else agent.invoke(turn, config)
    assert RAN == [("Rome", 1), ("Oslo", 2)]
    assert [m.text for m in state["messages"] if isinstance(m, AIMessage)][-2:] == ["Dry.", "Bye."]
    results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
    assert "2 dry days in Oslo" in results
    for body in script.requests:
        for message in body["messages"]:
            for call in message.get("tool_calls", ()):
                assert isinstance(json.loads(call["function"]["arguments"]), dict)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_continues_after_a_malformed_call(streaming: bool) -> None:
    """A LlamaIndex agent keeps earlier results and runs the repeated call.

    The run raises `ToolCallError` when the last repeated call is malformed too.
    """
    RAN.clear()
    script = Scripted(EARLIER, broken(), broken("oops"), good(), Reply("Dry."))
    agent = FunctionAgent(
        name="a",
        description="Forecasts.",
        tools=[forecast],
        llm=make("llamaindex", script),
        streaming=streaming,
    )
    assert str(await AgentWorkflow(agents=[agent]).run("Weather?")) == "Dry."
    assert RAN == [("Rome", 1), ("Oslo", 2)]
    assert script.requests[4]["messages"][-1]["content"] == "2 dry days in Oslo"
    agent.llm = make("llamaindex", Scripted(EARLIER, broken()))
    with pytest.raises(ToolCallError, match="forecast"):
        await AgentWorkflow(agents=[agent]).run("Weather?")
    assert RAN[2:] == [("Rome", 1)]
