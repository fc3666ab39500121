"""Agents that read text, ReAct and CodeAct, on our class and on LlamaIndex's mock, compared."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.agent.react import ReActChatFormatter
from llama_index.core.agent.workflow import (
    AgentInput,
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM

from tests.llamaindex_workersai.agents import (
    QUIET,
    Outcome,
    acceptable,
    add,
    both,
    execute,
    mock,
    ours,
    watch,
)
from tests.llamaindex_workersai.scripted import REASONING_MODEL, Reply

pytestmark = QUIET

REACT = [
    Reply('Thought: I must add.\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    Reply("Thought: I can answer.\nAnswer: It is 3."),
]
CODE = [Reply("Let me.\n<execute>\nprint(1 + 2)\n</execute>"), Reply("It is 3.")]


def thinking(replies: list[Reply], words: str) -> list[Reply]:
    return [Reply(reply.text, reasoning=words) for reply in replies]


def thought(outcome: Outcome) -> str:
    pieces = [event for event in outcome.events if isinstance(event, AgentStream)]
    return "".join(piece.thinking_delta or "" for piece in pieces)


def inputs(outcome: Outcome) -> list[str]:
    events = [event for event in outcome.events if isinstance(event, AgentInput)]
    return [event.input[-1].content or "" for event in events]


# ------------------------------------------------------------------------------- ReAct


@pytest.mark.parametrize("streaming", [True, False])
async def test_react_agent(streaming: bool) -> None:
    """A ReAct agent reads thought, action and answer from text and sends the observation as
    text.
    """
    outcome, script = await both(
        REACT, lambda llm: ReActAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?")
    )
    assert str(outcome.result) == "It is 3."
    assert "Observation: 3" in script.requests[1]["messages"][-1]["content"]


async def test_react_agent_with_results_as_tool_messages() -> None:
    """Observations in tool messages, which answer no call, are sent as text."""
    formatter = ReActChatFormatter.from_defaults(observation_role=MessageRole.TOOL)
    outcome, script = await both(
        REACT, lambda llm: ReActAgent(tools=[add], llm=llm, formatter=formatter).run("1+2?")
    )
    assert str(outcome.result) == "It is 3."
    assert acceptable(script.requests[1]["messages"])
    assert "Observation: 3" in script.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_react_agent_reads_no_reasoning(streaming: bool) -> None:
    """Reasoning does not disturb the ReAct protocol, and is streamed as it arrives."""
    outcome, _ = await both(
        thinking(REACT, "Answer: wrong. "),
        lambda llm: ReActAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?"),
        name=REASONING_MODEL,
    )
    assert str(outcome.result) == "It is 3."
    assert thought(outcome) == ("Answer: wrong. " * 2 if streaming else "")


async def test_react_agent_tries_again_after_nonsense() -> None:
    """The agent sends an answer that does not follow the protocol back with the reason."""
    replies = [Reply('Thought: Hm.\nAction: add\nAction Input: {"a"'), *REACT]
    outcome, _ = await both(replies, lambda llm: ReActAgent(tools=[add], llm=llm).run("1+2?"))
    assert str(outcome.result) == "It is 3."
    assert any("Error while parsing the output" in text for text in inputs(outcome))


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("reply", [Reply(""), Reply(reasoning="Hm.")])
async def test_react_agent_tries_again_after_nothing(streaming: bool, reply: Reply) -> None:
    """The agent asks again after an empty answer, or one of reasoning alone."""
    outcome, _ = await both(
        [reply, *REACT],
        lambda llm: ReActAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?"),
        name=REASONING_MODEL,
    )
    assert str(outcome.result) == "It is 3."
    assert any("Your previous response was empty" in text for text in inputs(outcome))


async def test_react_agent_of_a_model_without_tools() -> None:
    """`AgentWorkflow.from_tools_or_functions` uses the ReAct protocol for a model without tool
    calling.
    """
    replies = [ours(*REACT, is_function_calling_model=False)[0], mock(*REACT)]
    workflow = AgentWorkflow.from_tools_or_functions([add], llm=replies[0])
    ran = await watch(workflow.run("1+2?"))
    agent = ReActAgent(tools=[add], llm=replies[1])
    expected = await watch(AgentWorkflow(agents=[agent]).run("1+2?"))
    assert ran.outline() == expected.outline()
    assert str(ran.result) == "It is 3."


# ----------------------------------------------------------------------------- CodeAct


def coder(llm: FunctionCallingLLM, **settings: Any) -> CodeActAgent:
    return CodeActAgent(code_execute_fn=execute, llm=llm, tools=[add], **settings)


@pytest.mark.parametrize("streaming", [True, False])
async def test_code_act_agent(streaming: bool) -> None:
    """A CodeAct agent runs the code in a text and returns its output; deltas join to the text."""
    outcome, script = await both(CODE, lambda llm: coder(llm, streaming=streaming).run("1+2?"))
    assert str(outcome.result) == "It is 3."
    results = [event for event in outcome.events if isinstance(event, ToolCallResult)]
    assert results[0].tool_output.content == "ran print(1 + 2)"
    assert "ran print(1 + 2)" in script.requests[1]["messages"][-1]["content"]


async def test_code_act_agent_runs_no_reasoning() -> None:
    """A CodeAct agent does not run code in reasoning, and streams the reasoning as it arrives."""
    words = "<execute>\ndangerous()\n</execute>"
    outcome, _ = await both(
        thinking(CODE, words), lambda llm: coder(llm).run("1+2?"), name=REASONING_MODEL
    )
    results = [event for event in outcome.events if isinstance(event, ToolCallResult)]
    assert [event.tool_kwargs for event in results] == [{"code": "print(1 + 2)"}]
    assert thought(outcome) == words * 2


async def test_code_act_handoff_history_is_acceptable() -> None:
    """After a handoff of a CodeAct agent, which drops its calls, strict models accept the
    history.
    """

    def start(llm: FunctionCallingLLM) -> Any:
        first = CodeActAgent(
            code_execute_fn=execute,
            name="coder",
            description="Codes.",
            llm=llm,
            can_handoff_to=["adder"],
        )
        second = FunctionAgent(name="adder", description="Adds.", tools=[add], llm=llm)
        return AgentWorkflow(agents=[first, second], root_agent="coder").run("1+2?")

    handoff = Reply(calls=[("handoff", {"to_agent": "adder", "reason": "Numbers."})])
    outcome, script = await both([handoff, Reply("3.")], start)
    assert str(outcome.result) == "3."
    assert acceptable(script.requests[-1]["messages"])
