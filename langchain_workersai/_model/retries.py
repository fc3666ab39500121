"""The core's retry notices -> LangChain's `on_retry` callbacks.

LangChain's handlers read a tenacity `RetryCallState`, whatever did the retrying.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from tenacity import RetryAction, RetryCallState, Retrying

from workersai import RetryNotice

OnRetry: TypeAlias = Callable[[RetryNotice], None]
"""What the core calls before it waits for another attempt."""

_announcing: set[asyncio.Task[None]] = set()


def retry_listener(run_manager: CallbackManagerForLLMRun | None) -> OnRetry | None:
    """Make a listener that tells a run's handlers of each retry."""
    if run_manager is None or not run_manager.handlers:
        return None
    return lambda notice: run_manager.on_retry(retry_state(notice))


def async_retry_listener(run_manager: AsyncCallbackManagerForLLMRun | None) -> OnRetry | None:
    """Make a listener for async handlers; they run while the core waits."""
    if run_manager is None or not run_manager.handlers:
        return None

    def announce(notice: RetryNotice) -> None:
        task = asyncio.ensure_future(run_manager.on_retry(retry_state(notice)))
        _announcing.add(task)
        task.add_done_callback(_announcing.discard)

    return announce


def retry_state(notice: RetryNotice) -> RetryCallState:
    """Write a notice as the state of a tenacity loop that is about to sleep."""
    state = RetryCallState(Retrying(), None, (), {})
    outcome: Future[Any] = Future()
    outcome.set_exception(notice.error)
    state.outcome = outcome  # type: ignore[assignment]  # tenacity's Future adds nothing read here
    state.attempt_number = notice.attempt
    state.idle_for = notice.delay
    state.next_action = RetryAction(notice.delay)
    return state
