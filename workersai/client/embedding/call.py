"""The state of one call for vectors: its requests, its results, and batches to split."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workersai._request.embeddings import EmbeddingBatch, EmbeddingRequests
from workersai._request.packing import estimate_tokens
from workersai._response.embeddings import merge_embeddings
from workersai.errors import APIStatusError, ContextWindowExceededError, WorkersAIError
from workersai.results import EmbeddingResult

__all__ = ["EmbeddingCall", "may_be_too_much"]

_log = logging.getLogger("workersai")

_TOO_LARGE = 413
_TOO_MUCH = frozenset({3006, 3030})
"""3006 comes with 413. 3030 was observed for embeddings with too many tokens; the code of
qwen3-embedding is unknown."""


class EmbeddingCall:
    """The shared state of the workers of one call; safe to use from several threads.

    Args:
        requests: The requests of the call.
        max_concurrency: How many requests may run at once.
        on_progress: Called with the number of texts in each answer.
    """

    def __init__(
        self,
        requests: EmbeddingRequests,
        max_concurrency: int,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._requests = requests
        self._on_progress = on_progress
        self._results: list[tuple[list[int], EmbeddingResult]] = []
        self._lock = threading.Lock()
        self.workers = range(min(max_concurrency, len(requests.packing)))
        self._warn_of_cut_texts()

    @contextmanager
    def working(self) -> Iterator[EmbeddingRequests]:
        """Give a worker the requests; after its failure, no worker gets another one."""
        is_done = False
        try:
            yield self._requests
            is_done = True
        finally:
            if not is_done:
                self._requests.packing.stop()

    def keep(self, batch: EmbeddingBatch, result: EmbeddingResult) -> None:
        """Store the vectors of a batch."""
        with self._lock:
            self._results.append((batch.places, result))
            if self._on_progress is not None:
                self._on_progress(len(batch.places))

    @contextmanager
    def sending(self, batch: EmbeddingBatch) -> Iterator[None]:
        """Split a batch that the server refuses as too large, so that it is sent again in parts.

        Raises:
            APIStatusError: If the error has another reason, or the batch is a single text; then a
                `ContextWindowExceededError` has the text's position.
        """
        try:
            yield
        except ContextWindowExceededError as error:
            if len(batch.places) == 1:
                raise error.at(batch.places[0]) from None
        except APIStatusError as error:
            if len(batch.places) == 1 or not may_be_too_much(error):
                raise
        else:
            return
        self._requests.packing.put_back(batch.places)

    def result(self) -> EmbeddingResult:
        """Return the vectors in the order of the texts."""
        return merge_embeddings(self._results)

    def _warn_of_cut_texts(self) -> None:
        """Warn that the model embeds only the beginning of long texts; the server does not warn."""
        profile, texts = self._requests.profile, self._requests.texts
        limit = profile.max_input_tokens
        if not profile.cuts_input or limit is None:
            return
        long = [text for text in texts if len(text) > limit and estimate_tokens(text) > limit]
        if long:
            _log.warning(
                "%d of %d texts may have more than %d tokens: %s embeds only the beginning of such "
                "texts, without an error",
                *(len(long), len(texts), limit, profile.name),
            )


def may_be_too_much(error: WorkersAIError) -> bool:
    """Return whether a request was refused for its size, so that parts of it may be accepted."""
    if not isinstance(error, APIStatusError):
        return False
    is_too_long = isinstance(error, ContextWindowExceededError)
    return is_too_long or error.status_code == _TOO_LARGE or error.code in _TOO_MUCH
