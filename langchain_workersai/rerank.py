"""`WorkersAIRerank`: documents by relevance, as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from typing_extensions import Unpack

from langchain_workersai._errors import ConfigurationError, framework_errors
from langchain_workersai._model.arguments import RankingSettings
from langchain_workersai._model.connection import Connection
from langchain_workersai._model.retries import async_retry_reporter, retry_reporter
from langchain_workersai._model.usage import areport_usage, report_usage
from workersai import RequestOptions, RerankResult
from workersai.integration import (
    CONFIG,
    CheckedFields,
    RerankFields,
    check_items,
    hides_arguments,
)

SCORE = "relevance_score"


class WorkersAIRerank(Connection, RerankFields, BaseDocumentCompressor):
    """A reranker on Cloudflare Workers AI.

    ```python
    from langchain_classic.retrievers import ContextualCompressionRetriever
    from langchain_workersai import WorkersAIRerank

    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=3)
    retriever = ContextualCompressionRetriever(
        base_compressor=rerank, base_retriever=store.as_retriever(search_kwargs={"k": 20})
    )
    ```
    """

    model_config = CONFIG

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[RankingSettings]) -> None:
        """Check and store the settings; does not use the network.

        Args:
            model: The model id, `@cf/author/name`.
            **settings: The attributes of this class, by name.

        Raises:
            ConfigurationError: For a wrong setting; the error names it and hides secrets.
        """
        CheckedFields.__init__(self, model, **settings)

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        **options: Unpack[RequestOptions],
    ) -> Sequence[Document]:
        """Return the documents that are most relevant to a query.

        Args:
            documents: Documents to rank; they are not modified.
            query: The query.
            callbacks: They get a custom event `workersai_rerank` with the cost of the call.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            Copies, best first, with the score in `metadata["relevance_score"]`. A document
            without text is not sent; it comes last, and its score is `None`.
        """
        with framework_errors():
            documents = _documents(documents)
            arguments = {"on_retry": retry_reporter(callbacks), **self._options(None, options)}
            result = self._client().rerank(query, _texts(documents), **arguments)
            report_usage("workersai_rerank", result, callbacks)
        return [_with_score(documents[found.index], found.score) for found in result.documents]

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        **options: Unpack[RequestOptions],
    ) -> Sequence[Document]:
        """Return the documents that are most relevant; see `compress_documents`."""
        with framework_errors():
            documents = _documents(documents)
            arguments = {
                "on_retry": async_retry_reporter(callbacks),
                **self._options(None, options),
            }
            result = await self._async_client().rerank(query, _texts(documents), **arguments)
            await areport_usage("workersai_rerank", result, callbacks)
        return [_with_score(documents[found.index], found.score) for found in result.documents]

    def rerank(
        self,
        documents: Sequence[str | Document],
        query: str,
        *,
        top_n: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> list[dict[str, Any]]:
        """Rank texts.

        Args:
            documents: Texts, or documents for their text.
            query: The query.
            top_n: How many to return, in place of the field.
            **options: As in `compress_documents`.

        Returns:
            `{"index", "relevance_score"}` for each returned text, best first; `index` is its index
            in `documents`, and the scale of the score depends on the model. A blank text comes
            last, and its score is `None`.
        """
        with framework_errors():
            arguments = {"on_retry": retry_reporter(), **self._options(top_n, options)}
            result = self._client().rerank(query, _texts(documents), **arguments)
            report_usage("workersai_rerank", result)
        return _scores(result)

    async def arerank(
        self,
        documents: Sequence[str | Document],
        query: str,
        *,
        top_n: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> list[dict[str, Any]]:
        """Rank texts; see `rerank`."""
        with framework_errors():
            arguments = {"on_retry": async_retry_reporter(), **self._options(top_n, options)}
            result = await self._async_client().rerank(query, _texts(documents), **arguments)
            await areport_usage("workersai_rerank", result)
        return _scores(result)

    def _options(self, top_n: int | None, options: Mapping[str, Any]) -> dict[str, Any]:
        own = {"top_k": self.top_n if top_n is None else top_n, "extra": self._extra()}
        return {**own, **self._request_options(options)}


def _documents(documents: Sequence[Document]) -> list[Document]:
    """Return the documents as a list, or raise `ConfigurationError` before anything is sent."""
    listed = check_items("documents", documents)
    for place, document in enumerate(listed):
        if not isinstance(document, Document):
            raise ConfigurationError(
                f"documents[{place}] must be a Document, not {type(document).__name__}; "
                "rerank() takes strings",
                parameter="documents",
            )
    return listed


def _texts(documents: Sequence[str | Document]) -> list[str]:
    """Return the texts; the core refuses what is neither a text nor a document."""
    listed = check_items("documents", documents)
    return [d.page_content if isinstance(d, Document) else d for d in listed]


def _scores(result: RerankResult) -> list[dict[str, Any]]:
    return [{"index": ranked.index, SCORE: ranked.score} for ranked in result.documents]


def _with_score(document: Document, score: float | None) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, SCORE: score}})
