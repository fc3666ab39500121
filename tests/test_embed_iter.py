"""`embed_iter` of both faces, and LlamaIndex's lists that are embedded ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent
from llama_index_instrumentation import get_dispatcher

from langchain_workersai import ConfigurationError as LangChainConfigurationError
from langchain_workersai import WorkersAIEmbeddings
from llamaindex_workersai import WorkersAIEmbedding
from tests.test_symmetry_of_retrieval import BGE_M3, Server
from workersai import ConfigurationError, NotEmbedded

FACES = [WorkersAIEmbeddings, WorkersAIEmbedding]
STYLES = ["sync", "async"]


def many(numbers_read: list[int]) -> Iterator[str]:
    for number in range(100_000):
        numbers_read.append(number)
        yield f"text {number}"


async def read(
    face: Any, style: str, texts: Any, limit: int | None = None, **options: Any
) -> list[Any]:
    found: list[Any] = []
    if style == "sync":
        run = face.embed_iter(texts, **options)
        for item in run:
            found.append(item)
            if len(found) == limit:
                break
        run.close()
        return found
    run = face.aembed_iter(texts, **options)
    async for item in run:
        found.append(item)
        if len(found) == limit:
            break
    await run.aclose()
    return found


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", FACES)
async def test_embed_iter_reads_a_bounded_number_of_texts_ahead(make: Any, style: str) -> None:
    """Both faces embed a long source in order, and read at most 500 texts ahead of the vectors."""
    numbers_read: list[int] = []
    face = make(BGE_M3, max_concurrency=2, **Server().settings())
    found = await read(face, style, many(numbers_read), 150)
    assert found == [[float(len(f"text {number}"))] for number in range(150)]
    assert len(numbers_read) <= 150 + 400 + 100


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", FACES)
async def test_embed_iter_reports_the_position_of_a_skipped_text(make: Any, style: str) -> None:
    """With `on_error="skip"`, both faces yield a `NotEmbedded` for a blank text."""
    face = make(BGE_M3, **Server().settings())
    found = await read(face, style, ["a", " ", "ccc"], on_error="skip")
    assert found[0] == [1.0]
    assert found[2] == [3.0]
    assert isinstance(found[1], NotEmbedded)
    assert found[1].position == 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (WorkersAIEmbeddings, LangChainConfigurationError),
        (WorkersAIEmbedding, ConfigurationError),
    ],
)
async def test_embed_iter_raises_the_errors_of_its_face(
    make: Any, style: str, expected: Any
) -> None:
    """Each face raises its own `ConfigurationError` for a blank text, with the position."""
    face = make(BGE_M3, **Server().settings())
    with pytest.raises(expected, match=r"texts\[1\]"):
        await read(face, style, ["a", " "])


@pytest.mark.parametrize("make", FACES)
async def test_aembed_iter_takes_an_asynchronous_source(make: Any) -> None:
    """Both faces read an asynchronous generator in `aembed_iter`."""

    async def texts() -> AsyncIterator[str]:
        for number in range(5):
            yield "x" * (number + 1)

    face = make(BGE_M3, **Server().settings())
    assert await read(face, "async", texts()) == [[float(n + 1)] for n in range(5)]


class Ends(BaseEventHandler):
    """Collects the number of texts of each embedding event of LlamaIndex."""

    sizes: list[int] = []  # noqa: RUF012 - a field of pydantic

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, EmbeddingEndEvent):
            assert [len(text) for text in event.chunks] == [v[0] for v in event.embeddings]
            self.sizes.append(len(event.chunks))


@pytest.mark.parametrize("cache", [None, "cache"])
def test_llamaindex_batches_keep_their_events(cache: str | None) -> None:
    """LlamaIndex sends one event for each batch of a list, with the vectors of that batch."""
    handler = Ends()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(handler)
    texts = ["x" * (1 + n % 7) for n in range(25)]
    settings = Server().settings()
    if cache == "cache":
        from llama_index.core.storage.kvstore import SimpleKVStore

        settings["embeddings_cache"] = SimpleKVStore()
    try:
        face = WorkersAIEmbedding(BGE_M3, embed_batch_size=10, **settings)
        found = face.get_text_embedding_batch(texts)
    finally:
        dispatcher.event_handlers.remove(handler)
    assert found == [[float(len(text))] for text in texts]
    assert handler.sizes == [10, 10, 5]
