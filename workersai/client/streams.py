"""The return values of `stream_chat` and `stream_complete`: events, and the answer so far."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from contextlib import aclosing, closing
from typing import Any

from typing_extensions import Self

from workersai.events import ChatEvent, ChatFinish, ReasoningDelta, TextDelta, UsageUpdate
from workersai.results import ChatChoice, ChatResult, Usage

__all__ = ["AsyncChatStream", "ChatStream", "collect", "one_by_one", "one_by_one_async"]


class _Collected:
    """The answer so far, collected from the events of one stream."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._usage: Usage | None = None
        self._finish = ChatFinish()

    def add(self, event: ChatEvent) -> None:
        """Add an event."""
        if isinstance(event, TextDelta):
            self._text.append(event.text)
            if event.logprobs:
                self._logprobs += event.logprobs
        elif isinstance(event, ReasoningDelta):
            self._reasoning.append(event.text)
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, ChatFinish):
            self._finish = event

    @property
    def text(self) -> str:
        self._text[:] = ["".join(self._text)]
        return self._text[0]

    def result(self) -> ChatResult:
        """Return the answer in the form of `chat`."""
        finish = self._finish
        choice = ChatChoice(
            text=self.text,
            reasoning="".join(self._reasoning),
            tool_calls=finish.tool_calls,
            invalid_tool_calls=finish.invalid_tool_calls,
            finish_reason=finish.finish_reason,
            refusal=finish.refusal,
            logprobs=self._logprobs or None,
        )
        return ChatResult(
            choices=(choice,),
            usage=self._usage,
            model=finish.model,
            id=finish.id,
            request_id=finish.request_id,
            system_fingerprint=finish.system_fingerprint,
            gateway=finish.gateway,
        )


def collect(events: Iterable[ChatEvent]) -> ChatResult:
    """Join the events of a whole stream into the answer that `Client.chat` would have returned.

    Args:
        events: All events of one stream; the last is `ChatFinish`.

    Raises:
        WorkersAIError: The error of reading the stream.
    """
    collected = _Collected()
    for event in events:
        collected.add(event)
    return collected.result()


class ChatStream:
    """The events of an answer, as an iterator and a context manager.

    The request is sent when the first event is read. Leaving the `with` block, or `close`, closes
    the connection of a stream that was not read to its end.
    """

    def __init__(self, lists: Generator[list[ChatEvent], None, None]) -> None:
        self._lists = lists
        self._events: Iterator[ChatEvent] = iter(())
        self._collected = _Collected()

    @property
    def text(self) -> str:
        """The answer's text as far as it has been read."""
        return self._collected.text

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatEvent:
        while (event := next(self._events, None)) is None:
            self._events = iter(next(self._lists))
        self._collected.add(event)
        return event

    def result(self) -> ChatResult:
        """Read the rest of the stream; return the whole answer, as `Client.chat` would.

        Raises:
            WorkersAIError: If the stream breaks; `.partial` has what had arrived.
        """
        for _ in self:
            pass
        return self._collected.result()

    def close(self) -> None:
        """Close the connection. A stream that was read to its end has already released it."""
        self._events = iter(())
        self._lists.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncChatStream:
    """As `ChatStream`, asynchronously."""

    def __init__(self, lists: AsyncGenerator[list[ChatEvent], None]) -> None:
        self._lists = lists
        self._events: Iterator[ChatEvent] = iter(())
        self._collected = _Collected()

    @property
    def text(self) -> str:
        """As `ChatStream.text`."""
        return self._collected.text

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatEvent:
        while (event := next(self._events, None)) is None:
            self._events = iter(await anext(self._lists))
        self._collected.add(event)
        return event

    async def result(self) -> ChatResult:
        """As `ChatStream.result`."""
        async for _ in self:
            pass
        return self._collected.result()

    async def aclose(self) -> None:
        """As `ChatStream.close`."""
        self._events = iter(())
        await self._lists.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def one_by_one(lists: Generator[list[Any], None, None]) -> Generator[Any, None, None]:
    """Yield the entries of lists; closing this closes *lists*."""
    with closing(lists):
        for entries in lists:
            yield from entries


async def one_by_one_async(lists: AsyncGenerator[list[Any], None]) -> AsyncGenerator[Any, None]:
    """As `one_by_one`, asynchronously."""
    async with aclosing(lists):
        async for entries in lists:
            for entry in entries:
                yield entry
