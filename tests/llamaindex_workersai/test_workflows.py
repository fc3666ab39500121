"""Workflows of agents, compared with LlamaIndex's mock: handoffs, state, human input, stored
contexts, output classes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentInput,
    AgentWorkflow,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.agent.workflow.workflow_events import AgentStreamStructuredOutput
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.types import PydanticProgramMode
from llama_index.core.workflow import (
    Context,
    HumanResponseEvent,
    InputRequiredEvent,
)
from pydantic import BaseModel
from workflows.context import PickleSerializer
from workflows.handler import WorkflowHandler

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
from tests.llamaindex_workersai.scripted import REASONING_MODEL, Reply

pytestmark = QUIET


def hand_over(to: str, text: str | None = None) -> Reply:
    return Reply(text, calls=[("handoff", {"to_agent": to, "reason": "Numbers."})])


def team(llm: FunctionCallingLLM, **settings: Any) -> AgentWorkflow:
    first = FunctionAgent(
        name="greeter", description="Greets.", tools=[now], llm=llm, can_handoff_to=["adder"]
    )
    second = FunctionAgent(name="adder", description="Adds.", tools=[add], llm=llm)
    return AgentWorkflow(agents=[first, second], root_agent="greeter", **settings)


# ---------------------------------------------------------------------------- handoff


async def test_handoff_to_another_agent() -> None:
    """The first agent hands over, and the second calls its tool and answers."""
    outcome, script = await both(
        [hand_over("adder"), ADDING, Reply("3.")], lambda llm: team(llm).run("1+2?")
    )
    assert str(outcome.result) == "3."
    assert outcome.result.current_agent_name == "adder"
    assert all(acceptable(request["messages"]) for request in script.requests)


async def test_handoff_to_an_agent_that_reads_text() -> None:
    """A function agent hands over to a ReAct agent, which answers."""

    def start(llm: FunctionCallingLLM) -> Any:
        first = FunctionAgent(name="greeter", description="Greets.", llm=llm)
        second = ReActAgent(name="adder", description="Adds.", tools=[add], llm=llm)
        return AgentWorkflow(agents=[first, second], root_agent="greeter").run("1+2?")

    replies = [
        hand_over("adder", "I hand this over."),
        Reply('Thought: Add.\nAction: add\nAction Input: {"a": 1, "b": 2}'),
        Reply("Thought: I can answer.\nAnswer: 3."),
    ]
    outcome, script = await both(replies, start)
    assert str(outcome.result) == "3."
    names = {e.current_agent_name for e in outcome.events if isinstance(e, AgentInput)}
    assert names == {"greeter", "adder"}
    assert all(acceptable(request["messages"]) for request in script.requests)


async def test_handoff_to_an_unknown_agent() -> None:
    """A handoff to an unknown agent returns an error as the tool's result."""
    outcome, _ = await both([hand_over("nobody"), Reply("Sorry.")], lambda llm: team(llm).run("?"))
    assert str(outcome.result) == "Sorry."
    outputs = [e.tool_output.content for e in outcome.events if isinstance(e, ToolCallResult)]
    assert "nobody not found" in outputs[0]


@pytest.mark.parametrize("text", [None, ""])
async def test_answer_of_nothing_ends_a_workflow(text: str | None) -> None:
    """An empty answer ends the run with an empty text and no error."""
    outcome, _ = await both([Reply(text)], lambda llm: team(llm).run("?"), mocked=[Reply("")])
    assert outcome.error is None
    assert outcome.result.response.content == ""


async def test_workflow_of_tools_is_a_function_agent() -> None:
    """The model's metadata make LlamaIndex choose a function agent."""
    outcome, script = await both(
        [ADDING, Reply("3.")],
        lambda llm: AgentWorkflow.from_tools_or_functions([add], llm=llm).run("1+2?"),
    )
    assert str(outcome.result) == "3."
    assert script.requests[0]["tools"][0]["function"]["name"] == "add"


# ------------------------------------------------------------------------------ state


async def test_state_is_in_the_prompt() -> None:
    """The model receives a workflow's state in the prompt."""
    _, script = await both(
        [Reply("Hi.")], lambda llm: team(llm, initial_state={"city": "Köln"}).run("Where?")
    )
    assert "Köln" in script.requests[0]["messages"][-1]["content"]


async def count(ctx: Context, step: int) -> str:
    """Count on."""
    state = await ctx.store.get("state")
    state["counter"] += step
    await ctx.store.set("state", state)
    return str(state["counter"])


# LlamaIndex finds a tool's context by its type, which must not be a string.
count.__annotations__.update(ctx=Context, step=int)


async def test_state_is_changed_by_a_tool() -> None:
    """A tool changes the state, and the user's message has the state once in every round."""

    def start(llm: FunctionCallingLLM) -> Any:
        agent = FunctionAgent(name="a", description="b", tools=[count], llm=llm)
        prompt = "State: {state}. Message: {msg}"
        workflow = AgentWorkflow(agents=[agent], initial_state={"counter": 40}, state_prompt=prompt)
        return workflow.run("Count!")

    outcome, script = await both([Reply(calls=[("count", {"step": 2})]), Reply("42.")], start)
    assert script.requests[1]["messages"][-1]["content"] == "42"
    users = [m["content"] for m in script.requests[1]["messages"] if m["role"] == "user"]
    assert [text.count("State:") for text in users] == [1]
    assert str(outcome.result) == "42."


# ------------------------------------------------------------------- human in the loop


async def ask(ctx: Context, question: str) -> str:
    """Ask the user."""
    answer = await ctx.wait_for_event(
        HumanResponseEvent, waiter_event=InputRequiredEvent(prefix=question), waiter_id=question
    )
    return str(answer.response)


ask.__annotations__.update(ctx=Context, question=str)
ASKING = [Reply("One moment.", calls=[("ask", {"question": "Sure?"})]), Reply("You said yes.")]


async def test_human_in_the_loop() -> None:
    """A tool waits for the user's input, and the run continues with it."""

    async def scenario(llm: FunctionCallingLLM) -> list[Outcome]:
        handler = FunctionAgent(tools=[ask], llm=llm).run("Do it.")
        events = []
        async for event in handler.stream_events():
            events.append(event)
            if isinstance(event, InputRequiredEvent):
                handler.ctx.send_event(HumanResponseEvent(response="yes"))
        return [Outcome(await handler, None, events)]

    ([outcome], script) = await both_in_turns(ASKING, scenario)
    assert str(outcome.result) == "You said yes."
    assert [e.prefix for e in outcome.events if isinstance(e, InputRequiredEvent)] == ["Sure?"]
    assert script.requests[1]["messages"][-1]["content"] == "yes"


async def until_asked(handler: WorkflowHandler) -> list[Any]:
    """Read a run's events until it waits for input."""
    events = []
    async for event in handler.stream_events():
        events.append(event)
        if isinstance(event, InputRequiredEvent):
            return events
    raise AssertionError("the run asked for no input")


async def test_waiting_run_is_stored_and_resumed() -> None:
    """A run that waits for input can be stored, stopped and resumed from its stored context."""
    serializer = PickleSerializer()

    async def scenario(llm: FunctionCallingLLM) -> list[Outcome]:
        agent = FunctionAgent(name="a", description="b", tools=[ask], llm=llm)
        workflow = AgentWorkflow(agents=[agent], root_agent="a")
        handler = workflow.run("Do it.")
        events = await until_asked(handler)
        stored = json.loads(json.dumps(handler.ctx.to_dict(serializer=serializer)))
        await handler.cancel_run()
        context = Context.from_dict(workflow, stored, serializer=serializer)
        handler = workflow.run("Do it.", ctx=context)
        handler.ctx.send_event(HumanResponseEvent(response="yes"))
        return [Outcome(None, None, events), await watch(handler)]

    ((_, resumed), script) = await both_in_turns(ASKING, scenario)
    assert str(resumed.result) == "You said yes."
    assert acceptable(script.requests[-1]["messages"])


# --------------------------------------------------------------------- stored contexts


async def test_context_is_stored_and_taken_up_again() -> None:
    """A context with all of an agent's answers survives a round trip through JSON."""
    serializer = PickleSerializer()

    async def scenario(llm: FunctionCallingLLM) -> list[Outcome]:
        agent = FunctionAgent(tools=[add], llm=llm)
        context = Context(agent)
        first = await watch(agent.run("1+2?", ctx=context))
        stored = json.loads(json.dumps(context.to_dict(serializer=serializer)))
        taken_up = Context.from_dict(agent, stored, serializer=serializer)
        return [first, await watch(agent.run("Again?", ctx=taken_up))]

    replies = [
        Reply("Adding.", reasoning="Hm.", calls=ADDING.calls),
        Reply("3."),
        Reply("Again 3."),
    ]
    (outcomes, script) = await both_in_turns(replies, scenario, name=REASONING_MODEL)
    assert str(outcomes[1].result) == "Again 3."
    roles = [message["role"] for message in script.requests[2]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    json.dumps(script.requests[2])


@pytest.mark.filterwarnings("ignore:Skipping serialization")  # LlamaIndex's own: of its memory
async def test_later_runs_on_a_context() -> None:
    """Later runs on one context behave as with LlamaIndex's mock."""

    async def scenario(llm: FunctionCallingLLM) -> list[Outcome]:
        workflow = AgentWorkflow(
            agents=[FunctionAgent(name="a", description="b", tools=[add], llm=llm)]
        )
        context = Context(workflow)
        way: Any = {"early_stopping_method": "generate"}
        return [
            await watch(workflow.run("?", ctx=context, max_iterations=2)),
            await watch(workflow.run("?", ctx=context, max_iterations=3)),
            await watch(workflow.run("?", ctx=context, **way)),
        ]

    (outcomes, script) = await both_in_turns([ADDING], scenario)
    assert "Max iterations of 2 reached" in str(outcomes[0].error)
    assert all(acceptable(request["messages"]) for request in script.requests)


# ------------------------------------------------------------------ objects at the end


class Answer(BaseModel):
    """An answer."""

    value: int
    unit: str


DATA = {"value": 3, "unit": "m"}
AS_TEXT = Reply('{"value": 3, "unit": "m"}')
AS_CALL = Reply(calls=[("Answer", DATA)])
# What our class does with a method, the mock does with a program mode.
METHODS: dict[str, tuple[Reply, dict[str, Any]]] = {
    "json_schema": (AS_TEXT, {"pydantic_program_mode": PydanticProgramMode.LLM}),
    "prompt": (AS_TEXT, {"pydantic_program_mode": PydanticProgramMode.LLM}),
    "tool": (AS_CALL, {}),
}


def single(llm: FunctionCallingLLM) -> Any:
    return FunctionAgent(tools=[now], llm=llm, output_cls=Answer, name="a", description="b")


def workflow(llm: FunctionCallingLLM) -> Any:
    return AgentWorkflow(agents=[single(llm)], output_cls=Answer)


def of_tools(llm: FunctionCallingLLM) -> Any:
    return AgentWorkflow.from_tools_or_functions([now], llm=llm, output_cls=Answer)


@pytest.mark.parametrize("made", [single, workflow, of_tools])
@pytest.mark.parametrize("method", list(METHODS))
async def test_output_class_of_an_agent(made: Any, method: str) -> None:
    """An agent with an `output_cls` returns an object of it, by each method."""
    reply, mock_settings = METHODS[method]
    outcome, script = await both(
        [Reply("It is 3 metres."), reply],
        lambda llm: made(llm).run("How long?"),
        mock_settings=mock_settings,
        structured_output_method=method,
    )
    assert outcome.result.structured_response == DATA
    assert outcome.result.get_pydantic_model(Answer) == Answer(value=3, unit="m")
    objects = [e.output for e in outcome.events if isinstance(e, AgentStreamStructuredOutput)]
    assert objects == [DATA]
    request = script.requests[1]
    assert ("response_format" in request, "tools" in request) == (
        method == "json_schema",
        method == "tool",
    )


async def test_output_class_after_a_handoff() -> None:
    """The workflow returns an object of its `output_cls` after a handoff."""
    replies = [hand_over("adder"), ADDING, Reply("3 metres."), AS_TEXT]
    outcome, script = await both(
        replies,
        lambda llm: team(llm, output_cls=Answer).run("How long?"),
        mock_settings=METHODS["json_schema"][1],
    )
    assert outcome.result.get_pydantic_model(Answer) == Answer(value=3, unit="m")
    assert script.requests[3]["response_format"]["type"] == "json_schema"


def test_mock_and_ours_are_of_one_kind() -> None:
    """Our class and the mock have the same properties that LlamaIndex's agents look at."""
    llm, other = ours(AS_TEXT)[0], mock(AS_TEXT)
    for metadata in (llm.metadata, other.metadata):
        assert (metadata.is_function_calling_model, metadata.is_chat_model) == (True, True)
