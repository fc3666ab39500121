"""`WorkersAIRerank` on scripted answers and the local server."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document

import langchain_workersai as face
from langchain_workersai import WorkersAIRerank

MODEL = "@cf/baai/bge-reranker-base"
RANKING = {"response": [{"id": 1, "score": 0.9}, {"id": 0, "score": 0.1}]}
DOCUMENTS = [Document("about cats", metadata={"n": 0}), Document("about dogs", metadata={"n": 1})]


def test_documents_come_best_first_with_their_scores(scripted: Any) -> None:
    """`compress_documents` returns scored copies, best first, and does not change the originals."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    ranked = rerank.compress_documents(DOCUMENTS, "dogs?")
    assert [d.metadata for d in ranked] == [
        {"n": 1, "relevance_score": 0.9},
        {"n": 0, "relevance_score": 0.1},
    ]
    assert [d.metadata for d in DOCUMENTS] == [{"n": 0}, {"n": 1}]
    assert server.body["query"] == "dogs?"
    assert server.body["contexts"] == [{"text": "about cats"}, {"text": "about dogs"}]


async def test_async_ranking_equals_sync_ranking(local: dict[str, Any]) -> None:
    """`acompress_documents` ranks as `compress_documents` does."""
    rerank = WorkersAIRerank(MODEL, **local)
    sync = rerank.compress_documents(DOCUMENTS, "something about dogs", callbacks=[])
    assert await rerank.acompress_documents(DOCUMENTS, "something about dogs") == sync
    assert sync[0].page_content == "about dogs"
    rerank.close()
    await rerank.aclose()


@pytest.mark.parametrize(("top_n", "kept"), [(1, 1), (5, 2), (None, 2)])
def test_top_n_keeps_the_best(scripted: Any, top_n: int | None, kept: int) -> None:
    """`top_n` limits the number of documents; `None` keeps all."""
    reply = {"response": RANKING["response"][:kept]}
    rerank, server = scripted(reply, cls=WorkersAIRerank, model=MODEL, top_n=top_n)
    assert len(rerank.compress_documents(DOCUMENTS, "dogs?")) == kept
    assert server.body.get("top_k") == (None if top_n is None else kept)


def test_rerank_takes_texts(scripted: Any) -> None:
    """`rerank()` returns positions and scores for texts or documents."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    expected = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    assert rerank.rerank(["about cats", "about dogs"], "dogs?") == expected
    assert rerank.rerank(DOCUMENTS, "dogs?", top_n=1) == expected[:1]
    assert [body.get("top_k") for body in server.bodies] == [2, 1]


async def test_an_empty_list_sends_no_request(scripted: Any) -> None:
    """An empty list of documents sends no request."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    assert rerank.compress_documents([], "dogs?") == []
    assert await rerank.acompress_documents([], "dogs?") == []
    assert server.requests == []


def test_errors_are_typed(scripted: Any, wire: Any) -> None:
    """Reranking raises the same error classes as chat."""
    rerank, _ = scripted(wire.error(404, 5007), cls=WorkersAIRerank, model=MODEL)
    with pytest.raises(face.NotFoundError):
        rerank.compress_documents(DOCUMENTS, "dogs?")


async def test_zero_top_n_is_refused(scripted: Any) -> None:
    """WorkersAIRerank refuses `top_n=0` of a call and does not use the object's `top_n` instead."""
    ranker, server = scripted({"response": []}, cls=WorkersAIRerank, model=MODEL)
    with pytest.raises(face.ConfigurationError):
        ranker.rerank(["a", "b"], "q", top_n=0)
    with pytest.raises(face.ConfigurationError):
        await ranker.arerank(["a", "b"], "q", top_n=0)
    assert server.requests == []


PAGES = ["\n", "about cats", "", "about dogs"]


async def test_documents_without_text_come_last(scripted: Any) -> None:
    """Documents without text come last without a score, because the server would refuse them."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL, top_n=None)
    pages = [Document(text, metadata={"n": n}) for n, text in enumerate(PAGES)]
    expected = [(3, 0.9), (1, 0.1), (0, None), (2, None)]
    for ranked in (
        rerank.compress_documents(pages, "dogs?"),
        await rerank.acompress_documents(pages, "dogs?"),
    ):
        assert [(d.metadata["n"], d.metadata["relevance_score"]) for d in ranked] == expected
    for places in (rerank.rerank(PAGES, "dogs?"), await rerank.arerank(PAGES, "dogs?")):
        assert [(entry["index"], entry["relevance_score"]) for entry in places] == expected
    assert [d["text"] for d in server.bodies[0]["contexts"]] == ["about cats", "about dogs"]


async def test_only_documents_without_text_need_no_request(scripted: Any) -> None:
    """Documents without text keep their order and `top_n` limits them, without a request."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL, top_n=1)
    pages = [Document(" "), Document("\n")]
    assert [d.page_content for d in rerank.compress_documents(pages, "q")] == [" "]
    assert [d.page_content for d in await rerank.acompress_documents(pages, "q")] == [" "]
    assert server.requests == []


@pytest.mark.parametrize("query", ["", " \n"], ids=repr)
async def test_a_blank_query_is_refused(scripted: Any, query: str) -> None:
    """WorkersAIRerank raises ConfigurationError for a blank query before any request."""
    rerank, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    with pytest.raises(face.ConfigurationError, match="query"):
        rerank.compress_documents(DOCUMENTS, query)
    with pytest.raises(face.ConfigurationError, match="query"):
        await rerank.acompress_documents(DOCUMENTS, query)
    assert server.requests == []


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ("a text", "documents must be a list, not str"),
        (None, "documents must be a list, not NoneType"),
        ([Document("a"), None], r"documents\[1\] must be a .*, not NoneType"),
        ([Document("a\ud800")], r"documents\[0\] contains a lone surrogate"),
    ],
)
async def test_wrong_documents_are_refused(scripted: Any, documents: Any, words: str) -> None:
    """WorkersAIRerank refuses wrong documents before any request and names their position."""
    ranker, server = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    for method in (ranker.rerank, ranker.compress_documents):
        with pytest.raises(face.ConfigurationError, match=words):
            method(documents, "q")
    for async_method in (ranker.arerank, ranker.acompress_documents):
        with pytest.raises(face.ConfigurationError, match=words):
            await async_method(documents, "q")
    with pytest.raises(
        face.ConfigurationError, match=r"documents\[0\] must be a Document, not str"
    ):
        ranker.compress_documents(["a"], "q")
    assert server.requests == []


async def test_documents_may_come_from_a_generator(scripted: Any) -> None:
    """`compress_documents` reads an iterator once and returns its documents in order of score."""
    ranker, _ = scripted(RANKING, cls=WorkersAIRerank, model=MODEL)
    assert [d.metadata["n"] for d in ranker.compress_documents(iter(DOCUMENTS), "q")] == [1, 0]
    ranked = await ranker.acompress_documents(iter(DOCUMENTS), "q")
    assert [d.metadata["n"] for d in ranked] == [1, 0]
