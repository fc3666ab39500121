"""Turn the core's retry notices into an event of LlamaIndex's instrumentation."""

from __future__ import annotations

from llama_index.core.instrumentation.events import BaseEvent
from llama_index_instrumentation import get_dispatcher

from workersai import RetryNotice
from workersai.integration import retry_facts

_dispatcher = get_dispatcher(__name__)


class WorkersAIRetryEvent(BaseEvent):
    """A retry that is about to be made; LlamaIndex has no event of its own for it.

    Attributes:
        attempt: 1 for the first retry.
        delay: Seconds until the retry.
        error: The class name of the error that caused it.
        reason: The error's text.
        status: The HTTP status; `None` if the server did not answer.
        code: Cloudflare's code, if there was one.
        request_id: Cloudflare's id of the failed attempt, if there was one.
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
    """Report a retry to the handlers."""
    _dispatcher.event(WorkersAIRetryEvent(**retry_facts(notice)))
