"""Add up the cost of calls: a callback handler, and a context manager that uses it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    Generation,
    GenerationChunk,
    LLMResult,
)
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
    agent.invoke({"messages": [("user", "Hi")]}, config={"callbacks": [costs]})
    costs.total.cost_usd, costs.by_model
    ```

    It counts chat models and completion models, streamed or not, and the embeddings and rerankers
    of a run that has this handler. It does not count other providers' models, answers from
    LangChain's cache, for which no request was made, and calls that failed without an answer. A
    call with an unknown price, or a stream that was stopped before it reported its usage, is
    counted in `calls_without_cost` and does not add 0 to the sum. One handler may serve many runs
    and threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._meter = CostMeter()
        self._under_way: dict[UUID | None, str] = {}
        self._begun: set[UUID | None] = set()

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
    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """Note which model a run asks."""
        metadata = kwargs.get("metadata") or {}
        if metadata.get("ls_provider") == PROVIDER:
            self._under_way[kwargs.get("run_id")] = str(metadata.get("ls_model_name"))

    @override
    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        """Note which model a run asks."""
        self.on_chat_model_start(serialized, prompts, **kwargs)

    @override
    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Note that an answer has begun: LangChain drops it if it breaks inside an agent."""
        if kwargs.get("run_id") in self._under_way:
            self._begun.add(kwargs.get("run_id"))

    @override
    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """Add a stream that was stopped or broke: what it reported, else a call of unknown cost."""
        model, has_begun = self._ended(kwargs.get("run_id"))
        if model is None:
            return
        generations = getattr(kwargs.get("response"), "generations", None) or [()]
        for generation in generations[0][:1]:
            if isinstance(generation, ChatGenerationChunk | GenerationChunk):
                self._meter.add_facts({"model": model, **(_of_generation(generation) or {})})
                return
        if has_begun:
            self._meter.add(model, None, None)

    def _ended(self, run_id: UUID | None) -> tuple[str | None, bool]:
        """Forget a run, and return its model and whether its answer had begun."""
        has_begun = run_id in self._begun
        self._begun.discard(run_id)
        return self._under_way.pop(run_id, None), has_begun

    @override
    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add the calls of a model's run: one for each prompt."""
        self._ended(kwargs.get("run_id"))
        for generations in response.generations:
            for generation in generations[:1]:  # of several answers, the first has the usage
                if (facts := _of_generation(generation)) is not None:
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


def _of_generation(generation: Generation) -> dict[str, Any] | None:
    if isinstance(generation, ChatGeneration):
        return _of_message(generation.message)
    return _of_metadata(generation.generation_info or {}, "usage")


def _of_message(message: Any) -> dict[str, Any] | None:
    if not isinstance(message, AIMessage):
        return None
    usage: Mapping[str, Any] = message.usage_metadata or {}
    if usage.get("total_cost") == 0:  # LangChain's mark for answers from its cache
        return None
    return _of_metadata(message.response_metadata, "token_usage")


def _of_metadata(metadata: Mapping[str, Any], usage: str) -> dict[str, Any] | None:
    """Read the plain values of a call; return `None` for another provider's."""
    if metadata.get("model_provider") != PROVIDER or "model_name" not in metadata:
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
