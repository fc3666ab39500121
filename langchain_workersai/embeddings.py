"""`WorkersAIEmbeddings`: vectors from Cloudflare Workers AI as LangChain embeddings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from langchain_core.embeddings import Embeddings
from pydantic import Field, Strict, StrictBool
from typing_extensions import Unpack

from langchain_workersai._errors import framework_errors, from_core_error
from langchain_workersai._model.arguments import EmbeddingsSettings
from langchain_workersai._model.connection import Connection
from langchain_workersai._model.retries import async_retry_reporter, retry_reporter
from langchain_workersai._model.usage import areport_usage, report_usage
from workersai import (
    BatchJob,
    EmbeddingResult,
    NotEmbedded,
    RequestOptions,
    WorkersAIError,
)
from workersai.integration import (
    CONFIG,
    OPERATIONAL,
    CheckedFields,
    EmbeddingFields,
    fill_blank,
    hides_arguments,
)

_NO_PART_OF_VECTORS = OPERATIONAL | {
    "account_id",
    "api_token",
    "binding",
    "http_client",
    "http_async_client",
}


class WorkersAIEmbeddings(Connection, EmbeddingFields, Embeddings):
    """Embeddings on Cloudflare Workers AI.

    ```python
    from langchain_workersai import WorkersAIEmbeddings

    embeddings = WorkersAIEmbeddings("@cf/baai/bge-m3")
    vectors = embeddings.embed_documents(["first text", "second text"])
    vector = embeddings.embed_query("which text?")
    ```

    Long lists are sent in batches that fit the model, by the number of texts and, if the model
    limits them, by their estimated tokens. A wrong number of vectors, or a vector that is not
    finite, raises an error instead of being stored. A text that is too long for the model raises
    `ContextWindowExceededError`, whose `position` is its index in the list. After a failure no
    further request is sent.

    The cost of a call (tokens, neurons, USD, request ids) is sent to the handlers of the run that
    it belongs to, as a custom event `workersai_embeddings`.

    Attributes:
        batch_size: Texts in a request, if fewer than the model allows; alias `chunk_size`.
        show_progress: Show a progress bar (needs `tqdm`).
    """

    model_config = CONFIG

    ALIASES: ClassVar[Mapping[str, str]] = {"chunk_size": "batch_size"}

    batch_size: Annotated[int, Strict()] | None = Field(default=None, ge=1)
    show_progress: StrictBool = False

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[EmbeddingsSettings]) -> None:
        """Check and store the settings; does not use the network.

        Args:
            model: The model id, `@cf/author/name`.
            **settings: The attributes of this class, by name.

        Raises:
            ConfigurationError: For a wrong setting; the error names it and hides secrets.
        """
        CheckedFields.__init__(self, model, **settings)

    @property
    def cache_namespace(self) -> str:
        """A namespace for `CacheBackedEmbeddings`; all that can change a vector changes it.

        It depends on the model, `base_url`, `endpoint` and the options of embeddings, not on the
        account, timeouts, retries or batch sizes. It consists of characters that file stores
        accept: letters, digits and `_.-/`.
        """
        names = sorted(type(self).model_fields.keys() - _NO_PART_OF_VECTORS)
        values = json.dumps({name: getattr(self, name) for name in names}, default=str)
        name = re.sub(r"[^A-Za-z0-9_./-]", "", self.model)
        return f"{name}-{hashlib.sha256(values.encode()).hexdigest()[:16]}"

    def embed_documents(
        self, texts: list[str], **options: Unpack[RequestOptions]
    ) -> list[list[float]]:
        """Embed documents.

        Args:
            texts: Texts; none may be blank unless `blank_text` is set.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            One vector for each text, in their order.

        Raises:
            ConfigurationError: If texts are blank; nothing was sent.
            ContextWindowExceededError: If a text is too long; `.position` is its index.
        """
        with framework_errors():
            listed = fill_blank(texts, self.blank_text)
            arguments = {"on_retry": retry_reporter(), **self._options("document", options)}
            result = (
                self._client().embed_iter(listed, **arguments, **self._progress_option()).result()
            )
            report_usage("workersai_embeddings", result)
        return result.vectors

    def embed_query(self, text: str, **options: Unpack[RequestOptions]) -> list[float]:
        """Embed a query; *options* as in `embed_documents`."""
        with framework_errors():
            arguments = {"on_retry": retry_reporter(), **self._options("query", options)}
            result: EmbeddingResult = self._client().embed([text], **arguments)
            report_usage("workersai_embeddings", result)
        return result.vectors[0]

    async def aembed_documents(
        self, texts: list[str], **options: Unpack[RequestOptions]
    ) -> list[list[float]]:
        """Embed documents; see `embed_documents`."""
        with framework_errors():
            listed = fill_blank(texts, self.blank_text)
            arguments = {"on_retry": async_retry_reporter(), **self._options("document", options)}
            run = self._async_client().embed_iter(listed, **arguments, **self._progress_option())
            result = await run.result()
            await areport_usage("workersai_embeddings", result)
        return result.vectors

    async def aembed_query(self, text: str, **options: Unpack[RequestOptions]) -> list[float]:
        """Embed a query; *options* as in `embed_documents`."""
        with framework_errors():
            arguments = {"on_retry": async_retry_reporter(), **self._options("query", options)}
            result: EmbeddingResult = await self._async_client().embed([text], **arguments)
            await areport_usage("workersai_embeddings", result)
        return result.vectors[0]

    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        on_error: Literal["raise", "skip"] = "raise",
        **options: Unpack[RequestOptions],
    ) -> Iterator[list[float] | NotEmbedded]:
        """Embed any number of documents, and yield the vectors as they arrive.

        Texts are read only as fast as vectors are, so that the use of memory does not depend on
        their number. Closing the iterator ends the run.

        Args:
            texts: Any iterable of texts.
            on_error: `raise`, or `skip` to yield a `workersai.NotEmbedded` in place of a text that
                cannot be embedded, with its position and the error.
            **options: As in `embed_documents`.

        Yields:
            A vector for each text, in their order.

        Raises:
            ConfigurationError: If a text is blank or not a string, and *on_error* is `raise`.
            WorkersAIError: As for `embed_documents`.
        """
        with framework_errors():
            arguments = {**self._options("document", options), **self._progress_option()}
            arguments["on_retry"] = retry_reporter()
            with self._client().embed_iter(texts, on_error=on_error, **arguments) as run:
                try:
                    yield from run
                finally:
                    report_usage("workersai_embeddings", run.facts())

    async def aembed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        on_error: Literal["raise", "skip"] = "raise",
        **options: Unpack[RequestOptions],
    ) -> AsyncIterator[list[float] | NotEmbedded]:
        """As `embed_iter`; the texts may come from an asynchronous iterable."""
        with framework_errors():
            arguments = {**self._options("document", options), **self._progress_option()}
            arguments["on_retry"] = async_retry_reporter()
            async with self._async_client().embed_iter(
                texts, on_error=on_error, **arguments
            ) as run:
                try:
                    async for item in run:
                        yield item
                finally:
                    await areport_usage("workersai_embeddings", run.facts())

    def submit_batch(self, texts: Sequence[str], **options: Unpack[RequestOptions]) -> BatchJob:
        """Put documents into the model's queue (Cloudflare's Batch API).

        Args:
            texts: Texts; none may be blank unless `blank_text` is set.
            **options: As in `embed_documents`.

        Returns:
            The batch. Its `request_id` alone is enough to fetch the vectors, in any process.

        Raises:
            ConfigurationError: If a text is blank, the batch is empty or above 10 MB, or the model
                has no batches; nothing was sent.
        """
        with framework_errors():
            arguments = {"on_retry": retry_reporter(), **self._batch_options(options)}
            job: BatchJob = self._client().batches.submit_texts(texts, **arguments)
        return job

    async def asubmit_batch(
        self, texts: Sequence[str], **options: Unpack[RequestOptions]
    ) -> BatchJob:
        """As `submit_batch`, asynchronously."""
        with framework_errors():
            arguments = {"on_retry": async_retry_reporter(), **self._batch_options(options)}
            job: BatchJob = await self._async_client().batches.submit_texts(texts, **arguments)
        return job

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
        with framework_errors():
            waiting: dict[str, Any] = {"timeout": timeout, "interval": interval}
            found = self._client().batches.wait(batch, model=self.model, **waiting)
        return _vectors(found)

    async def abatch_results(
        self, batch: BatchJob | str, *, timeout: float | None = None, interval: float = 1.0
    ) -> list[list[float] | WorkersAIError]:
        """As `batch_results`, asynchronously."""
        with framework_errors():
            waiting: dict[str, Any] = {"timeout": timeout, "interval": interval}
            found = await self._async_client().batches.wait(batch, model=self.model, **waiting)
        return _vectors(found)

    def _batch_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        arguments = self._options("document", options)
        del arguments["max_concurrency"]
        return {**arguments, "model": self.model}

    def _progress_option(self) -> dict[str, Any]:
        return {"show_progress": self.show_progress}

    def _options(
        self, input_type: Literal["document", "query"], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        own = {"batch_size": self.batch_size, "max_concurrency": self.max_concurrency}
        return {**self._embedding_options(input_type), **own, **self._request_options(options)}


def _vectors(job: BatchJob) -> list[list[float] | WorkersAIError]:
    """Return the vectors of a batch, with the errors that LangChain knows too."""
    return [
        from_core_error(found) if isinstance(found, WorkersAIError) else found
        for found in job.vectors
    ]
