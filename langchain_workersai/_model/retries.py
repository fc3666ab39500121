"""Pass the core's retry notices to LangChain's callbacks.

Most calls of a model have a run, whose handlers have `on_retry`; it expects a tenacity
`RetryCallState`, even if tenacity is not used. LangChain passes no run to the streams of a chat
model, to embeddings, rerankers and batches. Their retries go to the handlers of the run around the
call, as the custom event `workersai_retry`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeAlias

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
    adispatch_custom_event,
    dispatch_custom_event,
)
from tenacity import RetryAction, RetryCallState, Retrying

from langchain_workersai._model.usage import run_of
from workersai import RetryNotice
from workersai.integration import retry_facts

OnRetry: TypeAlias = Callable[[RetryNotice], None]
"""The callback that the core calls before it waits for another attempt."""

_EVENT = "workersai_retry"
_announcing: set[asyncio.Task[None]] = set()


def retry_listener(run_manager: CallbackManagerForLLMRun | None) -> OnRetry | None:
    """Make a listener that reports each retry to a run's handlers."""
    if run_manager is None:
        return retry_reporter()
    if not run_manager.handlers:
        return None
    return lambda notice: run_manager.on_retry(retry_state(notice))


def async_retry_listener(run_manager: AsyncCallbackManagerForLLMRun | None) -> OnRetry | None:
    """Make a listener for async handlers; they run while the core waits."""
    if run_manager is None:
        return async_retry_reporter()
    if not run_manager.handlers:
        return None
    return lambda notice: _announce(run_manager.on_retry(retry_state(notice)))


def retry_reporter(callbacks: Callbacks | None = None) -> OnRetry | None:
    """Make a listener for an operation without its own run.

    Args:
        callbacks: The callbacks that LangChain passed; `None` uses those of the run in the context.
    """
    if (config := run_of(callbacks)) is None:
        return None
    return lambda notice: dispatch_custom_event(_EVENT, retry_facts(notice), config=config)


def async_retry_reporter(callbacks: Callbacks | None = None) -> OnRetry | None:
    """As `retry_reporter`, for async handlers."""
    if (config := run_of(callbacks)) is None:
        return None
    return lambda notice: _announce(
        adispatch_custom_event(_EVENT, retry_facts(notice), config=config)
    )


def _announce(event: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(event)
    _announcing.add(task)
    task.add_done_callback(_announcing.discard)


def retry_state(notice: RetryNotice) -> RetryCallState:
    """Convert a notice to the state of a tenacity loop that is about to sleep."""
    state = RetryCallState(Retrying(), None, (), {})
    outcome: Future[Any] = Future()
    outcome.set_exception(notice.error)
    state.outcome = outcome  # type: ignore[assignment]  # tenacity's Future adds unused members
    state.attempt_number = notice.attempt
    state.idle_for = notice.delay
    state.next_action = RetryAction(notice.delay)
    return state
