"""Agents: each scenario on our class and on LlamaIndex's own mock, with one script of answers.

What an agent did is its outline: inputs, outputs, calls, results, in order. Both must have the
same, so that nothing an agent sees of `WorkersAI` differs from what LlamaIndex's tests see.
"""

from __future__ import annotations

import gc
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from llama_index.core.agent.react import ReActChatFormatter
from llama_index.core.agent.workflow import (
    AgentInput,
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import (
    Context,
    HumanResponseEvent,
    InputRequiredEvent,
    JsonPickleSerializer,
)
from pydantic import BaseModel

from llamaindex_workersai import ToolCallError, WorkersAI
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted

# LlamaIndex's workflows look at every attribute of an agent, pydantic's old names among them, and
# leave the database of an agent's memory open: it is collected here, and not in another test.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.collect()


Run = Callable[[FunctionCallingLLM], Any]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def now() -> str:
    """Tell the time."""
    return "noon"


def ours(*replies: Reply, name: str = MODEL, **settings: Any) -> tuple[WorkersAI, Scripted]:
    script = Scripted(*replies)
    return WorkersAI(name, **{**script.connection, **settings}), script


def mock(*replies: Reply) -> MockFunctionCallingLLM:
    """Give LlamaIndex's mock the same script."""
    remaining = list(replies)

    def answer(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
        reply = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        blocks: list[ContentBlock] = []
        if reply.reasoning:
            blocks.append(ThinkingBlock(content=reply.reasoning))
        if reply.text is not None:
            blocks.append(TextBlock(text=reply.text))
        blocks += [
            ToolCallBlock(tool_call_id=f"call-{place}", tool_name=tool, tool_kwargs=arguments)
            for place, (tool, arguments) in enumerate(reply.calls)
        ]
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)

    return MockFunctionCallingLLM(response_generator=answer, is_chat_model=True)


def outline(events: Sequence[Any]) -> list[Any]:
    """What happened, without how finely it was streamed."""
    told: list[Any] = []
    for event in events:
        if isinstance(event, AgentInput):
            told.append(("input", event.current_agent_name, len(event.input)))
        elif isinstance(event, AgentOutput):
            calls = [(call.tool_name, call.tool_kwargs) for call in event.tool_calls]
            told.append(("output", event.current_agent_name, event.response.content, calls))
        elif isinstance(event, ToolCallResult):
            told.append(("result", event.tool_name, event.tool_kwargs, event.tool_output.content))
        elif isinstance(event, ToolCall):
            told.append(("call", event.tool_name, event.tool_kwargs))
    # Tools that are called together run in threads: what of them comes first is chance.
    runs = itertools.groupby(told, key=lambda entry: entry[0] in ("call", "result"))
    return [
        entry for of_tools, run in runs for entry in (sorted(run, key=repr) if of_tools else run)
    ]


async def watch(handler: Any) -> tuple[Any, list[Any]]:
    events = [event async for event in handler.stream_events()]
    return await handler, events


async def both_twice(replies: Sequence[Reply], tool: Any, *questions: str) -> Scripted:
    """Ask an agent with a memory again and again, with both classes, and compare."""
    llm, script = ours(*replies)
    outlines = []
    for each in (llm, mock(*replies)):
        agent = FunctionAgent(tools=[tool], llm=each)
        memory = ChatMemoryBuffer.from_defaults(llm=each)
        runs = [await watch(agent.run(question, memory=memory)) for question in questions]
        outlines.append([outline(events) for _, events in runs])
    assert outlines[0] == outlines[1]
    return script


async def both(replies: Sequence[Reply], start: Run) -> tuple[Any, list[Any], Scripted]:
    """Run a scenario on both classes, compare, and give what ours did."""
    llm, script = ours(*replies)
    result, events = await watch(start(llm))
    _, expected = await watch(start(mock(*replies)))
    assert outline(events) == outline(expected)
    return result, events, script


# --------------------------------------------------------------------------- function agents


@pytest.mark.parametrize("streaming", [True, False])
async def test_function_agent_calls_a_tool_and_answers(streaming: bool) -> None:
    """A call, its result, an answer; the history sent is complete."""
    replies = [Reply(calls=[("add", {"a": 1, "b": 2})]), Reply("It is 3.")]
    result, _, script = await both(
        replies, lambda llm: FunctionAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?")
    )
    assert str(result) == "It is 3."
    user, call, answer = script.requests[1]["messages"]
    assert user["content"] == "1+2?"
    assert call["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert answer["content"] == "3"


async def test_function_agent_calls_in_parallel() -> None:
    """Two calls of one answer are both run, under their own ids."""
    replies = [
        Reply(calls=[("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]),
        Reply("3 and 7."),
    ]
    result, events, _ = await both(
        replies, lambda llm: FunctionAgent(tools=[add], llm=llm).run("?")
    )
    assert str(result) == "3 and 7."
    results = [event for event in events if isinstance(event, ToolCallResult)]
    assert {event.tool_output.content for event in results} == {"3", "7"}
    assert len({event.tool_id for event in results}) == 2


async def test_function_agent_calls_a_tool_without_arguments() -> None:
    """A tool that takes nothing is called with nothing."""
    result, events, _ = await both(
        [Reply(calls=[("now", {})]), Reply("Noon.")],
        lambda llm: FunctionAgent(tools=[now], llm=llm).run("Time?"),
    )
    assert str(result) == "Noon."
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert streamed[-1].response == "Noon."


async def test_agent_streams_deltas_and_thinking() -> None:
    """Deltas join to the answer, thinking deltas to the reasoning, which is in no answer."""
    llm, _ = ours(Reply("It is noon.", reasoning="Look at the clock."), name=REASONING_MODEL)
    result, events = await watch(FunctionAgent(tools=[now], llm=llm).run("Time?"))
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert "".join(event.delta for event in streamed) == "It is noon." == str(result)
    assert "".join(event.thinking_delta or "" for event in streamed) == "Look at the clock."


async def test_agent_without_thinking_has_none() -> None:
    """No thinking is `None`, not text."""
    llm, _ = ours(Reply("Noon."))
    _, events = await watch(FunctionAgent(tools=[now], llm=llm).run("Time?"))
    assert {e.thinking_delta for e in events if isinstance(e, AgentStream)} == {None}


async def test_agent_recovers_an_answer_left_in_the_reasoning() -> None:
    """With `reasoning_as_text` an agent does not end with nothing."""
    reply = Reply("", reasoning="It is noon.")
    plain, _ = ours(reply, name=REASONING_MODEL)
    recovering, _ = ours(reply, name=REASONING_MODEL, reasoning_as_text=True)
    lost: Any = await FunctionAgent(tools=[now], llm=plain).run("?")
    assert lost.response.content is None
    assert str(await FunctionAgent(tools=[now], llm=recovering).run("?")) == "It is noon."


async def test_initial_tool_choice_is_sent_once() -> None:
    """An agent's first tool, by its bare name, is forced in the first request only."""
    llm, script = ours(Reply(calls=[("add", {"a": 1, "b": 2})]), Reply("3"))
    await FunctionAgent(tools=[add], llm=llm, initial_tool_choice="add").run("1+2?")
    assert [request.get("tool_choice") for request in script.requests] == [
        {"type": "function", "function": {"name": "add"}},
        None,
    ]


async def test_cut_call_ends_the_run_with_an_error() -> None:
    """A call cut at the token limit is neither run nor taken for an empty answer."""
    llm, _ = ours(Reply(calls=[("add", '{"a": 1, "b')], finish="length"))
    with pytest.raises(ToolCallError, match="'add' cannot be run"):
        await FunctionAgent(tools=[add], llm=llm).run("?")


async def test_tool_error_goes_back_to_the_model() -> None:
    """A tool that raises is a result with its error."""
    result, events, script = await both(
        [Reply(calls=[("add", {"a": "x", "b": None})]), Reply("It failed.")],
        lambda llm: FunctionAgent(tools=[add], llm=llm).run("?"),
    )
    assert str(result) == "It failed."
    assert any(e.tool_output.is_error for e in events if isinstance(e, ToolCallResult))
    assert "concatenate" in script.requests[1]["messages"][-1]["content"]


async def test_agent_remembers_with_its_memory() -> None:
    """A second run sees the first, calls and results included."""
    replies = [Reply(calls=[("add", {"a": 1, "b": 2})]), Reply("3"), Reply("As I said.")]
    script = await both_twice(replies, add, "1+2?", "Again?")
    roles = [message["role"] for message in script.requests[2]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


async def test_truncated_memory_is_acceptable() -> None:
    """A memory may begin with a result whose call it has forgotten."""
    llm, script = ours(Reply("Fine."))
    history = [
        ChatMessage(role="tool", content="3", additional_kwargs={"tool_call_id": "forgotten"}),
        ChatMessage(role="assistant", content="It is 3."),
    ]
    await FunctionAgent(tools=[add], llm=llm).run("Again?", chat_history=history)
    assert_acceptable(script.requests[0]["messages"])
    assert "3" in script.requests[0]["messages"][0]["content"]


async def test_history_after_return_direct_is_acceptable() -> None:
    """A tool that ends the turn leaves other calls unanswered; the next turn answers them."""
    direct = FunctionTool.from_defaults(add, return_direct=True)
    replies = [Reply(calls=[("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]), Reply("Done.")]
    script = await both_twice(replies, direct, "?", "And?")
    assert_acceptable(script.requests[-1]["messages"])


def assert_acceptable(messages: list[dict[str, Any]]) -> None:
    """Each call is answered right after it, each result has a call, system messages lead."""
    waiting: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting
        assert message["role"] != "system" or place == 0
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    assert not waiting


async def test_max_iterations_end_the_run() -> None:
    """An agent that only calls is stopped."""
    llm, _ = ours(Reply(calls=[("add", {"a": 1, "b": 2})]))
    with pytest.raises(Exception, match="Max iterations of 2 reached"):
        await FunctionAgent(tools=[add], llm=llm).run("?", max_iterations=2)


async def test_early_stopping_generates_an_answer() -> None:
    """The closing instruction comes as a system message at the end, which is sent as the
    user's, and the answer ends the run.
    """
    replies = [Reply(calls=[("add", {"a": 1, "b": 2})])] * 2 + [Reply("Enough: 3.")]
    result, _, script = await both(
        replies,
        lambda llm: FunctionAgent(tools=[add], llm=llm, system_prompt="Be brief.").run(
            "?", max_iterations=2, early_stopping_method="generate"
        ),
    )
    assert str(result) == "Enough: 3."
    assert_acceptable(script.requests[-1]["messages"])
    assert script.requests[-1]["messages"][-1]["role"] == "user"


async def test_message_with_blocks_is_sent_whole() -> None:
    """A user's message and earlier ones are given as messages."""
    llm, script = ours(Reply("Hi."))
    history = [
        ChatMessage(role="user", content="I am Ada."),
        ChatMessage(role="assistant", content="Hi."),
    ]
    await FunctionAgent(tools=[now], llm=llm).run(
        ChatMessage(role="user", content="Who am I?"), chat_history=history
    )
    contents = [message["content"] for message in script.requests[0]["messages"]]
    assert contents == ["I am Ada.", "Hi.", "Who am I?"]


class Answer(BaseModel):
    """An answer."""

    value: int
    unit: str


@pytest.mark.parametrize("workflow", [True, False])
async def test_output_class_of_an_agent(workflow: bool) -> None:
    """An agent's last word as an object of a class."""
    llm, script = ours(Reply("It is 3 metres."), Reply('{"value": 3, "unit": "m"}'))
    agent: Any = FunctionAgent(tools=[now], llm=llm, output_cls=Answer, name="a", description="b")
    if workflow:
        agent = AgentWorkflow(agents=[agent], output_cls=Answer)
    result = await agent.run("How long?")
    assert result.structured_response == {"value": 3, "unit": "m"}
    assert result.get_pydantic_model(Answer) == Answer(value=3, unit="m")
    assert script.requests[1]["response_format"]["type"] == "json_schema"


async def test_workflow_of_tools_is_a_function_agent() -> None:
    """The model's metadata make LlamaIndex choose function calling."""
    llm, _ = ours(Reply("Hi."))
    assert isinstance(
        next(iter(AgentWorkflow.from_tools_or_functions([add], llm=llm).agents.values())),
        FunctionAgent,
    )
    plain, _ = ours(Reply("Hi."), is_function_calling_model=False)
    assert isinstance(
        next(iter(AgentWorkflow.from_tools_or_functions([add], llm=plain).agents.values())),
        ReActAgent,
    )


# ------------------------------------------------------------------------ several agents


def team(llm: FunctionCallingLLM, **settings: Any) -> AgentWorkflow:
    first = FunctionAgent(
        name="greeter", description="Greets.", tools=[now], llm=llm, can_handoff_to=["adder"]
    )
    second = FunctionAgent(name="adder", description="Adds.", tools=[add], llm=llm)
    return AgentWorkflow(agents=[first, second], root_agent="greeter", **settings)


async def test_handoff_to_another_agent() -> None:
    """One agent hands over, the other calls its tool and answers."""
    handoff = ("handoff", {"to_agent": "adder", "reason": "Numbers."})
    replies = [Reply(calls=[handoff]), Reply(calls=[("add", {"a": 1, "b": 2})]), Reply("3.")]
    result, _, script = await both(replies, lambda llm: team(llm).run("1+2?"))
    assert str(result) == "3."
    assert result.current_agent_name == "adder"
    for request in script.requests:
        assert_acceptable(request["messages"])


async def test_handoff_to_nobody_is_told() -> None:
    """A wrong name comes back as the tool's result."""
    handoff = ("handoff", {"to_agent": "nobody", "reason": "?"})
    result, events, _ = await both(
        [Reply(calls=[handoff]), Reply("Sorry.")], lambda llm: team(llm).run("?")
    )
    assert str(result) == "Sorry."
    told = [event.tool_output.content for event in events if isinstance(event, ToolCallResult)]
    assert "nobody not found" in told[0]


async def test_state_is_in_the_prompt() -> None:
    """A workflow's state is told to the model."""
    _, _, script = await both(
        [Reply("Hi.")], lambda llm: team(llm, initial_state={"city": "Köln"}).run("Where?")
    )
    assert "Köln" in script.requests[0]["messages"][-1]["content"]


async def test_code_act_handoff_history_is_acceptable() -> None:
    """A CodeAct agent drops the calls it made, so that the results of a handoff are orphans."""

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
    result, _, script = await both([handoff, Reply("3.")], start)
    assert str(result) == "3."
    assert_acceptable(script.requests[-1]["messages"])


# -------------------------------------------------------------------------- human in the loop


async def ask(ctx: Context, question: str) -> str:
    """Ask the user."""
    answer = await ctx.wait_for_event(
        HumanResponseEvent, waiter_event=InputRequiredEvent(prefix=question), waiter_id=question
    )
    return str(answer.response)


# LlamaIndex finds a tool's context by its type, which must not be a string.
ask.__annotations__["ctx"] = Context


async def test_human_in_the_loop() -> None:
    """A tool waits for the user; the answer goes on from there."""
    replies = [Reply(calls=[("ask", {"question": "Sure?"})]), Reply("You said yes.")]
    outlines = []
    for llm in (ours(*replies)[0], mock(*replies)):
        handler = FunctionAgent(tools=[ask], llm=llm).run("Do it.")
        events, asked = [], []
        async for event in handler.stream_events():
            events.append(event)
            if isinstance(event, InputRequiredEvent):
                asked.append(event.prefix)
                handler.ctx.send_event(HumanResponseEvent(response="yes"))
        assert asked == ["Sure?"]
        assert str(await handler) == "You said yes."
        outlines.append(outline(events))
    assert outlines[0] == outlines[1]


async def test_context_is_stored_and_taken_up_again() -> None:
    """Everything an agent keeps of our answers can be stored."""
    serializer = JsonPickleSerializer()
    llm, script = ours(
        Reply("Adding.", reasoning="Hm.", calls=[("add", {"a": 1, "b": 2})]),
        Reply("3."),
        Reply("Again 3."),
        name=REASONING_MODEL,
    )
    agent = FunctionAgent(tools=[add], llm=llm)
    context = Context(agent)
    await agent.run("1+2?", ctx=context)
    stored = context.to_dict(serializer=serializer)
    taken_up = Context.from_dict(agent, stored, serializer=serializer)
    assert str(await agent.run("Again?", ctx=taken_up)) == "Again 3."
    assert [m["role"] for m in script.requests[2]["messages"]][:4] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    json.dumps(script.requests[2])


# ------------------------------------------------------------------------------ text agents

REACT = [
    Reply('Thought: I must add.\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    Reply("Thought: I can answer.\nAnswer: It is 3."),
]


@pytest.mark.parametrize("streaming", [True, False])
async def test_react_agent(streaming: bool) -> None:
    """Thought, action, observation, answer, all in text."""
    result, _, script = await both(
        REACT, lambda llm: ReActAgent(tools=[add], llm=llm, streaming=streaming).run("1+2?")
    )
    assert str(result) == "It is 3."
    assert "Observation: 3" in script.requests[1]["messages"][-1]["content"]


async def test_react_agent_with_results_as_tool_messages() -> None:
    """Observations may be tool messages, which then answer no call: they are sent as text."""
    llm, script = ours(*REACT)
    formatter = ReActChatFormatter.from_defaults(observation_role=MessageRole.TOOL)
    agent = ReActAgent(tools=[add], llm=llm, formatter=formatter)
    assert str(await agent.run("1+2?")) == "It is 3."
    assert_acceptable(script.requests[1]["messages"])
    assert "Observation: 3" in script.requests[1]["messages"][-1]["content"]


async def test_react_agent_reads_no_reasoning() -> None:
    """Reasoning beside the text does not disturb the protocol."""
    replies = [Reply(reply.text, reasoning="Answer: wrong") for reply in REACT]
    llm, _ = ours(*replies, name=REASONING_MODEL)
    assert str(await ReActAgent(tools=[add], llm=llm).run("1+2?")) == "It is 3."


async def test_react_agent_tries_again_after_nonsense() -> None:
    """An answer that does not follow the protocol is sent back once."""
    replies = [Reply('Thought: Hm.\nAction: add\nAction Input: {"a"'), *REACT]
    result, _, _ = await both(replies, lambda llm: ReActAgent(tools=[add], llm=llm).run("1+2?"))
    assert str(result) == "It is 3."


async def execute(code: str) -> str:
    """Run code."""
    return f"ran {code}"


@pytest.mark.parametrize("streaming", [True, False])
async def test_code_act_agent(streaming: bool) -> None:
    """Code in the text is run, and its output told; deltas must add up to the text."""
    replies = [Reply("Let me.\n<execute>\nprint(1 + 2)\n</execute>"), Reply("It is 3.")]
    result, events, script = await both(
        replies,
        lambda llm: CodeActAgent(
            code_execute_fn=execute, llm=llm, tools=[add], streaming=streaming
        ).run("1+2?"),
    )
    assert str(result) == "It is 3."
    results = [event for event in events if isinstance(event, ToolCallResult)]
    assert results[0].tool_output.content == "ran print(1 + 2)"
    assert "ran print(1 + 2)" in script.requests[1]["messages"][-1]["content"]
