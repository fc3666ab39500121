"""Run the inputs of one `batch`: a failure stays at its position and no request is wasted.

LangChain's `BaseLLM.batch` sends all inputs in one call, where one failure loses all other answers.
`Runnable.abatch`, which chat models use, goes on sending after a failure that was already raised.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_config_list

from langchain_workersai._errors import ConfigurationError
from workersai.integration import call_each, call_each_async

Config: TypeAlias = RunnableConfig | Sequence[RunnableConfig] | None

THREADS = min(32, (os.cpu_count() or 1) + 4)
"""The number of inputs that LangChain runs at once by default: Python's default for threads."""

_Pair: TypeAlias = tuple[Any, RunnableConfig]


def invoke_each(
    model: Runnable[Any, Any], inputs: Sequence[Any], config: Config, limit: int, /, **options: Any
) -> list[Any]:
    """Call `invoke` for every input, in threads.

    Args:
        model: The model.
        inputs: The inputs, one for each call.
        config: One for all inputs, or one for each; the first one's `max_concurrency` is used.
        limit: How many inputs run at once if the config does not set it.
        **options: The options of `Runnable.batch`.

    Returns:
        The results, in order. With `return_exceptions`, a failed input has its exception in this
        place. Without it, the first failure is raised, and no further input is started.
    """

    def invoke(pair: _Pair) -> Any:
        (found,) = Runnable.batch(model, [pair[0]], [pair[1]], **options)
        return found

    pairs = _pair(inputs, config)
    return call_each(invoke, pairs, limit=_limit(pairs, limit))


async def ainvoke_each(
    model: Runnable[Any, Any], inputs: Sequence[Any], config: Config, limit: int, /, **options: Any
) -> list[Any]:
    """As `invoke_each`, asynchronously; after a failure, running calls are cancelled."""

    async def invoke(pair: _Pair) -> Any:
        (found,) = await Runnable.abatch(model, [pair[0]], [pair[1]], **options)
        return found

    pairs = _pair(inputs, config)
    return await call_each_async(invoke, pairs, limit=_limit(pairs, limit))


def _pair(inputs: Sequence[Any], config: Config) -> list[_Pair]:
    return list(zip(inputs, get_config_list(config, len(inputs)), strict=True))


def _limit(pairs: Sequence[_Pair], default: int) -> int:
    most: Any = pairs[0][1].get("max_concurrency") if pairs else None
    if most is None:
        return default
    if not isinstance(most, int) or most < 1:
        raise ConfigurationError(
            f"max_concurrency={most!r} must be 1 or more", parameter="max_concurrency"
        )
    return most
