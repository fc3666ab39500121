"""Check the options of one call before LlamaIndex's instrumentation shows them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from llamaindex_workersai._model.instrumentation import instrument_chat, instrument_completion
from llamaindex_workersai._translate.messages import checks_messages

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def chat_method(method: MethodT) -> MethodT:
    """Decorate a chat method: arguments are checked before LlamaIndex's callbacks see them.

    The type of the method stays; LlamaIndex's decorators have none.
    """
    return checks_options(checks_messages(instrument_chat(method)))


def completion_method(method: MethodT) -> MethodT:
    """As `chat_method`, for methods that take a prompt."""
    return checks_options(instrument_completion(method))


def checks_options(method: MethodT) -> MethodT:
    """Decorate a method of an LLM: reject secrets among its options before any event."""
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
