"""Rules of published schemas that Cloudflare's own TypeScript client breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, SEA_LION, Post, client_of, function, user
from workersai.local import LocalServer

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
BARE = {"type": "json_schema", "json_schema": PERSON}
NAMED = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
CLASSIC = [GRANITE, SEA_LION]


def weather(**changes: Any) -> dict[str, Any]:
    """Return a described tool with changes to its function."""
    tool = function("get_weather", "Get the weather.", city="string")
    tool["function"] |= changes
    return tool


def tool_with(**properties: Any) -> dict[str, Any]:
    """Return a tool with these properties unchanged."""
    return weather(parameters={"type": "object", "properties": properties})


UNDESCRIBED = weather()
del UNDESCRIBED["function"]["description"]
BROKEN = [
    pytest.param(UNDESCRIBED, id="tool without a description"),
    pytest.param(tool_with(city={"type": "string"}), id="property without a description"),
    pytest.param(
        tool_with(city={"description": "x", "anyOf": [{"type": "string"}, {"type": "null"}]}),
        id="property without a type",
    ),
    pytest.param(
        tool_with(city={"description": "x", "type": ["string", "null"]}),
        id="property with a list of types",
    ),
    pytest.param(weather(parameters={"type": "object"}), id="parameters without properties"),
]


@pytest.fixture(scope="module")
def strict(loopback: None) -> Iterator[httpx.Client]:
    """A client of a strict server."""
    with LocalServer(strict=True) as server, client_of(server) as client:
        yield client


@pytest.mark.parametrize("model", CLASSIC)
@pytest.mark.parametrize("tool", BROKEN)
def test_undescribed_tools_are_refused_only_by_a_strict_server(
    post: Post, strict: httpx.Client, model: str, tool: dict[str, Any]
) -> None:
    """The server accepts the tools of the TypeScript client; a strict server refuses them."""
    body = {**user("What is the weather in Oslo?"), "tools": [tool]}

    assert post(model, body).status_code == 200
    refused = strict.post(f"/run/{model}", json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == 5006


def test_a_bare_schema_is_refused_only_by_a_strict_server(post: Post, strict: httpx.Client) -> None:
    """On glm only a strict server requires the envelope of a JSON schema."""
    bare = {**user("Ann"), "response_format": BARE}

    assert post(GLM, bare).status_code == 200
    assert strict.post(f"/run/{GLM}", json=bare).status_code == 400
    named = {**user("Ann"), "response_format": NAMED}
    assert strict.post(f"/run/{GLM}", json=named).status_code == 200


@pytest.mark.parametrize("model", CLASSIC)
def test_a_strict_server_accepts_described_tools(strict: httpx.Client, model: str) -> None:
    """A strict server accepts a tool that follows the published schema."""
    body = {**user("What is the weather in Oslo?"), "tools": [weather()]}

    assert strict.post(f"/run/{model}", json=body).status_code == 200


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"description": "x", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": 1, "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "f", "parameters": "none"}},
        {"type": "function"},
        "f",
    ],
)
def test_malformed_tools_are_always_refused(post: Post, tool: Any) -> None:
    """Each server refuses a tool without a name or of an unknown form."""
    assert post(GRANITE, {**user("Hi"), "tools": [tool]}).status_code == 400


def test_the_published_schema_is_listed_complete(client: httpx.Client) -> None:
    """`/models/schema` returns the published schema, even where the server enforces less."""
    listed = client.get("/models/schema", params={"model": GRANITE}).json()["result"]["input"]
    tools = listed["oneOf"][1]["properties"]["tools"]["items"]["oneOf"]

    assert tools[1]["properties"]["function"]["required"] == ["name", "description", "parameters"]
