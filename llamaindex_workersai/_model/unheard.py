"""Calls that no handler hears: nothing is told of them.

LlamaIndex's own decorators make an event for every call and every response of a stream, with the
whole conversation in it, whether or not a handler is there: most of what a short stream costs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler

MethodT = TypeVar("MethodT", bound=Callable[..., Any])

_dispatcher = get_dispatcher(llm_chat_callback.__module__)
"""The one that LlamaIndex's decorators send their events to."""


def tells_of_chat(method: MethodT) -> MethodT:
    """Decorate a method as LlamaIndex's `llm_chat_callback` does; it has no effect unheard."""
    return _where_heard(method, llm_chat_callback())


def tells_of_completion(method: MethodT) -> MethodT:
    """As `tells_of_chat`, for `llm_completion_callback`."""
    return _where_heard(method, llm_completion_callback())


def _where_heard(method: MethodT, decorate: Callable[[Any], Any]) -> MethodT:
    """Choose, for each call, between a method and the one that tells handlers of it."""
    plain: Any = method
    if inspect.iscoroutinefunction(method):

        async def awaiting(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await plain(self, *args, **kwargs)

        aheard = decorate(awaiting)

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await (plain if args and not is_heard(self) else aheard)(self, *args, **kwargs)

        vars(awaited)["__signature__"] = inspect.signature(aheard)
        return cast("MethodT", awaited)

    def calling(self: Any, *args: Any, **kwargs: Any) -> Any:
        return plain(self, *args, **kwargs)

    heard = decorate(calling)

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (plain if args and not is_heard(self) else heard)(self, *args, **kwargs)

    vars(called)["__signature__"] = inspect.signature(heard)
    return cast("MethodT", called)


def is_heard(llm: Any) -> bool:
    """Say whether LlamaIndex's decorators have anything to do for a call.

    They tell the handlers of the LLM's callback manager and those of the dispatcher and of the
    dispatchers above it, and wait for the rate limiter.
    """
    manager = llm.callback_manager
    if llm.rate_limiter is not None or not isinstance(manager, CallbackManager):
        return True
    if manager.handlers:
        return True
    dispatcher = _dispatcher
    while all(type(handler) is NullEventHandler for handler in dispatcher.event_handlers):
        if not dispatcher.propagate:
            return False
        dispatcher = dispatcher.parent
    return True
