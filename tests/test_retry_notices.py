"""Every operation of both faces reports its retries to the framework."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import PrivateAttr

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAILLM, WorkersAIRerank
from langchain_workersai._model import retries as _reporting
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding, WorkersAIRetryEvent
from llamaindex_workersai import WorkersAIRerank as LlamaIndexRerank
from tests.langchain_workersai.scripted import IN_LANGGRAPH_TASKS
from workersai.client import retries as _exchange

GRANITE = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
BGE = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
DOCUMENTS = [Document("a")]
NODES = [NodeWithScore(node=TextNode(text="a"))]
MESSAGES = [ChatMessage(role="user", content="Hi")]

BUSY = {"success": False, "result": None, "errors": [{"code": 3040, "message": "busy"}]}
FACTS = {
    "attempt": 1,
    "error": "OutOfCapacityError",
    "status": 429,
    "code": 3040,
    "request_id": "ray-1",
}


def answer(body: dict[str, Any], *, is_batch: bool) -> dict[str, Any]:
    """Return the result for a request of any operation."""
    if is_batch:
        return {"status": "queued", "request_id": "batch-1"}
    if "request_id" in body:
        return {"responses": [{"id": 0, "result": {"response": "Hi"}, "success": True}]}
    if "text" in body:
        return {"data": [[1.0]]}
    return {"response": [{"id": 0, "score": 1.0}]} if "contexts" in body else {"response": "Hi"}


class Server:
    """A server that answers the first request with "at capacity", and all others with a result."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.requests == 1:
            return httpx.Response(429, json=BUSY, headers={"cf-ray": "ray-1"})
        if request.method == "GET":
            return httpx.Response(200, json={"result": [{"name": GRANITE}], "success": True})
        body = json.loads(request.content)
        result = answer(body, is_batch="queueRequest" in request.url.params and "requests" in body)
        if body.get("stream"):
            content = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(result).encode()
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, content=content, headers=headers)
        return httpx.Response(200, json={"result": result, "success": True})

    async def awaited(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    def settings(self) -> dict[str, Any]:
        return {
            "account_id": "0" * 32,
            "api_token": "test-token",
            "http_client": httpx.Client(transport=httpx.MockTransport(self)),
            "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(self.awaited)),
        }


@pytest.fixture(autouse=True)
def _without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make retries wait 0 seconds."""
    monkeypatch.setattr(_exchange, "_FIRST_DELAY", 0.0)


async def finished(result: Any) -> Any:
    """Await a result, or read a stream to its end."""
    if isinstance(result, Awaitable):
        result = await result
    if isinstance(result, AsyncIterable):
        return [item async for item in result]
    return list(result) if isinstance(result, Iterator) else result


# ------------------------------------------------------------------------------ LangChain

LANGCHAIN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "invoke": lambda s: ChatWorkersAI(GRANITE, **s).invoke("Hi"),
    "ainvoke": lambda s: ChatWorkersAI(GRANITE, **s).ainvoke("Hi"),
    "stream": lambda s: ChatWorkersAI(GRANITE, **s).stream("Hi"),
    "astream": lambda s: ChatWorkersAI(GRANITE, **s).astream("Hi"),
    "completion": lambda s: WorkersAILLM(GRANITE, **s).invoke("Hi"),
    "acompletion": lambda s: WorkersAILLM(GRANITE, **s).ainvoke("Hi"),
    "completion stream": lambda s: WorkersAILLM(GRANITE, **s).stream("Hi"),
    "acompletion stream": lambda s: WorkersAILLM(GRANITE, **s).astream("Hi"),
    "embed_documents": lambda s: WorkersAIEmbeddings(BGE, **s).embed_documents(["a"]),
    "aembed_documents": lambda s: WorkersAIEmbeddings(BGE, **s).aembed_documents(["a"]),
    "embed_query": lambda s: WorkersAIEmbeddings(BGE, **s).embed_query("a"),
    "aembed_query": lambda s: WorkersAIEmbeddings(BGE, **s).aembed_query("a"),
    "embed_iter": lambda s: WorkersAIEmbeddings(BGE, **s).embed_iter(["a"]),
    "aembed_iter": lambda s: WorkersAIEmbeddings(BGE, **s).aembed_iter(["a"]),
    "rerank": lambda s: WorkersAIRerank(RERANKER, **s).rerank(["a"], "q"),
    "arerank": lambda s: WorkersAIRerank(RERANKER, **s).arerank(["a"], "q"),
    "compress": lambda s: WorkersAIRerank(RERANKER, **s).compress_documents(DOCUMENTS, "q"),
    "acompress": lambda s: WorkersAIRerank(RERANKER, **s).acompress_documents(DOCUMENTS, "q"),
    "submit": lambda s: ChatWorkersAI(GRANITE, **s).submit_batch(["Hi"]),
    "asubmit": lambda s: ChatWorkersAI(GRANITE, **s).asubmit_batch(["Hi"]),
    "poll": lambda s: ChatWorkersAI(GRANITE, **s).poll_batch("batch-1"),
    "apoll": lambda s: ChatWorkersAI(GRANITE, **s).apoll_batch("batch-1"),
    "wait": lambda s: ChatWorkersAI(GRANITE, **s).batch_results("batch-1"),
    "await": lambda s: ChatWorkersAI(GRANITE, **s).abatch_results("batch-1"),
    "catalogue": lambda s: ChatWorkersAI.from_catalogue(GRANITE, **s),
    "acatalogue": lambda s: ChatWorkersAI.afrom_catalogue(GRANITE, **s),
}
WITH_A_RUN = {"invoke", "ainvoke", *(name for name in LANGCHAIN if "completion" in name)}


class RetryHandler(BaseCallbackHandler):
    """Collects retries that LangChain reports by a custom event or by `on_retry`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.attempts: list[int] = []

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        if name == "workersai_retry":
            self.events.append(data)

    def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.attempts.append(retry_state.attempt_number)


class AsyncRetryHandler(AsyncCallbackHandler):
    """The asynchronous form of `RetryHandler`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.attempts: list[int] = []

    async def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        if name == "workersai_retry":
            self.events.append(data)

    async def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.attempts.append(retry_state.attempt_number)


@IN_LANGGRAPH_TASKS
@pytest.mark.parametrize("handler", [RetryHandler, AsyncRetryHandler], ids=["sync", "async"])
@pytest.mark.parametrize("operation", LANGCHAIN)
async def test_langchain_reports_each_retry(operation: str, handler: type[RetryHandler]) -> None:
    """LangChain's classes report a retry by `on_retry` of the operation's own run.

    An operation without a run reports it by a custom event of the surrounding run.
    """
    server, callback = Server(), handler()

    async def work(_: str) -> None:
        await finished(LANGCHAIN[operation](server.settings()))

    await RunnableLambda(work).ainvoke("x", {"callbacks": [callback]})
    await asyncio.gather(*_reporting._announcing)  # handlers run beside the call
    assert server.requests == 2
    if operation in WITH_A_RUN:
        assert (callback.attempts, callback.events) == ([1], [])
    else:
        assert callback.attempts == []
        (event,) = callback.events
        assert {name: event[name] for name in FACTS} == FACTS
        assert event["delay"] == 0.0
        assert "busy" in event["reason"]


@pytest.mark.parametrize("operation", sorted(LANGCHAIN.keys() - WITH_A_RUN))
async def test_langchain_retries_without_a_surrounding_run(operation: str) -> None:
    """LangChain's operations without a run retry also where no run surrounds them."""
    server = Server()
    await finished(LANGCHAIN[operation](server.settings()))
    assert server.requests == 2


# ----------------------------------------------------------------------------- LlamaIndex

LLAMAINDEX: dict[str, Callable[[dict[str, Any]], Any]] = {
    "chat": lambda s: WorkersAI(GRANITE, **s).chat(MESSAGES),
    "achat": lambda s: WorkersAI(GRANITE, **s).achat(MESSAGES),
    "stream_chat": lambda s: WorkersAI(GRANITE, **s).stream_chat(MESSAGES),
    "astream_chat": lambda s: WorkersAI(GRANITE, **s).astream_chat(MESSAGES),
    "complete": lambda s: WorkersAI(GRANITE, **s).complete("Hi"),
    "acomplete": lambda s: WorkersAI(GRANITE, **s).acomplete("Hi"),
    "stream_complete": lambda s: WorkersAI(GRANITE, **s).stream_complete("Hi"),
    "astream_complete": lambda s: WorkersAI(GRANITE, **s).astream_complete("Hi"),
    "embedding": lambda s: WorkersAIEmbedding(BGE, **s).get_text_embedding("a"),
    "aembedding": lambda s: WorkersAIEmbedding(BGE, **s).aget_text_embedding("a"),
    "embeddings": lambda s: WorkersAIEmbedding(BGE, **s).get_text_embedding_batch(["a"]),
    "aembeddings": lambda s: WorkersAIEmbedding(BGE, **s).aget_text_embedding_batch(["a"]),
    "embed_iter": lambda s: WorkersAIEmbedding(BGE, **s).embed_iter(["a"]),
    "aembed_iter": lambda s: WorkersAIEmbedding(BGE, **s).aembed_iter(["a"]),
    "query": lambda s: WorkersAIEmbedding(BGE, **s).get_query_embedding("a"),
    "rerank": lambda s: LlamaIndexRerank(RERANKER, **s).postprocess_nodes(NODES, query_str="q"),
    "arerank": lambda s: LlamaIndexRerank(RERANKER, **s).apostprocess_nodes(NODES, query_str="q"),
    "submit": lambda s: WorkersAI(GRANITE, **s).submit_batch([MESSAGES]),
    "asubmit": lambda s: WorkersAI(GRANITE, **s).asubmit_batch([MESSAGES]),
    "poll": lambda s: WorkersAI(GRANITE, **s).poll_batch("batch-1"),
    "apoll": lambda s: WorkersAI(GRANITE, **s).apoll_batch("batch-1"),
    "wait": lambda s: WorkersAI(GRANITE, **s).batch_results("batch-1"),
    "await": lambda s: WorkersAI(GRANITE, **s).abatch_results("batch-1"),
    "catalogue": lambda s: WorkersAI.from_catalogue(GRANITE, **s),
    "acatalogue": lambda s: WorkersAI.afrom_catalogue(GRANITE, **s),
}


class Collector(BaseEventHandler):
    _found: list[WorkersAIRetryEvent] = PrivateAttr(default_factory=list)

    def handle(self, event: BaseEvent, **_: Any) -> None:
        if isinstance(event, WorkersAIRetryEvent):
            self._found.append(event)

    def facts(self) -> Iterable[dict[str, Any]]:
        return [{name: getattr(event, name) for name in FACTS} for event in self._found]


@pytest.fixture
def collector() -> Iterator[Collector]:
    handler, root = Collector(), get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.mark.parametrize("operation", LLAMAINDEX)
async def test_llamaindex_reports_each_retry(operation: str, collector: Collector) -> None:
    """LlamaIndex's classes report a retry, its number and its cause by `WorkersAIRetryEvent`."""
    server = Server()
    await finished(LLAMAINDEX[operation](server.settings()))
    assert server.requests == 2
    assert collector.facts() == [FACTS]
