"""Apply LlamaIndex's decorators to calls only if there is a handler for their events.

The decorators make an event for every call and every response of a stream, with the whole
conversation in it, even if no handler receives it. These events take most of the time of a short
stream.
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
"""The dispatcher to which LlamaIndex's decorators send their events."""


def instrument_chat(method: MethodT) -> MethodT:
    """Decorate a method with LlamaIndex's `llm_chat_callback`, for calls that have handlers."""
    return _instrument(method, llm_chat_callback())


def instrument_completion(method: MethodT) -> MethodT:
    """As `instrument_chat`, for `llm_completion_callback`."""
    return _instrument(method, llm_completion_callback())


def _instrument(method: MethodT, decorate: Callable[[Any], Any]) -> MethodT:
    """Choose, for each call, between a method and its decorated form."""
    plain: Any = method
    if inspect.iscoroutinefunction(method):

        async def awaiting(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await plain(self, *args, **kwargs)

        decorated = decorate(awaiting)

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await (plain if args and not is_observed(self) else decorated)(
                self, *args, **kwargs
            )

        vars(awaited)["__signature__"] = inspect.signature(decorated)
        return cast("MethodT", awaited)

    def calling(self: Any, *args: Any, **kwargs: Any) -> Any:
        return plain(self, *args, **kwargs)

    decorated = decorate(calling)

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (plain if args and not is_observed(self) else decorated)(self, *args, **kwargs)

    vars(called)["__signature__"] = inspect.signature(decorated)
    return cast("MethodT", called)


def is_observed(llm: Any) -> bool:
    """Return whether LlamaIndex's decorators have anything to do for a call.

    They call the handlers of the LLM's callback manager, of the dispatcher and of the dispatchers
    above it, and wait for the rate limiter.
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
