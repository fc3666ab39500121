"""Ask a model again if all tool calls of its answer are malformed, and show it the errors.

Small models write calls whose arguments are not JSON. The adapters neither run such a call nor
guess how to repair it, and an agent that stops there loses the work of all its earlier steps. The
model therefore gets its calls back, each with the reason why it was not run, and answers again.
"""

from __future__ import annotations

import logging
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any, Protocol

from workersai._checks import check_count
from workersai.events import (
    AskedAgain,
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    RoundEvent,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from workersai.integration.text_tool_calls import WrittenCalls
from workersai.results import ChatChoice, ChatResult, InvalidToolCall, Usage
from workersai.thinking import ThinkingEvents, without_think_tags
from workersai.types import WireMessage

__all__ = [
    "Rounds",
    "ask_rounds",
    "ask_rounds_async",
    "event_lists",
    "event_lists_async",
    "stream_rounds",
    "stream_rounds_async",
]

_log = logging.getLogger("workersai")


_BREAK = "\n\n"
"""Separates the texts that a model writes in successive answers."""


class Rounds:
    """The requests of one question: the first one, and those that ask again.

    Args:
        arguments: Of `Client.chat` or `Client.stream_chat`; they are not modified.
        retries: How often to ask again.
        think_tags: Whether text between think tags is reasoning.
        reads_text: Whether a forced call that the model wrote as text is a call; pass `False` if
            the caller reads such texts.

    Attributes:
        arguments: The arguments of the next request.
        is_done: Whether the last event of a stream ended the question.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        retries: int,
        *,
        think_tags: bool = False,
        reads_text: bool = True,
    ) -> None:
        self.arguments = dict(arguments)
        self.is_done = False
        self._left = check_count("tool_call_retries", retries, 0) if arguments.get("tools") else 0
        self._think_tags = think_tags
        self._written = WrittenCalls.of(arguments) if reads_text else None
        self._thinking = ThinkingEvents()
        self._earlier: list[ChatChoice] = []
        self._usage: Usage | None = None
        self._ids: set[str] = set()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._renamed: dict[str, str] = {}

    @property
    def is_one(self) -> bool:
        """Whether there can only be one request."""
        return not self._left and not self._earlier and self._written is None

    # ---------------------------------------------------------------------- whole answers

    def read(self, result: ChatResult) -> ChatResult | None:
        """Take an answer.

        Returns:
            The answers of all rounds joined, with the calls of the last one; `None` if the next
            request has to be made.
        """
        if self.is_one:
            return result
        result = without_think_tags(result) if self._think_tags else result
        result = result if self._written is None else self._written.read(result)
        choice = self._own(result.choices[0])
        self._usage = _sum(self._usage, result.usage)
        if len(result.choices) == 1 and self._asks_again(choice):
            return None
        if not self._earlier:
            return result
        return replace(result, choices=(self._join(choice),), usage=self._usage)

    def _join(self, choice: ChatChoice) -> ChatChoice:
        all_of = [*self._earlier, choice]
        logprobs = [token for one in all_of for token in one.logprobs or ()]
        return replace(
            choice,
            text=_BREAK.join(one.text for one in all_of if one.text),
            reasoning=_BREAK.join(one.reasoning for one in all_of if one.reasoning),
            logprobs=logprobs or choice.logprobs,
        )

    def with_all_calls(self, result: ChatResult) -> ChatResult:
        """Put the calls of earlier rounds before the invalid ones of an answer.

        For frameworks whose streams have already shown these calls: a plain answer must contain the
        same calls as a stream.
        """
        earlier = [call for one in self._earlier for call in one.invalid_tool_calls]
        if not earlier:
            return result
        choice = result.choices[0]
        calls = (*earlier, *choice.invalid_tool_calls)
        return replace(result, choices=(replace(choice, invalid_tool_calls=calls),))

    # ---------------------------------------------------------------------------- streams

    def feed(self, event: ChatEvent) -> tuple[RoundEvent, ...]:
        """Take an event; return the events to pass on."""
        if self._written is None:
            return self._feed(event)
        events = self._thinking.feed(event) if self._think_tags else [event]
        read = [each for found in events for each in self._written.feed(found)]
        return tuple(each for found in read for each in self._feed(found))

    def _feed(self, event: ChatEvent) -> tuple[RoundEvent, ...]:
        if isinstance(event, TextDelta):
            text = self._store(event.text, self._text, "text")
            return (event if text is event.text else replace(event, text=text),)
        if isinstance(event, ReasoningDelta):
            text = self._store(event.text, self._reasoning, "reasoning")
            return (event if text is event.text else replace(event, text=text),)
        if isinstance(event, ToolCallDelta):
            return (event if event.id is None else replace(event, id=self._own_id(event.id)),)
        if isinstance(event, UsageUpdate):
            self._usage = _sum(self._usage, event.usage)
            return ()
        return self._finish(event)

    def _store(self, text: str, pieces: list[str], channel: str) -> str:
        """Store a piece of text; start a new paragraph before the first piece of a later answer."""
        is_later = not pieces and any(getattr(one, channel) for one in self._earlier)
        pieces.append(text)
        return f"{_BREAK}{text}" if is_later and text else text

    def _finish(self, event: ChatFinish) -> tuple[RoundEvent, ...]:
        choice = self._own(self._choice(event))
        self._text, self._reasoning = [], []
        if self._asks_again(choice):
            return (AskedAgain(choice.invalid_tool_calls),)
        self.is_done = True
        usage = () if self._usage is None else (UsageUpdate(self._usage),)
        calls, invalid = choice.tool_calls, choice.invalid_tool_calls
        return (*usage, replace(event, tool_calls=calls, invalid_tool_calls=invalid))

    def _choice(self, event: ChatFinish) -> ChatChoice:
        choice = ChatChoice(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            tool_calls=event.tool_calls,
            invalid_tool_calls=event.invalid_tool_calls,
            finish_reason=event.finish_reason,
            refusal=event.refusal,
        )
        return without_think_tags(ChatResult((choice,))).choices[0] if self._think_tags else choice

    # --------------------------------------------------------------------------- deciding

    def _asks_again(self, choice: ChatChoice) -> bool:
        """Return whether to ask again; if so, prepare the next request.

        Two cases are not repeated: a call that was cut off by the token cap, which would be cut off
        again, and a malformed call beside a valid one, because the valid one is run.
        """
        is_malformed = choice.invalid_tool_calls and not choice.tool_calls
        if not is_malformed or choice.finish_reason == "length" or choice.refusal:
            return False
        if not self._left:
            return False
        self._left -= 1
        self._earlier.append(choice)
        self._ids |= {call.id for call in choice.invalid_tool_calls}
        self._renamed = {}
        self.arguments["messages"] = [*self.arguments["messages"], *corrections(choice)]
        _log.info(
            "A tool call cannot be run (%s): asking again", choice.invalid_tool_calls[0].error
        )
        return True

    def _own(self, choice: ChatChoice) -> ChatChoice:
        """Give the calls ids that no earlier round used: models often start to count again."""
        return replace(
            choice,
            tool_calls=tuple(replace(c, id=self._own_id(c.id)) for c in choice.tool_calls),
            invalid_tool_calls=tuple(
                replace(c, id=self._own_id(c.id)) for c in choice.invalid_tool_calls
            ),
        )

    def _own_id(self, call_id: str) -> str:
        if call_id not in self._ids:
            return call_id
        if call_id not in self._renamed:
            self._renamed[call_id] = f"{call_id}_{len(self._earlier) + 1}"
        return self._renamed[call_id]


def corrections(choice: ChatChoice) -> list[WireMessage]:
    """Write messages that show a model its malformed calls and why each was not run."""
    named = [call for call in choice.invalid_tool_calls if call.name]
    answer: WireMessage = {"role": "assistant", "content": choice.text}
    if choice.reasoning:
        answer["reasoning"] = choice.reasoning
    if not named:
        reason = choice.invalid_tool_calls[0].error
        return [
            *([answer] if choice.text else []),
            {"role": "user", "content": f"Your tool call was not run: {reason}. {_AGAIN}"},
        ]
    answer["tool_calls"] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in named
    ]
    return [answer, *(_correction(call) for call in named)]


_AGAIN = "Call the tool again, with one JSON object that fits its parameters."


def _correction(call: InvalidToolCall) -> WireMessage:
    return {
        "role": "tool",
        "tool_call_id": call.id,
        "name": call.name,
        "content": f"This call of {call.name!r} was not run: {call.error}. You wrote: "
        f"{call.arguments}\n{_AGAIN}",
    }


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    return one + other if one and other else one or other


# -------------------------------------------------------------------------------- driving


def ask_rounds(chat: Callable[..., ChatResult], rounds: Rounds) -> ChatResult:
    """Call `Client.chat` until an answer is complete."""
    while True:
        if (answer := rounds.read(chat(**rounds.arguments))) is not None:
            return answer


async def ask_rounds_async(
    chat: Callable[..., Awaitable[ChatResult]], rounds: Rounds
) -> ChatResult:
    """As `ask_rounds`, asynchronously."""
    while True:
        if (answer := rounds.read(await chat(**rounds.arguments))) is not None:
            return answer


class _Stream(Protocol):
    """A `ChatStream`."""

    _lists: Generator[list[ChatEvent], None, None]


class _AsyncStream(Protocol):
    """An `AsyncChatStream`."""

    _lists: AsyncGenerator[list[ChatEvent], None]


def event_lists(stream: _Stream) -> Generator[list[ChatEvent], None, None]:
    """Return the events of a stream in the lists in which they arrive.

    A list costs a generator one step, however long it is. Close the generator, not the stream;
    the stream's own `text` and `result` do not include what is read here.
    """
    return stream._lists  # noqa: SLF001 - of this distribution


def event_lists_async(stream: _AsyncStream) -> AsyncGenerator[list[ChatEvent], None]:
    """As `event_lists`, asynchronously."""
    return stream._lists  # noqa: SLF001 - of this distribution


def stream_rounds(
    stream_chat: Callable[..., _Stream], rounds: Rounds
) -> Generator[Sequence[RoundEvent], None, None]:
    """Stream with `Client.stream_chat`; arguments are checked at once. See `event_lists`."""
    lists = event_lists(stream_chat(**rounds.arguments))
    return lists if rounds.is_one else _stream(stream_chat, rounds, lists)


def _stream(
    stream_chat: Callable[..., _Stream],
    rounds: Rounds,
    lists: Generator[list[ChatEvent], None, None],
) -> Generator[list[RoundEvent], None, None]:
    while True:
        with closing(lists):
            for events in lists:
                yield [read for event in events for read in rounds.feed(event)]
        if rounds.is_done:
            return
        lists = event_lists(stream_chat(**rounds.arguments))


def stream_rounds_async(
    stream_chat: Callable[..., _AsyncStream], rounds: Rounds
) -> AsyncGenerator[Sequence[RoundEvent], None]:
    """As `stream_rounds`, asynchronously."""
    lists = event_lists_async(stream_chat(**rounds.arguments))
    return lists if rounds.is_one else _stream_async(stream_chat, rounds, lists)


async def _stream_async(
    stream_chat: Callable[..., _AsyncStream],
    rounds: Rounds,
    lists: AsyncGenerator[list[ChatEvent], None],
) -> AsyncGenerator[list[RoundEvent], None]:
    while True:
        async with aclosing(lists):
            async for events in lists:
                yield [read for event in events for read in rounds.feed(event)]
        if rounds.is_done:
            return
        lists = event_lists_async(stream_chat(**rounds.arguments))
