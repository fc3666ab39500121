"""A double of Pyodide on CPython: what a Worker's Python sees of JavaScript, as far as it is used.

It behaves as Pyodide 314 was seen to in Node (`make test-workers` runs the same engine there):
objects are proxies with attributes and neither keys nor `get`; what is missing is no attribute;
`null` is `jsnull`, and `undefined` is `None`; numbers are doubles; bytes are typed arrays; a
promise is a future that goes on without those who wait for it. A Python object that is handed to a
function of JavaScript would become a proxy there that somebody has to destroy: the double refuses
it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any

import pytest

SAFE = 2**53 - 1


class JsException(Exception):  # noqa: N818 - Pyodide's name
    """An error of JavaScript."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class JsNull:
    """The type of `null`."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "jsnull"


NULL = JsNull()
UNDEFINED = None


class RawJSON:
    """What `JSON.rawJSON` makes."""

    def __init__(self, text: str) -> None:
        self.text = text


class Host:
    """An object of the runtime: what does not begin with an underscore shows."""


async def _nothing() -> None:
    pass


class Uint8Array(Host):
    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        return self._data


class JsProxy:
    """A JavaScript object, as Python sees it."""

    def __init__(self, target: Any) -> None:
        object.__setattr__(self, "_target", target)

    def __getattr__(self, name: str) -> Any:
        target = self._target
        if isinstance(target, dict) and name in target:
            return to_python(target[name])
        if isinstance(target, Host) and not name.startswith("_") and hasattr(target, name):
            return to_python(getattr(target, name))
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        assert isinstance(self._target, dict), "a host object"
        self._target[name] = to_js(value)

    def to_py(self) -> Any:
        """Copy deeply, as Pyodide does; `null` stays `jsnull`."""
        return _deep(self._target)


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _deep(inner) for name, inner in value.items()}
    return [_deep(inner) for inner in value] if isinstance(value, list) else value


def to_python(value: Any) -> Any:
    """Convert a JavaScript value for Python."""
    if isinstance(value, (dict, list, Host, RawJSON)):
        return JsProxy(value)
    if callable(value) and not isinstance(value, JsProxy):
        return _Function(value)
    return value


def to_js(value: Any) -> Any:
    """Convert a Python value for JavaScript."""
    if isinstance(value, JsProxy):
        return value._target
    if value is None or isinstance(value, (str, bool, float, JsNull)):
        return value
    if isinstance(value, int):
        assert abs(value) <= SAFE, "it would be a BigInt, which JSON.stringify refuses"
        return value
    raise AssertionError(f"a {type(value).__name__} would be a proxy that nobody destroys")


class _Function:
    """A function of JavaScript."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        result = self._function(*map(to_js, args))
        return promise(result) if isinstance(result, Coroutine) else to_python(result)


def promise(work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
    """Start a coroutine that runs even if no caller awaits the promise."""

    async def settle() -> Any:
        return to_python(await work)

    return asyncio.shield(asyncio.ensure_future(settle()))


def number(text: str) -> int | float:
    """Return an integer with the precision of a double."""
    return int(text) if abs(int(text)) <= SAFE else float(text)


def parse(text: str) -> Any:
    return _nulls(json.loads(text, parse_int=number))


def _nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _nulls(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_nulls(inner) for inner in value]
    return NULL if value is None else value


def stringify(value: Any) -> str:
    """Write JSON as JavaScript does; leave out an object's undefined values."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if inner is not UNDEFINED}
        pairs = ",".join(f"{json.dumps(name)}:{stringify(inner)}" for name, inner in kept.items())
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return f"[{','.join(map(stringify, value))}]"
    if isinstance(value, RawJSON):
        return value.text
    if isinstance(value, Host):
        return "{}"
    return "null" if value is NULL or value is UNDEFINED else json.dumps(value)


class JSON(Host):
    def __init__(self, *, has_raw: bool = True) -> None:
        self.parse, self.stringify = parse, stringify
        if has_raw:
            self.rawJSON = RawJSON


class ReflectObject(Host):
    def get(self, target: Any, name: str) -> Any:
        return target[int(name)] if isinstance(target, list) else target.get(name)

    def set(self, target: Any, name: str, value: Any) -> bool:
        target[int(name) if isinstance(target, list) else name] = value
        return True


class ObjectConstructor(Host):
    def fromEntries(self, headers: Headers) -> dict[str, str]:  # noqa: N802
        return dict(headers.items)


class Headers(Host):
    def __init__(self, items: dict[str, str]) -> None:
        self.items = {name.lower(): value for name, value in items.items()}


class AbortSignal(Host):
    def __init__(self) -> None:
        self.aborted = False
        self._listeners: list[Callable[[], None]] = []


class AbortController(Host):
    made: list[AbortController] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.signal = AbortSignal()
        AbortController.made.append(self)

    @staticmethod
    def new() -> AbortController:
        return AbortController()

    def abort(self) -> None:
        self.signal.aborted = True
        for listener in self.signal._listeners:
            listener()


class AbortControllerConstructor(Host):
    new = staticmethod(AbortController.new)


class Reader(Host):
    """Reads a stream of bytes."""

    def __init__(self, stream: ReadableStream) -> None:
        self._stream = stream

    async def read(self) -> dict[str, Any]:
        stream = self._stream
        if stream._is_cancelled:
            return {"done": True, "value": UNDEFINED}
        await asyncio.sleep(0)
        chunk = next(stream._chunks, None)
        if isinstance(chunk, Exception):
            raise chunk
        if chunk is ...:
            await stream._aborted.wait()
            raise JsException("AbortError", "The operation was aborted")
        if chunk is None:
            return {"done": True, "value": UNDEFINED}
        return {"done": False, "value": Uint8Array(chunk)}

    def cancel(self) -> Coroutine[Any, Any, None]:
        self._stream._is_cancelled = True
        return _nothing()

    def releaseLock(self) -> None:  # noqa: N802
        self._stream._is_locked = False


class ReadableStream(Host):
    """A stream of chunks: bytes, an exception to throw, or `...` for bytes that never come."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._is_locked = False
        self._is_cancelled = False
        self._aborted = asyncio.Event()

    def getReader(self) -> Reader:  # noqa: N802
        if self._is_locked:
            raise JsException("TypeError", "ReadableStream is locked")
        self._is_locked = True
        return Reader(self)


class Response(Host):
    def __init__(self, status: int, headers: dict[str, str], chunks: list[Any]) -> None:
        self.status = status
        self.ok = 200 <= status < 300
        self.headers = Headers(headers)
        self.body: Any = ReadableStream(iter(chunks)) if chunks else NULL

    async def arrayBuffer(self) -> Any:  # noqa: N802
        raise AssertionError("the body is read as a stream")


class Suspending:
    """The double of `run_sync`: an event loop that runs on while a function waits."""

    def __init__(self) -> None:
        self.can = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def can_run_sync(self) -> bool:
        return self.can

    def run_sync(self, awaitable: Any) -> Any:
        async def wait() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def install(
    monkeypatch: pytest.MonkeyPatch, suspending: Suspending, *, has_raw: bool = True
) -> None:
    """Let `import js` and `import pyodide.ffi` find the double."""
    js: Any = ModuleType("js")
    js.JSON, js.Reflect = JsProxy(JSON(has_raw=has_raw)), JsProxy(ReflectObject())
    js.Object = JsProxy(ObjectConstructor())
    js.AbortController = JsProxy(AbortControllerConstructor())
    ffi: Any = ModuleType("pyodide.ffi")
    ffi.JsException, ffi.jsnull = JsException, NULL
    ffi.can_run_sync, ffi.run_sync = suspending.can_run_sync, suspending.run_sync
    pyodide: Any = ModuleType("pyodide")
    pyodide.ffi = ffi
    for name, module in (("js", js), ("pyodide", pyodide), ("pyodide.ffi", ffi)):
        monkeypatch.setitem(sys.modules, name, module)


def cut(body: bytes, size: int = 7) -> list[bytes]:
    """Cut a body into pieces that ignore the bounds of events and characters."""
    return [body[start : start + size] for start in range(0, len(body), size)]
