"""The core's retry notices -> an event of LlamaIndex's instrumentation."""

from __future__ import annotations

from llama_index.core.instrumentation.events import BaseEvent
from llama_index_instrumentation import get_dispatcher

from workersai import RetryNotice
from workersai.integration import retry_facts

_dispatcher = get_dispatcher(__name__)


class WorkersAIRetryEvent(BaseEvent):
    """A retry that is about to be made; LlamaIndex's own events have no place for it.

    Attributes:
        attempt: 1 for the first retry.
        delay: Seconds until it is made.
        error: The class of the error that is the reason.
        reason: Its text.
        status: The HTTP status; `None` if the server gave no answer.
        code: Cloudflare's code, if there was one.
        request_id: Cloudflare's id of the attempt that failed, if there was one.
    """

    attempt: int
    delay: float
    error: str
    reason: str
    status: int | None
    code: int | None
    request_id: str | None

    @classmethod
    def class_name(cls) -> str:
        """Name the class for handlers."""
        return "WorkersAIRetryEvent"


def report_retry(notice: RetryNotice) -> None:
    """Tell the handlers of a retry."""
    _dispatcher.event(WorkersAIRetryEvent(**retry_facts(notice)))
