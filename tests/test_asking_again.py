"""Tool calls that cannot be run, through both faces: the model is told, and asked again."""

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
    made: Any = ChatWorkersAI if face == "langchain" else WorkersAI
    return made(name, **{**script.connection, **settings})


async def ask(llm: Any, way: str, **options: Any) -> Any:
    """Ask with a tool; what a stream joins to."""
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
    """The calls that may be run, as names and arguments."""
    if isinstance(answer, AIMessage):
        return [(call["name"], call["args"]) for call in answer.tool_calls]
    blocks = answer.message.blocks
    return [(b.tool_name, b.tool_kwargs) for b in blocks if isinstance(b, ToolCallBlock)]


def broken_of(answer: Any) -> list[Any]:
    """The calls that must not be run, by their names."""
    if isinstance(answer, AIMessage):
        return [call["name"] for call in answer.invalid_tool_calls]
    kept = answer.message.additional_kwargs.get("invalid_tool_calls", [])
    return [call["name"] for call in kept]


def text_of(answer: Any) -> str:
    return str(answer.text if isinstance(answer, AIMessage) else answer.message.content or "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("arguments", [BROKEN, *OTHERS])
async def test_a_malformed_call_is_asked_for_again(face: str, way: str, arguments: str) -> None:
    """The model sees its call, an object in the history, and why it was not run; the call that
    it then makes is the answer's only one to run.
    """
    script = Scripted(broken(arguments), good())
    answer = await ask(make(face, script), way)
    assert calls_of(answer) == [("forecast", GOOD)]
    first, second = script.requests
    assert second["tools"] == first["tools"]
    call, told = second["messages"][len(first["messages"]) :]
    assert isinstance(json.loads(call["tool_calls"][0]["function"]["arguments"]), dict)
    assert (told["role"], told["tool_call_id"]) == ("tool", call["tool_calls"][0]["id"])
    assert arguments in told["content"]
    assert "JSON object" in told["content"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_it_is_asked_a_bounded_number_of_times(face: str, way: str) -> None:
    """Twice by default; the setting or the call says otherwise. No call is to be run then."""
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
async def test_final_answers_are_not_asked_for_again(face: str, way: str, reply: Reply) -> None:
    """A cut answer, or one with a valid call, is not asked for again."""
    script = Scripted(reply)
    await ask(make(face, script), way)
    assert len(script.requests) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_nothing_is_asked_again_without_tools(face: str, way: str) -> None:
    """A request without tools is not repeated."""
    script = Scripted(broken())
    llm = make(face, script)
    if face == "langchain":
        await ask(llm, way, tools=None)
    else:
        await ask(llm, way, tools=[])
    assert len(script.requests) == 1


@pytest.mark.parametrize("face", FACES)
async def test_the_answer_joins_all_answers(face: str) -> None:
    """The answer joins text and reasoning of both answers, and its usage is their sum."""
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
    assert all(one == found[0] for one in found)
    assert found[0][0] == (["forecast"] if face == "langchain" else [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_text_may_follow_a_malformed_call(face: str, way: str) -> None:
    """A text after a malformed call is the answer, and it has no invalid calls."""
    script = Scripted(broken(), Reply("I cannot."))
    llm = make(face, script)
    answer = await ask(llm, way)
    assert (text_of(answer), calls_of(answer)) == ("I cannot.", [])
    if face == "llamaindex":
        assert llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_call_without_a_name_is_asked_for_again(face: str, way: str) -> None:
    """A user's message tells the model about a call without a name."""
    script = Scripted(Reply(calls=[("", GOOD)]), good())
    assert calls_of(await ask(make(face, script), way)) == [("forecast", GOOD)]
    last = script.requests[1]["messages"][-1]
    assert last["role"] == "user"
    assert "no name" in last["content"]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("retries", [-1, "two", 1.5])
async def test_a_wrong_number_of_retries_is_refused(face: str, retries: Any) -> None:
    """A wrong `tool_call_retries` raises before any request, in constructor and call."""
    script = Scripted(good())
    wrong = LangChainError if face == "langchain" else ConfigurationError
    with pytest.raises(wrong) as caught:
        make(face, script, tool_call_retries=retries)
    assert caught.value.parameter == "tool_call_retries"
    with pytest.raises(wrong):
        await ask(make(face, script), "plain", tool_call_retries=retries)
    assert not script.requests


async def test_the_log_says_that_it_was_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line for each repeated request, without the model's text."""
    caplog.set_level(logging.INFO, logger="workersai")
    await ask(make("langchain", Scripted(broken("SECRET"), good())), "plain")
    lines = [r.getMessage() for r in caplog.records if "asking again" in r.getMessage()]
    assert len(lines) == 1
    assert "SECRET" not in lines[0]


def test_partial_calls_of_a_stream_begin_anew() -> None:
    """While LlamaIndex streams, the calls it shows are those of the answer that is coming."""
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
async def test_a_langgraph_agent_goes_on(is_async: bool, streaming: bool | None) -> None:
    """The work of earlier steps is kept, the tool runs with what was meant, and the thread can be
    continued.
    """
    RAN.clear()
    script = Scripted(EARLIER, broken(), good(), Reply("Dry."), Reply("Bye."))
    agent = create_agent(
        make("langchain", script, streaming=streaming),
        [tool(forecast)],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    for text in ("Weather?", "Thanks."):
        asked: Any = {"messages": [("user", text)]}
        state = await agent.ainvoke(asked, config) if is_async else agent.invoke(asked, config)
    assert RAN == [("Rome", 1), ("Oslo", 2)]
    assert [m.text for m in state["messages"] if isinstance(m, AIMessage)][-2:] == ["Dry.", "Bye."]
    results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
    assert "2 dry days in Oslo" in results
    for body in script.requests:
        for message in body["messages"]:
            for call in message.get("tool_calls", ()):
                assert isinstance(json.loads(call["function"]["arguments"]), dict)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_goes_on(streaming: bool) -> None:
    """The same with LlamaIndex; what cannot be run in the end is the run's error."""
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
