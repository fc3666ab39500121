"""Report the cost of embeddings and rankings as LangChain's custom events.

LangChain has no callback for embeddings and rerankers. A custom event reaches the handlers of the
run that the call belongs to (`on_custom_event`, `astream_events`). Outside a run there are no
events; then this module calls the handlers that count costs.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from langchain_core.callbacks import (
    Callbacks,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, get_callback_manager_for_config

from langchain_workersai._model.costs import WorkersAICostCallbackHandler
from workersai import EmbeddingResult, RerankResult
from workersai.integration import usage_facts

Name: TypeAlias = Literal["workersai_embeddings", "workersai_rerank"]


def report_usage(
    name: Name, result: EmbeddingResult | RerankResult, callbacks: Callbacks | None = None
) -> None:
    """Report the cost of a call to the handlers of the run.

    Args:
        name: The event's name.
        result: The result of the call.
        callbacks: The callbacks that LangChain passed; `None` uses those of the run in the context.
    """
    facts = usage_facts(result)
    if (config := run_of(callbacks)) is not None:
        dispatch_custom_event(name, facts, config=config)
    else:
        _count(name, facts, callbacks)


async def areport_usage(
    name: Name, result: EmbeddingResult | RerankResult, callbacks: Callbacks | None = None
) -> None:
    """As `report_usage`, asynchronously."""
    facts = usage_facts(result)
    if (config := run_of(callbacks)) is not None:
        await adispatch_custom_event(name, facts, config=config)
    else:
        _count(name, facts, callbacks)


def run_of(callbacks: Callbacks | None) -> RunnableConfig | None:
    """Find the run that a call belongs to, by callbacks or context; `None` outside a run."""
    config = _config(callbacks)
    return None if get_callback_manager_for_config(config).parent_run_id is None else config


def _config(callbacks: Callbacks | None) -> RunnableConfig:
    return ensure_config(None if callbacks is None else {"callbacks": callbacks})


def _count(name: Name, facts: dict[str, Any], callbacks: Callbacks | None) -> None:
    for handler in get_callback_manager_for_config(_config(callbacks)).handlers:
        if isinstance(handler, WorkersAICostCallbackHandler):
            handler.on_custom_event(name, facts)
