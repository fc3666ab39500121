"""The ways to call Workers AI behind one blocking interface, so that one test drives all."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal, NamedTuple

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

import langchain_workersai
import llamaindex_workersai
import workersai
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN

CallStyle = Literal["sync", "async"]
FACES = ("client", "langchain", "llamaindex")
SIX = tuple(f"{face}-{call_style}" for face in FACES for call_style in ("sync", "async"))
OWN = (
    *(f"client-sync-{library}" for library in ("httpx", "httpx2")),
    *(f"client-async-{library}" for library in ("httpx", "aiohttp", "httpx2")),
)
"""The bare client over HTTP clients of the user's own: the faces hand theirs on to it."""
ALL = (*SIX, *OWN)
TELLING = tuple(name for name in ALL if not name.endswith("-aiohttp"))
"""Those that learn whether a connection was used before; a user's aiohttp does not report it."""
HISTORY = [ChatMessage(role="user", content="Hello")]


CLASSES: dict[str, type[Any]] = {
    "Client": workersai.Client,
    "AsyncClient": workersai.AsyncClient,
    "ChatWorkersAI": langchain_workersai.ChatWorkersAI,
    "WorkersAILLM": langchain_workersai.WorkersAILLM,
    "WorkersAIEmbeddings": langchain_workersai.WorkersAIEmbeddings,
    "langchain's WorkersAIRerank": langchain_workersai.WorkersAIRerank,
    "WorkersAI": llamaindex_workersai.WorkersAI,
    "WorkersAIEmbedding": llamaindex_workersai.WorkersAIEmbedding,
    "llamaindex's WorkersAIRerank": llamaindex_workersai.WorkersAIRerank,
}
"""All that is made with a token."""


class Calls(NamedTuple):
    """The tool calls of an answer: name and arguments of those to run, names of the others."""

    valid: list[tuple[str, Any]]
    invalid: list[str]


class _Face(NamedTuple):
    """How one face is asked: each entry takes the object and gives what its call returns.

    `say` makes the messages of a user who says a text and shows a picture, `whole` joins the
    items of a stream to what has all of it.
    """

    chat: Callable[..., Any]
    embeddings: Callable[..., Any]
    ask: Callable[..., Any]
    stream: Callable[..., Any]
    say: Callable[..., Any]
    whole: Callable[[list[Any]], Any]
    calls_of: Callable[[Any], Calls]
    embed: Callable[[Any, list[str]], Any]
    text_of: Callable[[Any], str]
    delta_of: Callable[[Any], str]
    vectors_of: Callable[[Any], list[list[float]]]


def _event_text(event: workersai.ChatEvent) -> str:
    return event.text if isinstance(event, workersai.TextDelta) else ""


def _picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _user_parts(text: str, picture: str | None) -> list[Any]:
    return [{"type": "text", "text": text}, *([_picture(picture)] if picture else [])]


def _blocks(text: str, picture: str | None) -> list[Any]:
    return [TextBlock(text=text), *([ImageBlock(url=picture)] if picture else [])]


def _client_calls(answer: workersai.ChatResult | workersai.ChatFinish) -> Calls:
    valid = [(call.name, call.arguments) for call in answer.tool_calls]
    return Calls(valid, [call.name for call in answer.invalid_tool_calls])


def _langchain_calls(message: Any) -> Calls:
    valid = [(call["name"], call["args"]) for call in message.tool_calls]
    return Calls(valid, [call["name"] for call in message.invalid_tool_calls])


def _llamaindex_calls(response: Any) -> Calls:
    found = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    invalid = response.message.additional_kwargs.get("invalid_tool_calls", [])
    valid = [(block.tool_name, block.tool_kwargs) for block in found]
    return Calls(valid, [call["name"] for call in invalid])


_AS_CLIENT: dict[str, Any] = {
    "ask": lambda it, messages=HELLO, **options: it.chat(messages, **options),
    "stream": lambda it, messages=HELLO, **options: it.stream_chat(messages, **options),
    "say": lambda *messages: [{"role": "user", "content": _user_parts(*messages)}],
    "whole": lambda events: events[-1],
    "calls_of": _client_calls,
    "embed": lambda it, texts: it.embed(texts),
    "text_of": lambda result: result.text,
    "delta_of": _event_text,
    "vectors_of": lambda result: result.vectors,
}
_AS_LANGCHAIN: dict[str, Any] = {
    "chat": langchain_workersai.ChatWorkersAI,
    "embeddings": langchain_workersai.WorkersAIEmbeddings,
    "say": lambda *messages: [HumanMessage(content=_user_parts(*messages))],
    "whole": lambda chunks: sum(chunks[1:], chunks[0]),
    "calls_of": _langchain_calls,
    "text_of": lambda message: str(message.text),
    "delta_of": lambda chunk: str(chunk.text),
    "vectors_of": lambda vectors: vectors,
}
_AS_LLAMAINDEX: dict[str, Any] = {
    "chat": llamaindex_workersai.WorkersAI,
    "embeddings": llamaindex_workersai.WorkersAIEmbedding,
    "say": lambda *messages: [ChatMessage(role="user", blocks=_blocks(*messages))],
    "whole": lambda responses: responses[-1],
    "calls_of": _llamaindex_calls,
    "text_of": lambda response: response.message.content or "",
    "delta_of": lambda response: response.delta or "",
    "vectors_of": lambda vectors: vectors,
}

_FACES = {
    "client-sync": _Face(chat=workersai.Client, embeddings=workersai.Client, **_AS_CLIENT),
    "client-async": _Face(
        chat=workersai.AsyncClient, embeddings=workersai.AsyncClient, **_AS_CLIENT
    ),
    "langchain-sync": _Face(
        ask=lambda it, messages="Hello", **options: it.invoke(messages, **options),
        stream=lambda it, messages="Hello", **options: it.stream(messages, **options),
        embed=lambda it, texts: it.embed_documents(texts),
        **_AS_LANGCHAIN,
    ),
    "langchain-async": _Face(
        ask=lambda it, messages="Hello", **options: it.ainvoke(messages, **options),
        stream=lambda it, messages="Hello", **options: it.astream(messages, **options),
        embed=lambda it, texts: it.aembed_documents(texts),
        **_AS_LANGCHAIN,
    ),
    "llamaindex-sync": _Face(
        ask=lambda it, messages=HISTORY, **options: it.chat(messages, **options),
        stream=lambda it, messages=HISTORY, **options: it.stream_chat(messages, **options),
        embed=lambda it, texts: it.get_text_embedding_batch(texts),
        **_AS_LLAMAINDEX,
    ),
    "llamaindex-async": _Face(
        ask=lambda it, messages=HISTORY, **options: it.achat(messages, **options),
        stream=lambda it, messages=HISTORY, **options: it.astream_chat(messages, **options),
        embed=lambda it, texts: it.aget_text_embedding_batch(texts),
        **_AS_LLAMAINDEX,
    ),
}


def make_http_client(call_style: str, library: str, **settings: Any) -> Any:
    """Make a user's HTTP client: httpx, httpx over aiohttp, or httpx2."""
    settings.setdefault("verify", False)  # loading certificates would take longer than the tests
    if library == "aiohttp":
        return HttpxAiohttpClient(**settings)
    module = httpx if library == "httpx" else importlib.import_module("httpx2")
    return (module.Client if call_style == "sync" else module.AsyncClient)(**settings)


class Speaker:
    """An object of one face, sync or async; async ones run in a loop of the speaker's own.

    The name may have a third part: the library of an HTTP client of the user's own.
    """

    def __init__(self, name: str, *, task: str = "chat", **settings: Any) -> None:
        self.name = name
        self.face, call_style, *own = name.split("-")
        self.is_async = call_style == "async"
        self._how = _FACES[f"{self.face}-{call_style}"]
        http_client = settings.pop("http_client", None)
        self.own: Any = None
        if own and http_client is None:
            http_client = self.own = make_http_client(call_style, own[0])
        if http_client is not None:
            is_bare = self.face == "client" or not self.is_async
            settings["http_client" if is_bare else "http_async_client"] = http_client
        arguments = {"model": UNKNOWN, "account_id": ACCOUNT, "api_token": TOKEN, **settings}
        make = self._how.chat if task == "chat" else self._how.embeddings
        self.it: Any = make(**arguments)
        self._loop = asyncio.new_event_loop() if self.is_async else None

    def wait(self, result: Any) -> Any:
        """Return the result of a call; wait for it if it is a coroutine."""
        return result if self._loop is None else self._loop.run_until_complete(result)

    def say(self, text: str, picture: str | None = None) -> Any:
        """Return a user's message in the form of the face."""
        return self._how.say(text, picture)

    def whole(self, how: str, *messages: Any, **options: Any) -> Any:
        """Call plainly or as a stream; return the answer in the form of the face."""
        if how == "plain":
            return self.wait(self._how.ask(self.it, *messages, **options))
        items = self._how.stream(self.it, *messages, **options)
        items = self.wait(items) if isinstance(items, Awaitable) else items
        if not isinstance(items, AsyncIterator):
            return self._how.whole(list(items))
        return self._how.whole(self.wait(_all(items)))

    def calls(self, how: str) -> Calls:
        """Call plainly or as a stream; return the tool calls of the answer."""
        return self._how.calls_of(self.whole(how))

    def ask(self) -> str:
        return self._how.text_of(self.whole("plain"))

    def embed(self, texts: list[str]) -> list[list[float]]:
        return self._how.vectors_of(self.wait(self._how.embed(self.it, texts)))

    def open(self) -> Talk:
        """Begin a stream."""
        items = self._how.stream(self.it)
        return Talk(self, self.wait(items) if isinstance(items, Awaitable) else items)

    def read(self) -> str:
        """Read a stream and join its pieces."""
        return "".join(self.open())

    def gather(self, count: int) -> list[str]:
        """Read this many streams at the same time, with an async speaker."""

        async def one() -> str:
            items = self._how.stream(self.it)
            items = await items if isinstance(items, Awaitable) else items
            return "".join([self.delta_of(item) async for item in items])

        async def main() -> list[str]:
            return list(await asyncio.gather(*(one() for _ in range(count))))

        answers: list[str] = self.wait(main())
        return answers

    def either(self, how: str) -> str:
        """Call plainly or as a stream; return the text."""
        return self.ask() if how == "plain" else self.read()

    def delta_of(self, item: Any) -> str:
        return self._how.delta_of(item)

    def turn(self) -> None:
        """Let the event loop run its pending callbacks."""
        if self._loop is not None:
            self._loop.run_until_complete(asyncio.sleep(0.02))

    def close(self) -> None:
        if self._loop is None:
            self.it.close()
            if self.own is not None:
                self.own.close()
        elif not self._loop.is_closed():
            self._loop.run_until_complete(self.it.aclose())
            if self.own is not None:
                self._loop.run_until_complete(self.own.aclose())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


async def _next(items: AsyncIterator[Any]) -> Any:
    """Take the next item inside the loop, in which a generator must run from its start."""
    return await anext(items)


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


class Talk:
    """A running stream that yields text as it arrives."""

    def __init__(self, speaker: Speaker, items: Any) -> None:
        self.speaker = speaker
        self.items = items

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            if text := self.speaker.delta_of(self._item()):
                return text

    def _item(self) -> Any:
        if not isinstance(self.items, AsyncIterator):
            return next(self.items)
        try:
            return self.speaker.wait(_next(self.items))
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        if isinstance(self.items, AsyncIterator):
            closing: Any = self.items
            self.speaker.wait(closing.aclose())
        else:
            self.items.close()
