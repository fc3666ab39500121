"""Embed texts that arrive one by one: a window of requests, and the state their workers share.

The clients read texts, send, and wait. For both clients, this module decides what to send, what a
failure means and what replaces a missing vector.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from workersai._checks import check_callback, check_count
from workersai._models import get_profile
from workersai._progress import progress
from workersai._request.chunks import Chunk, Chunker, text_fault
from workersai._request.embeddings import EmbeddingBatch, EmbeddingRequests
from workersai._request.packing import estimate_tokens
from workersai.client.embedding.call import may_be_too_much
from workersai.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ResponseError,
    WorkersAIError,
)
from workersai.results import EmbeddingResult, NotEmbedded, Usage
from workersai.types import EmbeddingOptions, EndpointName

__all__ = ["EmbeddingFlow", "OnError", "WindowOptions"]

OnError: TypeAlias = Literal["raise", "skip"]
Item: TypeAlias = "list[float] | NotEmbedded"

_log = logging.getLogger("workersai")

_OF_EVERY_TEXT = (
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    QuotaExceededError,
)
"""Errors that every other text would get too: they are raised even with `skip`."""


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How `embed_iter` reads its texts.

    Attributes:
        max_concurrency: How many requests may run at once.
        window: How many texts may be read and not returned yet; `None` for two rounds of
            requests.
        on_error: What to do with a text that cannot be embedded.
        on_progress: Called with the number of texts in each answer.
        show_progress: Whether to show a progress bar.
    """

    max_concurrency: int = 4
    window: int | None = None
    on_error: OnError = "raise"
    on_progress: Callable[[int], None] | None = None
    show_progress: bool = False

    def __post_init__(self) -> None:
        check_count("max_concurrency", self.max_concurrency, 1)
        check_callback("on_progress", self.on_progress)
        if self.window is not None:
            check_count("window", self.window, 1)
        if self.on_error not in ("raise", "skip"):
            raise ConfigurationError(
                f"on_error={self.on_error!r} must be 'raise' or 'skip'", parameter="on_error"
            )


_MOST_IDS = 1_000
"""The number of request ids that are kept, the latest ones."""


class _ClosedError(Exception):
    """Ends the retries of a request whose answer is not needed any more."""


@dataclass
class _State:
    """The state of a run that changes."""

    texts_open: int = 0
    texts_answered: int = 0
    requests: int = 0
    usage: Usage | None = None
    pooling: str | None = None
    request_ids: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_IDS))
    length: int | None = None
    failed_at: int | None = None
    is_closed: bool = False
    has_warned: bool = False
    report: Callable[[int], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class EmbeddingFlow:
    """One run of `embed_iter`; its workers may be threads.

    Args:
        model: An embedding model.
        endpoint: The route.
        options: The options of the call.
        window: How to read the texts.

    Raises:
        ConfigurationError: If an option does not fit the model.
    """

    def __init__(
        self, model: str, endpoint: EndpointName, options: EmbeddingOptions, window: WindowOptions
    ) -> None:
        self.model, self.options, self._endpoint = model, window, endpoint
        self._options = options
        self._profile = get_profile(model)
        shape = EmbeddingRequests((), model, endpoint, options)
        most = min(shape.batch_size, window.window or shape.batch_size)
        self._window = window.window or 2 * window.max_concurrency * most
        is_query = options.get("input_type") == "query"
        self._blank_text = None if is_query else options.get("blank_text")
        self._make_chunker = partial(
            Chunker,
            most,
            budget=self._profile.max_request_tokens,
            longest=self._profile.max_input_tokens,
            is_cut=shape.is_cut,
        )
        self._chunker = self._make_chunker()
        self.state = _State()

    # ------------------------------------------------------------------- texts in, chunks out

    def only_chunk(self, texts: object) -> Chunk | None:
        """Return the chunk of a list that fits into one request, so that no workers are needed."""
        if not isinstance(texts, (list, tuple)) or not 0 < len(texts) <= self._chunker.most:
            return None
        probe = self._make_chunker()
        full = [chunk for text in texts if (chunk := probe.add(text)) is not None]
        chunks = [*full, *([rest] if (rest := probe.rest()) is not None else [])]
        return chunks[0] if len(chunks) == 1 else None

    def chunks(self, texts: Iterable[Any]) -> Iterator[Chunk]:
        """Read texts in chunks of at most one request."""
        for text in texts:
            if (chunk := self._chunker.add(text)) is not None:
                yield chunk
        if (chunk := self._chunker.rest()) is not None:
            yield chunk

    async def chunks_async(self, texts: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Chunk]:
        """Read texts in chunks of at most one request."""
        if not isinstance(texts, AsyncIterable):
            for chunk in self.chunks(texts):
                yield chunk
            return
        async for text in texts:
            if (full := self._chunker.add(text)) is not None:
                yield full
        if (rest := self._chunker.rest()) is not None:
            yield rest

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be read without exceeding the window."""
        state, most = self.state, self._chunker.most
        is_over = state.is_closed or state.failed_at is not None
        return not is_over and (not state.texts_open or state.texts_open + most <= self._window)

    def take(self, chunk: Chunk) -> ChunkCall:
        """Start the work on a chunk."""
        self.state.texts_open += len(chunk.texts)
        return ChunkCall(self, chunk)

    def hand_out(self, chunk: ChunkCall) -> None:
        """Free the chunk's room in the window: the caller has its vectors."""
        self.state.texts_open -= len(chunk.texts)

    # ----------------------------------------------------------------------------- the workers

    @contextmanager
    def running(self, count: int | None) -> Iterator[None]:
        """Run the flow inside this block; after it no further request is sent."""
        with progress(count, wanted=self.options.show_progress) as self.state.report:
            try:
                yield
            finally:
                self.close()

    def close(self) -> None:
        """Stop sending requests."""
        self.state.is_closed = True

    def requests(self, texts: list[str]) -> EmbeddingRequests:
        """Make the requests for the texts of a chunk."""
        budget = self._chunker.budget
        return EmbeddingRequests(texts, self.model, self._endpoint, self._options, budget=budget)

    def has_ended_for(self, first: int) -> bool:
        """Return whether a chunk is not needed any more: after an earlier failure, or the end."""
        failed_at = self.state.failed_at
        return self.state.is_closed or (failed_at is not None and failed_at < first)

    def listening(self, on_retry: Any) -> Callable[[Any], None]:
        """Return a retry listener that stops retries when the flow has ended."""

        def listen(notice: Any) -> None:
            if self.state.is_closed:
                raise _ClosedError
            if on_retry is not None:
                on_retry(notice)

        return listen

    def keep(self, result: EmbeddingResult) -> None:
        """Count an answer.

        Raises:
            ResponseError: If its vectors differ in length from earlier ones.
        """
        with self.state.lock:
            length = len(result.vectors[0])
            if self.state.length not in (None, length):
                raise ResponseError("the batches came back with vectors of different lengths")
            self.state.length = length
            self.state.requests += 1
            self.state.request_ids.extend(result.request_ids)
            self.state.pooling = result.pooling
            if result.usage is not None:
                used = self.state.usage
                self.state.usage = result.usage if used is None else used + result.usage
            self._progress(len(result.vectors))

    def _progress(self, count: int) -> None:
        self.state.texts_answered += count
        for report in (self.options.on_progress, self.state.report):
            if report is not None:
                report(count)

    def lower(self, budget: int | None) -> None:
        """Reduce the size of later chunks after a refusal."""
        if budget is not None:
            self._chunker.lower(budget)

    def fail(self, first: int) -> None:
        """Record that a chunk failed: later chunks are not sent any more."""
        with self.state.lock:
            known = self.state.failed_at
            self.state.failed_at = first if known is None else min(known, first)

    def fault(self, text: Any) -> str | None:
        """Return why a text cannot have a vector."""
        return text_fault(text, self._blank_text)

    def warn_of_cut(self, place: int, text: str) -> None:
        """Warn once that the model embeds only the beginning of a long text."""
        limit = self._profile.max_input_tokens
        if self.state.has_warned or not self._profile.cuts_input or limit is None:
            return
        if len(text) > limit and estimate_tokens(text) > limit:
            self.state.has_warned = True
            _log.warning(
                "texts[%d] may have more than %d tokens: %s embeds only the beginning of such a "
                "text, without an error; further ones are not reported",
                *(place, limit, self.model),
            )


class ChunkCall:
    """The requests for one chunk, and an item for each of its texts.

    Args:
        flow: The flow that the chunk belongs to.
        chunk: The texts.
    """

    def __init__(self, flow: EmbeddingFlow, chunk: Chunk) -> None:
        self._flow = flow
        self._first = chunk.first
        self.texts = chunk.texts
        self._items: dict[int, Item] = {}
        self._good: list[int] = []
        self._requests: EmbeddingRequests | None = None

    def __iter__(self) -> Iterator[EmbeddingBatch]:
        """Yield the requests, as long as their vectors are needed.

        Raises:
            ConfigurationError: If a text cannot have a vector and `on_error` is `raise`.
        """
        self._requests = requests = self._flow.requests(self._check())
        while not self._flow.has_ended_for(self._first) and (batch := requests.take()):
            yield batch

    def _check(self) -> list[str]:
        """Return the texts that can be sent."""
        for place, text in enumerate(self.texts):
            if (fault := self._flow.fault(text)) is None:
                self._good.append(place)
                self._flow.warn_of_cut(self._first + place, text)
            else:
                message = f"texts[{self._first + place}] {fault}"
                self._refuse([place], ConfigurationError(message, parameter="texts"))
        return [self.texts[place] for place in self._good]

    @contextmanager
    def sending(self, batch: EmbeddingBatch) -> Iterator[None]:
        """Handle failures inside this block: split the batch, record the failure, or raise it."""
        try:
            yield
        except WorkersAIError as error:
            failure = error
        else:
            return
        self._fail(batch, failure)

    def keep(self, batch: EmbeddingBatch, result: EmbeddingResult) -> None:
        """Store the vectors of a batch."""
        self._flow.keep(result)
        for at, vector in zip(batch.places, result.vectors, strict=True):
            self._items[self._good[at]] = vector

    def _fail(self, batch: EmbeddingBatch, error: WorkersAIError) -> None:
        """Handle the failure of a batch.

        Raises:
            WorkersAIError: If it ends the whole run.
        """
        is_refused = may_be_too_much(error)
        is_one = len(batch.places) == 1
        if not is_one and (is_refused or self._is_to_be_found(error)):
            self._part(batch, is_refused=is_refused)
            return
        if is_one and isinstance(error, ContextWindowExceededError):
            error = error.at(self._first + self._good[batch.places[0]])
        self._refuse([self._good[at] for at in batch.places], error)

    def _is_to_be_found(self, error: WorkersAIError) -> bool:
        """Return whether one of several texts caused the error and the others are still needed."""
        is_skipping = self._flow.options.on_error == "skip"
        return is_skipping and isinstance(error, InvalidRequestError)

    def _part(self, batch: EmbeddingBatch, *, is_refused: bool) -> None:
        if self._requests is not None:
            self._requests.packing.put_back(batch.places)
            if is_refused:
                self._flow.lower(self._requests.packing.budget)

    def _refuse(self, places: list[int], error: WorkersAIError) -> None:
        if self._flow.options.on_error == "raise" or isinstance(error, _OF_EVERY_TEXT):
            self._flow.fail(self._first)
            raise error
        for place in places:
            self._items[place] = NotEmbedded(self._first + place, error)

    def items(self) -> list[Item]:
        """Return the item for each text, in order."""
        return [self._items[place] for place in sorted(self._items)]
