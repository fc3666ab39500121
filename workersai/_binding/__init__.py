"""The engines for the inside of a Worker, where Workers AI is a JavaScript object, `env.AI`.

A request goes into `env.AI.run(model, inputs, options)`, which is asked for the whole `Response`:
so status, headers and bytes come out, and the readers of answers and streams see no difference to
HTTP. `call` writes the arguments, `js` is what is used of JavaScript, `errors` reads what it
throws.
"""

from __future__ import annotations

from workersai._binding.engine import AsyncBindingEngine, SyncBindingEngine

__all__ = ["AsyncBindingEngine", "SyncBindingEngine"]
