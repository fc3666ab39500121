"""Embeddings and rerankers of both faces have the same requests, limits, defaults and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_workersai
import llamaindex_workersai
import workersai
from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAILLM, WorkersAIRerank
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding
from llamaindex_workersai import WorkersAIRerank as LlamaIndexRerank

BGE_M3 = "@cf/baai/bge-m3"
QWEN = "@cf/qwen/qwen3-embedding-0.6b"
RERANKER = "@cf/baai/bge-reranker-base"

Embed = Callable[[Any, list[str]], Any]


async def _now(value: Any) -> Any:
    return value


EMBED: dict[str, tuple[Callable[..., Any], Callable[[Any, list[str]], Awaitable[Any]]]] = {
    "langchain": (WorkersAIEmbeddings, lambda it, texts: _now(it.embed_documents(texts))),
    "langchain-async": (WorkersAIEmbeddings, lambda it, texts: it.aembed_documents(texts)),
    "llamaindex": (WorkersAIEmbedding, lambda it, texts: _now(it.get_text_embedding_batch(texts))),
    "llamaindex-async": (WorkersAIEmbedding, lambda it, texts: it.aget_text_embedding_batch(texts)),
}


def _langchain_order(ranked: Any) -> list[tuple[str, float | None]]:
    return [(d.page_content, d.metadata["relevance_score"]) for d in ranked]


def _llamaindex_order(ranked: Any) -> list[tuple[str, float | None]]:
    return [(n.node.get_content(), n.score) for n in ranked]


def _nodes(texts: list[str]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts]


async def _langchain_rank(it: Any, query: str, texts: list[str]) -> Any:
    return _langchain_order(it.compress_documents([Document(text) for text in texts], query))


async def _langchain_arank(it: Any, query: str, texts: list[str]) -> Any:
    return _langchain_order(await it.acompress_documents([Document(t) for t in texts], query))


async def _llamaindex_rank(it: Any, query: str, texts: list[str]) -> Any:
    return _llamaindex_order(it.postprocess_nodes(_nodes(texts), query_str=query))


async def _llamaindex_arank(it: Any, query: str, texts: list[str]) -> Any:
    return _llamaindex_order(await it.apostprocess_nodes(_nodes(texts), query_str=query))


RANK: dict[str, tuple[Callable[..., Any], Callable[[Any, str, list[str]], Awaitable[Any]]]] = {
    "langchain": (WorkersAIRerank, _langchain_rank),
    "langchain-async": (WorkersAIRerank, _langchain_arank),
    "llamaindex": (LlamaIndexRerank, _llamaindex_rank),
    "llamaindex-async": (LlamaIndexRerank, _llamaindex_arank),
}


class Server:
    """A server in this process that answers embeddings, rankings and chats.

    It collects the bodies of the requests. A vector is the length of its text.
    """

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers = headers or {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        if "contexts" in body:
            scores = [float(len(context["text"])) for context in body["contexts"]]
            rows = [{"id": i, "score": score} for i, score in enumerate(scores)]
            result: Any = {"response": sorted(rows, key=lambda row: -row["score"])}
        elif "text" in body:
            result = {"data": [[float(len(text))] for text in body["text"]]}
        else:
            result = {"response": "hi"}
        answer = {"result": result, "success": True, "errors": []}
        content = json.dumps(answer).encode()
        stream = httpx.ByteStream(content)
        return httpx.Response(200, headers=self.headers, stream=stream)

    async def asynchronous(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return self(request)

    def settings(self) -> dict[str, Any]:
        transport = httpx.MockTransport(self.asynchronous)
        return {
            "account_id": "0" * 32,
            "api_token": "test-token",
            "http_client": httpx.Client(transport=httpx.MockTransport(self)),
            "http_async_client": httpx.AsyncClient(transport=transport),
        }


MIXES: dict[str, list[str]] = {
    "few": ["a", "bb"],
    "many": [f"text {n}" for n in range(90)],
    "long": ["river " * 1500] * 60,
    "one long": [*["short"] * 20, "river " * 7000, *["short"] * 20],
}


@pytest.mark.parametrize("model", [BGE_M3, QWEN])
@pytest.mark.parametrize("mix", MIXES)
async def test_both_faces_send_the_same_requests_for_the_same_texts(mix: str, model: str) -> None:
    """Both faces size requests by the model's limits, sync and async."""
    requests = []
    for make, embed in EMBED.values():
        server = Server()
        found = await embed(make(model, **server.settings()), MIXES[mix])
        assert found == [[float(len(text))] for text in MIXES[mix]]
        requests.append(sorted(map(json.dumps, server.bodies)))
    assert all(bodies == requests[0] for bodies in requests)


@pytest.mark.parametrize("face", EMBED)
async def test_blank_texts_are_refused_by_index_or_replaced(face: str) -> None:
    """Both faces raise an error with the index of each blank text, before any request.

    With `blank_text`, they embed that text instead.
    """
    make, embed = EMBED[face]
    server = Server()
    with pytest.raises(workersai.ConfigurationError) as caught:
        await embed(make(BGE_M3, **server.settings()), ["a", " ", "b", ""])
    assert str(caught.value).startswith("texts[1], texts[3]: a blank text has no vector")
    assert server.bodies == []
    filled = make(BGE_M3, blank_text="(blank)", **server.settings())
    assert await embed(filled, ["a", " "]) == [[1.0], [7.0]]


@pytest.mark.parametrize("face", RANK)
async def test_both_faces_rank_documents_alike(face: str) -> None:
    """Both rerankers keep three documents by default.

    They put documents without text last, and give them no score.
    """
    make, rank = RANK[face]
    server = Server()
    texts = ["a", "", "dddd", "bb", "ccc"]
    assert await rank(make(RERANKER, **server.settings()), "q", texts) == [
        ("dddd", 4.0),
        ("ccc", 3.0),
        ("bb", 2.0),
    ]
    everything = await rank(make(RERANKER, top_n=None, **server.settings()), "q", texts)
    assert everything[-2:] == [("a", 1.0), ("", None)]
    assert [body.get("top_k") for body in server.bodies] == [3, None]


@pytest.mark.parametrize("face", RANK)
async def test_a_blank_query_is_refused(face: str) -> None:
    """Both rerankers raise for a blank query before any request, also without any document."""
    make, rank = RANK[face]
    server = Server()
    for texts in (["a"], [" "]):
        with pytest.raises(workersai.ConfigurationError, match="query"):
            await rank(make(RERANKER, **server.settings()), "\n", texts)
    assert server.bodies == []


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        (WorkersAIEmbeddings, WorkersAIEmbedding, ("max_concurrency", "blank_text", "truncate")),
        (WorkersAIRerank, LlamaIndexRerank, ("top_n",)),
    ],
)
def test_both_faces_have_the_same_defaults(one: Any, other: Any, names: tuple[str, ...]) -> None:
    """Embeddings and rerankers of both faces have the same defaults in their shared fields."""
    for name in names:
        assert one.model_fields[name].default == other.model_fields[name].default


def test_both_faces_export_the_errors_and_settings_that_users_need() -> None:
    """Both faces export `Timeout`, `__version__` and every error of the core."""
    errors = {name for name in workersai.__all__ if name.endswith("Error")}
    for face in (langchain_workersai, llamaindex_workersai):
        assert {"Timeout", "__version__", *errors} <= set(face.__all__)
        assert face.__version__ == workersai.__version__


def _of_chat(message: Any) -> Any:
    assert message.usage_metadata is None  # no tokens were counted
    assert "token_usage" not in message.response_metadata
    return message.response_metadata["neurons"]


def _of_completion(generation: Any) -> Any:
    assert "usage" not in generation.generation_info
    return generation.generation_info["neurons"]


CHATS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], Any]] = {
    "chat": (ChatWorkersAI, lambda it: _of_chat(it.invoke("hi")), [1.98]),
    "completion": (
        WorkersAILLM,
        lambda it: _of_completion(it.generate(["hi"]).generations[0][0]),
        [1.98],
    ),
    "llm": (WorkersAI, lambda it: it.complete("hi").raw["usage"], {"neurons": 1.98}),
}


@pytest.mark.parametrize("kind", CHATS)
def test_neurons_are_reported_without_token_counts(kind: str) -> None:
    """Each text class reports the neurons of the header, and no token counts when none came."""
    make, cost_of, cost = CHATS[kind]
    model = make("@cf/meta/llama-3.2-3b-instruct", **Server({"cf-ai-neurons": "1.98"}).settings())
    assert cost_of(model) == cost
