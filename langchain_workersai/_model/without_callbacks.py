"""Begin streams without callbacks, whose chunks are not kept in memory.

LangChain's own `stream` keeps every chunk until the end, because it passes the whole answer to the
callbacks. If there is no callback, `ChatWorkersAI` yields the same chunks and keeps none of them:
the memory of a stream then does not depend on its length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, ensure_config

_PREFIX = "lc_run-"
"""LangChain's prefix for the ids of messages; the id of the run follows it."""

_READ_BY_LANGCHAIN = frozenset({
    "ls_structured_output_format",
    "stream",
    "structured_output_format",
})  # fmt: skip
"""Options of a call that LangChain's own loop reads."""


def is_plain(model: BaseChatModel, options: Mapping[str, Any]) -> bool:
    """Return whether LangChain's loop would leave the chunks of a stream as they are.

    Args:
        model: The model.
        options: The options of the call.
    """
    return (
        model.rate_limiter is None
        and not model.disable_streaming
        and getattr(model, "streaming", None) is not False
        and model.output_version in (None, "v0")
        and _READ_BY_LANGCHAIN.isdisjoint(options)
    )


def is_text(messages: Sequence[BaseMessage]) -> bool:
    """Return whether messages contain only text: LangChain rewrites content blocks."""
    return all(message.content.__class__ is str for message in messages)


def begin_without_callbacks(
    model: BaseChatModel, config: RunnableConfig | None, messages: list[BaseMessage]
) -> str | None:
    """Begin a run; return the id of its messages, `None` if there is a callback.

    Callbacks are found as LangChain finds them: those of the call, of the model, of the runs
    around it, tracers and global handlers.
    """
    config = ensure_config(config)
    manager = CallbackManager.configure(config.get("callbacks"), model.callbacks, model.verbose)
    if manager.handlers:
        return None
    (run,) = manager.on_chat_model_start({}, [messages], run_id=config.get("run_id"))
    return f"{_PREFIX}-{run.run_id}"


async def begin_without_callbacks_async(
    model: BaseChatModel, config: RunnableConfig | None, messages: list[BaseMessage]
) -> str | None:
    """As `begin_without_callbacks`, asynchronously."""
    config = ensure_config(config)
    manager = AsyncCallbackManager.configure(
        config.get("callbacks"), model.callbacks, model.verbose
    )
    if manager.handlers:
        return None
    (run,) = await manager.on_chat_model_start({}, [messages], run_id=config.get("run_id"))
    return f"{_PREFIX}-{run.run_id}"
