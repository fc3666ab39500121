"""The real local models behind the API, tested for shapes and grounded values, not wording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, client_of, function, user
from workersai.local import LocalServer
from workersai.local.engines.wordpiece import encode

pytestmark = pytest.mark.smol

TOOLS = [
    function("get_weather", "Get the current weather in a city.", city="string"),
    function("multiply", "Multiply two numbers.", a="number", b="number"),
    function("search_handbook", "Search the handbook of the company.", query="string"),
]
PASSAGES = [
    "Lunch is free.",
    "To change a forgotten password, open settings.",
    "Bananas are yellow.",
]


@pytest.fixture(scope="module")
def front(loopback: None) -> Iterator[httpx.Client]:
    """A client of a server with the real models."""
    with LocalServer(engine="smol") as running, client_of(running) as client:
        yield client


def choice(front: httpx.Client, model: str, body: dict[str, Any]) -> Any:
    """Return the first choice of a model's answer."""
    response = front.post(f"/run/{model}", json=body)
    assert response.status_code == 200, response.text
    return response.json()["result"]["choices"][0]


def test_text_is_correct_and_repeatable(front: httpx.Client) -> None:
    """The model knows the capital of France and gives the same answer twice."""
    question = user("What is the capital of France?")
    first, second = (choice(front, GRANITE, question)["message"]["content"] for _ in range(2))
    assert "Paris" in first
    assert first == second


@pytest.mark.parametrize("model", [GRANITE, GLM, LLAMA])
def test_stream_has_the_plain_answer(front: httpx.Client, model: str) -> None:
    """`/ai/v1` streams the same text as in its plain answer."""
    body = {"model": model, **user("Name three call styles."), "max_tokens": 40}
    plain = front.post("/v1/chat/completions", json=body).json()
    text = front.post("/v1/chat/completions", json={**body, "stream": True}).text
    events = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    streamed = "".join(
        event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"]
    )
    assert streamed == plain["choices"][0]["message"]["content"]
    assert events[-1]["usage"]["total_tokens"] == plain["usage"]["total_tokens"]


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("What's the weather in Paris?", "get_weather", {"city": "Paris"}),
        ("Is it raining in Tokyo right now?", "get_weather", {"city": "Tokyo"}),
        ("What is 12 times 7?", "multiply", {"a": 12, "b": 7}),
    ],
)
def test_tool_calls(front: httpx.Client, text: str, name: str, arguments: dict[str, Any]) -> None:
    """The model calls the right tool with the values of the request."""
    answer = choice(front, GRANITE, {**user(text), "tools": TOOLS})
    [call] = answer["message"]["tool_calls"]
    assert call["function"]["name"] == name
    assert json.loads(call["function"]["arguments"]) == arguments


def test_no_tool_for_small_talk(front: httpx.Client) -> None:
    """The model calls no tool in reply to small talk."""
    answer = choice(front, GRANITE, {**user("Thanks, that's all!"), "tools": TOOLS})
    assert "tool_calls" not in answer["message"]


def test_answer_after_a_tool_result(front: httpx.Client) -> None:
    """The model's answer contains the tool's result."""
    call = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    messages = [
        *user("What's the weather in Paris?")["messages"],
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "18 C and sunny"},
    ]
    answer = choice(front, GRANITE, {"messages": messages, "tools": TOOLS})
    assert "18" in answer["message"]["content"]


def test_answer_from_context(front: httpx.Client) -> None:
    """The model answers a question from the context in the request."""
    question = (
        "Context: Employees get 27 days of paid vacation per year. The office closes at 18:00.\n"
        "Question: How many vacation days do employees get?"
    )
    assert "27" in choice(front, GRANITE, user(question))["message"]["content"]


def test_json_schema(front: httpx.Client) -> None:
    """A JSON answer meets its schema."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    response_format = {"type": "json_schema", "json_schema": schema}
    body = {**user("Anna is 34 and lives in Oslo."), "response_format": response_format}
    person = front.post(f"/run/{SEA_LION}", json=body).json()["result"]["response"]
    assert person == {"name": "Anna", "age": 34}


def test_stop_cap_and_logprobs(front: httpx.Client) -> None:
    """Stop sequences, caps and log probabilities reach the model."""
    body = {**user("Count from one to ten in words."), "max_completion_tokens": 30}
    answer = choice(front, GLM, {**body, "logprobs": True, "top_logprobs": 2, "stop": [","]})
    assert "," not in answer["message"]["content"]
    scored = answer["logprobs"]["content"]
    assert all(item["logprob"] <= 0 and len(item["top_logprobs"]) == 2 for item in scored)
    assert choice(front, GRANITE, {**body, "max_tokens": 2})["finish_reason"] == "length"


def test_raw_prompt(front: httpx.Client) -> None:
    """The model continues a raw prompt."""
    body = {"prompt": "One, two, three,", "raw": True, "max_tokens": 8}
    assert choice(front, GRANITE, body)["text"].strip()


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("@cf/baai/bge-small-en-v1.5", 384), ("@cf/baai/bge-base-en-v1.5", 768)],
)
def test_embeddings_by_meaning(front: httpx.Client, model: str, dimensions: int) -> None:
    """A question is nearest to the passage that answers it, although they share hardly a word."""
    body = {"text": ["I cannot remember my login secret", *PASSAGES]}
    question, *rows = front.post(f"/run/{model}", json=body).json()["result"]["data"]
    assert len(question) == dimensions
    scores = [sum(a * b for a, b in zip(question, row, strict=True)) for row in rows]
    assert scores.index(max(scores)) == 1


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("hello world", [101, 7592, 2088, 102]),
        ("Hello, WORLD!", [101, 7592, 1010, 2088, 999, 102]),
        ("café", [101, 7668, 102]),
        ("tokenization", [101, 19204, 3989, 102]),
        ("don't", [101, 2123, 1005, 1056, 102]),
        ("\u200bhello\x00", [101, 7592, 102]),
        ("x" * 101, [101, 100, 102]),
        ("", [101, 102]),
    ],
)
def test_wordpiece(text: str, ids: list[int]) -> None:
    """`encode` returns the ids of BERT's uncased tokenizer."""
    assert encode(text, 256) == ids


def test_wordpiece_cuts_long_texts() -> None:
    """`encode` keeps the start and end marks of a text that it cuts."""
    ids = encode("hello " * 50, 10)
    assert (len(ids), ids[0], ids[-1]) == (10, 101, 102)


def test_rerank_by_meaning(front: httpx.Client) -> None:
    """The passage that answers scores far above the others."""
    contexts = [{"text": text} for text in PASSAGES]
    body = {"query": "How do I reset my password?", "contexts": contexts}
    best, second, _ = front.post("/run/@cf/baai/bge-reranker-base", json=body).json()["result"][
        "response"
    ]
    assert best["id"] == 1
    assert best["score"] > 0.5 > 5 * second["score"]


def test_conversation_longer_than_the_real_window(front: httpx.Client) -> None:
    """The server refuses with 5021 a text that only Cloudflare's larger window would hold."""
    response = front.post(f"/run/{GRANITE}", json=user("word " * 6000))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (413, 5021)
