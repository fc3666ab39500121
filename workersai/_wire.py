"""One HTTP request as a value, and the limits on what is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["MAX_BODY_BYTES", "WORKED_SECONDS", "Request", "is_error_status"]

MAX_BODY_BYTES = 16 << 20
"""The largest answer to a single request that is read."""

WORKED_SECONDS = 30.0
"""A request that failed after so long had been worked on. Cloudflare, its gateway and proxies were
seen to give up on a generation after 60 s and more; who fails for another reason answers sooner."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below `/accounts/{account_id}/ai`, and what is needed to read its answer.

    Attributes:
        path: Begins with a slash.
        content: The JSON body; empty for GET.
        params: The query.
        model: The model it asks, if any.
        stream: Whether a stream is asked for.
        tools: The tools it offers: the names they have on the wire -> their own.
        count: How many texts or documents it holds.
        dimensions: The length of the vectors it asks for, if it does.
        max_answer: The largest answer that is read, in bytes.
        is_repeatable: Whether it may be sent again after the server may have worked on it. A
            generation and a batch may have been paid for by then.
        begins_late: Whether the first byte of its answer comes after the last token was made, as
            for a generation that is not streamed.
        has_cap: Whether its caller set a token cap, or the answer has none.
        is_chat: Whether a stream of its answer is one of a chat; else its events are not read.
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
        """`POST` when there is a body."""
        return "POST" if self.content else "GET"

    def call_seed(self) -> str:
        """Return the seed of tool-call ids that the model leaves out.

        It depends on the request alone, so that a recorded conversation replays word for word,
        and on all of it, so that the turns of one conversation never share an id.
        """
        return hashlib.sha256(self.content).hexdigest()[:16]


def is_error_status(status: int) -> bool:
    """Return whether a status is an error. A redirect counts as one: it is never followed."""
    return not 200 <= status < 300
