"""Requests that Workers AI refuses, with its status, code and message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, Post, function, user

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
JSON = {"type": "json_schema", "json_schema": SCHEMA}
FLAT = {"name": "f", "description": "f", "parameters": {"type": "object", "properties": {}}}
V1 = "/v1/chat/completions"

REFUSED: list[tuple[str, Any, int, int]] = [
    ("@cf/nobody/nothing", user("Hi"), 400, 7000),
    ("dynamic/route", user("Hi"), 400, 7000),
    (V1, {"model": "@cf/nobody/nothing", **user("Hi")}, 400, 5007),
    (V1, {"model": "glm-4.7-flash", **user("Hi")}, 400, 5007),
    (V1, {"model": "@cf/baai/bge-m3", **user("Hi")}, 400, 5007),
    (GRANITE, {}, 400, 5006),
    (GRANITE, [], 400, 5006),
    (GRANITE, {"prompt": ""}, 400, 5006),
    (GRANITE, {**user("Hi"), "temperature": 6}, 400, 5006),
    (GRANITE, {**user("Hi"), "top_k": 0}, 400, 5006),
    (GLM, {**user("Hi"), "temperature": 2.5}, 400, 5006),
    (GLM, {"messages": []}, 400, 5006),
    (GLM, {"messages": [{"role": "tool", "content": "x"}]}, 400, 5006),
    (GRANITE, {**user("Hi"), "max_tokens": 131_000}, 413, 5021),
    (LLAMA, {**user("Hi"), "max_tokens": 24_000}, 413, 5021),
    (LLAMA, {**user("Hi"), "stream": True, "response_format": JSON}, 400, 5023),
    ("@cf/meta/llama-3.1-8b-instruct-fp8", {**user("Hi"), "response_format": JSON}, 400, 5025),
    (
        SEA_LION,
        {
            **user("Hi"),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"type": "string", "pattern": "^[0-9]{9}$"},
            },
        },
        403,
        5024,
    ),
    (GRANITE, {**user("Hi"), "max_tokens": 0}, 400, 8001),
    (GLM, {**user("Hi"), "max_completion_tokens": -1}, 400, 8001),
    (GRANITE, {**user("Hi"), "tools": [FLAT]}, 400, 8001),
    (GLM, {**user("Hi"), "tools": [function("f", "f")], "tool_choice": "any"}, 400, 8001),
    (
        GLM,
        {
            **user("Hi"),
            "tools": [function("f", "f")],
            "tool_choice": {"type": "function", "function": {"name": "g"}},
        },
        400,
        8001,
    ),
    ("@cf/meta/llama-3-8b-instruct", user("Hi"), 410, 5028),
    ("@cf/meta/llama-3.1-8b-instruct", user("Hi"), 410, 5028),
    ("@cf/baai/bge-small-en-v1.5", {"text": ["a"] * 101}, 400, 5006),
    ("@cf/baai/bge-small-en-v1.5", {"text": ""}, 400, 5006),
    ("@cf/qwen/qwen3-embedding-0.6b", {"text": ["a"] * 33}, 400, 5006),
    ("@cf/qwen/qwen3-embedding-0.6b", {}, 400, 5006),
    ("@cf/baai/bge-reranker-base", {"query": "a"}, 400, 5006),
    ("/v1/embeddings", {"model": "@cf/baai/bge-m3", "input": ["a"] * 101}, 400, 5006),
    ("/v1/embeddings", {"model": GRANITE, "input": "a"}, 400, 5007),
]


@pytest.mark.parametrize(("where", "body", "status", "code"), REFUSED)
def test_wrong_requests_are_refused(
    post: Post, where: str, body: Any, status: int, code: int
) -> None:
    """The server refuses each wrong request with Cloudflare's status and code, in its envelope."""
    response = post(where, body)
    data = response.json()
    assert (response.status_code, data["errors"][0]["code"]) == (status, code), data
    assert data["success"] is False
    assert data["messages"] == []


def test_list_content_gets_the_message_of_the_live_validator(post: Post) -> None:
    """The server refuses a list as content with the message that clients reported."""
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
    for response in (post(GRANITE, parts), post(V1, {"model": GRANITE, **parts})):
        message = response.json()["errors"][0]["message"]
        assert message.startswith(
            "AiError: Bad input: Error: oneOf at '/' not met, 0 matches: "
            "required properties at '/' are 'prompt', "
            "Type mismatch of '/messages/0/content', 'array' not in 'string'"
        )


def test_missing_content_on_the_native_endpoint_only(post: Post, weather: dict[str, Any]) -> None:
    """`/ai/run` refuses a tool-calling turn without content; `/ai/v1` accepts it."""
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        *user("Weather?")["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    ]
    native = post(GRANITE, {"messages": messages, "tools": [weather]})
    assert native.json()["errors"][0]["code"] == 5006
    assert post(V1, {"model": GRANITE, "messages": messages}).status_code == 200


def test_text_parts_are_read(post: Post) -> None:
    """Glm and the classic models read text parts."""
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi there"}]}]}
    assert "Hi there" in post(GLM, parts).text
    assert "Hi there" in post(LLAMA, parts).text


def test_a_body_that_is_not_an_object(post: Post) -> None:
    """The error for a body that is not a JSON object names the type of the body."""
    message = post(GRANITE, []).json()["errors"][0]["message"]
    assert "Type mismatch of '/', 'array' not in 'object'" in message


@pytest.mark.parametrize("raw", [b"", b"{", b'{"prompt": NaN}', b'{"prompt": "\\ud800"}'])
def test_a_body_that_is_not_json_is_refused(client: httpx.Client, raw: bytes) -> None:
    """The server refuses a body that is not valid JSON with 3003."""
    response = client.post(f"/run/{GRANITE}", content=raw)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, 3003)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", f"/run/{GRANITE}"])
def test_get_is_refused_where_only_post_exists(client: httpx.Client, path: str) -> None:
    """The server answers GET with 405 and 7001 where only POST exists, and at `/ai/v1/models`."""
    response = client.get(path)
    assert response.status_code == 405
    assert response.json() == {
        "errors": [{"message": "GET not supported for requested URI.", "code": 7001}],
        "success": False,
        "result": None,
        "messages": [],
    }


def test_streamed_schemas_are_accepted_on_other_models(post: Post) -> None:
    """Granite accepts a JSON schema in a stream, which classic models refuse."""
    body = {**user("Ann"), "stream": True, "response_format": JSON}
    assert post(GRANITE, body).status_code == 200
