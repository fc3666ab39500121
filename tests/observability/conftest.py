"""Models over a mock transport whose answers have all that a trace should show."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI

GLM = "@cf/zai-org/glm-4.7-flash"
TOKEN = "a-token-that-must-not-show"
ACCOUNT = "0123456789abcdef0123456789abcdef"
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 300},
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"at": 1}'},
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Look",
            "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}},
        },
    }
]


def plain(message: dict[str, Any]) -> httpx.Response:
    """Return a plain answer with this message."""
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    result = {"choices": [choice], "usage": USAGE, "model": GLM}
    return httpx.Response(200, json={"result": result, "success": True})


def streamed(*texts: str) -> httpx.Response:
    """Return a stream with one chunk for each text."""
    events: list[Any] = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    content = "".join([*lines, "data: [DONE]\n\n"]).encode()
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)


def refused() -> httpx.Response:
    """Return an error answer whose message has the token and the account."""
    errors = [{"code": 5006, "message": f"Bad input, says {TOKEN} of {ACCOUNT}"}]
    return httpx.Response(400, json={"errors": errors, "success": False})


def settings(*replies: httpx.Response) -> dict[str, Any]:
    """Return the settings of a model that receives these replies in order."""
    remaining = list(replies)
    client = httpx.Client(transport=httpx.MockTransport(lambda _: remaining.pop(0)))
    return {
        "model": GLM,
        "account_id": ACCOUNT,
        "api_token": TOKEN,
        "http_client": client,
        "max_retries": 0,
    }


@pytest.fixture
def chain() -> Any:
    """Return a function that makes a LangChain model with scripted replies."""
    return lambda *replies: ChatWorkersAI(**settings(*replies))


@pytest.fixture
def index() -> Any:
    """Return a function that makes a LlamaIndex model with scripted replies."""
    return lambda *replies: WorkersAI(**settings(*replies))
