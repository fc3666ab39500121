"""Agents: a scenario -> what our class and LlamaIndex's own mock make of the same script.

What an agent did is its outline: every event with its contents, in order, but for how finely an
answer was streamed. Both must have the same, so that nothing an agent sees of `WorkersAI` differs
from what LlamaIndex's own tests see.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentInput,
    AgentOutput,
    AgentStream,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.agent.workflow.workflow_events import AgentStreamStructuredOutput
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.workflow import InputRequiredEvent, StopEvent
from workflows.handler import WorkflowHandler

from llamaindex_workersai import WorkersAI
from tests.llamaindex_workersai.scripted import MODEL, Reply, Scripted

# LlamaIndex's workflows look at every attribute of an agent, pydantic's old names among them, and
# leave the database of an agent's memory open.
QUIET = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:<aiosqlite:ResourceWarning"),
    pytest.mark.usefixtures("collected"),
]

Start = Callable[[FunctionCallingLLM], WorkflowHandler]
Scenario = Callable[[FunctionCallingLLM], Any]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def now() -> str:
    """Tell the time."""
    return "noon"


async def execute(code: str) -> str:
    """Run code."""
    return f"ran {code}"


ADDING = Reply(calls=[("add", {"a": 1, "b": 2})])

# ------------------------------------------------------------------------- the two models


def ours(*replies: Reply, name: str = MODEL, **settings: Any) -> tuple[WorkersAI, Scripted]:
    script = Scripted(*replies)
    return WorkersAI(name, **{**script.connection, **settings}), script


class ThinkingMock(MockFunctionCallingLLM):
    """LlamaIndex's mock, which has no thinking deltas of its own."""

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        responses = await super().astream_chat(messages, **kwargs)

        async def think() -> AsyncGenerator[ChatResponse, None]:
            async for response in responses:
                blocks = response.message.blocks
                for thinking in [b.content for b in blocks if isinstance(b, ThinkingBlock)]:
                    response.additional_kwargs["thinking_delta"] = thinking
                yield response

        return think()


def mock(*replies: Reply, **settings: Any) -> ThinkingMock:
    """Give LlamaIndex's mock the same script; the last answer repeats."""
    remaining = list(replies)

    def answer(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
        reply = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=_blocks(reply))

    return ThinkingMock(response_generator=answer, is_chat_model=True, **settings)


def _blocks(reply: Reply) -> list[ContentBlock]:
    blocks: list[ContentBlock] = []
    if reply.reasoning is not None:
        blocks.append(ThinkingBlock(content=reply.reasoning))
    if reply.text is not None:
        blocks.append(TextBlock(text=reply.text))
    blocks += [
        ToolCallBlock(tool_call_id=f"call-{place}", tool_name=tool, tool_kwargs=arguments)
        for place, (tool, arguments) in enumerate(reply.calls)
    ]
    return blocks


# -------------------------------------------------------------------------- what happened


def outline(events: Sequence[Any]) -> list[Any]:
    """Return every event with its contents; the pieces of one answer are joined."""
    entries: list[Any] = []
    for kind, run in itertools.groupby(events, key=_kind):
        if kind == "AgentStream":
            entries.append(_streamed(list(run)))
        elif kind == "tools":
            # Tools that are called together run in threads: what of them comes first is chance.
            entries += sorted(map(_entry, run), key=repr)
        else:
            entries += map(_entry, run)
    return entries


def _kind(event: Any) -> str:
    name = type(event).__name__
    return "tools" if isinstance(event, ToolCall | ToolCallResult) else name


def _streamed(pieces: Sequence[AgentStream]) -> tuple[Any, ...]:
    thinking = [piece.thinking_delta for piece in pieces if piece.thinking_delta is not None]
    so_far = list(itertools.accumulate(piece.delta for piece in pieces))
    return (
        "AgentStream",
        [piece.response for piece in pieces] == so_far,
        {piece.current_agent_name for piece in pieces},
        "".join(piece.delta for piece in pieces),
        "".join(thinking) if thinking else None,
        pieces[-1].response,
        _calls(pieces[-1]),
    )


def _entry(event: Any) -> tuple[Any, ...]:
    name = type(event).__name__
    if isinstance(event, AgentInput):
        return name, event.current_agent_name, messages(event.input)
    if isinstance(event, AgentOutput):
        return name, *_output(event)
    if isinstance(event, ToolCallResult):
        output = event.tool_output
        called = (event.tool_name, event.tool_kwargs, event.return_direct)
        return name, called, output.is_error, messages([ChatMessage(blocks=output.blocks)])
    if isinstance(event, ToolCall):
        return name, event.tool_name, event.tool_kwargs
    if isinstance(event, StopEvent):
        return name, *(_output(event.result) if isinstance(event.result, AgentOutput) else ())
    if isinstance(event, AgentStreamStructuredOutput):
        return name, event.output
    if isinstance(event, InputRequiredEvent):
        return name, event.get("prefix")
    return (name,)


def _output(event: AgentOutput) -> tuple[Any, ...]:
    return (
        event.current_agent_name,
        *messages([event.response]),
        _calls(event),
        event.structured_response,
        messages(event.retry_messages),
    )


def _calls(event: AgentStream | AgentOutput) -> list[Any]:
    return [(call.tool_name, call.tool_kwargs) for call in event.tool_calls]


def messages(history: Sequence[ChatMessage]) -> list[Any]:
    """Messages with their blocks; ids that agents make up are all the same here."""
    return [
        (
            message.role.value,
            [block.model_dump() for block in message.blocks],
            {
                name: value if str(value).startswith("call-") else "some"
                for name, value in message.additional_kwargs.items()
            },
        )
        for message in history
    ]


@dataclass
class Outcome:
    """The end and the events of a run.

    Attributes:
        result: What the run returned.
        error: What it raised instead.
        events: All events of the run, in order.
    """

    result: Any
    error: BaseException | None
    events: list[Any]

    def outline(self) -> list[Any]:
        """Return every event with its contents; the pieces of one answer are joined."""
        ended = (type(self.error).__name__, str(self.error)) if self.error else str(self.result)
        return [*outline(self.events), ended]


async def watch(handler: WorkflowHandler) -> Outcome:
    events = [event async for event in handler.stream_events()]
    ended: Any = (await asyncio.gather(handler, return_exceptions=True))[0]
    failed = isinstance(ended, BaseException)
    return Outcome(None, ended, events) if failed else Outcome(ended, None, events)


async def both(
    replies: Sequence[Reply],
    start: Start,
    *,
    mocked: Sequence[Reply] = (),
    mock_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[Outcome, Scripted]:
    """Run a scenario on both classes, compare, and give what ours did.

    Args:
        replies: The script.
        start: Starts the agent with a model.
        mocked: The mock's own script, where an option of ours makes another answer of it.
        mock_settings: Of the mock.
        settings: Of our class, its name included.
    """
    llm, script = ours(*replies, **settings)
    outcome = await watch(start(llm))
    expected = await watch(start(mock(*(mocked or replies), **(mock_settings or {}))))
    assert outcome.outline() == expected.outline()
    return outcome, script


async def both_in_turns(
    replies: Sequence[Reply], scenario: Scenario, **settings: Any
) -> tuple[list[Outcome], Scripted]:
    """Run a scenario of several runs on both classes, compare, and give what ours did."""
    llm, script = ours(*replies, **settings)
    outcomes: list[Outcome] = await scenario(llm)
    expected = await scenario(mock(*replies))
    assert [run.outline() for run in outcomes] == [run.outline() for run in expected]
    return outcomes, script


def acceptable(sent: Sequence[dict[str, Any]]) -> bool:
    """Each call is answered right after it, each result has a call, system messages lead."""
    waiting: list[str] = []
    for place, message in enumerate(sent):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return False
            waiting.remove(message["tool_call_id"])
            continue
        if waiting or (message["role"] == "system" and place):
            return False
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    return not waiting
