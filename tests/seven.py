"""The seven classes of both faces, and their methods that send a request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx
from langchain_core.documents import Document
from llama_index.core.llms import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_workersai
import llamaindex_workersai
from langchain_workersai._model import arguments as langchain_arguments
from llamaindex_workersai._model import arguments as llamaindex_arguments
from tests.workersai.talking import ACCOUNT, TOKEN

CHAT = "@cf/ibm-granite/granite-4.0-h-micro"
EMBEDDING = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
CREDENTIALS: dict[str, Any] = {"account_id": ACCOUNT, "api_token": TOKEN}

MESSAGES = [ChatMessage(role="user", content="Hello")]
NODES = [NodeWithScore(node=TextNode(text="one"), score=0.5)]
DOCUMENTS = [Document("one")]


async def _all(items: Any) -> Any:
    items = await items if isinstance(items, Awaitable) else items
    return [item async for item in items]


class ModelClass(NamedTuple):
    """One of the classes: its arguments, and the methods that send a request.

    Attributes:
        cls: The class.
        model: A model that the class can ask.
        settings: The typed dictionary of its constructor's arguments.
        extra_name: The argument for other fields of the request.
        ways: A function for each method of the class; it takes the object and calls the method.
    """

    cls: type[Any]
    model: str
    settings: type[Any]
    extra_name: str
    ways: dict[str, Callable[[Any], Any]]

    def make(self, **settings: Any) -> Any:
        return self.cls(**{"model": self.model, **CREDENTIALS, **settings})

    async def ask(self, it: Any, way: str) -> Any:
        """Call one of the methods in `ways`, and await its result when it is awaitable."""
        result = self.ways[way](it)
        return await result if isinstance(result, Awaitable) else result


_LANGCHAIN_TEXT: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda it: it.invoke("Hello"),
    "ainvoke": lambda it: it.ainvoke("Hello"),
    "stream": lambda it: list(it.stream("Hello")),
    "astream": lambda it: _all(it.astream("Hello")),
}
_LANGCHAIN_EMBED: dict[str, Callable[[Any], Any]] = {
    "embed_query": lambda it: it.embed_query("one"),
    "aembed_query": lambda it: it.aembed_query("one"),
    "embed_documents": lambda it: it.embed_documents(["one"]),
    "aembed_documents": lambda it: it.aembed_documents(["one"]),
}
_LANGCHAIN_RERANK: dict[str, Callable[[Any], Any]] = {
    "rerank": lambda it: it.rerank(["one"], "Which?"),
    "arerank": lambda it: it.arerank(["one"], "Which?"),
    "compress_documents": lambda it: it.compress_documents(DOCUMENTS, "Which?"),
    "acompress_documents": lambda it: it.acompress_documents(DOCUMENTS, "Which?"),
}
_LLAMAINDEX_TEXT: dict[str, Callable[[Any], Any]] = {
    "chat": lambda it: it.chat(MESSAGES),
    "achat": lambda it: it.achat(MESSAGES),
    "stream_chat": lambda it: list(it.stream_chat(MESSAGES)),
    "astream_chat": lambda it: _all(it.astream_chat(MESSAGES)),
    "complete": lambda it: it.complete("Hello"),
    "acomplete": lambda it: it.acomplete("Hello"),
    "stream_complete": lambda it: list(it.stream_complete("Hello")),
    "astream_complete": lambda it: _all(it.astream_complete("Hello")),
}
_LLAMAINDEX_EMBED: dict[str, Callable[[Any], Any]] = {
    "get_query_embedding": lambda it: it.get_query_embedding("one"),
    "aget_query_embedding": lambda it: it.aget_query_embedding("one"),
    "get_text_embedding_batch": lambda it: it.get_text_embedding_batch(["one"]),
    "aget_text_embedding_batch": lambda it: it.aget_text_embedding_batch(["one"]),
}
_LLAMAINDEX_RERANK: dict[str, Callable[[Any], Any]] = {
    "postprocess_nodes": lambda it: it.postprocess_nodes(NODES, query_str="Which?"),
    "apostprocess_nodes": lambda it: it.apostprocess_nodes(NODES, query_str="Which?"),
}

SEVEN = {
    "ChatWorkersAI": ModelClass(
        langchain_workersai.ChatWorkersAI,
        CHAT,
        langchain_arguments.ChatSettings,
        "model_kwargs",
        _LANGCHAIN_TEXT,
    ),
    "WorkersAILLM": ModelClass(
        langchain_workersai.WorkersAILLM,
        CHAT,
        langchain_arguments.CompletionSettings,
        "model_kwargs",
        _LANGCHAIN_TEXT,
    ),
    "WorkersAIEmbeddings": ModelClass(
        langchain_workersai.WorkersAIEmbeddings,
        EMBEDDING,
        langchain_arguments.EmbeddingsSettings,
        "model_kwargs",
        _LANGCHAIN_EMBED,
    ),
    "langchain's WorkersAIRerank": ModelClass(
        langchain_workersai.WorkersAIRerank,
        RERANKER,
        langchain_arguments.RankingSettings,
        "model_kwargs",
        _LANGCHAIN_RERANK,
    ),
    "WorkersAI": ModelClass(
        llamaindex_workersai.WorkersAI,
        CHAT,
        llamaindex_arguments.ChatSettings,
        "additional_kwargs",
        _LLAMAINDEX_TEXT,
    ),
    "WorkersAIEmbedding": ModelClass(
        llamaindex_workersai.WorkersAIEmbedding,
        EMBEDDING,
        llamaindex_arguments.EmbeddingsSettings,
        "additional_kwargs",
        _LLAMAINDEX_EMBED,
    ),
    "llamaindex's WorkersAIRerank": ModelClass(
        llamaindex_workersai.WorkersAIRerank,
        RERANKER,
        llamaindex_arguments.RankingSettings,
        "additional_kwargs",
        _LLAMAINDEX_RERANK,
    ),
}
TEXT = ("ChatWorkersAI", "WorkersAILLM", "WorkersAI")
"""The classes that generate text."""
WAYS = [(name, way) for name, entry in SEVEN.items() for way in entry.ways]


class Wire:
    """Workers AI in this process: collects requests, and answers them with a fixed result."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments for an object that talks to this wire."""
        return {
            "http_client": httpx.Client(transport=httpx.MockTransport(self._answer)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(self._answer_async)
            ),
        }

    def body(self) -> dict[str, Any]:
        """Return the body of the last request."""
        body: dict[str, Any] = json.loads(self.requests[-1].content)
        return body

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = json.loads(request.content)
        if body.get("stream"):
            events = b'data: {"response": "Hi"}\n\ndata: {"response": "", "usage": {}}\n\n'
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=headers, content=events + b"data: [DONE]\n\n")
        result: dict[str, Any] = {"response": "Hi"}
        if "contexts" in body:
            result = {"response": [{"id": 0, "score": 0.5}]}
        elif "text" in body:
            vectors = [[0.5, 0.5]] * len(body["text"])
            result = {"shape": [len(vectors), 2], "data": vectors}
        return httpx.Response(200, json={"result": result, "success": True, "errors": []})

    async def _answer_async(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)
