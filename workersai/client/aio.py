"""`AsyncClient`: the asynchronous twin of `Client`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

from typing_extensions import Self, Unpack

from workersai._checks import check_flag
from workersai._concurrency import call_each_async
from workersai._request.catalogue import models_request
from workersai._request.chat import chat_request, completion_request
from workersai._request.rerank import ranking
from workersai._request.run import run_request
from workersai._response.catalogue import parse_models
from workersai._response.embeddings import parse_embeddings
from workersai._response.rerank import parse_rerank, place_ranking
from workersai._response.run import parse_run
from workersai._secrets import hides_arguments
from workersai.client.base import BaseClient, Messages, ToolChoice, Tools
from workersai.client.batches import AsyncBatches
from workersai.client.embedding.flow import OnError, WindowOptions
from workersai.client.embedding.streams import AsyncEmbeddingStream
from workersai.client.sending import AsyncSender
from workersai.client.setup import ConnectionOptions, OnRetry, Setup, take_request_options
from workersai.client.streams import AsyncChatStream, one_by_one_async
from workersai.client.token_caps import parse_whole_chat
from workersai.results import ChatResult, EmbeddingResult, ModelInfo, NotEmbedded, RerankResult
from workersai.types import AsyncHTTPClient, CallOptions, EmbeddingOptions, RequestOptions

__all__ = ["AsyncClient"]


class AsyncClient(BaseClient):
    """Workers AI, asynchronously; safe to share between tasks, event loops and threads.

    The arguments are those of `Client`, except:

    Args:
        http_client: An `AsyncClient` of httpx or httpx2 of your own. It is used unchanged and never
            closed; use it in one event loop and one process. The connection pool of
            `httpx.AsyncClient` loses slots when tasks are cancelled (httpx 0.28): prefer httpx2's,
            or `httpx_aiohttp.HttpxAiohttpClient`.
    """

    @hides_arguments
    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: AsyncHTTPClient | None = None,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        self._setup = Setup(type(self).__name__, model, **connection)
        self._sender = AsyncSender(self._setup, http_client)
        self._batches = AsyncBatches(self._setup, self._sender)

    @property
    def batches(self) -> AsyncBatches:
        """Submit requests now and fetch the answers later; see `SyncBatches`."""
        return self._batches

    @overload
    async def chat(
        self,
        messages: Messages,
        *,
        stream: Literal[False] = False,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult: ...
    @overload
    async def chat(
        self,
        messages: Messages,
        *,
        stream: Literal[True],
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> AsyncChatStream: ...
    async def chat(
        self,
        messages: Messages,
        *,
        stream: bool = False,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult | AsyncChatStream:
        """As `Client.chat`; with `stream=True`, awaiting the call returns the stream."""
        if check_flag("stream", stream):
            return self.stream_chat(
                messages, tools=tools, tool_choice=tool_choice, on_retry=on_retry, **call
            )
        sender = self._sender.using(take_request_options(call))
        request = chat_request(
            messages, self._setup.chat_options(call), tools=tools, tool_choice=tool_choice
        )
        return await sender.call(request, parse_whole_chat, on_retry)

    def stream_chat(
        self,
        messages: Messages,
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        include_usage: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> AsyncChatStream:
        """As `Client.stream_chat`; the stream is read with `async for`."""
        sender = self._sender.using(take_request_options(call))
        options = self._setup.chat_options(call, stream=True, include_usage=include_usage)
        request = chat_request(messages, options, tools=tools, tool_choice=tool_choice)
        return AsyncChatStream(sender.stream(request, on_retry))

    @overload
    async def complete(
        self,
        prompt: str,
        *,
        stream: Literal[False] = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult: ...
    @overload
    async def complete(
        self,
        prompt: str,
        *,
        stream: Literal[True],
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> AsyncChatStream: ...
    async def complete(
        self,
        prompt: str,
        *,
        stream: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult | AsyncChatStream:
        """As `Client.complete`."""
        if check_flag("stream", stream):
            return self.stream_complete(prompt, on_retry=on_retry, **call)
        sender = self._sender.using(take_request_options(call))
        request = completion_request(prompt, self._setup.chat_options(call))
        return await sender.call(request, parse_whole_chat, on_retry)

    def stream_complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> AsyncChatStream:
        """As `Client.stream_complete`; the stream is read with `async for`."""
        sender = self._sender.using(take_request_options(call))
        request = completion_request(prompt, self._setup.chat_options(call, stream=True))
        return AsyncChatStream(sender.stream(request, on_retry))

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
        sender = self._sender.using(take_request_options(options))
        call = self._setup.embedding_call(texts, model, options, max_concurrency, on_progress)

        async def work(_: int) -> None:
            with call.working() as batches:
                for batch in batches:
                    with call.sending(batch):
                        result = await sender.call(batch.request, parse_embeddings, on_retry)
                        call.keep(batch, result)

        await call_each_async(work, call.workers, limit=max_concurrency)
        return call.result()

    @overload
    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        on_error: Literal["raise"] = ...,
        model: str | None = ...,
        max_concurrency: int = ...,
        window: int | None = ...,
        on_progress: Callable[[int], None] | None = ...,
        show_progress: bool = ...,
        on_retry: OnRetry = ...,
        **options: Unpack[EmbeddingOptions],
    ) -> AsyncEmbeddingStream[list[float]]: ...

    @overload
    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        on_error: OnError,
        model: str | None = ...,
        max_concurrency: int = ...,
        window: int | None = ...,
        on_progress: Callable[[int], None] | None = ...,
        show_progress: bool = ...,
        on_retry: OnRetry = ...,
        **options: Unpack[EmbeddingOptions],
    ) -> AsyncEmbeddingStream[list[float] | NotEmbedded]: ...

    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        on_error: OnError = "raise",
        model: str | None = None,
        max_concurrency: int = 4,
        window: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        show_progress: bool = False,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> AsyncEmbeddingStream[Any]:
        """As `Client.embed_iter`; texts may also come from an asynchronous iterable."""
        sender = self._sender.using(take_request_options(options))
        limits = WindowOptions(max_concurrency, window, on_error, on_progress, show_progress)
        flow = self._setup.embedding_flow(texts, model, options, limits)
        return AsyncEmbeddingStream(flow, texts, sender, on_retry)

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | None = None,
        top_k: int | None = None,
        extra: Mapping[str, Any] | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> RerankResult:
        """As `Client.rerank`."""
        sender = self._sender.using(options)
        prepared = ranking(query, documents, self._setup.model_for(model), top_k=top_k, extra=extra)
        found = RerankResult((), model=self._setup.model_for(model))
        if prepared.request is not None:
            found = await sender.call(prepared.request, parse_rerank, on_retry)
        return place_ranking(found, prepared.places, prepared.count, top_k)

    async def list_models(
        self,
        *,
        search: str | None = None,
        task: str | None = None,
        author: str | None = None,
        hide_experimental: bool | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> list[ModelInfo]:
        """As `Client.list_models`."""
        request = models_request(
            search=search, task=task, author=author, hide_experimental=hide_experimental
        )
        return await self._sender.using(options).call(request, parse_models, on_retry)

    @overload
    async def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: Literal[False] = False,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Any: ...
    @overload
    async def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: Literal[True],
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncGenerator[Any, None]: ...
    async def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: bool = False,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Any:
        """As `Client.run`."""
        if check_flag("stream", stream):
            return self.stream_run(model, payload, on_retry=on_retry, **options)
        sender = self._sender.using(options)
        return await sender.call(run_request(model, payload), parse_run, on_retry)

    def stream_run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncGenerator[Any, None]:
        """As `Client.stream_run`."""
        sender = self._sender.using(options)
        request = run_request(model, {**payload, "stream": True})
        return one_by_one_async(sender.stream(request, on_retry))

    def with_options(self, **options: Unpack[RequestOptions]) -> Self:
        """As `Client.with_options`."""
        twin = object.__new__(type(self))
        sender = self._sender.using(options)
        twin._setup, twin._sender = sender.setup, sender
        twin._batches = AsyncBatches(twin._setup, sender)
        return twin

    async def aclose(self) -> None:
        """As `Client.close`, for this event loop's connections."""
        await self._sender.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
