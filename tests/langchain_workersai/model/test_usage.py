"""Usage of embeddings and rankings, reported as custom events of the run."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_workersai import WorkersAIEmbeddings, WorkersAIRerank
from tests.langchain_workersai.scripted import IN_LANGGRAPH_TASKS
from workersai import get_profile

SMALL = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
HEADERS = {"cf-ray": "ray-5", "cf-ai-neurons": "0.5"}


class Listener(BaseCallbackHandler):
    """Keeps custom events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        self.events.append((name, data))


def reply(result: dict[str, Any]) -> httpx.Response:
    body = json.dumps({"result": result, "success": True}).encode()
    return httpx.Response(200, content=body, headers=HEADERS)


def facts(model: str, **usage: Any) -> dict[str, Any]:
    tokens = usage.get("prompt_tokens")
    cost = None if tokens is None else tokens * (get_profile(model).input_price or 0) / 1_000_000
    usage = {**usage, "neurons": 0.5}
    return {"model": model, "usage": usage, "cost_usd": cost, "request_ids": ["ray-5"]}


TOKENS = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}


def test_embeddings_report_their_cost_to_the_run(scripted: Any) -> None:
    """Embeddings report tokens, neurons and the request id to the run as an event."""
    result = {"data": [[1.0]], "usage": {"prompt_tokens": 3}}
    embeddings, _ = scripted(reply(result), cls=WorkersAIEmbeddings, model=SMALL)

    def embed(_: str) -> None:
        embeddings.embed_documents(["a"])
        embeddings.embed_query("a")

    listener = Listener()
    RunnableLambda(embed).invoke("x", {"callbacks": [listener]})
    assert listener.events == [("workersai_embeddings", facts(SMALL, **TOKENS))] * 2


@IN_LANGGRAPH_TASKS
async def test_async_calls_report_their_usage(scripted: Any) -> None:
    """Async embeddings and rankings report their usage to the run too."""
    rows = {"response": [{"id": 0, "score": 0.5}]}
    embeddings, _ = scripted(reply({"data": [[1.0]]}), cls=WorkersAIEmbeddings, model=SMALL)
    rerank, _ = scripted(reply(rows), cls=WorkersAIRerank, model=RERANKER)

    async def work(_: str) -> None:
        await embeddings.aembed_documents(["a"])
        await embeddings.aembed_query("a")
        await rerank.arerank(["a"], "q")
        await rerank.acompress_documents([Document("a")], "q")

    listener = Listener()
    await RunnableLambda(work).ainvoke("x", {"callbacks": [listener]})
    assert listener.events == [
        *[("workersai_embeddings", facts(SMALL))] * 2,
        *[("workersai_rerank", facts(RERANKER))] * 2,
    ]


def test_rankings_report_to_their_callbacks(scripted: Any) -> None:
    """Rankings report usage to the callbacks of a retriever or, by `rerank`, of the context."""
    rows = {"response": [{"id": 0, "score": 0.5}]}
    rerank, _ = scripted(reply(rows), cls=WorkersAIRerank, model=RERANKER)

    def work(_: str, config: RunnableConfig) -> None:
        rerank.compress_documents([Document("a")], "q", callbacks=cast("Any", config)["callbacks"])
        rerank.rerank(["a"], "q")

    listener = Listener()
    RunnableLambda(work).invoke("x", {"callbacks": [listener]})
    assert listener.events == [("workersai_rerank", facts(RERANKER))] * 2


@pytest.mark.parametrize("callbacks", [None, [], [Listener()]], ids=["none", "empty", "no run"])
async def test_calls_work_outside_of_a_run(scripted: Any, callbacks: Any) -> None:
    """Calls outside of a run return their results and report to no callback."""
    rows = {"response": [{"id": 0, "score": 0.5}]}
    rerank, _ = scripted(reply(rows), cls=WorkersAIRerank, model=RERANKER)
    assert rerank.compress_documents([Document("a")], "q", callbacks)
    assert await rerank.acompress_documents([Document("a")], "q", callbacks)
    assert not callbacks or callbacks[0].events == []
