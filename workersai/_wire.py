"""A request as a value, and limits on the size of answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["MAX_BODY_BYTES", "WORKED_SECONDS", "Request", "is_error_status"]

MAX_BODY_BYTES = 16 << 20
"""Bytes. The largest answer to a single request that is read."""

WORKED_SECONDS = 30.0
"""Seconds. A request that failed after this time may have been processed. Cloudflare, its gateway
and proxies give up on a generation after 60 s or more (observed); other failures come sooner."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below `/accounts/{account_id}/ai`, and what is needed to read its answer.

    Attributes:
        path: Begins with a slash.
        content: The JSON body; empty for GET.
        params: The query.
        model: The requested model, if there is one.
        stream: Whether the request asks for a stream.
        tools: The names of the offered tools: the name in the request -> the caller's name.
        count: The number of texts or documents in the request.
        dimensions: The requested length of the vectors, if the request sets it.
        max_answer: Bytes. A larger answer is rejected.
        is_repeatable: Whether the client may send the request again after the server may have
            processed it. False for generations and batches, which may have been paid for by then.
        begins_late: Whether the first byte of the answer comes after the last token was
            generated, as in a generation that is not streamed.
        has_cap: Whether the caller set a token cap, or the answer cannot have one.
        is_chat: Whether the streamed answer is a chat; the events of other streams are not read.
    """

    path: str
    content: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    stream: bool = False
    tools: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    dimensions: int | None = None
    max_answer: int = MAX_BODY_BYTES
    is_repeatable: bool = True
    begins_late: bool = False
    has_cap: bool = True
    is_chat: bool = True

    @property
    def method(self) -> str:
        """Return `POST` if there is a body, else `GET`."""
        return "POST" if self.content else "GET"

    def call_seed(self) -> str:
        """Return the seed from which missing tool-call ids are made.

        It depends on the request alone, so that a recorded conversation replays identically, and on
        the whole request, so that no two turns of a conversation share an id.
        """
        return hashlib.sha256(self.content).hexdigest()[:16]


def is_error_status(status: int) -> bool:
    """Return whether a status is an error. Redirects are errors: the client follows none."""
    return not 200 <= status < 300
