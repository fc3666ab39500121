"""Report the cost of calls as events of LlamaIndex's instrumentation, and add it up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index_instrumentation import get_dispatcher
from pydantic import PrivateAttr
from typing_extensions import Self, override

from workersai import EmbeddingResult, RerankResult
from workersai.integration import CostMeter, CostTotals, usage_facts

_dispatcher = get_dispatcher(__name__)

ItemT = TypeVar("ItemT")
ResponseT = TypeVar("ResponseT", bound=ChatResponse | CompletionResponse)


class WorkersAIUsageEvent(BaseEvent):
    """The cost of a call: a chat, a completion, embeddings or a ranking.

    It is sent when the whole answer has arrived; for a stream, before its last response.

    Attributes:
        model: The model's name in the answer; without one, the model that was asked.
        usage: As in an OpenAI answer, with Cloudflare's `neurons`; `None` if the server reported
            none.
        cost_usd: USD by the prices of the model's page; `None` if they, or the tokens, are
            unknown.
        request_ids: Cloudflare's id of each request.
    """

    model: str | None
    usage: dict[str, Any] | None
    cost_usd: float | None = None
    request_ids: list[str]

    @classmethod
    def class_name(cls) -> str:
        """Name the class for handlers."""
        return "WorkersAIUsageEvent"


class WorkersAICostHandler(BaseEventHandler):
    """Adds up the cost of calls of this package's classes: calls, tokens, neurons, USD.

    ```python
    from llama_index.core.instrumentation import get_dispatcher

    costs = WorkersAICostHandler()
    get_dispatcher().add_event_handler(costs)
    print(costs.total.cost_usd, costs.by_model)
    ```

    When added to LlamaIndex's dispatcher, it counts the calls of the whole process;
    `count_workersai_costs` counts those of a block. Calls that failed without an answer are not
    counted. A call with an unknown price, or a stream that was stopped before it reported its
    usage, is counted in `calls_without_cost` and does not add 0 to the sum. Threads may share a
    handler.
    """

    _meter: CostMeter = PrivateAttr(default_factory=CostMeter)

    @classmethod
    def class_name(cls) -> str:
        """Name the class for LlamaIndex."""
        return "WorkersAICostHandler"

    @property
    def by_model(self) -> dict[str, CostTotals]:
        """The totals of each model, by its name in the answers."""
        return self._meter.by_model

    @property
    def total(self) -> CostTotals:
        """The totals of all models together."""
        return self._meter.total

    def reset(self) -> None:
        """Set all totals to zero."""
        self._meter.reset()

    @override
    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Add a call."""
        if isinstance(event, WorkersAIUsageEvent):
            self._meter.add_facts(vars(event))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.by_model!r})"


_counting: ContextVar[tuple[WorkersAICostHandler, ...]] = ContextVar("workersai_costs", default=())


@contextmanager
def count_workersai_costs() -> Generator[WorkersAICostHandler, None, None]:
    """Count the cost of all calls inside a `with` block.

    ```python
    with count_workersai_costs() as costs:
        query_engine.query("Where does the Rhine end?")
    print(costs.total.cost_usd)
    ```

    Calls in tasks and in threads that LlamaIndex starts inside the block are counted too. Blocks
    may be nested: each counts the calls inside it.

    Yields:
        The handler, which can still be read after the block.
    """
    handler = WorkersAICostHandler()
    _counting.set((*_counting.get(), handler))
    try:
        yield handler
    finally:  # the block may end in another context, as that of a fixture does
        _counting.set(tuple(one for one in _counting.get() if one is not handler))


def report_usage(result: EmbeddingResult | RerankResult) -> None:
    """Report the cost of embeddings or a ranking to the handlers."""
    _report(WorkersAIUsageEvent(**usage_facts(result)))


def reported(response: ResponseT, model: str) -> ResponseT:
    """Report the cost of an answer to the handlers, and return the answer.

    Args:
        response: A whole answer, or the last response of a stream.
        model: The model that was asked.
    """
    raw, beside = response.raw or {}, response.additional_kwargs
    name, request_id = raw.get("model"), beside.get("request_id")
    _report(
        WorkersAIUsageEvent(
            model=name if isinstance(name, str) else model,
            usage=raw.get("usage"),
            cost_usd=raw.get("cost_usd"),
            request_ids=[] if request_id is None else [request_id],
        )
    )
    return response


class Reporting(Generic[ItemT, ResponseT]):
    """A stream's converter that reports the cost to the handlers when the stream ends.

    It is a context manager. A stream that ends before its last response has an unknown cost.
    """

    def __init__(self, read: Callable[[ItemT], Sequence[ResponseT]], model: str) -> None:
        self._read = read
        self._model = model
        self._has_begun = False
        self._is_whole = False

    def __call__(self, item: ItemT) -> Sequence[ResponseT]:
        """Convert one item."""
        found = self._read(item)
        if found:
            self._has_begun = True
            if found[-1].raw is not None:
                self._is_whole = True
                reported(found[-1], self._model)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # An interpreter that ends closes streams, when no event can be made any more.
        if self._has_begun and not self._is_whole and not sys.is_finalizing():
            _report(WorkersAIUsageEvent(model=self._model, usage=None, request_ids=[]))


def _report(event: WorkersAIUsageEvent) -> None:
    _dispatcher.event(event)
    for handler in _counting.get():
        handler.handle(event)
