"""The JavaScript that an engine uses, through Pyodide's modules `js` and `pyodide.ffi`.

Values are passed as JSON text. A dict would arrive as a `Map` or as a proxy that must be destroyed,
`None` as `undefined`, and an integer above 2**53 - 1 as a `BigInt`, which `JSON.stringify` rejects.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

from workersai.errors import ConfigurationError

__all__ = ["JavaScript"]

_SAFE = 2**53 - 1
_LONG = re.compile(r"\d{16}")


class JavaScript:
    """JavaScript, through Pyodide.

    Raises:
        ConfigurationError: If this Python does not run in JavaScript.
    """

    def __init__(self) -> None:
        try:
            self._js: Any = importlib.import_module("js")
            self._ffi: Any = importlib.import_module("pyodide.ffi")
        except ImportError:
            raise ConfigurationError(
                "binding works where Python runs in JavaScript (Pyodide), as in a Worker; "
                "elsewhere pass account_id and api_token",
                parameter="binding",
            ) from None
        self.thrown: type[Exception] = self._ffi.JsException
        self._null = getattr(self._ffi, "jsnull", None)

    def make(self, text: str) -> Any:
        """Make a value from JSON text and keep every integer exact.

        Raises:
            ConfigurationError: If it has an integer that this JavaScript cannot write exactly.
        """
        made = self._js.JSON.parse(text)
        if _LONG.search(text):
            for path, number in _unsafe_integers(json.loads(text)):
                self._put(made, path, number)
        return made

    def _put(self, made: Any, path: tuple[str | int, ...], number: int) -> None:
        """Replace an integer by a form that `JSON.stringify` writes exactly."""
        if not hasattr(self._js.JSON, "rawJSON"):
            raise ConfigurationError(
                f"{number} at {'.'.join(map(str, path))} is larger than 2**53 - 1, the largest "
                "integer that this JavaScript can pass on exactly: pass a smaller one"
            )
        *parents, last = map(str, path)
        for name in parents:
            made = self._js.Reflect.get(made, name)
        self._js.Reflect.set(made, last, self._js.JSON.rawJSON(str(number)))

    def to_text(self, value: Any) -> str:
        """Write a value as JSON text; Cloudflare's wrapper of bindings returns Python values."""
        if isinstance(value, dict | list | str | int | float | None):
            return json.dumps(value)
        return str(self._js.JSON.stringify(value))

    def controller(self) -> Any:
        """Create an `AbortController`."""
        return self._js.AbortController.new()

    def headers_of(self, response: Any) -> dict[str, str]:
        """Read the headers of a `Response`, by lower-case name."""
        found: dict[str, str] = self._js.Object.fromEntries(response.headers).to_py()
        return found

    def is_nothing(self, value: Any) -> bool:
        """Return whether a value is `undefined` or `null`."""
        return value is None or value is self._null

    def can_wait(self) -> bool:
        """Return whether a function that is not a coroutine can wait for a promise here."""
        can: Any = getattr(self._ffi, "can_run_sync", None)
        return can is not None and bool(can())

    def wait(self, awaitable: Any) -> Any:
        """Wait for a coroutine in a function that is not one."""
        return self._ffi.run_sync(awaitable)


def _unsafe_integers(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Find the integers that a JavaScript number cannot represent exactly."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _unsafe_integers(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unsafe_integers(inner, (*path, index))
    elif isinstance(value, int) and abs(value) > _SAFE:
        yield path, value
