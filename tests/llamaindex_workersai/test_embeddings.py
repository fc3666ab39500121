"""`WorkersAIEmbedding`: vectors in order, in batches, with instructions, sync and async."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings.loading import load_embed_model
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.schema import Document, TextNode
from llama_index.core.storage.kvstore import SimpleKVStore

from llamaindex_workersai import (
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    ResponseError,
    WorkersAIEmbedding,
)
from tests.llamaindex_workersai.scripted import TOKEN, Scripted, unread
from workersai import Timeout

MODEL = "@cf/baai/bge-small-en-v1.5"


def vectors(body: dict[str, Any]) -> dict[str, Any]:
    """Answer each text with a vector that identifies it."""
    texts = body.get("text") or body.get("documents") or body.get("queries") or []
    texts = [texts] if isinstance(texts, str) else texts
    data = [[float(len(text)), float(ord(text[-1])), 0.5] for text in texts]
    return {"shape": [len(data), 3], "data": data, "pooling": "mean"}


def expected(text: str) -> list[float]:
    return [float(len(text)), float(ord(text[-1])), 0.5]


def embedding(script: Scripted, model: str = MODEL, **settings: Any) -> WorkersAIEmbedding:
    return WorkersAIEmbedding(model, **{**script.connection, **settings})


def test_class_is_an_embedding_of_llamaindex() -> None:
    """`WorkersAIEmbedding` is a `BaseEmbedding`, has its own class name, and indices accept it."""
    assert issubclass(WorkersAIEmbedding, BaseEmbedding)
    assert WorkersAIEmbedding.class_name() == "WorkersAIEmbedding"


async def test_vectors_come_in_order() -> None:
    """Vectors of single texts, batches and queries are in the order of the texts, sync and
    async.
    """
    texts = [f"text number {place}" for place in range(7)]
    found = embedding(Scripted(vectors), embed_batch_size=3)
    assert found.get_text_embedding(texts[0]) == expected(texts[0])
    assert await found.aget_text_embedding(texts[0]) == expected(texts[0])
    assert found.get_text_embedding_batch(texts) == [expected(text) for text in texts]
    assert await found.aget_text_embedding_batch(texts) == [expected(text) for text in texts]


@pytest.mark.parametrize("show", [True, False])
async def test_progress_changes_nothing(show: bool) -> None:
    """`show_progress` does not change the vectors."""
    texts = ["a", "bb", "ccc"]
    found = embedding(Scripted(vectors), embed_batch_size=2)
    assert found.get_text_embedding_batch(texts, show_progress=show) == [*map(expected, texts)]
    assert await found.aget_text_embedding_batch(texts, show_progress=show) == [
        *map(expected, texts)
    ]


def test_batches_keep_the_model_s_limit() -> None:
    """No request has more texts than the model's limit, whatever `embed_batch_size` is."""
    script = Scripted(vectors)
    embedding(script, embed_batch_size=500).get_text_embedding_batch(["x"] * 250)
    sizes = [len(request["text"]) for request in script.requests]
    assert sum(sizes) == 250
    assert max(sizes) <= 100


def test_short_answer_is_an_error() -> None:
    """An answer with too few vectors raises an error."""
    script = Scripted(lambda body: vectors({"text": body["text"][:-1]}))
    with pytest.raises(ResponseError):
        embedding(script).get_text_embedding_batch(["a", "b", "c"])


def test_query_and_text_instructions_are_put_before() -> None:
    """The request has the query instruction before queries and the text instruction before
    texts.
    """
    script = Scripted(vectors)
    found = embedding(script, query_instruction="Q: ", text_instruction="T: ")
    found.get_query_embedding("rivers")
    found.get_text_embedding("rivers")
    sent = [str(request) for request in script.requests]
    assert "Q: rivers" in sent[0]
    assert "T: rivers" in sent[1]


def test_options_reach_the_request() -> None:
    """The request has `pooling` and the keys of `additional_kwargs`."""
    script = Scripted(vectors)
    embedding(script, pooling="cls", additional_kwargs={"custom": 1}).get_text_embedding("a")
    assert script.requests[0]["pooling"] == "cls"
    assert script.requests[0]["custom"] == 1


def test_nothing_to_embed_sends_nothing() -> None:
    """An empty list of texts sends no request."""
    script = Scripted(vectors)
    assert embedding(script).get_text_embedding_batch([]) == []
    assert script.requests == []


class Counting:
    """Answers each text with one number, and counts concurrent requests."""

    def __init__(self) -> None:
        self.running = self.most = self.sent = 0
        self.has_request = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        self.has_request.set()
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(5):
            await asyncio.sleep(0)
        self.running -= 1
        texts = json.loads(request.content)["text"]
        if "bad" in texts:
            return unread(httpx.Response(400, json={"errors": [{"code": 5006, "message": "no"}]}))
        data = {"data": [[float(len(text))] for text in texts]}
        return unread(httpx.Response(200, json={"result": data, "success": True, "errors": []}))

    def embedding(self, model: str = MODEL, **settings: Any) -> WorkersAIEmbedding:
        transport = httpx.MockTransport(self)
        return WorkersAIEmbedding(
            model,
            account_id="0" * 32,
            api_token=TOKEN,
            http_async_client=httpx.AsyncClient(transport=transport),
            **settings,
        )


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"embed_batch_size": 1, "max_concurrency": 3}, 3),
        ({"embed_batch_size": 1, "max_concurrency": 4, "num_workers": 2}, 2),
        ({"embed_batch_size": 1, "max_concurrency": 2, "num_workers": 9}, 2),
        ({"embed_batch_size": 2048, "max_concurrency": 3}, 3),
        ({"embed_batch_size": 300, "max_concurrency": 5}, 4),
    ],
    ids=str,
)
async def test_async_requests_are_bounded(settings: dict[str, Any], most: int) -> None:
    """At most `max_concurrency` requests run at once, whatever LlamaIndex's batches are."""
    server = Counting()
    texts = [str(number) for number in range(600)]
    count = 20 if settings["embed_batch_size"] == 1 else 600
    found = await server.embedding(**settings).aget_text_embedding_batch(texts[:count])
    assert found == [[float(len(text))] for text in texts[:count]]
    assert server.most == most


@pytest.mark.parametrize("show", [True, False])
@pytest.mark.parametrize("workers", [None, 2])
async def test_after_a_failure_no_request_is_sent(*, show: bool, workers: int | None) -> None:
    """A failure cancels running requests, prevents further ones and leaves no task."""
    server = Counting()
    found = server.embedding(embed_batch_size=1, max_concurrency=4, num_workers=workers)
    before = asyncio.all_tasks()
    with pytest.raises(InvalidRequestError):
        await found.aget_text_embedding_batch(["bad", *"abcdefghijklmnop"], show_progress=show)
    assert asyncio.all_tasks() == before
    assert server.sent <= 4


async def test_a_cancelled_call_stops_its_batches() -> None:
    """A cancelled call sends no further batches."""
    server = Counting()
    found = server.embedding(embed_batch_size=1, max_concurrency=2)
    task = asyncio.ensure_future(found.aget_text_embedding_batch([*"abcdefgh"]))
    await server.has_request.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.sent <= 2


def test_one_object_serves_one_loop_after_the_other() -> None:
    """One object works in successive event loops and keeps nothing of a closed one."""
    found = embedding(Scripted(vectors), embed_batch_size=1, max_concurrency=1)
    for _ in range(3):
        assert asyncio.run(found.aget_text_embedding_batch(["a", "b"])) == [*map(expected, "ab")]


def test_many_threads_with_loops_of_their_own() -> None:
    """One object serves the threads, each with a loop, in which LlamaIndex runs sync methods inside
    a loop.
    """
    found = embedding(Scripted(vectors), embed_batch_size=1, max_concurrency=2)

    def work(text: str) -> list[list[list[float]]]:
        return [asyncio.run(found.aget_text_embedding_batch([text, text])) for _ in range(5)]

    texts = [str(number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, texts)) == [[[expected(text)] * 2] * 5 for text in texts]


def test_model_name_is_another_name_for_model() -> None:
    """The constructor accepts LlamaIndex's `model_name`, and events have the model under that
    name.
    """
    found = WorkersAIEmbedding(model_name=MODEL)
    assert found.model == MODEL
    assert found.to_payload()["model_name"] == MODEL


def test_two_different_names_are_refused() -> None:
    """Different values for `model` and `model_name` raise an error."""
    with pytest.raises(ConfigurationError, match="model_name"):
        WorkersAIEmbedding("a", model_name="b")


async def test_cache_of_llamaindex_is_used() -> None:
    """A text in LlamaIndex's cache is not sent again, alone or in a batch, sync or async."""
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
    """The dict of an object does not have its cache, because a cache changes no vector."""
    cached = WorkersAIEmbedding(MODEL, embeddings_cache=SimpleKVStore())
    assert cached.to_json() == WorkersAIEmbedding(MODEL).to_json()


def test_embedding_is_found_by_name() -> None:
    """Components that hold an embedding load it from its dict by the class name."""
    loaded = load_embed_model(WorkersAIEmbedding(MODEL, pooling="cls").to_dict())
    assert isinstance(loaded, WorkersAIEmbedding)
    assert loaded.pooling == "cls"


def test_the_dict_has_settings_that_change_vectors() -> None:
    """The dict has every setting that changes vectors, and no secret."""
    plain = WorkersAIEmbedding(MODEL, api_token="one").to_dict()
    assert WorkersAIEmbedding(MODEL, api_token="two").to_dict() == plain
    for change in ({"pooling": "cls"}, {"dimensions": 8}, {"text_instruction": "T: "}):
        assert WorkersAIEmbedding(MODEL, **change).to_dict() != plain


OPERATIONAL: list[dict[str, Any]] = [
    {"timeout": 9},
    {"timeout": Timeout(idle=9)},
    {"max_retries": 5},
    {"max_concurrency": 8},
    {"embed_batch_size": 50},
    {"num_workers": 3},
    {"session_affinity": "s"},
    {"reject_if_busy": True},
    {"gateway": "gw"},
    {"gateway": {"id": "gw", "cache_ttl": 5}},
    {"default_headers": {"x-team": "a"}},
    {"account_id": "f" * 32},
    {"api_token": "another"},
    {"query_instruction": "Q: "},
]

CHANGES: list[dict[str, Any]] = [
    {"model": "@cf/baai/bge-m3"},
    {"pooling": "cls"},
    {"dimensions": 3},
    {"truncate": True},
    {"text_instruction": "T: "},
    {"blank_text": "(blank)"},
    {"endpoint": "openai"},
    {"base_url": "https://models.example.test/v4"},
    {"additional_kwargs": {"x": 1}},
]


def ingest(cache: IngestionCache, settings: dict[str, Any]) -> int:
    """Run a pipeline with a new object, and return the number of requests."""

    def answer(body: dict[str, Any]) -> Any:
        if "model" not in body:
            return vectors(body)
        data = [{"index": 0, "embedding": [1.0, 2.0, 3.0]}]
        return unread(httpx.Response(200, json={"object": "list", "data": data}))

    script = Scripted(answer)
    model, others = (
        settings.get("model", MODEL),
        {k: v for k, v in settings.items() if k != "model"},
    )
    step = embedding(script, model, **others)
    IngestionPipeline(transformations=[step], cache=cache).run(
        documents=[Document(text="a", id_="1")]
    )
    return len(script.requests)


@pytest.mark.parametrize("settings", OPERATIONAL, ids=str)
def test_how_requests_are_sent_keeps_the_ingestion_cache(settings: dict[str, Any]) -> None:
    """After a change of a setting that changes no vector, the ingestion cache answers and no
    request is sent.
    """
    cache = IngestionCache()
    assert [ingest(cache, {}), ingest(cache, settings), ingest(cache, {})] == [1, 0, 0]


@pytest.mark.parametrize("settings", CHANGES, ids=str)
def test_the_ingestion_cache_follows_the_settings(settings: dict[str, Any]) -> None:
    """After a change of a setting that changes vectors, the pipeline embeds again."""
    cache = IngestionCache()
    assert [ingest(cache, {}), ingest(cache, settings), ingest(cache, settings)] == [1, 1, 0]


@pytest.mark.parametrize("settings", OPERATIONAL[:8] + CHANGES, ids=str)
def test_every_setting_survives_a_dict(settings: dict[str, Any]) -> None:
    """The dict and its JSON have also the settings that are not in the cache's key."""
    made = WorkersAIEmbedding(**{"model": MODEL, **settings})
    (name,) = settings
    for twin in (
        WorkersAIEmbedding.from_dict(made.to_dict()),
        WorkersAIEmbedding.from_json(made.to_json()),
    ):
        assert getattr(twin, name) == getattr(made, name)


async def test_ingestion_pipeline_fills_every_node() -> None:
    """Sync and async pipelines give every node its vector."""
    nodes = [TextNode(text=f"node {place}") for place in range(5)]
    pipeline = IngestionPipeline(transformations=[embedding(Scripted(vectors))])
    done = pipeline.run(nodes=nodes)
    assert [node.embedding for node in done] == [expected(node.get_content()) for node in nodes]
    fresh = IngestionPipeline(transformations=[embedding(Scripted(vectors))])
    assert [n.embedding for n in await fresh.arun(nodes=nodes)] == [n.embedding for n in done]


# --------------------------------------------------------------------------- limits of models

M3 = "@cf/baai/bge-m3"
CHUNK = "Reeds and sedges line the slow river banks. " * 230


def by_budget(body: dict[str, Any]) -> Any:
    """Answer as bge-m3 does: refuse more than 60,000 tokens (texts x longest) or 8,192 a text; a
    word is a token.
    """
    longest = max(len(text.split()) for text in body["text"])
    message = None
    if longest > 8192:
        message = f"AiError: Sequence too long: {longest} > 8192"
    elif len(body["text"]) * longest > 60_000:
        message = f"AiError: Max context reached {len(body['text']) * longest} tokens"
    if message is None:
        return vectors(body)
    errors = [{"code": 3030, "message": message}]
    return unread(httpx.Response(400, json={"success": False, "result": {}, "errors": errors}))


@pytest.mark.parametrize("size", [7, 100, 2048])
async def test_long_chunks_fit_the_model(size: int) -> None:
    """Requests keep the model's token budget, whatever LlamaIndex's batches are."""
    texts = [CHUNK + "x" * n for n in range(120)]
    found = embedding(Scripted(by_budget), M3, embed_batch_size=size)
    assert found.get_text_embedding_batch(texts) == [*map(expected, texts)]
    assert await found.aget_text_embedding_batch(texts) == [*map(expected, texts)]
    nodes = [TextNode(text=text) for text in texts]
    assert [node.embedding for node in await found.acall(nodes)] == [*map(expected, texts)]


@pytest.mark.parametrize("size", [7, 100])
@pytest.mark.parametrize("cached", [True, False])
async def test_a_text_that_is_too_long_is_named(size: int, *, cached: bool) -> None:
    """The error of a text that is too long has its index in the caller's list, whatever parts were
    sent.
    """
    texts = [f"short {n}" for n in range(40)]
    texts[33] = CHUNK * 5
    cache = SimpleKVStore() if cached else None
    found = embedding(Scripted(by_budget), M3, embed_batch_size=size, embeddings_cache=cache)
    found.get_text_embedding_batch(texts[:30:2])
    for _ in range(2):
        with pytest.raises(ContextWindowExceededError, match=r"texts\[33\]: Seq") as caught:
            found.get_text_embedding_batch(texts)
        assert caught.value.position == 33
        with pytest.raises(ContextWindowExceededError) as other:
            await found.aget_text_embedding_batch(texts)
        assert other.value.position == 33


async def test_a_node_that_is_too_long_is_named_among_blank_ones() -> None:
    """The error of a node that is too long has its index among all nodes of the pipeline, blank
    ones included.
    """
    nodes = [TextNode(text=text) for text in ("a", "", " ", CHUNK * 5, "b")]
    found = embedding(Scripted(by_budget), M3)
    with pytest.raises(ContextWindowExceededError) as caught:
        found(nodes)
    assert caught.value.position == 3
    with pytest.raises(ContextWindowExceededError) as other:
        await found.acall(nodes)
    assert other.value.position == 3


# --------------------------------------------------------------------------------- blank texts

BLANK = ["", " \n", "\n\n"]


@pytest.mark.parametrize("parallel", [False, True])
async def test_blank_nodes_of_a_pipeline_get_no_embedding(
    caplog: pytest.LogCaptureFixture, *, parallel: bool
) -> None:
    """A pipeline embeds the other nodes, keeps the order of all, and logs which nodes are blank."""
    nodes = [TextNode(text=text, id_=f"n{n}") for n, text in enumerate(["a", *BLANK, "bb"])]
    script = Scripted(vectors)
    pipeline = IngestionPipeline(transformations=[embedding(script)])
    with caplog.at_level("WARNING", "llamaindex_workersai"):
        done = await pipeline.arun(nodes=nodes) if parallel else pipeline.run(nodes=nodes)
    assert [node.embedding for node in done] == [expected("a"), None, None, None, expected("bb")]
    assert script.requests[0]["text"] == ["a", "bb"]
    assert "3 of 5 nodes" in caplog.text
    assert "n1, n2, n3" in caplog.text


async def test_a_pipeline_of_blank_nodes_sends_nothing() -> None:
    """A pipeline of nodes that are blank without their metadata sends no request."""
    script = Scripted(vectors)
    nodes = [TextNode(text=""), TextNode(text="", metadata={"title": "Rivers"})]
    found = embedding(script)
    assert [node.embedding for node in found(nodes[:1])] == [None]
    assert [node.embedding for node in await found.acall(nodes[:1])] == [None]
    assert script.requests == []
    assert found(nodes)[1].embedding is not None


async def test_blank_nodes_may_have_a_text_of_the_users() -> None:
    """With `blank_text`, blank nodes get the vector of that text."""
    script = Scripted(vectors)
    found = embedding(script, blank_text="(blank page)")
    nodes = [TextNode(text=text) for text in ["a", *BLANK]]
    assert [node.embedding for node in found(nodes)] == [
        expected("a"),
        *[expected("(blank page)")] * 3,
    ]
    assert await found.aget_text_embedding("\n") == expected("(blank page)")


async def test_blank_texts_raise_with_their_places() -> None:
    """Outside of pipelines, blank texts raise ConfigurationError with their positions before any
    request.
    """
    script = Scripted(vectors)
    found = embedding(script, embed_batch_size=2)
    texts = ["a", "b", "c", " ", "d", "\n"]
    with pytest.raises(ConfigurationError, match=r"texts\[3\], texts\[5\]"):
        found.get_text_embedding_batch(texts)
    with pytest.raises(ConfigurationError, match=r"texts\[3\], texts\[5\]"):
        await found.aget_text_embedding_batch(texts)
    for text in BLANK:
        with pytest.raises(ConfigurationError):
            found.get_text_embedding(text)
        with pytest.raises(ConfigurationError):
            await found.aget_query_embedding(text)
    assert script.requests == []


# ----------------------------------------------------------------------------- model, model_name


@pytest.mark.parametrize("name", ["model", "model_name"])
async def test_either_name_of_the_model_sets_both(name: str) -> None:
    """Setting `model` or `model_name` changes both, in requests, events, dicts and copies."""
    script = Scripted(vectors)
    found = embedding(script)
    copied = found.model_copy(update={name: M3})
    setattr(found, name, M3)
    for it in (found, copied):
        assert (it.model, it.model_name, it.to_payload()["model_name"]) == (M3, M3, M3)
        await it.aget_text_embedding("a")
        assert script.sent[-1].url.path.endswith(M3)
        assert WorkersAIEmbedding.from_dict(it.to_dict()).model == M3
