"""`Client`: Workers AI without a framework."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from typing_extensions import Self, Unpack

from workersai._concurrency import call_each
from workersai._request.catalogue import models_request
from workersai._request.chat import chat_request, completion_request
from workersai._request.rerank import ranking
from workersai._response.catalogue import parse_models
from workersai._response.chat import parse_chat
from workersai._response.embeddings import parse_embeddings
from workersai._response.rerank import parse_rerank, place_ranking
from workersai.client.base import OnRetry, ToolChoice, Tools
from workersai.client.batches import SyncBatches
from workersai.events import ChatEvent
from workersai.results import ChatResult, EmbeddingResult, ModelInfo, RerankResult
from workersai.types import CallOptions, EmbeddingOptions, WireMessage

__all__ = ["Client"]


class Client(SyncBatches):
    """Workers AI, synchronously; safe to share between threads and across a fork.

    Takes the arguments of `BaseClient` and:

    Args:
        http_client: A `Client` of httpx or httpx2 of your own; it is used as it is, never closed
            or changed, in one process.
    """

    def chat(
        self,
        messages: Sequence[WireMessage],
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> ChatResult:
        """Ask for the next message of a conversation.

        Args:
            messages: The conversation, in the OpenAI form.
            tools: Tool definitions: OpenAI, flat or Anthropic form.
            tool_choice: `auto`, `none`, `required` (also `any`, `True`), a tool's name, or a dict
                that is sent as it is.
            on_retry: Told of each retry before it is made.
            **call: `model`, `response_format`, the generation parameters by their names, and
                `extra` for any other field of the request.

        Raises:
            ConfigurationError: If an argument does not fit the model; nothing was sent.
            WorkersAIError: If the call failed.
        """
        request = chat_request(messages, self._options(call), tools=tools, tool_choice=tool_choice)
        return self._call(request, parse_chat, on_retry)

    def stream_chat(
        self,
        messages: Sequence[WireMessage],
        *,
        tools: Tools = None,
        tool_choice: ToolChoice = None,
        include_usage: bool = False,
        on_retry: OnRetry = None,
        **call: Unpack[CallOptions],
    ) -> Generator[ChatEvent, None, None]:
        """Ask for the next message as a stream of events, `Finish` the last of them.

        The arguments are those of `chat`, checked at once; the request goes out with the first
        `next`. Closing the generator closes the connection.

        Args:
            messages: As in `chat`.
            tools: As in `chat`.
            tool_choice: As in `chat`.
            include_usage: Ask `/ai/v1` for the usage; native streams carry it unasked.
            on_retry: As in `chat`; nothing is retried after the first event.
            **call: As in `chat`.

        Raises:
            WorkersAIError: As in `chat`; of an error after the first event, `.partial` is what
                had come.
        """
        options = self._options(call, stream=True, include_usage=include_usage)
        request = chat_request(messages, options, tools=tools, tool_choice=tool_choice)
        return self._stream(request, on_retry)

    def complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> ChatResult:
        """Ask for the continuation of a prompt; `raw` and `lora` are for this.

        Always native: `/ai/v1` documents no route for it. Arguments and errors as in `chat`.
        """
        request = completion_request(prompt, self._options(call))
        return self._call(request, parse_chat, on_retry)

    def stream_complete(
        self, prompt: str, *, on_retry: OnRetry = None, **call: Unpack[CallOptions]
    ) -> Generator[ChatEvent, None, None]:
        """Ask for the continuation of a prompt as a stream of events; see `stream_chat`."""
        request = completion_request(prompt, self._options(call, stream=True))
        return self._stream(request, on_retry)

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
        """Ask for one vector a text.

        Texts go out in as few requests as the model's limits allow (the number of texts; for
        some models also their tokens, which are estimated). A request that the server refuses as
        too much is sent again in parts; what came of the others is kept. After a failure no
        further request is sent.

        Args:
            texts: Strings; none may be blank, see `blank_text`.
            model: An embedding model; else the client's.
            max_concurrency: How many requests may be under way at once.
            on_progress: Called with the number of texts that each answer brought.
            on_retry: As in `chat`.
            **options: `input_type` (`document` or `query`), `instruction`, `pooling`,
                `dimensions`, `truncate`, `blank_text` (what to embed in the place of a blank
                document), `batch_size`, `extra`.

        Raises:
            ConfigurationError: If texts are blank, naming all of them, or an option does not fit
                the model; nothing was sent.
            ContextWindowExceededError: If a text is too long for the model; `.position` is its
                place in *texts*.
            ResponseError: If the answer has not one sound vector a text; none is returned then.
            WorkersAIError: As in `chat`.
        """
        call = self._embedding(texts, model, options, max_concurrency, on_progress)

        def work(_: int) -> None:
            with call.working() as batches:
                for batch in batches:
                    with call.sending(batch):
                        result = self._call(batch.request, parse_embeddings, on_retry)
                        call.keep(batch, result)

        call_each(work, call.workers, limit=max_concurrency)
        return call.result()

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | None = None,
        top_k: int | None = None,
        extra: Mapping[str, Any] | None = None,
        on_retry: OnRetry = None,
    ) -> RerankResult:
        """Rank documents by relevance to a query, best first.

        Args:
            query: A text that is not blank.
            documents: Texts. Blank ones are not sent; they come last, without a score.
            model: A reranker; else the client's.
            top_k: How many to return at the most; all if not given.
            extra: Any other field of the request.
            on_retry: As in `chat`.

        Raises:
            WorkersAIError: As in `chat`.
        """
        asked = ranking(query, documents, self._model(model), top_k=top_k, extra=extra)
        found = RerankResult((), model=self._model(model))
        if asked.request is not None:
            found = self._call(asked.request, parse_rerank, on_retry)
        return place_ranking(found, asked.places, asked.count, top_k)

    def models(
        self,
        *,
        search: str | None = None,
        task: str | None = None,
        author: str | None = None,
        hide_experimental: bool | None = None,
    ) -> list[ModelInfo]:
        """Search the account's model catalogue.

        Args:
            search: Text to find.
            task: Such as `Text Generation` or `Text Embeddings`.
            author: Such as `ibm-granite`.
            hide_experimental: Leave experimental models out.

        Raises:
            WorkersAIError: As in `chat`.
        """
        asked = models_request(
            search=search, task=task, author=author, hide_experimental=hide_experimental
        )
        return self._call(asked, parse_models, None)

    def close(self) -> None:
        """Close the connections, those of calls under way too; a later call opens new ones."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
