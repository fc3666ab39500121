"""Agents of LangChain and LangGraph with our chat model, asynchronously."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import (
    CUTS_FOR_A_SUMMARY,
    GRANITE,
    IN_LANGGRAPH_TASKS,
    Scripted,
)
from workersai import EndpointName


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
async def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


QUESTION: Any = {"messages": [{"role": "user", "content": "Use multiply to compute 6 times 7"}]}


@IN_LANGGRAPH_TASKS
@pytest.mark.parametrize("endpoint", ["run", "openai"])
async def test_an_agent_streams_messages(local: dict[str, Any], endpoint: EndpointName) -> None:
    """`astream(stream_mode="messages")` yields the call, the result and the answer."""
    llm = ChatWorkersAI(GRANITE, endpoint=endpoint, **local)
    agent = create_agent(llm, [multiply])
    pieces = [m async for m, _ in agent.astream(QUESTION, stream_mode="messages")]
    chunks = [m for m in pieces if isinstance(m, AIMessageChunk)]
    assert [m.content for m in pieces if isinstance(m, ToolMessage)] == ["42"]
    assert any(chunk.tool_call_chunks for chunk in chunks)
    assert "42" in "".join(chunk.text for chunk in chunks)
    await llm.aclose()


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
@pytest.mark.parametrize("streamed", [False, True], ids=["ainvoke", "astream"])
async def test_an_agent_answers_in_a_schema(
    local: dict[str, Any], strategy: Any, streamed: bool
) -> None:
    """An agent returns a schema's object by a forced tool and by the provider's JSON schema."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent: Any = create_agent(llm, [], response_format=strategy(Person))
    question = {"messages": [HumanMessage("The name is Ada and the age is 36.")]}
    if streamed:
        states = [state async for state in agent.astream(question, stream_mode="values")]
        final = states[-1]
    else:
        final = await agent.ainvoke(question)
    assert isinstance(final["structured_response"], Person)
    assert final["structured_response"].age == 36
    await llm.aclose()


async def test_an_agent_remembers_by_its_checkpointer(local: dict[str, Any]) -> None:
    """An agent's second turn on a thread has the messages of the first."""
    llm = ChatWorkersAI(GRANITE, **local)
    agent = create_agent(llm, [multiply], checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    await agent.ainvoke(QUESTION, thread)
    more: Any = {"messages": [HumanMessage("Thank you")]}
    messages = (await agent.ainvoke(more, thread))["messages"]
    assert [m.content for m in messages if isinstance(m, ToolMessage)] == ["42"]
    await llm.aclose()


@pytest.mark.parametrize(
    "streamed", [False, pytest.param(True, marks=IN_LANGGRAPH_TASKS)], ids=["ainvoke", "astream"]
)
async def test_a_supervisor_hands_over(scripted: Scripted, wire: Any, streamed: bool) -> None:
    """The handoff tool moves the conversation to the other agent, in a stream too."""

    @tool
    async def to_mathematician(reason: str) -> Command[Any]:
        """Hand the conversation to the mathematician."""
        result = ToolMessage(reason, tool_call_id="c1")
        return Command(goto="mathematician", graph=Command.PARENT, update={"messages": [result]})

    handoff = {"tool_calls": [wire.call("to_mathematician", '{"reason": "numbers"}')]}
    supervisor, _ = scripted(wire.stream(handoff) if streamed else wire.answer("", **handoff))
    worker, server = scripted(
        wire.stream("It ", "is 42.") if streamed else wire.answer("It is 42.")
    )
    graph = StateGraph(MessagesState)
    graph.add_node("supervisor", create_agent(supervisor, [to_mathematician]))
    graph.add_node("mathematician", create_agent(worker, [multiply]))
    graph.add_edge(START, "supervisor")
    compiled: Any = graph.compile()
    if streamed:
        events = compiled.astream(QUESTION, stream_mode="messages", subgraphs=True)
        pieces = [message async for _, (message, _) in events]
        text = "".join(m.text for m in pieces if isinstance(m, AIMessageChunk))
    else:
        text = (await compiled.ainvoke(QUESTION))["messages"][-1].text
    assert text == "It is 42."
    assert server.body["tools"][0]["function"]["name"] == "multiply"


@CUTS_FOR_A_SUMMARY
async def test_summarization_reacts_to_our_context_error(scripted: Scripted, wire: Any) -> None:
    """The summarization middleware shortens a history that is too long and asks again."""
    too_long = wire.error(413, 5021, "The estimated number of input and maximum output tokens")
    summarizer, summaries = scripted(too_long, wire.answer("They said hello."))
    llm, server = scripted(wire.answer("Short again."))
    middleware = SummarizationMiddleware(summarizer, trigger=("messages", 3), keep=("messages", 1))
    agent = create_agent(llm, [], middleware=[middleware])
    long = "hello " * 200
    history: list[Any] = [HumanMessage(long), AIMessage(long), HumanMessage("again?")]
    result = await agent.ainvoke({"messages": history})
    assert result["messages"][-1].text == "Short again."
    first, second = (len(body["messages"][0]["content"]) for body in summaries.bodies)
    assert second < first
    assert "They said hello." in str(server.body["messages"])


@pytest.mark.parametrize(
    ("status", "code", "requests"), [(401, 10000, 1), (429, 3036, 1), (429, 3040, 3)], ids=str
)
async def test_retry_middleware_reads_our_errors(
    scripted: Scripted, wire: Any, status: int, code: int, requests: int
) -> None:
    """The retry middleware repeats a call of a busy model, not one with a bad token or quota."""
    llm, server = scripted(wire.error(status, code), max_retries=0)
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent = create_agent(llm, [], middleware=[retry])
    with pytest.raises(face.APIStatusError):
        await agent.ainvoke({"messages": [HumanMessage("hi")]})
    assert len(server.requests) == requests


@IN_LANGGRAPH_TASKS
async def test_a_broken_stream_reaches_the_agents_caller(scripted: Scripted, wire: Any) -> None:
    """An agent raises StreamInterruptedError when the model's stream breaks off."""
    llm, _ = scripted(wire.stream("Half an ans", finish=None))
    agent = create_agent(llm, [])
    question: Any = {"messages": [HumanMessage("hi")]}
    with pytest.raises(face.StreamInterruptedError):
        _ = [m async for m in agent.astream(question, stream_mode="messages")]
