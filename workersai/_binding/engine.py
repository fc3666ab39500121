"""The engines of a binding: they call `env.AI` and read its `Response`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from workersai._binding.answer import AsyncBindingAnswer, Exchange, SyncBindingAnswer, read_head
from workersai._binding.call import BindingCall, to_call
from workersai._binding.js import JavaScript
from workersai._clocks import Clocks
from workersai._outgoing import Outgoing
from workersai.errors import ConfigurationError, WorkersAIError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

__all__ = ["AsyncBindingEngine", "SyncBindingEngine"]


class AsyncBindingEngine:
    """Sends requests through a Worker's binding.

    Args:
        binding: `env.AI`.

    Attributes:
        js: JavaScript.
        active: The running answers.
        secrets: Empty: a binding has no credentials.

    Raises:
        ConfigurationError: If it is not a binding, or this Python does not run in JavaScript.
    """

    def __init__(self, binding: Any) -> None:
        self.js = JavaScript()
        self.secrets: list[str] = []
        self.active: set[AsyncBindingAnswer] = set()
        self._binding = binding
        if not callable(getattr(binding, "run", None)):
            raise ConfigurationError(
                f"binding must be a Worker's AI binding, such as env.AI, and not a "
                f"{type(binding).__name__}, which has no run",
                parameter="binding",
            )

    async def open(self, outgoing: Outgoing, clocks: Clocks) -> AsyncBindingAnswer:
        """As `workersai._engine.SyncEngine.open`; a call that is cancelled is aborted."""
        call = to_call(outgoing)
        exchange = Exchange(self.js, call, clocks, outgoing.secrets, self.js.controller())
        failure: WorkersAIError | None = None
        is_answered = False
        try:
            async with time_limit(clocks.wait()):
                found = await self._ask(call, exchange.controller)
            is_answered = True
        except (asyncio.TimeoutError, TimeoutError):  # two classes before 3.11
            failure = clocks.expired()
        except self.js.thrown as error:
            failure = exchange.failure(error)
        finally:
            if not is_answered:
                exchange.controller.abort()
        if failure is not None:
            raise failure
        return AsyncBindingAnswer(read_head(self.js, found, call), exchange, self.active)

    async def _ask(self, call: BindingCall, controller: Any) -> Any:
        if call.model is None:
            return await self._binding.models(self.js.make(call.inputs))
        options = self.js.make(json.dumps(call.options))
        options.signal = controller.signal
        return await self._binding.run(call.model, self.js.make(call.inputs), options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Cancel running answers; no connection is kept."""
        for answer in list(self.active):
            await answer.cancel()


class SyncBindingEngine:
    """As `AsyncBindingEngine`, for functions that are not coroutines.

    It works where Python can be suspended (`pyodide.ffi.can_run_sync`).
    """

    def __init__(self, binding: Any) -> None:
        self._engine = AsyncBindingEngine(binding)
        self.secrets = self._engine.secrets

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncBindingAnswer:
        """As `workersai._engine.SyncEngine.open`.

        Raises:
            ConfigurationError: If this Python cannot be suspended here.
        """
        self._check()
        js = self._engine.js
        return SyncBindingAnswer(js.wait(self._engine.open(outgoing, clocks)), js)

    def sleep(self, seconds: float) -> None:
        """Wait and let JavaScript run, because a Worker's clock does not advance otherwise."""
        self._check()
        self._engine.js.wait(asyncio.sleep(seconds))

    def _check(self) -> None:
        if not self._engine.js.can_wait():
            raise ConfigurationError(
                "a binding's answers must be awaited, and Python cannot be suspended here: "
                "await the async method instead, such as AsyncClient.chat, ainvoke or achat",
                parameter="binding",
            )

    def close(self) -> None:
        """As `AsyncBindingEngine.aclose`; awaits nothing where Python cannot be suspended."""
        if self._engine.js.can_wait():
            self._engine.js.wait(self._engine.aclose())
            return
        for answer in list(self._engine.active):
            answer.break_off()
