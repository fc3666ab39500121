"""Many inputs of one `batch`: a failure stays in its place, and no input runs for nothing.

LangChain's `BaseLLM.batch` asks for all inputs in one call, in which one failure takes the answers
of the others with it. `Runnable.abatch`, which chat models have, goes on asking after a failure
whose exception has been raised already.
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
"""How many inputs LangChain runs at once where nobody says: Python's default for threads."""

_Pair: TypeAlias = tuple[Any, RunnableConfig]


def invoke_each(
    model: Runnable[Any, Any], inputs: Sequence[Any], config: Config, limit: int, /, **options: Any
) -> list[Any]:
    """Call `invoke` for every input, in threads.

    Args:
        model: The model.
        inputs: What to invoke it with.
        config: One for all inputs, or one for each; the first one's `max_concurrency` counts.
        limit: How many inputs run at once if the config does not say.
        **options: Those of `Runnable.batch`.

    Returns:
        The results, in order; with `return_exceptions` an input that failed has its exception
        there. Without, the first failure is raised, and no further input is begun.
    """

    def invoke(pair: _Pair) -> Any:
        (found,) = Runnable.batch(model, [pair[0]], [pair[1]], **options)
        return found

    pairs = _pair(inputs, config)
    return call_each(invoke, pairs, limit=_limit(pairs, limit))


async def ainvoke_each(
    model: Runnable[Any, Any], inputs: Sequence[Any], config: Config, limit: int, /, **options: Any
) -> list[Any]:
    """As `invoke_each`, awaited; after a failure, what runs is cancelled."""

    async def invoke(pair: _Pair) -> Any:
        (found,) = await Runnable.abatch(model, [pair[0]], [pair[1]], **options)
        return found

    pairs = _pair(inputs, config)
    return await call_each_async(invoke, pairs, limit=_limit(pairs, limit))


def _pair(inputs: Sequence[Any], config: Config) -> list[_Pair]:
    return list(zip(inputs, get_config_list(config, len(inputs)), strict=True))


def _limit(pairs: Sequence[_Pair], default: int) -> int:
    given: Any = pairs[0][1].get("max_concurrency") if pairs else None
    if given is None:
        return default
    if not isinstance(given, int) or given < 1:
        raise ConfigurationError(
            f"max_concurrency={given!r} must be 1 or more", parameter="max_concurrency"
        )
    return given
