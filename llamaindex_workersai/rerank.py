"""WorkersAIRerank: a Workers AI reranker as a LlamaIndex node postprocessor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher
from pydantic import StrictBool
from typing_extensions import Unpack

from llamaindex_workersai._model.arguments import RankingSettings
from llamaindex_workersai._model.connection import Connection
from llamaindex_workersai._model.retries import report_retry
from llamaindex_workersai._model.usage import report_usage
from workersai import ConfigurationError, RerankResult
from workersai.integration import (
    CONFIG,
    CheckedFields,
    RerankFields,
    check_items,
    hides_arguments,
)

_dispatcher = get_dispatcher(__name__)


class WorkersAIRerank(Connection, RerankFields, BaseNodePostprocessor):
    """Orders nodes by relevance to the query.

    Nodes are read with their metadata for embedding. The nodes are not modified; the result has new
    `NodeWithScore`s. A node without text is not sent; it comes last, like one that the server
    leaves out, and has no score. The cost of the request (tokens, neurons, USD, request id) is in a
    `WorkersAIUsageEvent` of LlamaIndex's instrumentation.

    Attributes:
        normalize_scores: Whether to put scores through a sigmoid, to 0..1. The scale otherwise
            depends on the model; that of bge-reranker-base is 0..1 already.
        keep_retrieval_score: Whether to store the earlier score in the node's metadata, as
            `retrieval_score`.

    Examples:
        `pip install 'workersai[llamaindex]'`

        ```python
        from llamaindex_workersai import WorkersAIRerank

        rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=3)
        engine = index.as_query_engine(node_postprocessors=[rerank])
        ```
    """

    model_config = CONFIG

    normalize_scores: StrictBool = False
    keep_retrieval_score: StrictBool = False

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[RankingSettings]) -> None:
        CheckedFields.__init__(self, model, **settings)

    @classmethod
    def class_name(cls) -> str:
        """Name the class for serialised objects."""
        return "WorkersAIRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, nodes = _query(query_bundle), _nodes(nodes)
        if not nodes:
            return []
        with self._reporting(query, nodes) as ranked:
            result = self._client().rerank(**self._arguments(query, nodes))
            report_usage(result)
            ranked.extend(self._order(nodes, result))
        return ranked

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, nodes = _query(query_bundle), _nodes(nodes)
        if not nodes:
            return []
        with self._reporting(query, nodes) as ranked:
            result = await self._async_client().rerank(**self._arguments(query, nodes))
            report_usage(result)
            ranked.extend(self._order(nodes, result))
        return ranked

    def _arguments(self, query: str, nodes: Sequence[NodeWithScore]) -> dict[str, Any]:
        return {
            "query": query,
            "documents": [scored.node.get_content(MetadataMode.EMBED) for scored in nodes],
            "model": self.model,
            "top_k": self.top_n,
            "on_retry": report_retry,
            "extra": self._extra(),
        }

    @contextmanager
    def _reporting(self, query: str, nodes: list[NodeWithScore]) -> Iterator[list[NodeWithScore]]:
        """Report start and end to callbacks and traces; the end has the nodes put into the list."""
        top_n = min(self.top_n or len(nodes), len(nodes))
        _dispatcher.event(
            ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=self.model)
        )
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: self.model,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: top_n,
        }
        ranked: list[NodeWithScore] = []
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield ranked
            event.on_end(payload={EventPayload.NODES: ranked})
        _dispatcher.event(ReRankEndEvent(nodes=ranked))

    def _order(self, nodes: Sequence[NodeWithScore], result: RerankResult) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=self._node(nodes[found.index]), score=self._score(found.score))
            for found in result.documents
        ]

    def _score(self, score: float | None) -> float | None:
        if score is None or not self.normalize_scores:
            return score
        return 0.5 * (1 + math.tanh(score / 2))

    def _node(self, scored: NodeWithScore) -> BaseNode:
        if not self.keep_retrieval_score:
            return scored.node
        metadata = {**scored.node.metadata, "retrieval_score": scored.score}
        return scored.node.model_copy(update={"metadata": metadata})


def _query(query_bundle: QueryBundle | None) -> str:
    if query_bundle is None:
        raise ConfigurationError(
            "A reranker needs the query: pass query_str or query_bundle.", parameter="query_bundle"
        )
    if not isinstance(query_bundle.query_str, str):
        raise ConfigurationError(
            f"query_str must be a string, not {type(query_bundle.query_str).__name__}",
            parameter="query_str",
        )
    return query_bundle.query_str


def _nodes(nodes: Sequence[NodeWithScore] | None) -> list[NodeWithScore]:
    """Return the nodes as a list, or raise `ConfigurationError` before anything is sent."""
    listed = check_items("nodes", [] if nodes is None else nodes)
    for place, scored in enumerate(listed):
        if not isinstance(scored, NodeWithScore):
            raise ConfigurationError(
                f"nodes[{place}] must be a NodeWithScore, not {type(scored).__name__}: pass "
                "NodeWithScore(node=...)",
                parameter="nodes",
            )
    return listed
