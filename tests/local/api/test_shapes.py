"""The shape in which each model answers, by endpoint and request."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import httpx
import jsonschema
import pytest
from pydantic_core import from_json

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, Post, result, user

V1 = "/v1/chat/completions"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
SAID = "Anna is 34 years old."


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM])
def test_chat_completion_in_result(post: Post, model: str) -> None:
    """Current models answer with an OpenAI object inside `result`."""
    found = result(post(model, user("Hi")))
    assert (found["object"], found["model"]) == ("chat.completion", model)
    assert found["choices"][0]["message"]["content"] == "You said: Hi"
    assert found["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("body", [user("Hi"), {"prompt": "Hi"}])
@pytest.mark.parametrize("model", [GRANITE, SEA_LION])
def test_published_output_schema(post: Post, model: str, body: dict[str, Any]) -> None:
    """Chat and prompt answers meet the output schema that Cloudflare publishes."""
    name = "gemma-sea-lion-v4-27b-it.output.json"
    text = (files("workersai.local.api") / "schemas" / name).read_text("utf-8")
    branches = from_json(text)["oneOf"]
    branch = branches["prompt" in body]
    jsonschema.validate(result(post(model, body)), branch)


def test_glm_thinks_twice(post: Post) -> None:
    """Glm sends its thinking under both names, identically; granite sends neither."""
    message = result(post(GLM, user("Hi")))["choices"][0]["message"]
    assert message["reasoning"] == message["reasoning_content"] != ""
    assert "reasoning" not in result(post(GRANITE, user("Hi")))["choices"][0]["message"]


def test_thinking_switched_off(post: Post) -> None:
    """`enable_thinking: false` leaves the reasoning out."""
    body = {**user("Hi"), "chat_template_kwargs": {"enable_thinking": False}}
    assert result(post(GLM, body))["choices"][0]["message"]["reasoning"] is None


def test_thinking_eats_a_small_cap(post: Post) -> None:
    """With a cap below its thinking, a reasoning model ends with `length` and no content."""
    choice = result(post(GLM, {**user("Hi"), "max_tokens": 3}))["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning"] == "This request needs"


def test_text_completion_for_prompt(post: Post) -> None:
    """Granite answers a prompt with a `text_completion`; `raw` text comes back unadorned."""
    found = result(post(GRANITE, {"prompt": "Once", "raw": True, "lora": "mine"}))
    assert (found["object"], found["choices"][0]["text"]) == ("text_completion", "Once")


def test_classic(post: Post) -> None:
    """Llama models answer with `response`, an empty call list and usage."""
    found = result(post(LLAMA, user("Hi")))
    assert found["response"] == "You said: Hi"
    assert found["tool_calls"] == []
    assert set(found) == {"response", "tool_calls", "usage"}


def test_classic_tool_call(post: Post, weather: dict[str, Any]) -> None:
    """A classic call has an object of arguments, no id, and a null response."""
    found = result(post(LLAMA, {**user("Weather in Oslo"), "tools": [weather]}))
    assert found["response"] is None
    assert found["tool_calls"] == [{"name": "get_weather", "arguments": {"city": "Oslo"}}]


def test_openai_tool_call(post: Post, weather: dict[str, Any]) -> None:
    """An OpenAI-shaped call has an id and its arguments as JSON text; content stays a string."""
    body = {**user("Weather in Oslo"), "tools": [weather]}
    choice = result(post(GRANITE, body))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "")
    [call] = choice["message"]["tool_calls"]
    assert call["id"].startswith("chatcmpl-tool-")
    assert call["function"] == {"name": "get_weather", "arguments": '{"city":"Oslo"}'}


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM, LLAMA])
def test_bare_on_openai_endpoint(post: Post, model: str) -> None:
    """`/ai/v1` answers every model with a bare chat completion."""
    found = post(V1, {"model": model, **user("Hi")}).json()
    assert found["object"] == "chat.completion"
    assert found["choices"][0]["message"]["content"] == "You said: Hi"


@pytest.mark.parametrize("model", [SEA_LION, LLAMA])
def test_json_schema_answer_as_object(post: Post, model: str) -> None:
    """sea-lion and llama answer a JSON schema with a parsed object in `result.response`."""
    wanted = {"type": "json_schema", "json_schema": PERSON}
    found = result(post(model, {**user(SAID), "response_format": wanted}))
    assert found["response"] == {"name": "Anna", "age": 34}


def test_json_schema_answer_as_text(post: Post) -> None:
    """Granite and glm answer a JSON schema with JSON text, bare schema or named envelope."""
    bare = {"type": "json_schema", "json_schema": PERSON}
    named = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    for model, wanted in ((GRANITE, bare), (GRANITE, named), (GLM, named)):
        found = result(post(model, {**user(SAID), "response_format": wanted}))
        assert found["choices"][0]["message"]["content"] == '{"name":"Anna","age":34}'


def test_generic_run(post: Post) -> None:
    """`/ai/run` takes the model and its input in the body."""
    found = result(post("/run", {"model": GRANITE, "input": user("Hi"), "options": {}}))
    assert found["model"] == GRANITE


def test_usage_and_neurons(post: Post) -> None:
    """Usage adds up, and neurons follow from the page's prices at $0.011 per thousand."""
    usage = result(post(GRANITE, user("Hi there, you")))["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    usd = (usage["prompt_tokens"] * 0.017 + usage["completion_tokens"] * 0.11) / 1e6
    assert usage["neurons"] == pytest.approx(usd / 0.011 * 1000, rel=1e-4)


def test_caps(post: Post) -> None:
    """Without a cap `/ai/v1` cuts at 256 tokens; granite's native default is 2000."""
    long = user("word " * 400)
    cut = post(V1, {"model": GRANITE, **long}).json()
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 256
    whole = result(post(GRANITE, long))
    assert whole["choices"][0]["finish_reason"] == "stop"
    capped = result(post(GRANITE, {**long, "max_tokens": 5}))
    assert capped["usage"]["completion_tokens"] == 5


def test_stop(post: Post) -> None:
    """The answer ends before the first stop sequence that it meets."""
    for stop in (" two", ["never", " two"]):
        found = result(post(GLM, {**user("one two three"), "stop": stop}))
        assert found["choices"][0]["message"]["content"] == "You said: one"
        assert found["choices"][0]["finish_reason"] == "stop"


def test_n(post: Post) -> None:
    """`n` choices come, numbered; the prompt is counted once."""
    one = result(post(GLM, user("Hi")))["usage"]
    found = result(post(GLM, {**user("Hi"), "n": 3}))
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2]
    assert found["usage"]["prompt_tokens"] == one["prompt_tokens"]
    assert found["usage"]["completion_tokens"] == 3 * one["completion_tokens"]


def test_logprobs(post: Post) -> None:
    """Log probabilities cover every token of the text; alternatives start with the token."""
    body = {**user("Grüße"), "logprobs": True, "top_logprobs": 2}
    choice = result(post(GLM, body))["choices"][0]
    content = choice["logprobs"]["content"]
    assert "".join(item["token"] for item in content) == choice["message"]["content"]
    assert bytes(content[-1]["bytes"]).decode() == " Grüße"
    assert all(item["top_logprobs"][0]["token"] == item["token"] for item in content)
    assert all(len(item["top_logprobs"]) == 2 for item in content)
    assert result(post(GLM, user("Hi")))["choices"][0]["logprobs"] is None


def test_catalogue(client: httpx.Client) -> None:
    """The model search filters by name and task, and hides retired models unless asked."""
    names = [m["name"] for m in result(client.get("/models/search", params={"search": "GLM"}))]
    assert GLM in names
    assert all("glm" in name for name in names)
    task = {"task": "Text Embeddings"}
    found = result(client.get("/models/search", params=task))
    assert {m["task"]["name"] for m in found} == {"Text Embeddings"}
    retired = "@cf/meta/llama-3-8b-instruct"
    assert retired not in client.get("/models/search").text
    assert retired in client.get("/models/search", params={"include_deprecated": "true"}).text
    assert result(client.get("/models/search", params={"page": "2"})) == []


def test_model_schema(client: httpx.Client) -> None:
    """The schema endpoint gives a model's input and output schemas; unknown models are 5007."""
    found = result(client.get("/models/schema", params={"model": SEA_LION}))
    assert found["input"]["oneOf"][0]["title"] == "Prompt"
    assert found["output"]["oneOf"][0]["title"] == "Chat Completion Response"
    refused = client.get("/models/schema", params={"model": "@cf/x/y"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 5007)
