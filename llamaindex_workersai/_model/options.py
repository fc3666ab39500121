"""Options of one call, before LlamaIndex's instrumentation shows them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def checks_options(method: MethodT) -> MethodT:
    """Decorate a method of an LLM: a secret among its options is refused before any event."""
    call: Any = method
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            self._check_public(kwargs)
            return await call(self, *args, **kwargs)

        return cast("MethodT", awaited)

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_public(kwargs)
        return call(self, *args, **kwargs)

    return cast("MethodT", called)
