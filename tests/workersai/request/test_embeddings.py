"""Requests for vectors and rankings of texts."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.workersai.talking import BGE, BGE_M3, QWEN_EMBEDDING, RERANKER, UNKNOWN
from workersai import ConfigurationError, EmbeddingOptions, EndpointName
from workersai._request.embeddings import EmbeddingRequests
from workersai._request.rerank import ranking
from workersai._wire import Request


def body(request: Request) -> Any:
    return json.loads(request.content)


def embed(
    texts: Any, model: str = BGE, endpoint: EndpointName = "run", **options: Any
) -> list[Any]:
    made = EmbeddingRequests(texts, model, endpoint, cast("EmbeddingOptions", options))
    return [(batch.request.path, body(batch.request)) for batch in made]


def test_a_native_embedding() -> None:
    """The field `text` holds the batch."""
    assert embed(["a", "b"]) == [(f"/run/{BGE}", {"text": ["a", "b"]})]


def test_an_openai_embedding() -> None:
    """The body of `/ai/v1` has model and input."""
    assert embed(["a"], endpoint="openai") == [("/v1/embeddings", {"model": BGE, "input": ["a"]})]


def test_options_of_embeddings() -> None:
    """Each documented option is a field of the body."""
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
    """qwen3-embedding has a field for queries and one for their instruction."""
    assert embed(["a"], QWEN_EMBEDDING, **options)[0][1] == fields


def test_an_instruction_for_a_model_without_a_field_for_it() -> None:
    """The client puts the instruction before each text, and leaves the caller's list unchanged."""
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
    """The client splits texts in order, and each request states how many it holds."""
    texts = [f"t{i}" for i in range(count)]
    made = list(EmbeddingRequests(texts, model, "run", {}))
    assert [batch.request.count for batch in made] == sizes
    assert [text for batch in made for text in body(batch.request)["text"]] == texts
    assert [place for batch in made for place in batch.places] == list(range(count))


def test_a_batch_size_of_the_users() -> None:
    """The client accepts a smaller size, and refuses 0 and sizes above the page's limit."""
    assert len(embed(["a"] * 5, batch_size=2)) == 3
    for size in (0, -1, 101):
        with pytest.raises(ConfigurationError, match="between 1 and 100") as caught:
            embed(["a"], batch_size=size)
        assert caught.value.parameter == "batch_size"


@pytest.mark.parametrize("texts", ["text", ["a", None], [5]], ids=repr)
def test_texts_are_strings(texts: Any) -> None:
    """The client refuses a string in place of a list, and entries that are no strings."""
    with pytest.raises(ConfigurationError) as caught:
        embed(texts)
    assert caught.value.parameter == "texts"


BLANK = ["", " ", "\n", "\r\n\n", "\t \u3000\u00a0"]


@pytest.mark.parametrize("blank", BLANK, ids=repr)
def test_blank_texts_raise_with_their_places(blank: str) -> None:
    """The error names the index of every blank text, before the client sends anything."""
    texts = ["a", blank, "b", *(blank, "c") * 40]
    with pytest.raises(ConfigurationError, match="blank_text") as caught:
        EmbeddingRequests(texts, BGE, "run", {})
    assert caught.value.parameter == "texts"
    assert str(caught.value).count("texts[") == 41
    assert "texts[81]" in str(caught.value)


def test_blank_text_replaces_blank_texts() -> None:
    """The client embeds `blank_text` instead, with the instruction before it."""
    assert embed(["a", "\n", " "], blank_text="(blank)")[0][1] == {"text": ["a"] + ["(blank)"] * 2}
    found = embed([""], blank_text="(blank)", instruction="I: ")[0][1]
    assert found == {"text": ["I: (blank)"]}


@pytest.mark.parametrize("text", ["", " \n", 5], ids=repr)
def test_blank_text_must_not_be_blank(text: Any) -> None:
    """The client checks `blank_text` even if no text is blank."""
    with pytest.raises(ConfigurationError) as caught:
        embed(["a"], blank_text=text)
    assert caught.value.parameter == "blank_text"


@pytest.mark.parametrize("pooling", ["max", ""])
def test_a_pooling_that_the_page_lists(pooling: str) -> None:
    """The client accepts the poolings mean and cls."""
    with pytest.raises(ConfigurationError, match="mean, cls"):
        embed(["a"], pooling=pooling)


@pytest.mark.parametrize("name", ["text", "model", "input"])
def test_extra_fields_of_an_embedding_cannot_replace_the_call(name: str) -> None:
    """Extra fields cannot replace the model or the texts."""
    with pytest.raises(ConfigurationError) as caught:
        embed(["a"], endpoint="openai", extra={name: "x"})
    assert caught.value.parameter == name


def ranked(*documents: str, **options: Any) -> Any:
    asked = ranking("q", list(documents), RERANKER, **options)
    return None if asked.request is None else body(asked.request)


def test_a_ranking() -> None:
    """Documents are sent as contexts, and `top_k` only if it is set."""
    request = ranking("q", ["a", "b"], RERANKER).request
    assert request is not None
    assert request.path == f"/run/{RERANKER}"
    assert body(request) == {"query": "q", "contexts": [{"text": "a"}, {"text": "b"}]}
    assert request.count == 2
    assert ranked("a", top_k=1, extra={"x": 1}) == {
        "query": "q",
        "contexts": [{"text": "a"}],
        "top_k": 1,
        "x": 1,
    }


def test_no_more_documents_are_asked_for_than_are_sent() -> None:
    """A `top_k` above the number of documents is lowered to it."""
    assert ranked("a", "b", top_k=9)["top_k"] == 2
    assert ranked("a", " ", "b", top_k=3)["top_k"] == 2


@pytest.mark.parametrize("blank", BLANK, ids=repr)
def test_blank_documents_are_left_out_of_a_ranking(blank: str) -> None:
    """The client leaves blank documents out, and the others keep their indices."""
    asked = ranking("q", [blank, "a", blank, "b"], RERANKER)
    assert asked.request is not None
    assert body(asked.request)["contexts"] == [{"text": "a"}, {"text": "b"}]
    assert (asked.places, asked.count) == ((1, 3), 4)
    assert ranking("q", [blank] * 2, RERANKER).request is None


@pytest.mark.parametrize(
    ("query", "documents", "options", "parameter"),
    [
        *((blank, ["a"], {}, "query") for blank in BLANK),
        ("", [], {}, "query"),
        (None, ["a"], {}, "query"),
        ("q", ["a", None], {}, "documents"),
        ("q", "a", {}, "documents"),
        ("q", ["a"], {"top_k": 0}, "top_k"),
        ("q", ["a"], {"extra": {"query": "x"}}, "query"),
        ("q", ["a"], {"extra": {"contexts": []}}, "contexts"),
    ],
)
def test_a_ranking_that_cannot_be_asked(
    query: Any, documents: Any, options: dict[str, Any], parameter: str
) -> None:
    """A blank query, documents that are no texts, and extra fields that replace them raise."""
    with pytest.raises(ConfigurationError) as caught:
        ranking(query, documents, RERANKER, **options)
    assert caught.value.parameter == parameter
