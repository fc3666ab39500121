"""`AsyncClient`: what `Client` does, awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from typing_extensions import Self, Unpack

from workersai._concurrency import call_each_async
from workersai._request.catalogue import models_request
from workersai._request.chat import chat_request, completion_request
from workersai._request.rerank import ranking
from workersai._response.catalogue import parse_models
from workersai._response.chat import parse_chat
from workersai._response.embeddings import parse_embeddings
from workersai._response.rerank import parse_rerank, place_ranking
from workersai.client.base import OnRetry, ToolChoice, Tools
from workersai.client.batches import AsyncBatches
from workersai.events import ChatEvent
from workersai.results import ChatResult, EmbeddingResult, ModelInfo, RerankResult
from workersai.types import CallOptions, EmbeddingOptions, WireMessage

__all__ = ["AsyncClient"]


class AsyncClient(AsyncBatches):
    """Workers AI, asynchronously; safe to share between tasks, event loops and threads.

    Takes the arguments of `BaseClient` and:

    Args:
        http_client: An `AsyncClient` of httpx or httpx2 of your own; it is used as it is, never
            closed or changed, in one event loop and one process. The pool of `httpx.AsyncClient`
            itself loses places when tasks are cancelled (httpx 0.28): prefer httpx2's, or
            `httpx_aiohttp.HttpxAiohttpClient`.
    """

    async def chat(
        self,
        messages: Sequence[WireMessage],
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult:
        """As `Client.chat`."""
        request = chat_request(messages, self._options(call), tools=tools, tool_choice=tool_choice)
        return await self._call(request, parse_chat, on_retry)

    def stream_chat(
        self,
        messages: Sequence[WireMessage],
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        include_usage: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> AsyncGenerator[ChatEvent, None]:
        """As `Client.stream_chat`; returns an asynchronous generator."""
        options = self._options(call, stream=True, include_usage=include_usage)
        request = chat_request(messages, options, tools=tools, tool_choice=tool_choice)
        return self._stream(request, on_retry)

    async def complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> ChatResult:
        """As `Client.complete`."""
        request = completion_request(prompt, self._options(call))
        return await self._call(request, parse_chat, on_retry)

    def stream_complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> AsyncGenerator[ChatEvent, None]:
        """As `Client.stream_complete`; returns an asynchronous generator."""
        request = completion_request(prompt, self._options(call, stream=True))
        return self._stream(request, on_retry)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        max_concurrency: int = 4,
        on_progress: Callable[[int], None] | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingResult:
        """As `Client.embed`."""
        call = self._embedding(texts, model, options, max_concurrency, on_progress)

        async def work(_: int) -> None:
            with call.working() as batches:
                for batch in batches:
                    with call.sending(batch):
                        result = await self._call(batch.request, parse_embeddings, on_retry)
                        call.keep(batch, result)

        await call_each_async(work, call.workers, limit=max_concurrency)
        return call.result()

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | None = None,
        top_k: int | None = None,
        extra: Mapping[str, Any] | None = None,
        on_retry: OnRetry = None,
    ) -> RerankResult:
        """As `Client.rerank`."""
        asked = ranking(query, documents, self._model(model), top_k=top_k, extra=extra)
        found = RerankResult((), model=self._model(model))
        if asked.request is not None:
            found = await self._call(asked.request, parse_rerank, on_retry)
        return place_ranking(found, asked.places, asked.count, top_k)

    async def models(
        self,
        *,
        search: str | None = None,
        task: str | None = None,
        author: str | None = None,
        hide_experimental: bool | None = None,
    ) -> list[ModelInfo]:
        """As `Client.models`."""
        asked = models_request(
            search=search, task=task, author=author, hide_experimental=hide_experimental
        )
        return await self._call(asked, parse_models, None)

    async def aclose(self) -> None:
        """As `Client.close`, for this event loop's connections."""
        await self._engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
