"""Models, bodies, tools and a client for the tests of the local server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from workersai.local import LocalServer

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
SEA_LION = "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
GLM = "@cf/zai-org/glm-4.7-flash"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"

Post = Callable[[str, Any], httpx.Response]
Events = Callable[[str, Any], list[Any]]


def client_of(server: LocalServer) -> httpx.Client:
    """Return an HTTP client that sends the server's token."""
    return httpx.Client(
        base_url=f"{server.base_url}/accounts/{server.account_id}/ai",
        headers={"authorization": f"Bearer {server.api_token}"},
        timeout=30,
        trust_env=False,
    )


def result(response: httpx.Response) -> Any:
    """Return the `result` of a successful answer in Cloudflare's envelope."""
    body = response.json()
    assert body["success"] is True, body
    assert (body["errors"], body["messages"]) == ([], [])
    return body["result"]


def user(text: str) -> dict[str, Any]:
    """Return a body with one user message."""
    return {"messages": [{"role": "user", "content": text}]}


def function(name: str, description: str, **properties: Any) -> dict[str, Any]:
    """Return a tool in the nested shape, whose properties are all required."""
    described = {
        key: {"description": key, **({"type": value} if isinstance(value, str) else value)}
        for key, value in properties.items()
    }
    parameters = {"type": "object", "properties": described, "required": list(described)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }
