"""What a batch of Cloudflare's queue brings in the end; `_results` has its place in the queue."""

from __future__ import annotations

from dataclasses import dataclass

from workersai._results import ChatResult, EmbeddingResult, Usage
from workersai.errors import WorkersAIError

__all__ = ["BatchResponse", "BatchResult"]


@dataclass(frozen=True, slots=True)
class BatchResponse:
    """What came of one request of a batch.

    Attributes:
        index: Its place among the requests, from 0.
        result: The answer, or the error that this request alone ended with.
        external_reference: The caller's own text for the request, if it had one.
    """

    index: int
    result: ChatResult | EmbeddingResult | WorkersAIError
    external_reference: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A batch that is done.

    Attributes:
        request_id: Cloudflare's id of the batch.
        model: The model that was asked.
        responses: One a request, in the order of the requests, whatever order they came in.
        usage: What the whole batch cost, `None` if the server reported nothing.
    """

    request_id: str
    model: str
    responses: tuple[BatchResponse, ...]
    usage: Usage | None = None

    @property
    def results(self) -> tuple[ChatResult | EmbeddingResult | WorkersAIError, ...]:
        """The answers and errors alone."""
        return tuple(response.result for response in self.responses)
