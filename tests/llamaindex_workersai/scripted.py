"""A Workers AI that answers from a script, at the HTTP boundary."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
REASONING_MODEL = "@cf/zai-org/glm-4.7-flash"
TOKEN = "cf-secret-token"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass
class Reply:
    """One answer; it goes out whole or as a stream, as the request wants it."""

    text: str | None = None
    calls: Sequence[tuple[str, Any]] = ()
    reasoning: str | None = None
    finish: str | None = None
    usage: dict[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    piece: int = 4
    refusal: str | None = None
    logprobs: list[dict[str, Any]] | None = None

    def _finish(self) -> str:
        return self.finish or ("tool_calls" if self.calls else "stop")

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call-{place}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": arguments
                    if isinstance(arguments, str)
                    else json.dumps(arguments, ensure_ascii=False),
                },
            }
            for place, (name, arguments) in enumerate(self.calls)
        ]

    def whole(self, model: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = self._calls()
        if self.refusal is not None:
            message["refusal"] = self.refusal
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self._finish()}
        if self.logprobs is not None:
            choice["logprobs"] = {"content": self.logprobs}
        completion = {
            "id": "answer-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [choice],
        }
        return completion | ({"usage": self.usage} if self.usage else {})

    def events(self, model: str) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": part} for part in self._pieces(self.reasoning or "")]
        deltas += [{"content": part} for part in self._pieces(self.text or "")]
        for place, call in enumerate(self._calls()):
            function = call["function"]
            first = {**call, "index": place, "function": {**function, "arguments": ""}}
            deltas.append({"tool_calls": [first]})
            deltas += [
                {"tool_calls": [{"index": place, "function": {"arguments": part}}]}
                for part in self._pieces(function["arguments"])
            ]
        if self.refusal is not None:
            deltas.append({"refusal": self.refusal})
        head = {"id": "answer-1", "object": "chat.completion.chunk", "created": 1, "model": model}
        chunks = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in deltas
        ]
        last = {"index": 0, "delta": {}, "finish_reason": self._finish()}
        chunks.append({**head, "choices": [last]})
        if self.usage:
            chunks.append({**head, "choices": [], "usage": self.usage})
        return chunks

    def _pieces(self, text: str) -> list[str]:
        return [text[at : at + self.piece] for at in range(0, len(text), self.piece)]


def event_stream(events: Sequence[Any]) -> bytes:
    lines = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
    return ("".join(lines) + "data: [DONE]\n\n").encode()


def unread(response: httpx.Response) -> httpx.Response:
    """Make a response whose body is still to be read, as one from a network is."""
    body = httpx.ByteStream(response.content)
    return httpx.Response(response.status_code, headers=response.headers, stream=body)


Answer = Reply | dict[str, Any] | httpx.Response | Exception
"""A dict is the `result` of Cloudflare's envelope."""


class Scripted:
    """Gives the answers in order and keeps what was asked; the last answer repeats."""

    def __init__(self, *answers: Answer | Callable[[dict[str, Any]], Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.requests.append(body)
        self.sent.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if callable(answer) and not isinstance(answer, httpx.Response):
            answer = answer(body)
        return self._respond(request, body, answer)

    def _respond(
        self, request: httpx.Request, body: dict[str, Any], answer: Answer
    ) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return unread(answer) if hasattr(answer, "_content") else answer
        model = str(request.url.path).split("/ai/run/")[-1]
        if isinstance(answer, dict):
            result = answer
        elif body.get("stream"):
            headers = {"content-type": "text/event-stream"}
            events = event_stream(answer.events(model))
            return unread(httpx.Response(200, headers=headers, content=events))
        else:
            result = answer.whole(model)
        envelope = {"result": result, "success": True, "errors": [], "messages": []}
        return unread(httpx.Response(200, json=envelope))

    @property
    def connection(self) -> dict[str, Any]:
        """What any of the classes needs to ask this script."""
        transport = httpx.MockTransport(self)
        return {
            "account_id": "0" * 32,
            "api_token": TOKEN,
            "max_retries": 0,
            "http_client": httpx.Client(transport=transport),
            "http_async_client": httpx.AsyncClient(transport=transport),
        }


ENTRIES = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETIONS = ("complete", "acomplete", "stream_complete", "astream_complete")


async def run(llm: Any, entry: str, argument: Any, **kwargs: Any) -> list[Any]:
    """Call an entry point by name; what it returns or streams, as a list."""
    method = getattr(llm, entry)
    if entry.startswith("astream"):
        return [response async for response in await method(argument, **kwargs)]
    if entry.startswith("stream"):
        return list(method(argument, **kwargs))
    if entry.startswith("a"):
        return [await method(argument, **kwargs)]
    return [method(argument, **kwargs)]
