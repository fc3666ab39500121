"""`Client`: Workers AI without a framework."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

from typing_extensions import Self, Unpack

from workersai._checks import check_flag
from workersai._concurrency import call_each
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
from workersai.client.batches import SyncBatches
from workersai.client.embedding.flow import OnError, WindowOptions
from workersai.client.embedding.streams import EmbeddingStream
from workersai.client.sending import SyncSender
from workersai.client.setup import ConnectionOptions, OnRetry, Setup, take_request_options
from workersai.client.streams import ChatStream, one_by_one
from workersai.client.token_caps import parse_whole_chat
from workersai.results import ChatResult, EmbeddingResult, ModelInfo, NotEmbedded, RerankResult
from workersai.types import CallOptions, EmbeddingOptions, HTTPClient, RequestOptions

__all__ = ["Client"]


class Client(BaseClient):
    """Workers AI, synchronously; safe to share between threads and across a fork.

    Its settings are read-only; to change one, create another client.

    Args:
        model: The model for calls without `model`: `@cf/author/name`.
        account_id: 32 hexadecimal characters; else `CLOUDFLARE_ACCOUNT_ID`, `CF_ACCOUNT_ID`.
        api_token: A token with the permission Workers AI; else `CLOUDFLARE_API_TOKEN`,
            `CLOUDFLARE_AUTH_TOKEN`, `CF_AI_API_TOKEN`, `CF_API_TOKEN`, in that order.
        base_url: The API's root; else `WORKERSAI_BASE_URL`. https, or http for this machine.
        endpoint: `run` for the native route, `openai` for `/ai/v1`.
        timeout: Seconds for the whole call, or a `Timeout` with a limit for each part of it. A
            number is the total, and no part of the answer has a shorter limit.
        max_retries: How often a failed call is retried. A stream is not retried after its first
            token. A generation or a batch is not retried once the server may have processed it:
            after a timeout, after code 3046, and after a failure other than a 429 that took more
            than 30 s. By default 2, and 0 with a gateway that has `max_attempts`, because its
            retries and the client's multiply; if both are set, a warning in the log states
            their product.
        gateway: An AI Gateway's id, or its options by name (`id`, `skip_cache`, `cache_ttl`,
            `metadata`, ...).
        session_affinity: Any id; requests with the same id can share a prompt cache.
        limits: The account's requests and tokens a minute and this process's share of them, as a
            `RateLimits`. Requests are spaced to stay below, and a 429 slows all of them down and
            is waited out until the call's timeout, instead of counting as a retry.
        reject_if_busy: Fail at once with `OutOfCapacityError` instead of waiting in the queue.
        default_headers: More headers; they cannot replace the client's own.
        allow_insecure_http: Allow a plain-http `base_url` for a host other than this machine, such
            as a second container on it. The token, the prompts and the answers then travel
            unencrypted: anyone on the network in between can read and use them.
        binding: Inside a Python Worker, its AI binding (`env.AI`), which requests then go through
            instead of HTTP. It needs neither account nor token, and none is looked for. Of this
            class the methods work where Python can be suspended (`pyodide.ffi.can_run_sync`);
            those of `AsyncClient` work everywhere.
        http_client: A `Client` of httpx or httpx2 of your own. It is used unchanged and never
            closed; use it in one process.

    Raises:
        ConfigurationError: If an argument is missing, malformed, unsafe or unknown.
    """

    @hides_arguments
    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: HTTPClient | None = None,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        self._setup = Setup(type(self).__name__, model, **connection)
        self._sender = SyncSender(self._setup, http_client)
        self._batches = SyncBatches(self._setup, self._sender)

    @property
    def batches(self) -> SyncBatches:
        """Submit requests now and fetch the answers later; see `SyncBatches`."""
        return self._batches

    @overload
    def chat(
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
    def chat(
        self,
        messages: Messages,
        *,
        stream: Literal[True],
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatStream: ...
    def chat(
        self,
        messages: Messages,
        *,
        stream: bool = False,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult | ChatStream:
        """Ask for the next message of a conversation.

        Args:
            messages: The conversation, in the OpenAI form.
            stream: Return the stream of events that `stream_chat` returns.
            tools: Tool definitions: OpenAI, flat or Anthropic form. A name that models do not
                accept is replaced in the request; calls come back with your own name.
            tool_choice: `auto`, `none`, `required` (also `any`, `True`), a tool's name, or a dict
                in OpenAI's or Anthropic's form.
            on_retry: A function that is called with a `RetryNotice` before each retry.
            **call: `model`, `response_format`, the generation parameters by their names, and
                `extra` for any other field of the request.

        Raises:
            ConfigurationError: If an argument does not fit the model; nothing was sent.
            WorkersAIError: If the call failed.
        """
        if check_flag("stream", stream):
            return self.stream_chat(
                messages, tools=tools, tool_choice=tool_choice, on_retry=on_retry, **call
            )
        sender = self._sender.using(take_request_options(call))
        request = chat_request(
            messages, self._setup.chat_options(call), tools=tools, tool_choice=tool_choice
        )
        return sender.call(request, parse_whole_chat, on_retry)

    def stream_chat(
        self,
        messages: Messages,
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        include_usage: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatStream:
        """Ask for the next message as a stream of events; the last one is `ChatFinish`.

        The arguments are those of `chat` and are checked at once; the request is sent with the
        first `next`. Closing the stream closes the connection.

        Args:
            messages: As in `chat`.
            tools: As in `chat`.
            tool_choice: As in `chat`.
            include_usage: Ask `/ai/v1` for the usage; native streams always carry it.
            on_retry: As in `chat`; there are no retries after the first event.
            **call: As in `chat`.

        Raises:
            WorkersAIError: As in `chat`; an error after the first event has what had arrived in
                `.partial`.
        """
        sender = self._sender.using(take_request_options(call))
        options = self._setup.chat_options(call, stream=True, include_usage=include_usage)
        request = chat_request(messages, options, tools=tools, tool_choice=tool_choice)
        return ChatStream(sender.stream(request, on_retry))

    @overload
    def complete(
        self,
        prompt: str,
        *,
        stream: Literal[False] = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult: ...
    @overload
    def complete(
        self,
        prompt: str,
        *,
        stream: Literal[True],
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatStream: ...
    def complete(
        self,
        prompt: str,
        *,
        stream: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult | ChatStream:
        """Ask for the continuation of a prompt; accepts `raw` and `lora`.

        Always native: `/ai/v1` documents no route for it.

        Args:
            prompt: The text to continue.
            stream: Return the stream of events that `stream_complete` returns.
            on_retry: As in `chat`.
            **call: As in `chat`.

        Raises:
            ConfigurationError: If an argument does not fit the model; nothing was sent.
            WorkersAIError: If the call failed.
        """
        if check_flag("stream", stream):
            return self.stream_complete(prompt, on_retry=on_retry, **call)
        sender = self._sender.using(take_request_options(call))
        request = completion_request(prompt, self._setup.chat_options(call))
        return sender.call(request, parse_whole_chat, on_retry)

    def stream_complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> ChatStream:
        """Ask for the continuation of a prompt as a stream of events; see `stream_chat`."""
        sender = self._sender.using(take_request_options(call))
        request = completion_request(prompt, self._setup.chat_options(call, stream=True))
        return ChatStream(sender.stream(request, on_retry))

    def embed(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        max_concurrency: int = 4,
        on_progress: Callable[[int], None] | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingResult:
        """Ask for one vector for each text.

        Texts are sent in as few requests as the model's limits allow (the number of texts; for
        some models also their tokens, which are estimated). A request that the server refuses as
        too large is sent again in parts; the results of the others are kept. After a failure no
        further request is sent.

        Args:
            texts: Strings; none may be blank unless you pass `blank_text`.
            model: An embedding model; the client's if omitted.
            max_concurrency: How many requests may run at once.
            on_progress: Called with the number of texts in each answer.
            on_retry: As in `chat`.
            **options: `input_type` (`document` or `query`), `instruction`, `pooling`,
                `dimensions`, `truncate`, `blank_text` (the text to embed in place of a blank
                document), `batch_size`, `extra`.

        Raises:
            ConfigurationError: If texts are blank (the error names all of them), or an option does
                not fit the model; nothing was sent.
            ContextWindowExceededError: If a text is too long for the model; `.position` is its
                index in *texts*.
            ResponseError: If an answer does not have one valid vector for each text; then no vector
                is returned.
            WorkersAIError: As in `chat`.
        """
        sender = self._sender.using(take_request_options(options))
        call = self._setup.embedding_call(texts, model, options, max_concurrency, on_progress)

        def work(_: int) -> None:
            with call.working() as batches:
                for batch in batches:
                    with call.sending(batch):
                        result = sender.call(batch.request, parse_embeddings, on_retry)
                        call.keep(batch, result)

        call_each(work, call.workers, limit=max_concurrency)
        return call.result()

    @overload
    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        on_error: Literal["raise"] = ...,
        model: str | None = ...,
        max_concurrency: int = ...,
        window: int | None = ...,
        on_progress: Callable[[int], None] | None = ...,
        show_progress: bool = ...,
        on_retry: OnRetry = ...,
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingStream[list[float]]: ...

    @overload
    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        on_error: OnError,
        model: str | None = ...,
        max_concurrency: int = ...,
        window: int | None = ...,
        on_progress: Callable[[int], None] | None = ...,
        show_progress: bool = ...,
        on_retry: OnRetry = ...,
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingStream[list[float] | NotEmbedded]: ...

    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        on_error: OnError = "raise",
        model: str | None = None,
        max_concurrency: int = 4,
        window: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        show_progress: bool = False,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> EmbeddingStream[Any]:
        """Embed any number of texts, and yield the vectors in their order as they arrive.

        Texts are read only as fast as vectors are: at most *window* texts are kept, so that the use
        of memory does not depend on their number. A failed request is retried alone; one that is
        too large for the model is sent in parts. Arguments are checked at once, each text when its
        turn comes; the first request is sent when the first vector is read.

        Args:
            texts: Any iterable of strings; it is read in the caller's thread.
            on_error: `raise` ends the run at the first text that cannot be embedded, after the
                vectors before it. `skip` yields a `NotEmbedded` in its place. An error that every
                text would get (a refused token, an unknown model, a used-up allocation) is raised
                in both cases.
            model: An embedding model; the client's if omitted.
            max_concurrency: How many requests may run at once.
            window: How many texts may be read and not returned yet; by default two rounds of
                requests.
            on_progress: Called with the number of texts in each answer.
            show_progress: Show a progress bar that counts texts (needs `tqdm`).
            on_retry: As in `chat`.
            **options: As in `embed`.

        Returns:
            An iterator over the vectors; its `usage` and `requests` are those of the run so far.
            `close()` ends the run.

        Raises:
            ConfigurationError: If an argument does not fit the model; nothing was sent. While
                reading: if a text is blank or not a string.
            ContextWindowExceededError: While reading: `.position` is the text's index.
            WorkersAIError: While reading: as in `chat`.
        """
        sender = self._sender.using(take_request_options(options))
        limits = WindowOptions(max_concurrency, window, on_error, on_progress, show_progress)
        flow = self._setup.embedding_flow(texts, model, options, limits)
        return EmbeddingStream(flow, texts, sender, on_retry)

    def rerank(
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
        """Rank documents by relevance to a query, best first.

        Args:
            query: A text that is not blank.
            documents: Texts. Blank ones are not sent; they come last, without a score.
            model: A reranker; the client's if omitted.
            top_k: The greatest number of documents to return; all if omitted.
            extra: Any other field of the request.
            on_retry: As in `chat`.
            **options: How the request is sent; see `RequestOptions`.

        Raises:
            WorkersAIError: As in `chat`.
        """
        sender = self._sender.using(options)
        prepared = ranking(query, documents, self._setup.model_for(model), top_k=top_k, extra=extra)
        found = RerankResult((), model=self._setup.model_for(model))
        if prepared.request is not None:
            found = sender.call(prepared.request, parse_rerank, on_retry)
        return place_ranking(found, prepared.places, prepared.count, top_k)

    def list_models(
        self,
        *,
        search: str | None = None,
        task: str | None = None,
        author: str | None = None,
        hide_experimental: bool | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> list[ModelInfo]:
        """Search the account's model catalogue.

        Args:
            search: Text to find.
            task: Such as `Text Generation` or `Text Embeddings`.
            author: Such as `ibm-granite`.
            hide_experimental: Whether to leave out experimental models.
            on_retry: As in `chat`.
            **options: As in `rerank`.

        Raises:
            WorkersAIError: As in `chat`.
        """
        request = models_request(
            search=search, task=task, author=author, hide_experimental=hide_experimental
        )
        return self._sender.using(options).call(request, parse_models, on_retry)

    @overload
    def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: Literal[False] = False,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Any: ...
    @overload
    def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: Literal[True],
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Generator[Any, None, None]: ...
    def run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        stream: bool = False,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Any:
        """Call any Workers AI model with the fields of its own page.

        Use it for models that have no method here: images, speech, translation, classification. The
        payload is sent unchecked and unchanged, except that credentials in it are rejected.

        Args:
            model: The model id, `@cf/author/name`.
            payload: The request's body, as the model's page documents it.
            stream: Return the stream of events that `stream_run` returns.
            on_retry: As in `chat`.
            **options: Options about sending, as in `chat`.

        Returns:
            The JSON value of the answer without Cloudflare's envelope, or its bytes if it is not
            JSON (a picture, speech).

        Raises:
            WorkersAIError: As in `chat`.
        """
        if check_flag("stream", stream):
            return self.stream_run(model, payload, on_retry=on_retry, **options)
        sender = self._sender.using(options)
        return sender.call(run_request(model, payload), parse_run, on_retry)

    def stream_run(
        self,
        model: str,
        payload: Mapping[str, Any],
        *,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> Generator[Any, None, None]:
        """Call any Workers AI model for a stream, and yield its events as JSON values.

        A model that answers without a stream gives one value, the result of `run`.

        Args:
            model: As in `run`.
            payload: As in `run`; `stream` is set in it.
            on_retry: As in `chat`.
            **options: As in `run`.

        Raises:
            WorkersAIError: As in `run`.
        """
        sender = self._sender.using(options)
        request = run_request(model, {**payload, "stream": True})
        return one_by_one(sender.stream(request, on_retry))

    def with_options(self, **options: Unpack[RequestOptions]) -> Self:
        """Return a client with other options for its calls that uses the same connections.

        Args:
            **options: `timeout`, `max_retries`, `headers`, `session_affinity`, `gateway`; missing
                ones keep this client's values. Closing either client closes the connections of
                both.

        Raises:
            ConfigurationError: If an option is malformed or unknown.
        """
        twin = object.__new__(type(self))
        sender = self._sender.using(options)
        twin._setup, twin._sender = sender.setup, sender
        twin._batches = SyncBatches(twin._setup, sender)
        return twin

    def close(self) -> None:
        """Close the connections, also those of running calls; a later call opens new ones."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
