"""Embedding, ranking and catalogue answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workersai.talking import BGE, RERANKER, answer
from workersai import (
    EmbeddingResult,
    ModelInfo,
    OutOfCapacityError,
    RankedDocument,
    RerankResult,
    ResponseError,
    Usage,
)
from workersai._request.catalogue import models_request
from workersai._request.embeddings import EmbeddingRequests
from workersai._request.rerank import ranking
from workersai._response.catalogue import parse_models
from workersai._response.embeddings import merge_embeddings, parse_embeddings
from workersai._response.reply import Reply
from workersai._response.rerank import parse_rerank, place_ranking
from workersai._wire import Request

BUSY = {"success": False, "result": {}, "errors": [{"code": 3040, "message": "busy"}]}


def reply(body: bytes | Any) -> Reply:
    return Reply(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def embedding(count: int = 2, dimensions: int | None = None) -> Request:
    texts = ["text"] * count
    (batch,) = EmbeddingRequests(texts, BGE, "run", {"dimensions": dimensions})
    return batch.request


def rank(query: str, documents: list[str], model: str, **options: Any) -> Request:
    request = ranking(query, documents, model, **options).request
    assert request is not None
    return request


# ----------------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    ("name", "result"),
    [
        (
            "embeddings_native",
            EmbeddingResult(
                [[0.1, 0.2, 0.3], [1.0, 0.0, -1.5]], Usage(6, 0, 6), BGE, pooling="mean"
            ),
        ),
        (
            "embeddings_meta",
            EmbeddingResult(
                [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
                Usage(20, 0, 20, neurons=0.0215),
                BGE,
                pooling="cls",
            ),
        ),
        (
            "embeddings_openai",
            EmbeddingResult([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], None, "@cf/test/served"),
        ),
    ],
)
def test_every_shape_of_vectors(name: str, result: EmbeddingResult) -> None:
    """Native and OpenAI answers give floats in the order of the texts."""
    found = parse_embeddings(reply(answer(name)), embedding())
    assert found == result
    assert {type(x) for vector in found.vectors for x in vector} == {float}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([[1.0]], id="too few"),
        pytest.param([[1.0], [2.0], [3.0]], id="too many"),
        pytest.param([], id="none"),
        pytest.param(None, id="null"),
        pytest.param({"a": 1}, id="object"),
        pytest.param([[1.0], None], id="null vector"),
        pytest.param([[1.0], []], id="empty vector"),
        pytest.param([[], []], id="empty vectors"),
        pytest.param([[1.0], [1.0, 2.0]], id="another length"),
        pytest.param([[1.0], ["2.0"]], id="strings"),
        pytest.param([[1.0], [None]], id="null entry"),
        pytest.param([[1.0], [[2.0]]], id="nested"),
        pytest.param([[1.0], [float("nan")]], id="NaN"),
        pytest.param([[1.0], [float("inf")]], id="infinity"),
        pytest.param([[1.0], [float("inf"), float("-inf")]], id="infinities"),
        pytest.param([[1.0], [10**400]], id="too large"),
        pytest.param([[1.0], [True]], id="boolean"),
        pytest.param([[1.0], "x"], id="text"),
        pytest.param(["x", "y"], id="texts"),
        pytest.param(
            [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}], id="index twice"
        ),
        pytest.param(
            [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [2.0]}], id="index beyond"
        ),
        pytest.param(
            [{"index": 0, "embedding": [1.0]}, {"index": -1, "embedding": [2.0]}], id="index below"
        ),
        pytest.param(
            [{"index": 0, "embedding": [1.0]}, {"index": "1", "embedding": [2.0]}], id="index text"
        ),
        pytest.param([{"index": 0, "embedding": [1.0]}, [2.0]], id="mixed"),
        pytest.param([{"index": 0, "embedding": [1.0]}, {"index": 1}], id="no embedding"),
        pytest.param(
            [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}], id="base64"
        ),
    ],
)
def test_invalid_vectors_raise(data: Any) -> None:
    """The reader raises unless there is one valid vector for each text."""
    with pytest.raises(ResponseError):
        parse_embeddings(reply({"result": {"data": data}, "success": True}), embedding())


@pytest.mark.parametrize("body", [{"result": [1.0]}, {"result": "x"}, {"response": "x"}, b"[1.0]"])
def test_an_answer_without_vectors(body: Any) -> None:
    """An answer without a list under `data` raises."""
    with pytest.raises(ResponseError, match="without a list of vectors"):
        parse_embeddings(reply(body), embedding())


def test_the_dimensions_that_were_asked_for() -> None:
    """Vectors of another length than requested raise."""
    body = {"result": {"data": [[1.0, 2.0]]}}
    assert parse_embeddings(reply(body), embedding(1, 2)).vectors == [[1.0, 2.0]]
    with pytest.raises(ResponseError, match="not a list of 3 finite numbers"):
        parse_embeddings(reply(body), embedding(1, 3))


def test_vectors_without_an_index_keep_their_order() -> None:
    """Vectors without an index, as an OpenAI answer may have, keep their order."""
    body = {"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}
    assert parse_embeddings(reply(body), embedding()).vectors == [[1.0], [2.0]]


def test_an_error_with_status_200_is_an_error() -> None:
    """An error with status 200 raises, whatever the operation."""
    for parse, request in (
        (parse_embeddings, embedding()),
        (parse_rerank, rank("q", ["a"], RERANKER)),
        (parse_models, models_request()),
    ):
        with pytest.raises(OutOfCapacityError):
            parse(reply(BUSY), request)


def test_batches_are_joined_in_order() -> None:
    """Vectors follow their texts, and usage adds up."""
    batches = [
        ([1], EmbeddingResult([[2.0]], Usage(1, 0, 1), "m", "cls", ("b",))),
        ([0, 3], EmbeddingResult([[1.0], [4.0]], None, "m", "cls", ("a",))),
        ([2], EmbeddingResult([[3.0]], Usage(2, 0, 2), "m", "cls")),
    ]
    assert merge_embeddings(batches) == EmbeddingResult(
        [[1.0], [2.0], [3.0], [4.0]], Usage(3, 0, 3), "m", "cls", ("a", "b")
    )
    assert merge_embeddings([]) == EmbeddingResult([])


def test_batches_of_different_lengths_are_not_joined() -> None:
    """Batches of different vector lengths raise: they come from two models."""
    with pytest.raises(ResponseError, match="different lengths"):
        merge_embeddings([([0], EmbeddingResult([[1.0]])), ([1], EmbeddingResult([[1.0, 2.0]]))])


# --------------------------------------------------------------------------------- rerank


def test_a_ranking() -> None:
    """The best document is first; equal scores keep the order of the documents."""
    request = rank("q", ["a", "b", "c"], RERANKER)
    assert parse_rerank(reply(answer("rerank")), request) == RerankResult(
        (RankedDocument(2, 0.99), RankedDocument(0, 0.25), RankedDocument(1, 0.25)),
        Usage(12, 0, 12),
        RERANKER,
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(None, id="null"),
        pytest.param("x", id="text"),
        pytest.param([5], id="number"),
        pytest.param([{"id": 2, "score": 1.0}], id="beyond"),
        pytest.param([{"id": -1, "score": 1.0}], id="below"),
        pytest.param([{"id": 0, "score": 1.0}, {"id": 0, "score": 0.5}], id="twice"),
        pytest.param([{"id": "0", "score": 1.0}], id="text id"),
        pytest.param([{"id": True, "score": 1.0}], id="boolean id"),
        pytest.param([{"id": "x" * 10_000, "score": 1.0}], id="long id"),
        pytest.param([{"score": 1.0}], id="no id"),
        pytest.param([{"id": 0}], id="no score"),
        pytest.param([{"id": 0, "score": None}], id="null score"),
        pytest.param([{"id": 0, "score": "x" * 10_000}], id="text score"),
        pytest.param([{"id": 0, "score": float("nan")}], id="NaN"),
        pytest.param([{"id": 0, "score": 10**400}], id="too large"),
    ],
)
def test_an_invalid_ranking(rows: Any) -> None:
    """An unknown or repeated document, or one without a score, raises a short error."""
    request = rank("q", ["a", "b"], RERANKER)
    with pytest.raises(ResponseError) as caught:
        parse_rerank(reply({"result": {"response": rows}}), request)
    assert len(str(caught.value)) < 300


def test_ids_and_neurons_of_vectors_and_rankings() -> None:
    """The reader takes them from headers if the body has none."""
    headers = {"cf-ray": "ray-7", "cf-ai-neurons": "0.5"}
    body = json.dumps({"result": {"data": [[1.0], [2.0]]}}).encode()
    vectors = parse_embeddings(Reply(200, headers, body), embedding())
    assert (vectors.usage, vectors.request_ids) == (Usage(neurons=0.5), ("ray-7",))
    ranked = parse_rerank(
        Reply(200, headers, answer("rerank")), rank("q", ["a", "b", "c"], RERANKER)
    )
    assert (ranked.usage, ranked.request_id) == (Usage(12, 0, 12, neurons=0.5), "ray-7")


def test_a_ranking_in_the_places_of_the_caller() -> None:
    """Documents that were not sent or not ranked come last and have no score."""
    sent = RerankResult((RankedDocument(2, 0.9), RankedDocument(0, 0.1)))
    placed = place_ranking(sent, (1, 2, 4), 6, None)
    assert [(d.index, d.score) for d in placed.documents] == [
        *((4, 0.9), (1, 0.1)),
        *((0, None), (2, None), (3, None), (5, None)),
    ]
    assert len(place_ranking(sent, (1, 2, 4), 6, 3).documents) == 3
    assert place_ranking(RerankResult(()), (), 1, 5).documents == (RankedDocument(0, None),)


def test_a_short_ranking_is_the_top_of_it() -> None:
    """With `top_k` the server may rank fewer documents than it got."""
    request = rank("q", ["a", "b"], RERANKER, top_k=1)
    found = parse_rerank(reply({"result": {"response": [{"id": 1, "score": 0.5}]}}), request)
    assert found.documents == (RankedDocument(1, 0.5),)


# --------------------------------------------------------------------------------- models


def test_the_catalogue() -> None:
    """Models have properties by name, and the task and description that were sent."""
    assert parse_models(reply(answer("models")), models_request()) == [
        ModelInfo(
            "@cf/ibm-granite/granite-4.0-h-micro",
            "Text Generation",
            "Granite.",
            {"context_window": "131000", "function_calling": True},
        ),
        ModelInfo("@cf/test/bare"),
        ModelInfo("@cf/test/task", "Text Embeddings"),
    ]


def test_a_property_is_known_by_its_name() -> None:
    """The reader skips a property whose id is no text, and keeps the others."""
    rows = [{"property_id": [1], "value": 1}, {"property_id": "beta", "value": "true"}]
    body = {"result": [{"name": "@cf/test/odd", "properties": rows}]}
    (found,) = parse_models(reply(body), models_request())
    assert found.properties == {"beta": "true"}


@pytest.mark.parametrize(
    "body",
    [{"result": None}, {"result": {}}, [], {"result": "x"}, {"result": [{"properties": 5}]}],
    ids=str,
)
def test_an_answer_without_a_catalogue(body: Any) -> None:
    """An answer without a list under `result` raises."""
    with pytest.raises(ResponseError):
        parse_models(reply(body), models_request())
