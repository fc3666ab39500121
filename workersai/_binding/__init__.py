"""The engines for use inside a Worker, where Workers AI is a JavaScript object, `env.AI`.

Requests call `env.AI.run(model, inputs, options)` and ask for the whole `Response`, so that status,
headers and bytes are available and answers and streams are read as with HTTP. `call` writes the
arguments, `js` wraps the JavaScript that is used, `errors` converts exceptions.
"""

from __future__ import annotations

from workersai._binding.engine import AsyncBindingEngine, SyncBindingEngine

__all__ = ["AsyncBindingEngine", "SyncBindingEngine"]
