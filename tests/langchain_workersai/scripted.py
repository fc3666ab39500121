"""Scripted servers for the LangChain tests, and functions that build their answers."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any, Protocol

import httpx
import pytest
from langchain_core.messages import AIMessageChunk

ACCOUNT = "0123456789abcdef0123456789abcdef"
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"
SEA_LION = "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"

IN_LANGGRAPH_TASKS = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="before 3.11 asyncio hands no context to LangGraph's tasks, so it sees no events there",
)
CUTS_FOR_A_SUMMARY = pytest.mark.skipif(
    tuple(map(int, version("langchain").split(".")[:3])) < (1, 4, 4),
    reason="langchain below 1.4.4 does not cut what is too long to summarise",
)


def merged(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """Add the chunks of a stream to one message."""
    first, *rest = chunks
    for chunk in rest:
        first = first + chunk
    return first


async def collect(model: Any, question: Any = "hi", **options: Any) -> list[AIMessageChunk]:
    """Return the chunks of an async stream."""
    return [chunk async for chunk in model.astream(question, **options)]


class Scripted(Protocol):
    """A function that makes a model and the scripted server that answers its requests."""

    def __call__(
        self, *replies: Any, cls: type[Any] = ..., model: str = ..., **settings: Any
    ) -> tuple[Any, Server]: ...


class Server:
    """A scripted server that sends its replies in order and keeps the requests.

    A reply may be a function that takes the request's body and returns the reply.
    """

    def __init__(self, replies: tuple[Any, ...]) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return response(reply(json.loads(request.content)) if callable(reply) else reply)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The JSON of each request, in order."""
        return [json.loads(request.content) for request in self.requests]

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the only request."""
        (body,) = self.bodies
        return body


def response(reply: Any) -> httpx.Response:
    """Return a reply as HTTP: a dict as a result in the envelope, a list as a stream of events."""
    if isinstance(reply, httpx.Response):
        return _unread(reply.status_code, reply.content, **reply.headers)
    if isinstance(reply, list):
        text = "".join(f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in reply)
        return _unread(200, text.encode(), **{"content-type": "text/event-stream"})
    envelope = {"result": reply, "success": True, "errors": [], "messages": []}
    return _unread(200, json.dumps(envelope).encode(), **{"content-type": "application/json"})


def _unread(status: int, body: bytes, **headers: str) -> httpx.Response:
    """Return a response whose body has not been read, as a network delivers it."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
    "neurons": 0.5,
}


class Wire:
    """Functions that build answers and streams as Workers AI sends them."""

    usage = USAGE

    @staticmethod
    def call(
        name: str = "f", arguments: str = "{}", call_id: str | None = "c1", index: int = 0
    ) -> dict[str, Any]:
        """Return a tool call, whole or as a fragment of a stream."""
        function = {"name": name, "arguments": arguments}
        return {"index": index, "id": call_id, "type": "function", "function": function}

    @staticmethod
    def answer(*texts: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
        """Return a chat completion with one choice for each text."""
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
            }
            for index, text in enumerate(texts)
        ]
        return {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 1,
            "model": GRANITE,
            "choices": choices,
            "usage": USAGE,
        }

    @staticmethod
    def stream(
        *deltas: str | dict[str, Any], finish: str | None = "stop", model: str = GRANITE
    ) -> list[Any]:
        """Return a stream with one chunk for each delta, then the usage and the end marker."""

        def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return {
                "id": "chat-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": model,
                "choices": [choice],
            }

        chunks = [chunk({"content": d} if isinstance(d, str) else d) for d in deltas]
        if finish is not None:
            tail = {**chunk({}), "choices": [], "usage": USAGE}
            chunks += [chunk({}, finish), tail]
        return [*chunks, "[DONE]"] if finish is not None else chunks

    @staticmethod
    def error(status: int, code: int, message: str = "no", **headers: str) -> httpx.Response:
        """Return an error answer in Cloudflare's envelope."""
        body: dict[str, Any] = {"success": False, "result": None, "messages": []}
        errors = [{"code": code, "message": message}]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, json={**body, "errors": errors}, headers=named)
