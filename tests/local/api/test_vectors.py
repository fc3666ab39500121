"""Embeddings and relevance, native and on `/ai/v1`."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest

from tests.local.talking import Post
from workersai.local.engines.lexical import cosine, relevance, vector

SMALL, M3 = "@cf/baai/bge-small-en-v1.5", "@cf/baai/bge-m3"
RERANKER = "@cf/baai/bge-reranker-base"
PASSAGES = [
    "The office is closed on public holidays.",
    "You reset a password in the account settings.",
    "Bananas are rich in potassium.",
]


@pytest.mark.parametrize("dimensions", [384, 768, 1024])
def test_shared_words_make_vectors_similar(dimensions: int) -> None:
    """A question is nearest to the passage that shares its words, inflected ones included."""
    question = vector("How can I reset passwords?", dimensions)
    scores = [cosine(question, vector(text, dimensions)) for text in PASSAGES]
    assert scores.index(max(scores)) == 1
    assert math.isclose(cosine(question, question), 1.0, abs_tol=1e-5)


@pytest.mark.parametrize("text", ["", "   ", "?!", "東京", "the of a"])
def test_vectors_have_unit_length(text: str) -> None:
    """Each text has a vector of length 1, even a text without words."""
    embedding = vector(text, 384)
    assert math.isclose(cosine(embedding, embedding), 1.0, abs_tol=1e-5)


def test_relevance_separates_answers_from_other_texts() -> None:
    """The passage that answers scores above one half and the others far below."""
    scores = relevance("reset password", PASSAGES)
    assert scores[1] > 0.5 > 10 * max(scores[0], scores[2])


@pytest.mark.parametrize(
    ("model", "dimensions", "extra"),
    [
        (SMALL, 384, {"pooling", "usage"}),
        ("@cf/baai/bge-base-en-v1.5", 768, {"pooling", "usage"}),
        ("@cf/baai/bge-large-en-v1.5", 1024, {"pooling", "usage"}),
        (M3, 1024, {"pooling", "response", "meta"}),
        ("@cf/qwen/qwen3-embedding-0.6b", 1024, {"usage"}),
        ("@cf/google/embeddinggemma-300m", 768, set()),
    ],
)
def test_native_embeddings_have_the_models_fields(
    post: Post, model: str, dimensions: int, extra: set[str]
) -> None:
    """Each model returns its dimensions and the extra fields it is known for."""
    answer = post(model, {"text": ["one", "two"]}).json()["result"]
    assert answer["shape"] == [2, dimensions]
    assert [len(row) for row in answer["data"]] == [dimensions, dimensions]
    assert set(answer) == {"shape", "data"} | extra


def test_pooling_depends_on_the_model(post: Post) -> None:
    """The small bge model pools by mean unless the request says otherwise; bge-m3 by cls."""
    assert post(SMALL, {"text": "a"}).json()["result"]["pooling"] == "mean"
    assert post(SMALL, {"text": "a", "pooling": "cls"}).json()["result"]["pooling"] == "cls"
    assert post(M3, {"text": "a"}).json()["result"]["pooling"] == "cls"


def test_qwen_embeds_queries_and_documents(post: Post) -> None:
    """qwen3 embeds `queries` and `documents` in one request."""
    body = {"queries": ["q"], "documents": ["d", "e"], "instruction": "Find it"}
    answer = post("@cf/qwen/qwen3-embedding-0.6b", body).json()["result"]
    assert answer["shape"] == [3, 1024]


def ranking(answer: Any) -> list[int]:
    return [entry["id"] for entry in answer["response"]]


def test_rerank_sorts_by_score(post: Post) -> None:
    """Scores are sorted best first and have the index of their context; `top_k` limits them."""
    body = {"query": "reset password", "contexts": [{"text": text} for text in PASSAGES]}
    answer = post(RERANKER, body).json()["result"]
    assert ranking(answer)[0] == 1
    scores = [entry["score"] for entry in answer["response"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["usage"]["prompt_tokens"] > 0
    assert ranking(post(RERANKER, {**body, "top_k": 1}).json()["result"]) == [1]


def test_m3_scores_contexts_or_embeds_them(post: Post) -> None:
    """bge-m3 scores contexts for a query, and embeds contexts without a query."""
    contexts = [{"text": text} for text in PASSAGES]
    scored = post(M3, {"query": "reset password", "contexts": contexts}).json()["result"]
    assert ranking(scored)[0] == 1
    alone = post(M3, {"contexts": contexts}).json()["result"]
    assert (alone["shape"], len(alone["response"][0])) == ([3, 1024], 1024)


def test_openai_embeddings_are_floats_or_base64(post: Post) -> None:
    """`/ai/v1/embeddings` accepts a string or a list and returns floats or base64 of them."""
    body = {"model": SMALL, "input": ["one two", "three"]}
    plain = post("/v1/embeddings", body).json()
    assert (plain["object"], plain["model"]) == ("list", SMALL)
    assert [row["index"] for row in plain["data"]] == [0, 1]
    packed = post("/v1/embeddings", {**body, "encoding_format": "base64"}).json()
    raw = base64.b64decode(packed["data"][0]["embedding"])
    floats = struct.unpack(f"<{len(raw) // 4}f", raw)
    assert floats == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)
    single = post("/v1/embeddings", {"model": SMALL, "input": "one two"}).json()
    assert single["data"][0]["embedding"] == plain["data"][0]["embedding"]


def text_of(tokens: int) -> str:
    """Return a text with this number of tokens of the echo engine."""
    return " ".join(["word"] * tokens)


@pytest.mark.parametrize(
    ("texts", "words", "message"),
    [
        (9, 7000, "Max context reached 63000 tokens but model supports only 60000"),
        (1, 8193, "Sequence too long: 8193 > 8192"),
        (2, 9000, "Sequence too long: 9000 > 8192"),
    ],
)
def test_more_tokens_than_bge_m3_accepts(post: Post, texts: int, words: int, message: str) -> None:
    """bge-m3 refuses a request by its texts times the longest one, and a single long text."""
    batch = [text_of(words), *["word"] * (texts - 1)]

    native = post(M3, {"text": batch})
    openai = post("/v1/embeddings", {"model": M3, "input": batch})

    for response in (native, openai):
        [error] = response.json()["errors"]
        assert (response.status_code, error["code"]) == (400, 3030)
        assert message in error["message"]


def test_as_many_tokens_as_bge_m3_accepts(post: Post) -> None:
    """bge-m3 embeds texts within its limits; a text that may be truncated counts as truncated."""
    assert post(M3, {"text": [text_of(7500)] * 8}).status_code == 200
    long = text_of(9000)
    assert post(M3, {"text": [long], "truncate_inputs": True}).status_code == 200
    assert post(M3, {"text": [long] * 8, "truncate_inputs": True}).status_code == 400
    assert post(SMALL, {"text": [long]}).status_code == 200
