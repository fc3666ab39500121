"""The shape of each model's answers, by endpoint and request."""

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
SENTENCE = "Anna is 34 years old."


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM])
def test_current_models_answer_with_a_chat_completion(post: Post, model: str) -> None:
    """Current models answer with an OpenAI object inside `result`."""
    completion = result(post(model, user("Hi")))
    assert (completion["object"], completion["model"]) == ("chat.completion", model)
    assert completion["choices"][0]["message"]["content"] == "You said: Hi"
    assert completion["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("body", [user("Hi"), {"prompt": "Hi"}])
@pytest.mark.parametrize("model", [GRANITE, SEA_LION])
def test_answers_meet_the_published_output_schema(
    post: Post, model: str, body: dict[str, Any]
) -> None:
    """Chat and prompt answers meet the output schema that Cloudflare publishes."""
    name = "gemma-sea-lion-v4-27b-it.output.json"
    text = (files("workersai.local.api") / "schemas" / name).read_text("utf-8")
    branches = from_json(text)["oneOf"]
    branch = branches["prompt" in body]
    jsonschema.validate(result(post(model, body)), branch)


def test_glm_sends_reasoning_under_two_names(post: Post) -> None:
    """Glm sends its reasoning under both names, identically; granite sends none."""
    message = result(post(GLM, user("Hi")))["choices"][0]["message"]
    assert message["reasoning"] == message["reasoning_content"] != ""
    assert "reasoning" not in result(post(GRANITE, user("Hi")))["choices"][0]["message"]


def test_reasoning_can_be_switched_off(post: Post) -> None:
    """With `enable_thinking: false` the answer has no reasoning."""
    body = {**user("Hi"), "chat_template_kwargs": {"enable_thinking": False}}
    assert result(post(GLM, body))["choices"][0]["message"]["reasoning"] is None


def test_reasoning_uses_up_a_small_cap(post: Post) -> None:
    """A reasoning model with a small cap ends with `length`, reasoning and no content."""
    choice = result(post(GLM, {**user("Hi"), "max_tokens": 3}))["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning"] == "This request needs"


def test_a_prompt_is_answered_with_a_text_completion(post: Post) -> None:
    """Granite answers a prompt with a `text_completion`, and returns raw text unchanged."""
    completion = result(post(GRANITE, {"prompt": "Once", "raw": True, "lora": "mine"}))
    assert (completion["object"], completion["choices"][0]["text"]) == ("text_completion", "Once")


def test_classic_models_answer_with_response(post: Post) -> None:
    """Llama models answer with `response`, an empty call list and usage."""
    answer = result(post(LLAMA, user("Hi")))
    assert answer["response"] == "You said: Hi"
    assert answer["tool_calls"] == []
    assert set(answer) == {"response", "tool_calls", "usage"}


def test_classic_calls_have_an_object_of_arguments(post: Post, weather: dict[str, Any]) -> None:
    """A classic call has its arguments as an object, no id, and a null `response`."""
    answer = result(post(LLAMA, {**user("Weather in Oslo"), "tools": [weather]}))
    assert answer["response"] is None
    assert answer["tool_calls"] == [{"name": "get_weather", "arguments": {"city": "Oslo"}}]


def test_openai_calls_have_an_id_and_json_text(post: Post, weather: dict[str, Any]) -> None:
    """An OpenAI-shaped call has an id and its arguments as JSON text; content stays a string."""
    body = {**user("Weather in Oslo"), "tools": [weather]}
    choice = result(post(GRANITE, body))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "")
    [call] = choice["message"]["tool_calls"]
    assert call["id"].startswith("chatcmpl-tool-")
    assert call["function"] == {"name": "get_weather", "arguments": '{"city":"Oslo"}'}


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM, LLAMA])
def test_openai_endpoint_has_no_envelope(post: Post, model: str) -> None:
    """`/ai/v1` answers each model with a chat completion without Cloudflare's envelope."""
    completion = post(V1, {"model": model, **user("Hi")}).json()
    assert completion["object"] == "chat.completion"
    assert completion["choices"][0]["message"]["content"] == "You said: Hi"


@pytest.mark.parametrize("model", [SEA_LION, LLAMA])
def test_two_models_answer_a_schema_with_an_object(post: Post, model: str) -> None:
    """sea-lion and llama answer a JSON schema with a parsed object in `result.response`."""
    response_format = {"type": "json_schema", "json_schema": PERSON}
    answer = result(post(model, {**user(SENTENCE), "response_format": response_format}))
    assert answer["response"] == {"name": "Anna", "age": 34}


def test_two_models_answer_a_schema_with_text(post: Post) -> None:
    """Granite and glm answer a JSON schema with JSON text, bare schema or named envelope."""
    bare = {"type": "json_schema", "json_schema": PERSON}
    named = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    for model, response_format in ((GRANITE, bare), (GRANITE, named), (GLM, named)):
        completion = result(post(model, {**user(SENTENCE), "response_format": response_format}))
        assert completion["choices"][0]["message"]["content"] == '{"name":"Anna","age":34}'


def test_run_reads_the_model_from_the_body(post: Post) -> None:
    """`/ai/run` reads the model and its input from the body."""
    completion = result(post("/run", {"model": GRANITE, "input": user("Hi"), "options": {}}))
    assert completion["model"] == GRANITE


def test_usage_adds_up_and_has_neurons(post: Post) -> None:
    """Usage adds up, and neurons follow from the page's prices at $0.011 per thousand."""
    usage = result(post(GRANITE, user("Hi there, you")))["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    usd = (usage["prompt_tokens"] * 0.017 + usage["completion_tokens"] * 0.11) / 1e6
    assert usage["neurons"] == pytest.approx(usd / 0.011 * 1000, rel=1e-4)


def test_default_token_caps_cut_long_answers(post: Post) -> None:
    """Without a cap `/ai/v1` cuts at 256 tokens and granite's native endpoint at 2000."""
    long = user("word " * 400)
    cut = post(V1, {"model": GRANITE, **long}).json()
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 256
    whole = result(post(GRANITE, long))
    assert whole["choices"][0]["finish_reason"] == "stop"
    capped = result(post(GRANITE, {**long, "max_tokens": 5}))
    assert capped["usage"]["completion_tokens"] == 5


def test_a_stop_sequence_ends_the_answer(post: Post) -> None:
    """The answer ends before the first stop sequence in it."""
    for stop in (" two", ["never", " two"]):
        completion = result(post(GLM, {**user("one two three"), "stop": stop}))
        assert completion["choices"][0]["message"]["content"] == "You said: one"
        assert completion["choices"][0]["finish_reason"] == "stop"


def test_choices_are_numbered(post: Post) -> None:
    """With `n` an answer has numbered choices and counts the prompt once."""
    single_usage = result(post(GLM, user("Hi")))["usage"]
    completion = result(post(GLM, {**user("Hi"), "n": 3}))
    assert [choice["index"] for choice in completion["choices"]] == [0, 1, 2]
    assert completion["usage"]["prompt_tokens"] == single_usage["prompt_tokens"]
    assert completion["usage"]["completion_tokens"] == 3 * single_usage["completion_tokens"]


def test_log_probabilities_cover_each_token(post: Post) -> None:
    """Log probabilities cover each token of the text; alternatives start with the token itself."""
    body = {**user("Grüße"), "logprobs": True, "top_logprobs": 2}
    choice = result(post(GLM, body))["choices"][0]
    content = choice["logprobs"]["content"]
    assert "".join(item["token"] for item in content) == choice["message"]["content"]
    assert bytes(content[-1]["bytes"]).decode() == " Grüße"
    assert all(item["top_logprobs"][0]["token"] == item["token"] for item in content)
    assert all(len(item["top_logprobs"]) == 2 for item in content)
    assert result(post(GLM, user("Hi")))["choices"][0]["logprobs"] is None


def test_the_model_search_filters(client: httpx.Client) -> None:
    """The model search filters by name and task and lists retired models only on request."""
    names = [m["name"] for m in result(client.get("/models/search", params={"search": "GLM"}))]
    assert GLM in names
    assert all("glm" in name for name in names)
    task = {"task": "Text Embeddings"}
    embedding_models = result(client.get("/models/search", params=task))
    assert {m["task"]["name"] for m in embedding_models} == {"Text Embeddings"}
    retired = "@cf/meta/llama-3-8b-instruct"
    assert retired not in client.get("/models/search").text
    assert retired in client.get("/models/search", params={"include_deprecated": "true"}).text
    assert result(client.get("/models/search", params={"page": "2"})) == []


def test_the_schema_endpoint_returns_both_schemas(client: httpx.Client) -> None:
    """The schema endpoint returns a model's input and output schemas; unknown models are 5007."""
    schemas = result(client.get("/models/schema", params={"model": SEA_LION}))
    assert schemas["input"]["oneOf"][0]["title"] == "Prompt"
    assert schemas["output"]["oneOf"][0]["title"] == "Chat Completion Response"
    refused = client.get("/models/schema", params={"model": "@cf/x/y"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 5007)
