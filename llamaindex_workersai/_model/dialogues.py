"""Run the dialogue of a `Task` with a model, whole and streamed, sync and async."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, closing
from typing import TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
)
from llama_index.core.program.utils import FlexibleModel
from pydantic import BaseModel

from llamaindex_workersai._model.structured import (
    PartialObjects,
    Task,
)

__all__ = ["arun", "astream", "run", "stream"]

ModelT = TypeVar("ModelT", bound=BaseModel)


def run(task: Task[ModelT], chat: Callable[[Sequence[ChatMessage]], ChatResponse]) -> ModelT:
    """Return the object, after as many questions as the dialogue needs."""
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        response = chat(messages)
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            return cast("ModelT", stop.value)


async def arun(
    task: Task[ModelT], achat: Callable[[Sequence[ChatMessage]], Awaitable[ChatResponse]]
) -> ModelT:
    """As `run`, asynchronously."""
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        response = await achat(messages)
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            return cast("ModelT", stop.value)


def stream(
    task: Task[ModelT], stream_chat: Callable[[Sequence[ChatMessage]], ChatResponseGen]
) -> Generator[ModelT | FlexibleModel, None, None]:
    """Yield the object as it grows, and at the end the complete one."""
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        partial = PartialObjects(task.output_cls, task.output)
        with closing(stream_chat(messages)) as responses:
            for response in responses:
                if (found := partial.feed(response)) is not None:
                    yield found
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            yield stop.value
            return


async def astream(
    task: Task[ModelT],
    astream_chat: Callable[[Sequence[ChatMessage]], Awaitable[ChatResponseAsyncGen]],
) -> AsyncGenerator[ModelT | FlexibleModel, None]:
    """As `stream`, asynchronously."""
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        partial = PartialObjects(task.output_cls, task.output)
        async with aclosing(await astream_chat(messages)) as responses:
            async for response in responses:
                if (found := partial.feed(response)) is not None:
                    yield found
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            yield stop.value
            return
