"""`WorkersAIRerank`: nodes by relevance, sync and async, with events and callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import PrivateAttr

from llamaindex_workersai import AuthenticationError, ConfigurationError, WorkersAIRerank
from tests.llamaindex_workersai.scripted import Scripted

MODEL = "@cf/baai/bge-reranker-base"
CALL_STYLES = ("postprocess_nodes", "apostprocess_nodes")


def by_length(body: dict[str, Any]) -> dict[str, Any]:
    """Score longer texts higher, and equal texts equally."""
    scores = [{"id": i, "score": float(len(c["text"]))} for i, c in enumerate(body["contexts"])]
    scores.sort(key=lambda entry: -entry["score"])
    return {"response": scores[: body.get("top_k")]}


def nodes(*texts: str) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=f"{place}"), score=place / 10)
        for place, text in enumerate(texts)
    ]


def rerank(script: Scripted, **settings: Any) -> WorkersAIRerank:
    return WorkersAIRerank(MODEL, **{**script.connection, **settings})


async def run(component: WorkersAIRerank, entry: str, *args: Any, **kwargs: Any) -> Any:
    found = getattr(component, entry)(*args, **kwargs)
    return await found if entry.startswith("a") else found


class Collector(BaseEventHandler):
    _events: list[BaseEvent] = PrivateAttr(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        if event.class_name().startswith("ReRank"):
            self._events.append(event)


@pytest.fixture
def collector() -> Iterator[Collector]:
    handler = Collector()
    root = get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


def test_class_is_a_postprocessor_of_llamaindex() -> None:
    """`WorkersAIRerank` is a postprocessor with its own class name, and query engines accept it."""
    assert issubclass(WorkersAIRerank, BaseNodePostprocessor)
    assert WorkersAIRerank.class_name() == "WorkersAIRerank"


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_nodes_come_by_relevance(entry: str) -> None:
    """All nodes come best first with the model's scores, and the nodes that were passed do not
    change.
    """
    passed = nodes("a", "ccc", "bb")
    found = await run(rerank(Scripted(by_length)), entry, passed, query_str="?")
    assert [(n.node.node_id, n.score) for n in found] == [("1", 3.0), ("2", 2.0), ("0", 1.0)]
    assert [n.score for n in passed] == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_top_n_is_asked_for_and_kept(entry: str) -> None:
    """The request asks for at most `top_n` nodes and at most the number of nodes."""
    script = Scripted(by_length)
    found = await run(rerank(script, top_n=2), entry, nodes("a", "ccc", "bb"), query_str="?")
    assert [n.node.node_id for n in found] == ["1", "2"]
    assert script.requests[0]["top_k"] == 2
    await run(rerank(script, top_n=9), entry, nodes("a"), query_str="?")
    assert script.requests[1]["top_k"] == 1


async def test_equal_scores_keep_their_order() -> None:
    """Nodes with equal scores keep the order of the retrieval."""
    found = await run(
        rerank(Scripted(by_length)), CALL_STYLES[0], nodes("x", "y", "z"), query_str="?"
    )
    assert [n.node.node_id for n in found] == ["0", "1", "2"]


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_nodes_the_server_leaves_out_come_last(entry: str) -> None:
    """Nodes that the server leaves out come last, without a score."""
    script = Scripted({"response": [{"id": 2, "score": 0.9}]})
    found = await run(rerank(script), entry, nodes("a", "b", "c"), query_str="?")
    assert [(n.node.node_id, n.score) for n in found] == [("2", 0.9), ("0", None), ("1", None)]


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_nodes_without_text_are_not_sent_and_come_last(entry: str) -> None:
    """Blank nodes, for which the server would refuse all, are not sent; they come last without a
    score.
    """
    script = Scripted(by_length)
    passed = nodes("", "a", "\n", "bb")
    found = await run(rerank(script, top_n=None), entry, passed, query_str="?")
    assert [(n.node.node_id, n.score) for n in found] == [
        *(("3", 2.0), ("1", 1.0)),
        *(("0", None), ("2", None)),
    ]
    assert len(script.requests[0]["contexts"]) == 2
    kept = SimilarityPostprocessor(similarity_cutoff=0.0).postprocess_nodes(found)
    assert [n.node.node_id for n in kept] == ["3", "1"]
    assert len(await run(rerank(script, top_n=1), entry, nodes(""), query_str="?")) == 1
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_three_nodes_are_kept_by_default(entry: str) -> None:
    """The reranker keeps three nodes by default, as that of the LangChain face does."""
    found = await run(rerank(Scripted(by_length)), entry, nodes(*"abcde"), query_str="?")
    assert len(found) == 3


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_a_blank_query_is_refused(entry: str) -> None:
    """A blank query raises ConfigurationError before any request."""
    script = Scripted(by_length)
    with pytest.raises(ConfigurationError, match="query"):
        await run(rerank(script), entry, nodes("a"), query_str=" \n")
    assert script.requests == []


@pytest.mark.parametrize(
    ("nodes", "query", "words"),
    [
        (
            [*nodes("a"), TextNode(text="b")],
            "?",
            r"nodes\[1\] must be a NodeWithScore, not TextNode",
        ),
        (["a"], "?", r"nodes\[0\] must be a NodeWithScore, not str"),
        ("a", "?", "nodes must be a list, not str"),
        (nodes("a"), 5, "query_str must be a string, not int"),
        (nodes("a", "b\ud800"), "?", r"documents\[1\] contains a lone surrogate"),
    ],
)
@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_what_cannot_be_ranked(entry: str, nodes: Any, query: Any, words: str) -> None:
    """Wrong nodes, or a wrong query, raise ConfigurationError before any request."""
    script = Scripted(by_length)
    with pytest.raises(ConfigurationError, match=words):
        await run(rerank(script), entry, nodes, query_str=query)
    assert script.requests == []


def test_metadata_for_embedding_is_read() -> None:
    """The request has the text that the embedding model saw, metadata included."""
    node = TextNode(text="text", metadata={"title": "Rivers", "hidden": "x"})
    node.excluded_embed_metadata_keys = ["hidden"]
    script = Scripted(by_length)
    rerank(script).postprocess_nodes([NodeWithScore(node=node)], query_str="?")
    sent = script.requests[0]["contexts"][0]["text"]
    assert "Rivers" in sent
    assert "hidden" not in sent


def test_scores_can_be_normalised() -> None:
    """`normalize_scores` maps any score to between 0 and 1 by a sigmoid."""
    script = Scripted({"response": [{"id": 0, "score": 0.0}, {"id": 1, "score": -800.0}]})
    found = rerank(script, normalize_scores=True).postprocess_nodes(nodes("a", "b"), query_str="?")
    assert [n.score for n in found] == [0.5, 0.0]


def test_retrieval_score_can_be_kept() -> None:
    """`keep_retrieval_score` stores the earlier score in the metadata of a copy."""
    passed = nodes("a", "bb")
    found = rerank(Scripted(by_length), keep_retrieval_score=True).postprocess_nodes(
        passed, query_str="?"
    )
    assert [n.node.metadata["retrieval_score"] for n in found] == [0.1, 0.0]
    assert [n.node.metadata for n in passed] == [{}, {}]


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_events_come_in_pairs(entry: str, collector: Collector) -> None:
    """A ranking sends one start and one end event, with query, model and `top_n`, and one
    callback.
    """
    debug = LlamaDebugHandler(print_trace_on_end=False)
    component = rerank(Scripted(by_length), top_n=1, callback_manager=CallbackManager([debug]))
    found = await run(component, entry, nodes("a", "bb"), QueryBundle("rivers"))
    start, end = collector._events
    first: Any = start
    assert (first.query, first.top_n, first.model_name) == ("rivers", 1, MODEL)
    assert end.model_dump()["nodes"][0]["node"]["id_"] == found[0].node.node_id
    assert [len(pair) for pair in debug.get_event_pairs(CBEventType.RERANKING)] == [2]


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_nothing_to_rank_tells_and_sends_nothing(entry: str, collector: Collector) -> None:
    """An empty list of nodes sends no request and no event."""
    script = Scripted(by_length)
    assert await run(rerank(script), entry, [], query_str="?") == []
    assert script.requests == []
    assert collector._events == []


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_missing_query_is_named(entry: str, collector: Collector) -> None:
    """A ranking without a query raises an error before any event."""
    with pytest.raises(ConfigurationError, match="query"):
        await run(rerank(Scripted(by_length)), entry, nodes("a"))
    assert collector._events == []


@pytest.mark.parametrize("entry", CALL_STYLES)
async def test_errors_are_the_core_s(entry: str) -> None:
    """Refused credentials raise the core's AuthenticationError."""
    import httpx

    body = {"success": False, "result": None, "errors": [{"code": 10000, "message": "no"}]}
    script = Scripted(httpx.Response(401, json=body))
    with pytest.raises(AuthenticationError):
        await run(rerank(script), entry, nodes("a"), query_str="?")
