"""Warn once for each model when an answer ended at a token cap that the caller did not set."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from workersai._response.chat import parse_chat
from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.events import ChatEvent, ChatFinish
from workersai.results import ChatResult

__all__ = ["parse_whole_chat", "watch_events"]

_log = logging.getLogger("workersai")
_warned: set[str | None] = set()


def parse_whole_chat(reply: Reply, request: Request) -> ChatResult:
    """Read a whole answer; warn if it was cut at a cap that the caller did not set.

    Raises:
        WorkersAIError: As `parse_chat`.
    """
    result = parse_chat(reply, request)
    _watch(request, (choice.finish_reason for choice in result.choices))
    return result


def watch_events(events: Sequence[ChatEvent], request: Request) -> None:
    """Warn if a stream's last events show that it was cut at a cap the caller did not set."""
    _watch(request, (event.finish_reason for event in events if isinstance(event, ChatFinish)))


def _watch(request: Request, reasons: Iterable[str | None]) -> None:
    if request.has_cap or request.model in _warned or "length" not in reasons:
        return
    _warned.add(request.model)
    _log.warning(
        "An answer of %s ended at a token cap that no setting asked for: its end is missing. Pass "
        "max_tokens to choose the cap. This warning is logged once for each model.",
        request.model,
    )
