"""Retry notices as plain values, for a framework's events."""

from __future__ import annotations

from typing import Any

from workersai.errors import APIStatusError
from workersai.events import RetryNotice

__all__ = ["retry_facts"]


def retry_facts(notice: RetryNotice) -> dict[str, Any]:
    """Return the number of the retry, its delay and its reason.

    `status`, `code` and `request_id` are `None` if the server did not answer.
    """
    error = notice.error
    answer = error if isinstance(error, APIStatusError) else None
    return {
        "attempt": notice.attempt,
        "delay": notice.delay,
        "error": type(error).__name__,
        "reason": error.reason,
        "status": answer and answer.status_code,
        "code": answer and answer.code,
        "request_id": answer and answer.request_id,
    }
