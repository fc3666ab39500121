"""What embeddings and rankings cost, as events of LlamaIndex's instrumentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import PrivateAttr

from llamaindex_workersai import WorkersAIEmbedding, WorkersAIRerank, WorkersAIUsageEvent
from tests.llamaindex_workersai.scripted import Scripted, unread

SMALL = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"


class Collector(BaseEventHandler):
    _found: list[WorkersAIUsageEvent] = PrivateAttr(default_factory=list)

    def handle(self, event: BaseEvent, **_: Any) -> None:
        if isinstance(event, WorkersAIUsageEvent):
            self._found.append(event)

    def facts(self) -> list[tuple[Any, ...]]:
        return [(event.model, event.usage, event.request_ids) for event in self._found]


@pytest.fixture
def collector() -> Iterator[Collector]:
    handler = Collector()
    root = get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


def script(result: dict[str, Any]) -> Scripted:
    headers = {"cf-ray": "ray-5", "cf-ai-neurons": "0.5"}
    body = {"result": result, "success": True}
    return Scripted(lambda _: unread(httpx.Response(200, json=body, headers=headers)))


async def test_embeddings_report_their_usage(collector: Collector) -> None:
    """Embeddings report tokens, neurons and the request id, sync and async."""
    answers = script({"data": [[1.0]], "usage": {"prompt_tokens": 3}})
    found = WorkersAIEmbedding(SMALL, **answers.connection)
    found.get_text_embedding("a")
    found.get_query_embedding("a")
    found.get_text_embedding_batch(["a"])
    await found.aget_text_embedding("a")
    await found.aget_query_embedding("a")
    await found.aget_text_embedding_batch(["a"])
    usage = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3, "neurons": 0.5}
    assert collector.facts() == [(SMALL, usage, ["ray-5"])] * 6


async def test_rankings_report_their_usage(collector: Collector) -> None:
    """Rankings without usage in the body report the header's neurons."""
    found = WorkersAIRerank(RERANKER, **script({"response": [{"id": 0, "score": 0.5}]}).connection)
    nodes = [NodeWithScore(node=TextNode(text="a"))]
    found.postprocess_nodes(nodes, query_str="q")
    await found.apostprocess_nodes(nodes, query_str="q")
    assert collector.facts() == [(RERANKER, {"neurons": 0.5}, ["ray-5"])] * 2


def test_nothing_was_reported(collector: Collector) -> None:
    """Without reported usage, the event's usage is `None`."""
    answers = Scripted({"data": [[1.0]]})
    WorkersAIEmbedding(SMALL, **answers.connection).get_text_embedding("a")
    assert collector.facts() == [(SMALL, None, [])]
