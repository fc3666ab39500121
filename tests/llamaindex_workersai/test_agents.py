"""Function agents: each scenario on our class and on LlamaIndex's own mock, compared."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context

from llamaindex_workersai import ToolCallError, WorkersAI
from tests.llamaindex_workersai.agents import (
    ADDING,
    QUIET,
    Outcome,
    acceptable,
    add,
    both,
    both_in_turns,
    mock,
    now,
    ours,
    watch,
)
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted

pytestmark = QUIET


def streamed(outcome: Outcome) -> list[AgentStream]:
    return [event for event in outcome.events if isinstance(event, AgentStream)]


def results(outcome: Outcome) -> list[ToolCallResult]:
    return [event for event in outcome.events if isinstance(event, ToolCallResult)]


async def ask_in_turns(replies: list[Reply], tool: Any, *questions: str) -> Scripted:
    """Ask an agent that has a memory several questions, with both classes."""

    async def scenario(llm: FunctionCallingLLM) -> list[Outcome]:
        agent = FunctionAgent(tools=[tool], llm=llm)
        memory = ChatMemoryBuffer.from_defaults(llm=llm)
        return [await watch(agent.run(question, memory=memory)) for question in questions]

    return (await both_in_turns(replies, scenario))[1]


# ------------------------------------------------------------------------------ tools


@pytest.mark.parametrize("streaming", [True, False])
async def test_function_agent_calls_a_tool_and_answers(streaming: bool) -> None:
    """The agent runs the call and answers, and the second request has the complete history."""
    outcome, script = await both(
        [ADDING, Reply("It is 3.")],
        lambda llm: FunctionAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?"),
    )
    assert str(outcome.result) == "It is 3."
    user, call, answer = script.requests[1]["messages"]
    assert user["content"] == "1+2?"
    assert call["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert answer["content"] == "3"


async def test_function_agent_calls_in_parallel() -> None:
    """The agent runs both calls of an answer, each under its own id."""
    replies = [
        Reply(calls=[("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]),
        Reply("3 and 7."),
    ]
    outcome, _ = await both(replies, lambda llm: FunctionAgent(tools=[add], llm=llm).run("?"))
    assert str(outcome.result) == "3 and 7."
    assert {event.tool_output.content for event in results(outcome)} == {"3", "7"}
    assert len({event.tool_id for event in results(outcome)}) == 2


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("arguments", ["", "{}"])
async def test_tool_without_arguments_is_called_once(streaming: bool, arguments: str) -> None:
    """The agent calls a tool without parameters once, for empty arguments and for `{}`, and keeps
    the text beside the call.
    """
    called = []

    def ring() -> str:
        """Ring."""
        called.append("ring")
        return "rang"

    calling = Reply("Ringing.", calls=[("ring", arguments)])
    outcome, _ = await both(
        [calling, Reply("Done.")],
        lambda llm: FunctionAgent(tools=[ring], llm=llm, streaming=streaming).run("Ring!"),
        mocked=[Reply("Ringing.", calls=[("ring", {})]), Reply("Done.")],
    )
    assert str(outcome.result) == "Done."
    assert called == ["ring"] * 2  # once with each class


async def test_arguments_are_shown_as_they_come() -> None:
    """The streamed arguments of a call grow, and the agent runs only the complete call."""
    outcome, _ = await both(
        [ADDING, Reply("3.")], lambda llm: FunctionAgent(tools=[add], llm=llm).run("1+2?")
    )
    shown = [piece.tool_calls[0].tool_kwargs for piece in streamed(outcome) if piece.tool_calls]
    assert [shown[0], shown[-1]] == [{}, {"a": 1, "b": 2}]
    assert {"a": 1} in shown
    assert [event.tool_kwargs for event in results(outcome)] == [{"a": 1, "b": 2}]


async def test_tool_error_goes_back_to_the_model() -> None:
    """The agent sends the exception of a tool to the model as the tool's result."""
    outcome, script = await both(
        [Reply(calls=[("add", {"a": "x", "b": None})]), Reply("It failed.")],
        lambda llm: FunctionAgent(tools=[add], llm=llm).run("?"),
    )
    assert str(outcome.result) == "It failed."
    assert [event.tool_output.is_error for event in results(outcome)] == [True]
    assert "concatenate" in script.requests[1]["messages"][-1]["content"]


async def test_direct_result_after_an_error() -> None:
    """A `return_direct` tool that fails does not end the turn: the model tries again."""

    def unlock(again: bool = False) -> str:
        """Unlock."""
        if not again:
            raise RuntimeError("Call me with again=true.")
        return "unlocked"

    tool = FunctionTool.from_defaults(unlock, return_direct=True)
    outcome, script = await both(
        [Reply(calls=[("unlock", {})]), Reply(calls=[("unlock", {"again": True})])],
        lambda llm: FunctionAgent(tools=[tool], llm=llm).run("Unlock!"),
    )
    assert str(outcome.result) == "unlocked"
    assert [event.tool_output.is_error for event in results(outcome)] == [True, False]
    assert "again=true" in script.requests[1]["messages"][-1]["content"]


async def test_cut_call_ends_the_run_with_an_error() -> None:
    """A call that the token cap cut off ends the run with an error, and is not run.

    Up to the end of the stream the events equal those of the mock, which then runs the tool with
    the part of the arguments that arrived.
    """
    cut = [Reply(calls=[("add", '{"a": 1, "b')], finish="length"), Reply("?")]

    async def run(llm: FunctionCallingLLM) -> list[Any]:
        return (await watch(FunctionAgent(tools=[add], llm=llm).run("?"))).outline()

    ran, expected = await run(ours(*cut)[0]), await run(mock(*cut))
    assert ran[:2] == expected[:2]
    assert [entry[0] for entry in expected[:4]] == [
        "AgentInput",
        "AgentStream",
        "AgentOutput",
        "ToolCall",
    ]
    assert [entry[0] for entry in ran[2:]] == ["WorkflowFailedEvent", "ToolCallError"]
    with pytest.raises(ToolCallError, match="'add' cannot be run"):
        await FunctionAgent(tools=[add], llm=ours(*cut)[0]).run("?")


async def test_initial_tool_choice_is_sent_once() -> None:
    """An agent's first tool, by its bare name, is forced in the first request only."""
    _, script = await both(
        [ADDING, Reply("3")],
        lambda llm: FunctionAgent(tools=[add], llm=llm, initial_tool_choice="add").run("1+2?"),
    )
    assert [request.get("tool_choice") for request in script.requests] == [
        {"type": "function", "function": {"name": "add"}},
        None,
    ]


async def test_many_runs_on_one_object_stay_apart() -> None:
    """Concurrent runs on one LLM each get their own calls, results and answers."""

    def answer(body: dict[str, Any]) -> Reply:
        question, *rest = body["messages"]
        number = int(question["content"])
        if rest:
            return Reply(f"It is {rest[-1]['content']}.", piece=1)
        return Reply(calls=[("add", {"a": number, "b": 1})], piece=1)

    llm = WorkersAI(MODEL, **Scripted(answer).connection)
    agents = [FunctionAgent(tools=[add], llm=llm) for _ in range(20)]
    found = await asyncio.gather(*(agent.run(str(place)) for place, agent in enumerate(agents)))
    assert [str(result) for result in found] == [f"It is {place + 1}." for place in range(20)]


# --------------------------------------------------------------------------- thinking


async def test_agent_streams_deltas_and_thinking() -> None:
    """Text deltas join to the answer, and thinking deltas to the reasoning, which the answer does
    not contain.
    """
    outcome, _ = await both(
        [Reply("It is noon.", reasoning="Look at the clock.")],
        lambda llm: FunctionAgent(tools=[now], llm=llm).run("Time?"),
        name=REASONING_MODEL,
    )
    pieces = streamed(outcome)
    assert "".join(piece.delta for piece in pieces) == "It is noon." == str(outcome.result)
    thinking = [piece.thinking_delta for piece in pieces if piece.thinking_delta is not None]
    assert thinking == ["Look", " at ", "the ", "cloc", "k."]
    assert pieces[0].thinking_delta == "Look"


async def test_thinking_before_a_call_stays_with_it() -> None:
    """The next request of an agent has the reasoning that came before a call."""
    outcome, script = await both(
        [Reply(calls=ADDING.calls, reasoning="I must add."), Reply("3.", reasoning="Done.")],
        lambda llm: FunctionAgent(tools=[add], llm=llm).run("1+2?"),
        name=REASONING_MODEL,
    )
    assert str(outcome.result) == "3."
    assert script.requests[1]["messages"][1]["reasoning"] == "I must add."


async def test_agent_without_thinking_has_none() -> None:
    """Events of an answer without reasoning have `None` as their thinking delta."""
    outcome, _ = await both(
        [Reply("Noon.")], lambda llm: FunctionAgent(tools=[now], llm=llm).run("Time?")
    )
    assert {piece.thinking_delta for piece in streamed(outcome)} == {None}


@pytest.mark.parametrize("streaming", [True, False])
async def test_answer_left_in_the_reasoning_is_lost_without_the_option(streaming: bool) -> None:
    """By default an agent whose model answers only in its reasoning ends with an empty text."""
    outcome, _ = await both(
        [Reply(reasoning="It is noon.")],
        lambda llm: FunctionAgent(tools=[now], llm=llm, streaming=streaming).run("?"),
        name=REASONING_MODEL,
    )
    assert outcome.result.response.content is None


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply("", reasoning="It is noon."), "It is noon."),
        (Reply("Noon.", reasoning="It is one."), "Noon."),
        (Reply(""), ""),
    ],
)
async def test_agent_recovers_an_answer_left_in_the_reasoning(
    streaming: bool, reply: Reply, text: str
) -> None:
    """With `reasoning_as_text` the reasoning becomes the answer if the text is empty, and an
    existing text is never replaced.
    """
    outcome, _ = await both(
        [reply],
        lambda llm: FunctionAgent(tools=[now], llm=llm, streaming=streaming).run("?"),
        mocked=[Reply(text, reasoning=reply.reasoning)],
        name=REASONING_MODEL,
        reasoning_as_text=True,
    )
    assert str(outcome.result) == text


# ----------------------------------------------------------------- messages and memory


async def test_agent_remembers_with_its_memory() -> None:
    """The second run of an agent with a memory sends the first one, calls and results included."""
    script = await ask_in_turns([ADDING, Reply("3"), Reply("As I said.")], add, "1+2?", "Again?")
    roles = [message["role"] for message in script.requests[2]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


async def test_truncated_memory_is_acceptable() -> None:
    """The request is acceptable to strict models if a memory begins with a result without its
    call.
    """
    history = [
        ChatMessage(role="tool", content="3", additional_kwargs={"tool_call_id": "forgotten"}),
        ChatMessage(role="assistant", content="It is 3."),
    ]
    _, script = await both(
        [Reply("Fine.")],
        lambda llm: FunctionAgent(tools=[add], llm=llm).run("Again?", chat_history=history),
    )
    sent = script.requests[0]["messages"]
    assert acceptable(sent)
    assert "3" in sent[0]["content"]


async def test_history_after_return_direct_is_acceptable() -> None:
    """The next turn has a result for each call that a `return_direct` tool left unanswered."""
    direct = FunctionTool.from_defaults(add, return_direct=True)
    replies = [Reply(calls=[("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]), Reply("Done.")]
    script = await ask_in_turns(replies, direct, "?", "And?")
    assert acceptable(script.requests[-1]["messages"])


async def test_message_with_blocks_is_sent_whole() -> None:
    """The agent sends all blocks of a user's message, images included, with a history and a
    context.
    """
    history = [
        ChatMessage(role="user", content="I am Ada."),
        ChatMessage(role="assistant", content="Hi."),
    ]
    image = ImageBlock(url="https://example.com/ada.png")
    blocks = [TextBlock(text="Who am I?"), TextBlock(text="And this?"), image]

    def start(llm: FunctionCallingLLM) -> Any:
        agent = FunctionAgent(tools=[now], llm=llm, system_prompt="Be kind.")
        return agent.run(
            ChatMessage(role="user", blocks=list(blocks)), chat_history=history, ctx=Context(agent)
        )

    _, script = await both([Reply("Ada.")], start, name=REASONING_MODEL)
    contents = [message["content"] for message in script.requests[0]["messages"]]
    assert contents == [
        "Be kind.",
        "I am Ada.",
        "Hi.",
        [
            {"type": "text", "text": "Who am I?"},
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/ada.png"}},
        ],
    ]


# ------------------------------------------------------------------------ early stopping


@pytest.mark.parametrize(("limit", "requests"), [(2, 2), (None, 20)])
async def test_max_iterations_end_the_run(limit: int | None, requests: int) -> None:
    """LlamaIndex stops an agent that only calls tools after 20 rounds, or after
    `max_iterations`.
    """
    outcome, script = await both(
        [ADDING],
        lambda llm: FunctionAgent(tools=[add], llm=llm).run("?", max_iterations=limit),
    )
    assert f"Max iterations of {requests} reached" in str(outcome.error)
    assert len(script.requests) == requests


@pytest.mark.parametrize("of_agent", [True, False])
async def test_early_stopping_generates_an_answer(of_agent: bool) -> None:
    """With early stopping, the closing system message is sent as a user's message and its answer
    ends the run.

    The run's setting takes precedence over that of the agent.
    """

    def start(llm: FunctionCallingLLM) -> Any:
        way: Any = {"early_stopping_method": "generate"}
        prompt = "Be brief."
        if of_agent:
            agent = FunctionAgent(tools=[add], llm=llm, system_prompt=prompt, **way)
            return agent.run("?", max_iterations=2)
        agent = FunctionAgent(tools=[add], llm=llm, system_prompt=prompt)
        return agent.run("?", max_iterations=2, **way)

    outcome, script = await both([ADDING, ADDING, Reply("Enough: 3.")], start)
    assert str(outcome.result) == "Enough: 3."
    assert acceptable(script.requests[-1]["messages"])
    assert script.requests[-1]["messages"][-1]["role"] == "user"


async def test_early_stopping_after_tool_results_keeps_them() -> None:
    """The request before an early stop has the tools' results and then the instruction."""
    llm, script = ours(Reply("Enough: 3."))
    history = [
        ChatMessage(role="user", content="1+2?"),
        llm_said(ADDING),
        ChatMessage(role="tool", content="3", additional_kwargs={"tool_call_id": "call-0"}),
        ChatMessage(role="system", content="You are out of rounds: answer now."),
    ]
    assert [part async for part in await llm.astream_chat(history)][-1].delta == ""
    sent = script.requests[0]["messages"]
    assert acceptable(sent)
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]
    assert sent[2]["content"] == "3"


def llm_said(reply: Reply) -> ChatMessage:
    response: ChatResponse = ours(reply)[0].chat([ChatMessage(role="user", content="?")])
    return response.message
