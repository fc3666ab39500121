"""Ids and times of answers: random, or derived from the request."""

from __future__ import annotations

import hashlib
import itertools
import re
import time
import uuid
from contextvars import ContextVar

__all__ = ["new_call_id", "new_hex", "now", "repeat_for"]

_EPOCH = 1_700_000_000
"""The time of every answer, if answers repeat."""

_RANDOM_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class _Following:
    """Distinct ids derived from one request."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._places = itertools.count()

    def next(self) -> str:
        place = str(next(self._places)).encode("ascii")
        return hashlib.sha256(self._request + b"#" + place).hexdigest()[:32]


_following: ContextVar[_Following | None] = ContextVar("following", default=None)


def repeat_for(request: bytes) -> None:
    """Derive the ids and times of the current answer from its request.

    Random UUIDs that a client put into the request are ignored.
    """
    _following.set(_Following(_RANDOM_ID.sub(b"", request)))


def new_hex() -> str:
    """Return the next id: 32 hexadecimal characters."""
    following = _following.get()
    return uuid.uuid4().hex if following is None else following.next()


def new_call_id() -> str:
    """Return the next id of a tool call, in the form of models that vLLM serves."""
    return f"chatcmpl-tool-{new_hex()}"


def now() -> int:
    """Return the time in seconds since 1970."""
    return int(time.time()) if _following.get() is None else _EPOCH
