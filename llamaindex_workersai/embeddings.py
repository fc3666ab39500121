"""WorkersAIEmbedding: a Workers AI embedding model as a LlamaIndex embedding."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Any, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, MetadataMode
from pydantic import Field, Strict, model_validator
from typing_extensions import Self, Unpack

from llamaindex_workersai._model.arguments import EmbeddingsSettings
from llamaindex_workersai._model.connection import Connection
from llamaindex_workersai._model.identity import Described
from llamaindex_workersai._model.parts import (
    embedding_whole,
    naming_places,
    requests_at_once,
    run_ahead,
    running_ahead,
    sending_options,
    sending_with,
)
from llamaindex_workersai._model.retries import report_retry
from llamaindex_workersai._model.usage import report_usage
from workersai import BatchJob, NotEmbedded, RequestOptions, WorkersAIError
from workersai.integration import (
    CONFIG,
    CheckedFields,
    EmbeddingFields,
    call_each_async,
    fill_blank,
    hides_arguments,
    is_blank,
    progress,
)

_log = logging.getLogger(__name__)


class WorkersAIEmbedding(Connection, EmbeddingFields, BaseEmbedding):
    """Vectors from a Workers AI model.

    Texts are sent in requests that fit the model, by the number of texts and, if the model limits
    them, by their estimated tokens, independent of `embed_batch_size`; every answer is checked for
    count and order. A text that is too long for the model raises `ContextWindowExceededError`,
    whose `position` is its index in the list. After a failure no further request is sent.

    As a step of an `IngestionPipeline`, a node without text gets no embedding, and a warning in
    the log names it; vector stores leave it out. `VectorStoreIndex` leaves out nodes with empty
    text, but asks for vectors of nodes with only white space. There and elsewhere a blank text
    (empty, or only white space) raises `ConfigurationError` before any request.

    The key of the pipeline's cache contains the settings that can change the vector of a text: the
    model, `base_url`, `endpoint`, `text_instruction`, `pooling`, `dimensions`, `truncate`,
    `blank_text` and `additional_kwargs`. Timeouts, retries, batch sizes, the account and the
    gateway are not in the key; those that are not secret are in `to_dict()`.

    The cost of a call (tokens, neurons, USD, request ids) is in a `WorkersAIUsageEvent` of
    LlamaIndex's instrumentation.

    Examples:
        `pip install 'workersai[llamaindex]'`

        ```python
        from llamaindex_workersai import WorkersAIEmbedding

        embedding = WorkersAIEmbedding("@cf/baai/bge-small-en-v1.5")
        vector = embedding.get_text_embedding("A river.")
        ```
    """

    model_config = CONFIG

    # The documented limit of most embedding models; requests use the model's own limits.
    embed_batch_size: Annotated[int, Strict()] = Field(
        default=100, ge=1, le=2048, description="How many texts one of LlamaIndex's events has."
    )

    # LlamaIndex's own field, but left out of dicts: a cache is neither JSON nor a setting.
    embeddings_cache: Any | None = Field(
        default=None,
        exclude=True,
        description="LlamaIndex's store of vectors by text; texts that it has are not sent.",
    )

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[EmbeddingsSettings]) -> None:
        CheckedFields.__init__(self, model, **settings)

    @model_validator(mode="after")
    def _name_model(self) -> Self:
        self._forget("model")
        return self

    def _forget(self, field: str) -> None:
        super()._forget(field)
        if field == "model":
            # LlamaIndex reads and dumps a field `model_name`; it must equal the model.
            self.__dict__["model_name"] = self.model

    @classmethod
    def class_name(cls) -> str:
        """Name the class for serialised objects."""
        return "WorkersAIEmbedding"

    def to_payload(self) -> dict[str, Any]:
        """Describe the model for callbacks and traces, without secrets and the account."""
        return {
            "class_name": self.class_name(),
            "model_name": self.model_name,
            "embed_batch_size": self.embed_batch_size,
        }

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Describe the object for `from_dict`, without secrets and the account.

        The text of the dict shows only what can change the vector of a text, because
        `IngestionPipeline` uses that text as the key of its cache.
        """
        return Described(super().to_dict(**kwargs))

    # ------------------------------------------------------------------ nodes of a pipeline

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Add embeddings to nodes; nodes without text get none."""
        with self._with_text(nodes) as filled:
            super().__call__(filled, **kwargs)
        return nodes

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Add embeddings to nodes; nodes without text get none."""
        with self._with_text(nodes) as filled:
            await super().acall(filled, **kwargs)
        return nodes

    @contextmanager
    def _with_text(self, nodes: Sequence[BaseNode]) -> Iterator[Sequence[BaseNode]]:
        texts = [node.get_content(MetadataMode.EMBED) for node in nodes]
        blank = [node.node_id for node, text in zip(nodes, texts, strict=True) if is_blank(text)]
        with embedding_whole(texts):
            if not blank or self.blank_text is not None:
                yield nodes
                return
            _log.warning(
                "%d of %d nodes have no text and get no embedding: %s",
                *(len(blank), len(nodes), ", ".join(blank)),
            )
            yield [node for node, text in zip(nodes, texts, strict=True) if not is_blank(text)]

    # ------------------------------------------------------------------------ lists of texts

    def get_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """Embed texts, `embed_batch_size` of them for each event.

        Without a cache and a rate limiter, which work batch by batch, the requests of the next
        batches already run while the events of a batch are handled.

        Args:
            texts: Texts; none may be blank unless `blank_text` is set.
            show_progress: Show a progress bar.
            **kwargs: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call. Others are ignored, because LlamaIndex passes on the arguments of a
                pipeline.

        Raises:
            ConfigurationError: If texts are blank; nothing was sent.
            ContextWindowExceededError: If a text is too long; `.position` is its index.
        """
        filled, options = fill_blank(texts, self.blank_text), self._pop_request_options(kwargs)
        with embedding_whole(filled), sending_with(options), self._ahead(filled):
            return super().get_text_embedding_batch(filled, show_progress, **kwargs)

    @contextmanager
    def _ahead(self, texts: list[str]) -> Iterator[None]:
        """Inside this block, the vectors of a list with several batches come from one run."""
        is_free = self.embeddings_cache is None and self.rate_limiter is None
        if not is_free or len(texts) <= self.embed_batch_size:
            yield
            return
        settings = {**self._in_run(), **sending_options()}
        with self._client().embed_iter(texts, **settings) as run, running_ahead(self, run):
            try:
                yield
            finally:
                report_usage(run.facts())

    async def aget_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """As `get_text_embedding_batch`, asynchronously.

        When a batch fails, or the caller is cancelled, the others are cancelled.
        """
        options = self._pop_request_options(kwargs)
        filled, size = fill_blank(texts, self.blank_text), self.embed_batch_size
        parts = [filled[i : i + size] for i in range(0, len(filled), size)]
        limit = min(self.max_concurrency, self.num_workers or self.max_concurrency)
        share = max(1, limit // max(1, len(parts)))
        embed = super().aget_text_embedding_batch
        with (
            embedding_whole(filled, share),
            sending_with(options),
            progress(len(filled), wanted=show_progress) as report,
        ):

            async def one(part: list[str]) -> list[list[float]]:
                vectors = await embed(part, **kwargs)
                if report is not None:
                    report(len(part))
                return vectors

            found = await call_each_async(one, parts, limit=limit)
        return [vector for vectors in found for vector in vectors]

    def embed_iter(
        self, texts: Iterable[str], *, on_error: Literal["raise", "skip"] = "raise"
    ) -> Iterator[list[float] | NotEmbedded]:
        """Embed any number of documents, and yield the vectors as they arrive.

        Texts are read only as fast as vectors are, so that the use of memory does not depend on
        their number. Closing the iterator ends the run. LlamaIndex's events, its cache and its rate
        limiter are not used, because they work on lists.

        Args:
            texts: Any iterable of texts.
            on_error: `raise`, or `skip` to yield a `workersai.NotEmbedded` in place of a text that
                cannot be embedded, with its position and the error.

        Yields:
            A vector for each text, in their order.

        Raises:
            ConfigurationError: If a text is blank or not a string, and *on_error* is `raise`.
            WorkersAIError: As for `get_text_embedding_batch`.
        """
        with self._client().embed_iter(texts, on_error=on_error, **self._in_run()) as run:
            try:
                yield from run
            finally:
                report_usage(run.facts())

    async def aembed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> AsyncIterator[list[float] | NotEmbedded]:
        """As `embed_iter`; the texts may come from an asynchronous iterable."""
        client = self._async_client()
        async with client.embed_iter(texts, on_error=on_error, **self._in_run()) as run:
            try:
                async for item in run:
                    yield item
            finally:
                report_usage(run.facts())

    def submit_batch(self, texts: Sequence[str], **options: Unpack[RequestOptions]) -> BatchJob:
        """Put texts into the model's queue (Cloudflare's Batch API).

        LlamaIndex's events, its cache and its rate limiter have no part in it.

        Args:
            texts: Texts; none may be blank unless `blank_text` is set.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            The batch. Its `request_id` alone is enough to fetch the vectors, in any process.

        Raises:
            ConfigurationError: If a text is blank, the batch is empty or above 10 MB, or the model
                has no batches; nothing was sent.
        """
        return self._client().batches.submit_texts(texts, **self._in_batch(options))

    async def asubmit_batch(
        self, texts: Sequence[str], **options: Unpack[RequestOptions]
    ) -> BatchJob:
        """As `submit_batch`, asynchronously."""
        return await self._async_client().batches.submit_texts(texts, **self._in_batch(options))

    def batch_results(
        self, batch: BatchJob | str, *, timeout: float | None = None, interval: float = 1.0
    ) -> list[list[float] | WorkersAIError]:
        """Wait until a batch is done.

        Args:
            batch: The batch, or its id; for an id, this object's model is used.
            timeout: Seconds to wait; the total of this object's timeout if omitted.
            interval: Seconds before the second poll; the delays double up to 30 s.

        Returns:
            A vector for each text, in order; the texts of a failed request have its error.

        Raises:
            APITimeoutError: If the batch was not done in time; pass its `.batch` to wait again.
        """
        arguments: dict[str, Any] = {"timeout": timeout, "interval": interval, "model": self.model}
        return self._client().batches.wait(batch, on_retry=report_retry, **arguments).vectors

    async def abatch_results(
        self, batch: BatchJob | str, *, timeout: float | None = None, interval: float = 1.0
    ) -> list[list[float] | WorkersAIError]:
        """As `batch_results`, asynchronously."""
        arguments: dict[str, Any] = {"timeout": timeout, "interval": interval, "model": self.model}
        batches = self._async_client().batches
        return (await batches.wait(batch, on_retry=report_retry, **arguments)).vectors

    def _in_batch(self, options: Mapping[str, Any]) -> dict[str, Any]:
        own = {"model": self.model, "on_retry": report_retry}
        return {**self._embedding_options("document"), **own, **self._request_options(options)}

    def _in_run(self) -> dict[str, Any]:
        at_once = requests_at_once(self.max_concurrency)
        options = {"max_concurrency": at_once, "on_retry": report_retry, "model": self.model}
        return {**options, **self._embedding_options("document")}

    def _texts(self, texts: list[str]) -> dict[str, Any]:
        return {"texts": texts, "model": self.model, **self._embedding_options("document")}

    def _query(self, query: str) -> dict[str, Any]:
        return {"texts": [query], "model": self.model, **self._embedding_options("query")}

    def _send(self, arguments: dict[str, Any]) -> list[list[float]]:
        at_once = requests_at_once(self.max_concurrency)
        with naming_places(arguments["texts"]):
            run = self._client().embed_iter(
                **arguments, max_concurrency=at_once, on_retry=report_retry, **sending_options()
            )
            found = run.result()
        report_usage(found)
        return found.vectors

    async def _asend(self, arguments: dict[str, Any]) -> list[list[float]]:
        at_once = requests_at_once(self.max_concurrency)
        with naming_places(arguments["texts"]):
            run = self._async_client().embed_iter(
                **arguments, max_concurrency=at_once, on_retry=report_retry, **sending_options()
            )
            found = await run.result()
        report_usage(found)
        return found.vectors

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._send(self._query(query))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._asend(self._query(query)))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._send(self._texts([text]))[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._asend(self._texts([text])))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        if (run := run_ahead(self)) is not None:
            return list(islice(run, len(texts)))
        return self._send(self._texts(texts))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._asend(self._texts(texts))
