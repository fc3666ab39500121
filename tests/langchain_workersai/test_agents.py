"""Agents of LangChain and LangGraph on our chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState
from langgraph.types import Command
from pydantic import BaseModel

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import (
    CUTS_FOR_A_SUMMARY,
    GLM,
    GRANITE,
    IN_LANGGRAPH_TASKS,
    LLAMA,
    merged,
)
from workersai import EndpointName


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def tool_results(messages: list[Any]) -> list[tuple[Any, Any]]:
    return [(m.name, m.content) for m in messages if isinstance(m, ToolMessage)]


# ------------------------------------------------------------------- on the local server


@pytest.mark.parametrize("endpoint", ["run", "openai"])
@pytest.mark.parametrize("model", [GRANITE, GLM])
def test_an_agent_calls_its_tools(
    local: dict[str, Any], model: str, endpoint: EndpointName
) -> None:
    """`create_agent` picks the right tool, runs it and answers from its result."""
    llm = ChatWorkersAI(model, endpoint=endpoint, **local)
    agent = create_agent(llm, [weather, multiply])
    question = {"role": "user", "content": "Use multiply to compute 6 times 7"}
    messages = agent.invoke({"messages": [question]})["messages"]
    assert tool_results(messages) == [("multiply", "42")]
    assert "42" in messages[-1].text
    llm.close()


@pytest.mark.parametrize("endpoint", ["run", "openai"])
def test_an_agent_streams_messages(local: dict[str, Any], endpoint: EndpointName) -> None:
    """`stream_mode="messages"` yields the tool call, its result and the answer as they arrive."""
    llm = ChatWorkersAI(GRANITE, endpoint=endpoint, **local)
    agent = create_agent(llm, [weather, multiply])
    question = {"role": "user", "content": "Use multiply to compute 6 times 7"}
    pieces = [m for m, _ in agent.stream({"messages": [question]}, stream_mode="messages")]
    chunks = [m for m in pieces if isinstance(m, AIMessageChunk)]
    assert tool_results(pieces) == [("multiply", "42")]
    assert any(c.tool_call_chunks for c in chunks)
    assert "42" in "".join(c.text for c in chunks)
    assert sum(c.usage_metadata is not None for c in chunks) == 2
    llm.close()


@pytest.mark.parametrize("way", ["stream", pytest.param("astream", marks=IN_LANGGRAPH_TASKS)])
@pytest.mark.parametrize("endpoint", ["run", "openai"])
async def test_the_chunks_of_an_agent_s_run_add_up(
    scripted: Any, wire: Any, endpoint: EndpointName, way: str
) -> None:
    """The chunks of an agent's two model calls add up to one message with a list of neurons."""
    first = wire.stream({"tool_calls": [wire.call("weather", '{"city": "Bern"}')]})
    second = wire.stream("It is ", "sunny.")
    for events, neurons in ((first, 0.5), (second, 0.75)):
        events[-2] = {**events[-2], "usage": {**wire.usage, "neurons": neurons}}
    llm, server = scripted(first, second, endpoint=endpoint)
    agent: Any = create_agent(llm, [weather])
    question = {"messages": [("user", "weather?")]}
    if way == "stream":
        messages = [m for m, _ in agent.stream(question, stream_mode="messages")]
    else:
        messages = [m async for m, _ in agent.astream(question, stream_mode="messages")]
    total = merged([m for m in messages if isinstance(m, AIMessageChunk)])
    assert len(server.requests) == 2
    assert total.response_metadata["neurons"] == [0.5, 0.75]
    assert total.text == "It is sunny."
    assert [call["name"] for call in total.tool_calls] == ["weather"]
    assert total.usage_metadata
    assert total.usage_metadata["total_tokens"] == 24


async def test_an_agent_works_asynchronously(local: dict[str, Any]) -> None:
    """`ainvoke` of an agent calls the tool and returns its result."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent = create_agent(llm, [multiply])
    question: Any = {"messages": [{"role": "user", "content": "Use multiply to compute 6 times 7"}]}
    assert tool_results((await agent.ainvoke(question))["messages"]) == [("multiply", "42")]
    await llm.aclose()


@IN_LANGGRAPH_TASKS
async def test_an_agents_events(local: dict[str, Any]) -> None:
    """An agent's events include the model's start, chunks and end, and the tool's end."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent = create_agent(llm, [multiply])
    question: Any = {"messages": [{"role": "user", "content": "Use multiply to compute 6 times 7"}]}
    kinds = [event["event"] async for event in agent.astream_events(question, version="v2")]
    assert {"on_chat_model_start", "on_chat_model_stream", "on_chat_model_end", "on_tool_end"} <= {
        *kinds
    }
    await llm.aclose()


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_an_agent_answers_in_a_schema(local: dict[str, Any], strategy: Any) -> None:
    """An agent returns a schema's object by a forced tool and by the provider's JSON schema."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent = create_agent(llm, [], response_format=strategy(Person))
    question = {"role": "user", "content": "The name is Ada and the age is 36."}
    answer = agent.invoke({"messages": [question]})["structured_response"]
    assert isinstance(answer, Person)
    assert answer.age == 36
    llm.close()


def test_an_agent_remembers_by_its_checkpointer(local: dict[str, Any]) -> None:
    """An agent's second turn on a thread has the messages of the first; another thread has not."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent = create_agent(llm, [multiply], checkpointer=InMemorySaver())
    first: Any = {"configurable": {"thread_id": "1"}}
    other: Any = {"configurable": {"thread_id": "2"}}
    question: Any = {"messages": [{"role": "user", "content": "Use multiply to compute 6 times 7"}]}
    thanks: Any = {"messages": [{"role": "user", "content": "Thank you"}]}
    agent.invoke(question, first)
    assert ("multiply", "42") in tool_results(agent.invoke(thanks, first)["messages"])
    separate = agent.invoke(thanks, other)["messages"]
    assert [m.text for m in separate if isinstance(m, HumanMessage)] == ["Thank you"]
    assert ("multiply", "42") not in tool_results(separate)
    llm.close()


# --------------------------------------------------------------------- by scripted answers


def test_an_agents_turns_on_the_wire(scripted: Any, wire: Any) -> None:
    """The agent's second request contains the tool call and the tool's result."""
    call = wire.answer("", tool_calls=[wire.call("weather", '{"city": "Rome"}')])
    llm, server = scripted(call, wire.answer("Sunny."))
    create_agent(llm, [weather]).invoke({"messages": [HumanMessage("Weather in Rome?")]})
    first, second = server.bodies
    assert [t["function"]["name"] for t in first["tools"]] == ["weather"]
    assert [m["role"] for m in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][1]["content"] == ""
    assert second["messages"][2]["tool_call_id"] == "c1"


def test_an_agent_requests_a_schema_as_a_tool(scripted: Any, wire: Any) -> None:
    """With tools and a schema the agent sends the schema as a tool, plain and streamed.

    No model is known to call tools while a response format is set.
    """
    look = wire.answer("", tool_calls=[wire.call("weather", '{"city": "Rome"}')])
    call = wire.answer("", tool_calls=[wire.call("Person", '{"name": "Ada", "age": 36}')])
    as_stream = [
        wire.stream({"tool_calls": [answer["choices"][0]["message"]["tool_calls"][0]]})
        for answer in (look, call)
    ]
    for model in (GRANITE, GLM, LLAMA, "@cf/new/model"):
        llm, server = scripted(look, call, *as_stream, model=model)
        agent = create_agent(llm, [weather], response_format=Person)
        question: Any = {"messages": [HumanMessage("a")]}
        assert agent.invoke(question)["structured_response"] == Person(name="Ada", age=36)
        list(agent.stream(question, stream_mode="messages"))
        assert [body.get("stream") for body in server.bodies] == [None, None, True, True]
        for body in server.bodies:
            assert "response_format" not in body
            assert body["tool_choice"] == "required"
            assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "Person"]


def test_a_users_profile_selects_the_providers_schema(scripted: Any, wire: Any) -> None:
    """A user's profile that allows tools beside a schema makes the agent send a response format."""
    profile = {"tool_calling": True, "structured_output": True}
    llm, server = scripted(wire.answer('{"name": "Ada", "age": 36}'), profile=profile)
    result = create_agent(llm, [], response_format=Person).invoke({"messages": [HumanMessage("a")]})
    assert result["structured_response"] == Person(name="Ada", age=36)
    assert "response_format" in server.body
    assert "tools" not in server.body


def handoff(to: str) -> Any:
    """A tool that hands the conversation to another agent."""

    @tool(f"transfer_to_{to}", description=f"Hand over to {to}.")
    def transfer(
        state: Annotated[dict[str, Any], InjectedState],
        tool_call_id: Annotated[str, InjectedToolCallId],
    ) -> Command[Any]:
        note = ToolMessage("done", name=f"transfer_to_{to}", tool_call_id=tool_call_id)
        messages = [*state["messages"], note]
        return Command(goto=to, update={"messages": messages}, graph=Command.PARENT)

    return transfer


def test_a_supervisor_hands_over_between_two_agents(scripted: Any, wire: Any) -> None:
    """Two agents hand a conversation to each other and back in one shared history."""
    boss, boss_server = scripted(
        wire.answer("", tool_calls=[wire.call("transfer_to_clerk", "{}", "h1")]),
        wire.answer("All done: 42."),
    )
    clerk, clerk_server = scripted(
        wire.answer("", tool_calls=[wire.call("multiply", '{"a": 6, "b": 7}', "m1")]),
        wire.answer("", tool_calls=[wire.call("transfer_to_boss", "{}", "h2")]),
        model=GLM,
    )
    graph = StateGraph(MessagesState)
    graph.add_node("boss", create_agent(boss, [handoff("clerk")], name="boss"))
    graph.add_node("clerk", create_agent(clerk, [multiply, handoff("boss")], name="clerk"))
    graph.add_edge(START, "boss")
    result = graph.compile().invoke({"messages": [HumanMessage("6 times 7?")]})
    assert result["messages"][-1].text == "All done: 42."
    assert ("multiply", "42") in tool_results(result["messages"])
    assert [len(boss_server.requests), len(clerk_server.requests)] == [2, 2]
    roles = [m["role"] for m in boss_server.bodies[-1]["messages"]]
    assert roles.count("tool") == 3


@pytest.mark.parametrize(
    ("first_agent", "expected"),
    [("boss", ("transfer_to_clerk", "done")), ("clerk", ("multiply", "42"))],
)
def test_a_supervisor_on_the_local_server(
    local: dict[str, Any], first_agent: str, expected: tuple[str, str]
) -> None:
    """On the local server the clerk answers last, after a handover or after its own tool.

    The rule-based engine calls no further tool after a tool result.
    """
    llm = ChatWorkersAI(GRANITE, **local)
    clerk = create_agent(llm, [multiply], name="clerk")
    graph = StateGraph(MessagesState)
    graph.add_node("boss", create_agent(llm, [handoff("clerk")], name="boss"))
    graph.add_node("clerk", clerk)
    graph.add_edge(START, first_agent)
    question = HumanMessage("Hand over to clerk and multiply 6 and 7")
    result = graph.compile().invoke({"messages": [question]})
    assert tool_results(result["messages"]) == [expected]
    assert result["messages"][-1].name == "clerk"
    assert expected[1] in result["messages"][-1].text
    llm.close()


@CUTS_FOR_A_SUMMARY
def test_summarization_reacts_to_our_context_error(scripted: Any, wire: Any) -> None:
    """The summarization middleware shortens a history that is too long and asks again."""
    too_long = wire.error(413, 5021, "The estimated number of input and maximum output tokens")
    summarizer, summaries = scripted(too_long, wire.answer("They said hello."))
    llm, server = scripted(wire.answer("Short again."))
    middleware = SummarizationMiddleware(summarizer, trigger=("messages", 3), keep=("messages", 1))
    agent = create_agent(llm, [], middleware=[middleware])
    history: list[Any] = [
        HumanMessage("hello " * 200),
        AIMessage("hello " * 200),
        HumanMessage("again?"),
    ]
    result = agent.invoke({"messages": history})
    assert result["messages"][-1].text == "Short again."
    first, second = (len(body["messages"][0]["content"]) for body in summaries.bodies)
    assert second < first
    assert "They said hello." in str(server.body["messages"])


def test_summarization_knows_the_context_window(scripted: Any, wire: Any) -> None:
    """The summarization middleware reads the context window from the model's profile."""
    llm, server = scripted(wire.answer("a"))
    middleware = SummarizationMiddleware(llm, trigger=("fraction", 0.5), keep=("messages", 1))
    create_agent(llm, [], middleware=[middleware]).invoke({"messages": [HumanMessage("hi")]})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "requests"), [(401, 10000, 1), (429, 3036, 1), (429, 3040, 3)], ids=str
)
def test_retry_middleware_reads_our_errors(
    scripted: Any, wire: Any, status: int, code: int, requests: int
) -> None:
    """The retry middleware repeats a call of a busy model, not one with a bad token or quota."""
    llm, server = scripted(wire.error(status, code), max_retries=0)
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent = create_agent(llm, [], middleware=[retry])
    with pytest.raises(face.APIStatusError):
        agent.invoke({"messages": [HumanMessage("hi")]})
    assert len(server.requests) == requests


def test_a_broken_stream_reaches_the_agents_caller(scripted: Any, wire: Any) -> None:
    """An agent raises StreamInterruptedError when the model's stream breaks off."""
    llm, _ = scripted(wire.stream("Half an ans", finish=None))
    agent = create_agent(llm, [])
    with pytest.raises(face.StreamInterruptedError):
        list(agent.stream({"messages": [HumanMessage("hi")]}, stream_mode="messages"))


async def test_events_of_the_model(scripted: Any, wire: Any) -> None:
    """`astream_events` reports each token and the end with usage."""
    llm, _ = scripted(wire.stream("a", "b"))
    events: AsyncIterator[Any] = llm.astream_events("hi", version="v2")
    collected = [event async for event in events]
    assert [
        e["data"]["chunk"].content for e in collected if e["event"] == "on_chat_model_stream"
    ] == [
        "a",
        "b",
        "",
    ]
    (end,) = [e for e in collected if e["event"] == "on_chat_model_end"]
    assert end["data"]["output"].usage_metadata["total_tokens"] == 12
