"""Add up the cost of calls: a callback handler, and a context manager that uses it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override

from langchain_workersai._provider import PROVIDER
from langchain_workersai._translate.metadata import COST, NEURONS
from workersai.integration import CostMeter, CostTotals

EVENTS = frozenset({"workersai_embeddings", "workersai_rerank"})
"""The custom events with the cost of embeddings and rankings."""


class WorkersAICostCallbackHandler(BaseCallbackHandler):
    """Adds up the cost of calls of this package's classes: calls, tokens, neurons, USD.

    ```python
    costs = WorkersAICostCallbackHandler()
    agent.invoke({"messages": [...]}, config={"callbacks": [costs]})
    costs.total.cost_usd, costs.by_model
    ```

    It counts chat models and completion models, streamed or not, and the embeddings and rerankers
    of a run that has this handler. It does not count other providers' models, answers from
    LangChain's cache, for which no request was made, and calls that failed or were stopped, which
    report no usage. A call with an unknown price is counted in `calls_without_cost` and does not
    add 0 to the sum. One handler may serve many runs and threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._meter = CostMeter()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.by_model!r})"

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
    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add the calls of a model's run: one for each prompt."""
        for generations in response.generations:
            for generation in generations[:1]:  # of several answers, the first has the usage
                if isinstance(generation, ChatGeneration):
                    facts = _of_message(generation.message)
                else:
                    facts = _of_metadata(generation.generation_info or {}, "usage")
                if facts is not None:
                    self._meter.add_facts(facts)

    @override
    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add a call for embeddings or a ranking."""
        if name in EVENTS:
            self._meter.add_facts(data)


def _of_message(message: Any) -> dict[str, Any] | None:
    if not isinstance(message, AIMessage):
        return None
    usage: Mapping[str, Any] = message.usage_metadata or {}
    if usage.get("total_cost") == 0:  # LangChain's mark for answers from its cache
        return None
    return _of_metadata(message.response_metadata, "token_usage")


def _of_metadata(metadata: Mapping[str, Any], usage: str) -> dict[str, Any] | None:
    """Read the plain values of a call; return `None` for another provider's."""
    if metadata.get("model_provider") != PROVIDER:
        return None
    neurons, cost = metadata.get(NEURONS), metadata.get(COST)
    spent = {} if neurons is None else {"neurons": sum(neurons)}
    return {
        "model": metadata.get("model_name"),
        "usage": {**metadata.get(usage, {}), **spent},
        "cost_usd": None if cost is None else sum(cost),
    }


# --------------------------------------------------------------------------------- a context

_places: list[ContextVar[WorkersAICostCallbackHandler | None]] = []
"""Context variables for the handlers of open blocks: one for each level of nesting so far.

They are reused, because LangChain keeps registered variables forever.
"""


@contextmanager
def get_workersai_callback() -> Generator[WorkersAICostCallbackHandler, None, None]:
    """Count the cost of all calls inside a `with` block.

    ```python
    with get_workersai_callback() as costs:
        llm.invoke("Name a prime.")
    print(costs.total.cost_usd)
    ```

    Calls in tasks and in threads that LangChain starts inside the block are counted too, and so
    are embeddings and rerankers outside a run. Blocks may be nested: each counts the calls inside
    it.

    Yields:
        The handler, which can still be read after the block.
    """
    handler, place = WorkersAICostCallbackHandler(), _free_place()
    place.set(handler)
    try:
        yield handler
    finally:
        if place.get() is handler:  # else the block ends in another context, as fixtures do
            place.set(None)


def _free_place() -> ContextVar[WorkersAICostCallbackHandler | None]:
    for place in _places:
        if place.get() is None:
            return place
    place = ContextVar[WorkersAICostCallbackHandler | None]("workersai_costs", default=None)
    register_configure_hook(place, inheritable=True)
    _places.append(place)
    return place
