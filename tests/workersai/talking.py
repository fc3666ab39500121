"""What the core's tests share: models, requests, fixtures, and one interface to both clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, cast

import httpx

from workersai import (
    AsyncChatStream,
    AsyncClient,
    CallOptions,
    ChatEvent,
    ChatStream,
    Client,
    EndpointName,
)
from workersai._request.chat import ChatOptions, chat_request
from workersai._wire import Request

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
SEA_LION = "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
GLM = "@cf/zai-org/glm-4.7-flash"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
UNKNOWN = "@cf/nobody/unheard-of"
BGE = "@cf/baai/bge-base-en-v1.5"
BGE_M3 = "@cf/baai/bge-m3"
QWEN_EMBEDDING = "@cf/qwen/qwen3-embedding-0.6b"
RERANKER = "@cf/baai/bge-reranker-base"

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "cfut_not-a-real-token-1234567890"
SECRETS = (TOKEN, ACCOUNT)

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
FIXTURES = Path(__file__).parent / "fixtures"

CallStyle = Literal["sync", "async"]
CALL_STYLES: tuple[CallStyle, ...] = ("sync", "async")


def answer(name: str) -> bytes:
    """Return the body of a plain answer from the fixtures."""
    return (FIXTURES / "answers" / f"{name}.json").read_bytes()


def stream(name: str) -> bytes:
    """Return the body of a stream from the fixtures."""
    return (FIXTURES / "streams" / f"{name}.sse").read_bytes()


def stream_names() -> list[str]:
    return sorted(path.stem for path in (FIXTURES / "streams").glob("*.sse"))


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """Return a tool in the nested form."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "function",
        "function": {"name": name, "description": f"Does {name}.", "parameters": parameters},
    }


def described(kind: str) -> dict[str, str]:
    return {"type": kind, "description": kind}


WEATHER = tool("get_weather", city=described("string"))
ADD = tool("add", a=described("integer"), b=described("integer"))
NOW = tool("now")


def call_options(options: dict[str, Any]) -> CallOptions:
    """Draw options as a caller would write them, including wrong ones."""
    return cast("CallOptions", options)


def chat_request_for(
    model: str = UNKNOWN,
    *,
    messages: Any = HELLO,
    endpoint: EndpointName = "run",
    stream: bool = False,
    tools: Any = (WEATHER, ADD, NOW),
    **call: Any,
) -> Request:
    """Return a chat request."""
    options = ChatOptions(model, call_options(call), endpoint=endpoint, stream=stream)
    return chat_request(messages, options, tools=tools)


class Speaker:
    """A sync or async client behind one blocking interface, so that one test drives both."""

    def __init__(self, call_style: CallStyle, client: Client | AsyncClient) -> None:
        self.call_style = call_style
        self.client: Any = client
        self._loop = asyncio.new_event_loop() if call_style == "async" else None

    def wait(self, result: Any) -> Any:
        """Return the result of a call; wait for it if it is a coroutine."""
        return result if self._loop is None else self._loop.run_until_complete(result)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method by its name, such as `chat` or `batches.submit`."""
        return self.wait(attrgetter(method)(self.client)(*args, **kwargs))

    def chat(self, **kwargs: Any) -> Any:
        return self.call("chat", HELLO, **kwargs)

    def open(self, method: str = "stream_chat", *args: Any, **kwargs: Any) -> Conversation:
        made = getattr(self.client, method)(*(args or (HELLO,)), **kwargs)
        return Conversation(self, made)

    def read(self, made: Any) -> list[Any]:
        """Read a stream to its end."""
        if self.call_style == "sync":
            return list(made)

        async def events() -> list[Any]:
            return [event async for event in made]

        found: list[Any] = self.wait(events())
        return found

    def whole(self, method: str) -> Any:
        """Return the result of a chat, or of a stream read to its end."""
        return self.chat() if method == "chat" else list(self.open())

    def close(self) -> None:
        if self._loop is None:
            self.client.close()
            return
        if self._loop.is_closed():
            return
        self.wait(self.client.aclose())
        self.wait(self._loop.shutdown_asyncgens())
        self._loop.close()


@dataclass
class Conversation:
    """A sync or async stream that a test reads step by step."""

    speaker: Speaker
    made: ChatStream | AsyncChatStream

    def __iter__(self) -> Iterator[ChatEvent]:
        return self

    def __next__(self) -> ChatEvent:
        if isinstance(self.made, ChatStream):
            return next(self.made)
        try:
            event: ChatEvent = self.speaker.wait(anext(self.made))
        except StopAsyncIteration:
            raise StopIteration from None
        return event

    def close(self) -> None:
        if isinstance(self.made, ChatStream):
            self.made.close()
        else:
            self.speaker.wait(self.made.aclose())


Reply = Callable[[httpx.Request], httpx.Response]


class Recorder:
    """The handler of an `httpx.MockTransport`: records requests, answers in turn."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request)

    def http_client(self, call_style: CallStyle, **settings: Any) -> Any:
        """Return an httpx client, sync or async."""
        transport = httpx.MockTransport(self)
        if call_style == "sync":
            return httpx.Client(transport=transport, **settings)
        return httpx.AsyncClient(transport=transport, **settings)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def event_stream(body: bytes) -> Reply:
    headers = {"content-type": "text/event-stream"}
    return lambda _: httpx.Response(200, headers=headers, content=body)


def json_answer(body: bytes, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"content-type": "application/json", **named}
    return lambda _: httpx.Response(status, headers=named, content=body)


def refusal(status: int, code: int | None = None, message: str = "no", **headers: Any) -> Reply:
    body = {"success": False, "result": None, "errors": [{"code": code, "message": message}]}
    return json_answer(json.dumps(body).encode(), status, **headers)


def speaker(call_style: CallStyle, http_client: Any = None, **settings: Any) -> Speaker:
    """Return a client for Cloudflare's address, unless the options name another."""
    defaults: dict[str, Any] = {"account_id": ACCOUNT, "api_token": TOKEN}
    given = {"model": UNKNOWN, "http_client": http_client, **defaults, **settings}
    made: Client | AsyncClient = Client(**given) if call_style == "sync" else AsyncClient(**given)
    return Speaker(call_style, made)
