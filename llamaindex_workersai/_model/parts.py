"""Lists of texts that LlamaIndex embeds in parts: positions in the whole list, and concurrency.

LlamaIndex cuts a list into batches, and leaves out texts that its cache or a pipeline does not
need, before it asks for vectors. So the method that sends a part does not see the whole list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from workersai import ContextWindowExceededError, EmbeddingStream

__all__ = [
    "embedding_whole",
    "naming_places",
    "requests_at_once",
    "run_ahead",
    "running_ahead",
    "sending_options",
    "sending_with",
]

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class _Whole:
    texts: Sequence[str]
    at_once: int | None


_whole: ContextVar[_Whole | None] = ContextVar("workersai_whole", default=None)


@contextmanager
def embedding_whole(texts: Sequence[str], at_once: int | None = None) -> Iterator[None]:
    """Inside this block, errors name positions in *texts*, unless an outer block has a longer list.

    Args:
        texts: The caller's list.
        at_once: How many requests each part may run at once; `None` for no limit of its own.
    """
    outer = _whole.get()
    token = _whole.set(_Whole(texts if outer is None else outer.texts, at_once))
    try:
        yield
    finally:
        _whole.reset(token)


def requests_at_once(most: int) -> int:
    """Return how many requests a part may run at once; *most* if it is the whole list."""
    whole = _whole.get()
    return most if whole is None or whole.at_once is None else whole.at_once


_sending: ContextVar[Mapping[str, Any]] = ContextVar("workersai_sending", default=_NO_OPTIONS)


@contextmanager
def sending_with(options: Mapping[str, Any]) -> Iterator[None]:
    """Inside this block, requests are sent with *options*, which `sending_options` returns."""
    token = _sending.set(options)
    try:
        yield
    finally:
        _sending.reset(token)


def sending_options() -> Mapping[str, Any]:
    """Return the options of the running call, by their names in `RequestOptions`."""
    return _sending.get()


_Run: TypeAlias = EmbeddingStream[list[float]]
_ahead: ContextVar[tuple[object, _Run] | None] = ContextVar("workersai_ahead", default=None)


@contextmanager
def running_ahead(owner: object, run: _Run) -> Iterator[None]:
    """Inside this block, the batches of *owner* take vectors from one run over the whole list."""
    token = _ahead.set((owner, run))
    try:
        yield
    finally:
        _ahead.reset(token)


def run_ahead(owner: object) -> _Run | None:
    """Return the run from which the batches of *owner* take their vectors, if there is one."""
    found = _ahead.get()
    return found[1] if found is not None and found[0] is owner else None


@contextmanager
def naming_places(part: Sequence[str]) -> Iterator[None]:
    """Inside this block, an error about a text of the part gets its position in the whole list."""
    try:
        yield
    except ContextWindowExceededError as error:
        whole = _whole.get()
        if whole is not None and error.position is not None:
            text = part[error.position]
            if text in whole.texts:
                error.at(whole.texts.index(text))
        raise
