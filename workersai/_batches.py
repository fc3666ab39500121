"""A batch: its place in Cloudflare's queue, and what it brings in the end."""

from __future__ import annotations

from dataclasses import dataclass

from workersai._results import ChatResult, EmbeddingResult, Usage
from workersai.errors import WorkersAIError

__all__ = ["Batch", "BatchResponse", "BatchResult"]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch in the queue.

    It holds plain values only, so that it can be written down and its results fetched by another
    process: `Batch(**json.loads(json.dumps(dataclasses.asdict(batch))))` is the same batch. The
    first two values are enough; `references` adds the check that no answer is missing.

    Attributes:
        request_id: Cloudflare's id of the batch.
        model: The model that was asked.
        status: As the server last put it: `queued` or `running`.
        references: The `external_reference` of each request, in order, `None` where there is none;
            empty if the number of requests is not known.
    """

    request_id: str
    model: str
    status: str = "queued"
    references: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", tuple(self.references))


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
