"""Streams that no callback hears: they need not be kept.

LangChain's own `stream` keeps every chunk until the end, because it tells the callbacks of the
whole answer. Where there is no callback, `ChatWorkersAI` hands the chunks on and keeps none: a
stream then needs the same memory however long it is. What is yielded is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, ensure_config

_PREFIX = "lc_run-"
"""What LangChain puts before the id of a run, to name its messages."""

_READ_BY_LANGCHAIN = frozenset({
    "ls_structured_output_format",
    "stream",
    "structured_output_format",
})  # fmt: skip
"""Options of a call that LangChain's own loop reads."""


def is_plain(model: BaseChatModel, options: Mapping[str, Any]) -> bool:
    """Say whether LangChain's loop would do nothing to the chunks of a stream.

    Args:
        model: The model.
        options: Those of the call.
    """
    return (
        model.rate_limiter is None
        and not model.disable_streaming
        and getattr(model, "streaming", None) is not False
        and model.output_version in (None, "v0")
        and _READ_BY_LANGCHAIN.isdisjoint(options)
    )


def is_text(messages: Sequence[BaseMessage]) -> bool:
    """Say whether messages hold text alone: LangChain writes content blocks in another form."""
    return all(message.content.__class__ is str for message in messages)


def unheard_run(
    model: BaseChatModel, config: RunnableConfig | None, messages: list[BaseMessage]
) -> str | None:
    """Begin a run; return the id of its messages, `None` if there is a callback to tell.

    Callbacks are found as LangChain finds them: those of the call, of the model, of the runs
    around it, tracers and global handlers.
    """
    config = ensure_config(config)
    manager = CallbackManager.configure(config.get("callbacks"), model.callbacks, model.verbose)
    if manager.handlers:
        return None
    (run,) = manager.on_chat_model_start({}, [messages], run_id=config.get("run_id"))
    return f"{_PREFIX}-{run.run_id}"


async def unheard_run_async(
    model: BaseChatModel, config: RunnableConfig | None, messages: list[BaseMessage]
) -> str | None:
    """As `unheard_run`, asynchronously."""
    config = ensure_config(config)
    manager = AsyncCallbackManager.configure(
        config.get("callbacks"), model.callbacks, model.verbose
    )
    if manager.handlers:
        return None
    (run,) = await manager.on_chat_model_start({}, [messages], run_id=config.get("run_id"))
    return f"{_PREFIX}-{run.run_id}"
