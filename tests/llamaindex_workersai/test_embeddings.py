"""`WorkersAIEmbedding`: vectors in order, in batches, with instructions, in both colours."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings.loading import load_embed_model
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore

from llamaindex_workersai import ConfigurationError, ResponseError, WorkersAIEmbedding
from tests.llamaindex_workersai.scripted import TOKEN, Scripted, unread

MODEL = "@cf/baai/bge-small-en-v1.5"


def vectors(body: dict[str, Any]) -> dict[str, Any]:
    """Answer each text with a vector that names it."""
    texts = body.get("text") or body.get("documents") or body.get("queries") or []
    texts = [texts] if isinstance(texts, str) else texts
    data = [[float(len(text)), float(ord(text[-1])), 0.5] for text in texts]
    return {"shape": [len(data), 3], "data": data, "pooling": "mean"}


def expected(text: str) -> list[float]:
    return [float(len(text)), float(ord(text[-1])), 0.5]


def embedding(script: Scripted, model: str = MODEL, **settings: Any) -> WorkersAIEmbedding:
    return WorkersAIEmbedding(model, **{**script.connection, **settings})


def test_class_is_an_embedding_of_llamaindex() -> None:
    """Indices accept it, and it has a name of its own."""
    assert issubclass(WorkersAIEmbedding, BaseEmbedding)
    assert WorkersAIEmbedding.class_name() == "WorkersAIEmbedding"


async def test_vectors_come_in_order_in_both_colours() -> None:
    """Single texts, batches and queries, sync and async."""
    texts = [f"text number {place}" for place in range(7)]
    found = embedding(Scripted(vectors), embed_batch_size=3)
    assert found.get_text_embedding(texts[0]) == expected(texts[0])
    assert await found.aget_text_embedding(texts[0]) == expected(texts[0])
    assert found.get_text_embedding_batch(texts) == [expected(text) for text in texts]
    assert await found.aget_text_embedding_batch(texts) == [expected(text) for text in texts]


@pytest.mark.parametrize("show", [True, False])
async def test_progress_changes_nothing(show: bool) -> None:
    """`show_progress` shows, and the vectors are the same."""
    texts = ["a", "bb", "ccc"]
    found = embedding(Scripted(vectors), embed_batch_size=2)
    assert found.get_text_embedding_batch(texts, show_progress=show) == [*map(expected, texts)]
    assert await found.aget_text_embedding_batch(texts, show_progress=show) == [
        *map(expected, texts)
    ]


def test_batches_keep_the_model_s_limit() -> None:
    """Whatever `embed_batch_size` says, no request has more texts than the model takes."""
    script = Scripted(vectors)
    embedding(script, embed_batch_size=500).get_text_embedding_batch(["x"] * 250)
    sizes = [len(request["text"]) for request in script.requests]
    assert sum(sizes) == 250
    assert max(sizes) <= 100


def test_short_answer_is_an_error() -> None:
    """A missing vector would leave a node without one, silently."""
    script = Scripted(lambda body: vectors({"text": body["text"][:-1]}))
    with pytest.raises(ResponseError):
        embedding(script).get_text_embedding_batch(["a", "b", "c"])


def test_query_and_text_instructions_are_put_before() -> None:
    """Instructions given here go before texts and queries."""
    script = Scripted(vectors)
    found = embedding(script, query_instruction="Q: ", text_instruction="T: ")
    found.get_query_embedding("rivers")
    found.get_text_embedding("rivers")
    sent = [str(request) for request in script.requests]
    assert "Q: rivers" in sent[0]
    assert "T: rivers" in sent[1]


def test_options_reach_the_request() -> None:
    """Pooling and further keys are sent."""
    script = Scripted(vectors)
    embedding(script, pooling="cls", additional_kwargs={"custom": 1}).get_text_embedding("a")
    assert script.requests[0]["pooling"] == "cls"
    assert script.requests[0]["custom"] == 1


def test_nothing_to_embed_sends_nothing() -> None:
    """No texts, no request."""
    script = Scripted(vectors)
    assert embedding(script).get_text_embedding_batch([]) == []
    assert script.requests == []


async def test_async_requests_are_bounded() -> None:
    """LlamaIndex starts all batches at once; no more than `max_concurrency` are under way."""
    running = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1
        data = {"shape": [1, 1], "data": [[1.0]]}
        body = {"result": data, "success": True, "errors": []}
        return unread(httpx.Response(200, json=body))

    found = WorkersAIEmbedding(
        MODEL,
        account_id="0" * 32,
        api_token=TOKEN,
        embed_batch_size=1,
        max_concurrency=3,
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    await found.aget_text_embedding_batch([str(number) for number in range(20)])
    assert most == 3


def test_bound_holds_in_every_loop() -> None:
    """One object serves one loop after the other, and keeps nothing of closed ones."""
    found = embedding(Scripted(vectors), embed_batch_size=1, max_concurrency=1)
    for _ in range(3):
        asyncio.run(found.aget_text_embedding_batch(["a", "b", "c"]))
    assert len(found._gates) == 1


def test_many_threads_with_loops_of_their_own() -> None:
    """LlamaIndex's sync methods inside a loop run in threads: one object serves them all."""
    found = embedding(Scripted(vectors), embed_batch_size=1, max_concurrency=2)

    def work(text: str) -> list[list[list[float]]]:
        return [asyncio.run(found.aget_text_embedding_batch([text, text])) for _ in range(5)]

    texts = [str(number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, texts)) == [[[expected(text)] * 2] * 5 for text in texts]


def test_names_of_cloudflare_embedding_are_understood() -> None:
    """Moving from `CloudflareEmbedding` is one line."""
    found = WorkersAIEmbedding(
        account_id="0" * 32, auth_token=TOKEN, model=MODEL, embed_batch_size=20
    )
    assert found.api_token is not None
    assert found.api_token.get_secret_value() == TOKEN
    assert (found.model, found.model_name, found.embed_batch_size) == (MODEL, MODEL, 20)


def test_model_name_is_another_name_for_model() -> None:
    """LlamaIndex's own field is accepted and is what events show."""
    found = WorkersAIEmbedding(model_name=MODEL)
    assert found.model == MODEL
    assert found.to_payload()["model_name"] == MODEL


def test_two_different_names_are_refused() -> None:
    """One object has one model."""
    with pytest.raises(ConfigurationError, match="model_name"):
        WorkersAIEmbedding("a", model_name="b")


async def test_cache_of_llamaindex_is_used() -> None:
    """A text that is in the cache is not sent again, alone or in a batch, in both colours."""
    script = Scripted(vectors)
    cache = SimpleKVStore()
    found = embedding(script, embeddings_cache=cache)
    first = found.get_text_embedding_batch(["a", "b"])
    assert first == [expected("a"), expected("b")]
    assert found.get_text_embedding_batch(["b", "a"]) == first[::-1]
    assert await found.aget_text_embedding_batch(["a", "b"]) == first
    assert found.get_text_embedding("a") == await found.aget_text_embedding("a") == first[0]
    assert len(script.requests) == 1
    stored = cache.get(key="a", collection="embeddings")
    assert stored is not None
    assert list(stored.values()) == [first[0]]
    assert await found.aget_text_embedding_batch(["a", "c"]) == [first[0], expected("c")]
    assert script.requests[1]["text"] == ["c"]


def test_cache_is_no_setting() -> None:
    """A cache changes no vector, so it changes no dict either."""
    cached = WorkersAIEmbedding(MODEL, embeddings_cache=SimpleKVStore())
    assert cached.to_json() == WorkersAIEmbedding(MODEL).to_json()


def test_embedding_is_found_by_name() -> None:
    """Components that hold an embedding load it from its dict."""
    loaded = load_embed_model(WorkersAIEmbedding(MODEL, pooling="cls").to_dict())
    assert isinstance(loaded, WorkersAIEmbedding)
    assert loaded.pooling == "cls"


def test_what_changes_vectors_is_in_the_dict_and_secrets_are_not() -> None:
    """Ingestion caches key on the dict: a new token keeps the cache, a new pooling does not."""
    plain = WorkersAIEmbedding(MODEL, api_token="one").to_dict()
    assert WorkersAIEmbedding(MODEL, api_token="two").to_dict() == plain
    for change in ({"pooling": "cls"}, {"dimensions": 8}, {"text_instruction": "T: "}):
        assert WorkersAIEmbedding(MODEL, **change).to_dict() != plain


async def test_ingestion_pipeline_fills_every_node() -> None:
    """Nodes get their vectors, in both colours."""
    nodes = [TextNode(text=f"node {place}") for place in range(5)]
    pipeline = IngestionPipeline(transformations=[embedding(Scripted(vectors))])
    done = pipeline.run(nodes=nodes)
    assert [node.embedding for node in done] == [expected(node.get_content()) for node in nodes]
    fresh = IngestionPipeline(transformations=[embedding(Scripted(vectors))])
    assert [n.embedding for n in await fresh.arun(nodes=nodes)] == [n.embedding for n in done]
