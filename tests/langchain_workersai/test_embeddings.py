"""`WorkersAIEmbeddings` on scripted answers and the local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.stores import InMemoryByteStore

import langchain_workersai as face
from langchain_workersai import WorkersAIEmbeddings
from workersai import EndpointName

SMALL = "@cf/baai/bge-small-en-v1.5"
M3 = "@cf/baai/bge-m3"
QWEN = "@cf/qwen/qwen3-embedding-0.6b"


def vectors(*rows: list[float]) -> dict[str, Any]:
    return {"shape": [len(rows), len(rows[0])], "data": list(rows), "pooling": "mean"}


def test_vectors_come_in_the_order_of_the_texts(scripted: Any) -> None:
    """`embed_documents` returns one vector of floats for each text, in order."""
    embeddings, server = scripted(vectors([1, 0], [0, 1]), cls=WorkersAIEmbeddings, model=SMALL)
    result = embeddings.embed_documents(["a", "b"])
    assert result == [[1.0, 0.0], [0.0, 1.0]]
    assert all(isinstance(value, float) for row in result for value in row)
    assert server.body["text"] == ["a", "b"]


async def test_async_vectors_equal_sync_vectors(local: dict[str, Any]) -> None:
    """Async embedding calls return the vectors of the sync calls."""
    embeddings = WorkersAIEmbeddings(M3, **local)
    texts = ["one text", "another text"]
    assert await embeddings.aembed_documents(texts) == embeddings.embed_documents(texts)
    assert await embeddings.aembed_query("a text") == embeddings.embed_query("a text")
    embeddings.close()
    await embeddings.aclose()


@pytest.mark.parametrize("endpoint", ["run", "openai"])
async def test_long_lists_are_split_and_joined_in_order(
    local: dict[str, Any], endpoint: EndpointName
) -> None:
    """`embed_documents` splits a long list into requests and joins the vectors in order."""
    embeddings = WorkersAIEmbeddings(SMALL, endpoint=endpoint, max_concurrency=3, **local)
    texts = [f"text number {n}" for n in range(230)]
    result = await embeddings.aembed_documents(texts)
    assert len(result) == 230
    assert result[229] == pytest.approx(embeddings.embed_documents([texts[229]])[0])
    embeddings.close()
    await embeddings.aclose()


def test_batch_size_limits_a_request(scripted: Any) -> None:
    """`batch_size`, alias `chunk_size`, limits the texts of a request."""
    replies = (vectors([1.0], [2.0]), vectors([3.0]))
    embeddings, server = scripted(
        *replies, cls=WorkersAIEmbeddings, model=SMALL, chunk_size=2, max_concurrency=1
    )
    assert embeddings.embed_documents(["a", "b", "c"]) == [[1.0], [2.0], [3.0]]
    assert [body["text"] for body in server.bodies] == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    "reply",
    [vectors([1.0]), vectors([1.0], [2.0], [3.0]), {"shape": [2, 1], "data": [[1.0], [None]]}],
    ids=["too few", "too many", "no number"],
)
def test_wrong_vectors_are_never_returned(scripted: Any, reply: dict[str, Any]) -> None:
    """Embeddings raise ResponseError for a wrong number of vectors or an item that is not one."""
    embeddings, _ = scripted(reply, cls=WorkersAIEmbeddings, model=SMALL)
    with pytest.raises(face.ResponseError):
        embeddings.embed_documents(["a", "b"])


def test_an_empty_list_sends_no_request(scripted: Any) -> None:
    """An empty list returns no vectors and sends no request."""
    embeddings, server = scripted(vectors([1.0]), cls=WorkersAIEmbeddings, model=SMALL)
    assert embeddings.embed_documents([]) == []
    assert server.requests == []


def test_queries_and_documents_are_sent_differently(scripted: Any) -> None:
    """Embeddings send the instruction with queries only, for a model that distinguishes the two."""
    embeddings, server = scripted(
        vectors([1.0]), cls=WorkersAIEmbeddings, model=QWEN, instruction="Find laws"
    )
    embeddings.embed_query("theft")
    embeddings.embed_documents(["a law"])
    query, document = server.bodies
    assert query != document
    assert "Find laws" in str(query)
    assert "Find laws" not in str(document)


def test_options_reach_the_wire(scripted: Any) -> None:
    """Embeddings send `pooling` and `model_kwargs` under the model's own names."""
    embeddings, server = scripted(
        {**vectors([1.0]), "pooling": "cls"},
        cls=WorkersAIEmbeddings,
        model=SMALL,
        pooling="cls",
        model_kwargs={"custom": 1},
    )
    embeddings.embed_query("a")
    assert server.body["pooling"] == "cls"
    assert server.body["custom"] == 1


def test_show_progress_draws_a_bar(scripted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`show_progress` writes a progress bar to stderr; without it nothing is written."""
    settings: dict[str, Any] = {"cls": WorkersAIEmbeddings, "model": SMALL, "batch_size": 1}
    silent, _ = scripted(vectors([1.0]), **settings)
    silent.embed_documents(["a", "b"])
    assert capsys.readouterr().err == ""
    verbose, _ = scripted(vectors([1.0]), **settings, show_progress=True)
    verbose.embed_documents(["a", "b"])
    assert "2/2" in capsys.readouterr().err


def test_errors_are_typed_and_retried(scripted: Any, wire: Any) -> None:
    """Embeddings retry a busy model and raise the same error classes as chat."""
    busy = wire.error(429, 3040, retry_after="0")
    embeddings, server = scripted(busy, vectors([1.0]), cls=WorkersAIEmbeddings, model=SMALL)
    assert embeddings.embed_query("a") == [1.0]
    assert len(server.requests) == 2
    refused, _ = scripted(wire.error(401, 10000), cls=WorkersAIEmbeddings, model=SMALL)
    with pytest.raises(face.AuthenticationError):
        refused.embed_query("a")


def test_a_timeout_of_the_users_client_is_typed(scripted: Any) -> None:
    """A timeout in the user's HTTP client raises APITimeoutError."""

    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow")

    client = httpx.Client(transport=httpx.MockTransport(hang))
    embeddings, _ = scripted(
        vectors([1.0]), cls=WorkersAIEmbeddings, model=SMALL, http_client=client, max_retries=0
    )
    with pytest.raises(face.APITimeoutError):
        embeddings.embed_query("a")


CHUNK = "Reeds and sedges line the slow river banks. " * 230


def by_budget(request: httpx.Request) -> httpx.Response:
    """Apply bge-m3's limits: texts x longest <= 60,000, and 8,192 tokens a text.

    A word counts as a token.
    """
    texts = json.loads(request.content)["text"]
    longest = max(len(text.split()) for text in texts)
    message = None
    if longest > 8192:
        message = f"AiError: Sequence too long: {longest} > 8192"
    elif len(texts) * longest > 60_000:
        message = f"AiError: Max context reached {len(texts) * longest} tokens"
    if message is not None:
        errors = [{"code": 3030, "message": message}]
        return httpx.Response(400, json={"success": False, "result": {}, "errors": errors})
    data = [[float(len(text)), 1.0] for text in texts]
    return httpx.Response(200, json={"success": True, "result": {"data": data}})


@pytest.fixture
def m3() -> Iterator[WorkersAIEmbeddings]:
    """Embeddings whose server applies bge-m3's limits."""
    transport = httpx.MockTransport(by_budget)
    with httpx.Client(transport=transport) as client:
        yield WorkersAIEmbeddings(
            M3,
            account_id="0" * 32,
            api_token="secret-token",
            http_client=client,
            http_async_client=httpx.AsyncClient(transport=transport),
        )


async def test_long_chunks_are_split_to_fit_the_model(m3: WorkersAIEmbeddings) -> None:
    """Embeddings split a hundred chunks that exceed bge-m3's limit for one request."""
    texts = [CHUNK + "x" * n for n in range(100)]
    expected = [[float(len(text)), 1.0] for text in texts]
    assert m3.embed_documents(texts) == expected
    assert await m3.aembed_documents(texts) == expected


async def test_a_text_that_is_too_long_is_located(m3: WorkersAIEmbeddings) -> None:
    """A text that is too long raises LangChain's error class with its position in the list."""
    texts = [*["short"] * 30, CHUNK * 5, *["short"] * 30]
    with pytest.raises(ContextOverflowError, match=r"texts\[30\]: Sequence too long") as caught:
        m3.embed_documents(texts)
    assert isinstance(caught.value, face.ContextWindowExceededError)
    assert caught.value.position == 30
    with pytest.raises(face.ContextWindowExceededError) as async_caught:
        await m3.aembed_documents(texts)
    assert async_caught.value.position == 30
    with pytest.raises(face.ContextWindowExceededError):
        m3.embed_query(CHUNK * 5)


async def test_blank_texts_raise_with_their_positions(scripted: Any) -> None:
    """Embeddings refuse blank texts before any request and name their positions."""
    embeddings, server = scripted(vectors([1.0]), cls=WorkersAIEmbeddings, model=M3)
    pages = ["page one", "", "page three", "\n \n"]
    with pytest.raises(face.ConfigurationError, match=r"texts\[1\], texts\[3\].*blank_text"):
        embeddings.embed_documents(pages)
    with pytest.raises(face.ConfigurationError, match=r"texts\[1\], texts\[3\]"):
        await embeddings.aembed_documents(pages)
    with pytest.raises(face.ConfigurationError):
        embeddings.embed_query(" ")
    with pytest.raises(face.ConfigurationError):
        await embeddings.aembed_query("\n")
    assert server.requests == []


async def test_blank_text_replaces_blank_documents(scripted: Any) -> None:
    """`blank_text` is embedded in place of blank documents; a blank query still raises."""
    embeddings, server = scripted(
        vectors([1.0], [2.0], [2.0]), cls=WorkersAIEmbeddings, model=M3, blank_text="(blank page)"
    )
    pages = ["page one", "", "\n"]
    assert embeddings.embed_documents(pages) == [[1.0], [2.0], [2.0]]
    assert await embeddings.aembed_documents(pages) == [[1.0], [2.0], [2.0]]
    for body in server.bodies:
        assert body["text"] == ["page one", "(blank page)", "(blank page)"]
    with pytest.raises(face.ConfigurationError):
        embeddings.embed_query("")


async def test_no_request_starts_after_a_failure(scripted: Any, wire: Any) -> None:
    """Embeddings start no new request after a failure; those already running may end."""
    embeddings, server = scripted(
        wire.error(400, 5006), cls=WorkersAIEmbeddings, model=SMALL, batch_size=1, max_concurrency=2
    )
    with pytest.raises(face.InvalidRequestError):
        embeddings.embed_documents(["a"] * 30)
    with pytest.raises(face.InvalidRequestError):
        await embeddings.aembed_documents(["a"] * 30)
    assert len(server.requests) <= 4


CLIENT = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)))


def namespace(**settings: Any) -> str:
    settings = {"model": M3, "account_id": "0" * 32, "api_token": "secret-token", **settings}
    return WorkersAIEmbeddings(**settings).cache_namespace


@pytest.mark.parametrize(
    ("settings", "is_same"),
    [
        ({"timeout": 9}, True),
        ({"max_retries": 5, "max_concurrency": 9, "batch_size": 3, "show_progress": True}, True),
        ({"account_id": "f" * 32, "api_token": "another", "gateway": "gw"}, True),
        pytest.param(
            {"default_headers": {"a": "b"}, "http_client": CLIENT}, True, id="http_client"
        ),
        ({"model": SMALL}, False),
        ({"pooling": "cls"}, False),
        ({"dimensions": 3}, False),
        ({"truncate": True}, False),
        ({"instruction": "Find: "}, False),
        ({"blank_text": "(blank)"}, False),
        ({"endpoint": "openai"}, False),
        ({"base_url": "https://models.example.test/v4"}, False),
        ({"model_kwargs": {"x": 1}}, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_the_cache_namespace_identifies_the_vectors(
    settings: dict[str, Any], *, is_same: bool
) -> None:
    """`cache_namespace` differs exactly if the vectors could differ, and contains no account."""
    assert namespace().startswith(f"{M3.lstrip('@')}-")
    assert (namespace(**settings) == namespace()) is is_same
    assert "0" * 32 not in namespace()


def test_langchain_s_vector_cache(scripted: Any) -> None:
    """`CacheBackedEmbeddings` requests each vector once."""
    cache = pytest.importorskip("langchain_classic.embeddings").CacheBackedEmbeddings
    embeddings, server = scripted(vectors([1.0]), cls=WorkersAIEmbeddings, model=M3)
    store = InMemoryByteStore()
    for timeout in (9, 10):
        embeddings.timeout = timeout
        cached = cache.from_bytes_store(
            embeddings, store, namespace=embeddings.cache_namespace, key_encoder="sha256"
        )
        assert cached.embed_documents(["a"]) == [[1.0]]
    assert len(server.requests) == 1


@pytest.mark.parametrize("model", [M3, "@hf/name:tag/part+1"])
def test_the_namespace_is_a_valid_file_name(scripted: Any, model: str, tmp_path: Path) -> None:
    """A file store accepts `cache_namespace` for each form of model name."""
    cache = pytest.importorskip("langchain_classic.embeddings").CacheBackedEmbeddings
    files = pytest.importorskip("langchain_classic.storage").LocalFileStore(tmp_path)
    embeddings, server = scripted(vectors([1.0]), cls=WorkersAIEmbeddings, model=model)
    cached = cache.from_bytes_store(
        embeddings, files, namespace=embeddings.cache_namespace, key_encoder="sha256"
    )
    for _ in range(2):
        assert cached.embed_documents(["a"]) == [[1.0]]
    assert len(server.requests) == 1
