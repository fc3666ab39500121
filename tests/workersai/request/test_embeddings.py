"""Texts into requests for their vectors and their ranking."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.workersai.talking import BGE, BGE_M3, QWEN_EMBEDDING, RERANKER, UNKNOWN
from workersai import ConfigurationError, EmbeddingOptions, Endpoint
from workersai._request.embeddings import embedding_requests
from workersai._request.rerank import rerank_request
from workersai._wire import Request


def body(request: Request) -> Any:
    return json.loads(request.content)


def embed(texts: Any, model: str = BGE, endpoint: Endpoint = "run", **options: Any) -> list[Any]:
    made = embedding_requests(texts, model, endpoint, cast("EmbeddingOptions", options))
    return [(request.path, body(request)) for request in made]


def test_a_native_embedding() -> None:
    """`text` holds the batch."""
    assert embed(["a", "b"]) == [(f"/run/{BGE}", {"text": ["a", "b"]})]


def test_an_openai_embedding() -> None:
    """`/ai/v1` names model and input."""
    assert embed(["a"], endpoint="openai") == [("/v1/embeddings", {"model": BGE, "input": ["a"]})]


def test_options_of_embeddings() -> None:
    """Each documented option is a field."""
    assert embed(["a"], pooling="cls")[0][1] == {"text": ["a"], "pooling": "cls"}
    assert embed(["a"], BGE_M3, truncate=True)[0][1] == {"text": ["a"], "truncate_inputs": True}
    assert embed(["a"], dimensions=5)[0][1] == {"text": ["a"], "dimensions": 5}
    assert embed(["a"], extra={"x": 1})[0][1] == {"text": ["a"], "x": 1}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {"text": ["a"]}),
        ({"input_type": "query"}, {"queries": ["a"]}),
        ({"input_type": "query", "instruction": "I: "}, {"queries": ["a"], "instruction": "I: "}),
        ({"instruction": "I: "}, {"text": ["I: a"]}),
    ],
    ids=str,
)
def test_queries_apart_from_documents(options: dict[str, Any], fields: dict[str, Any]) -> None:
    """qwen3-embedding takes queries with an instruction in a field of their own."""
    assert embed(["a"], QWEN_EMBEDDING, **options)[0][1] == fields


def test_an_instruction_for_a_model_without_a_field_for_it() -> None:
    """It is put before each text, and the caller's list stays as it was."""
    texts = ["a", "b"]
    found = embed(texts, input_type="query", instruction="Find: ")[0][1]
    assert found == {"text": ["Find: a", "Find: b"]}
    assert texts == ["a", "b"]


@pytest.mark.parametrize(
    ("model", "count", "sizes"),
    [
        (BGE, 100, [100]),
        (BGE, 101, [100, 1]),
        (QWEN_EMBEDDING, 70, [32, 32, 6]),
        (UNKNOWN, 250, [100, 100, 50]),
        (BGE, 0, []),
    ],
)
def test_batches_are_as_large_as_the_page_allows(model: str, count: int, sizes: list[int]) -> None:
    """Texts are split in order, and each request knows how many it holds."""
    texts = [f"t{i}" for i in range(count)]
    made = embedding_requests(texts, model, "run", {})
    assert [request.count for request in made] == sizes
    assert [text for request in made for text in body(request)["text"]] == texts


def test_a_batch_size_of_the_users() -> None:
    """Smaller is fine; larger than the page allows, or none, is not."""
    assert len(embed(["a"] * 5, batch_size=2)) == 3
    for size in (0, -1, 101):
        with pytest.raises(ConfigurationError, match="between 1 and 100") as caught:
            embed(["a"], batch_size=size)
        assert caught.value.parameter == "batch_size"


@pytest.mark.parametrize("texts", ["text", ["a", ""], ["a", None], [5]], ids=repr)
def test_texts_are_non_empty_strings(texts: Any) -> None:
    """The schema wants at least one character a text; a string is no list of texts."""
    with pytest.raises(ConfigurationError) as caught:
        embed(texts)
    assert caught.value.parameter == "texts"


@pytest.mark.parametrize("pooling", ["max", ""])
def test_a_pooling_that_the_page_lists(pooling: str) -> None:
    """It is mean or cls."""
    with pytest.raises(ConfigurationError, match="mean, cls"):
        embed(["a"], pooling=pooling)


@pytest.mark.parametrize("name", ["text", "model", "input"])
def test_extra_fields_of_an_embedding_cannot_replace_the_call(name: str) -> None:
    """What is asked of whom is the arguments' to say."""
    with pytest.raises(ConfigurationError) as caught:
        embed(["a"], endpoint="openai", extra={name: "x"})
    assert caught.value.parameter == name


def test_a_ranking() -> None:
    """Documents are contexts, `top_k` only when set."""
    request = rerank_request("q", ["a", "b"], RERANKER)
    assert request.path == f"/run/{RERANKER}"
    assert body(request) == {"query": "q", "contexts": [{"text": "a"}, {"text": "b"}]}
    assert request.count == 2
    assert body(rerank_request("q", ["a"], RERANKER, top_k=1, extra={"x": 1})) == {
        "query": "q",
        "contexts": [{"text": "a"}],
        "top_k": 1,
        "x": 1,
    }


@pytest.mark.parametrize(
    ("query", "documents", "options", "parameter"),
    [
        ("", ["a"], {}, "query"),
        (None, ["a"], {}, "query"),
        ("q", ["a", ""], {}, "documents"),
        ("q", "a", {}, "documents"),
        ("q", ["a"], {"top_k": 0}, "top_k"),
        ("q", ["a"], {"extra": {"query": "x"}}, "query"),
        ("q", ["a"], {"extra": {"contexts": []}}, "contexts"),
    ],
)
def test_a_ranking_that_cannot_be_asked(
    query: Any, documents: Any, options: dict[str, Any], parameter: str
) -> None:
    """Queries and documents are non-empty strings, and extra fields replace neither."""
    with pytest.raises(ConfigurationError) as caught:
        rerank_request(query, documents, RERANKER, **options)
    assert caught.value.parameter == parameter
