"""Mask secrets of existing clients in the logs of HTTP libraries.

httpx logs the URL of each request, which contains the account. httpcore logs the server's answers,
which may repeat the request. aiohttp and asyncio log failures that no code awaited. A filter sees
the records of its own logger only, so each of these loggers has one. The root logger has none, and
records of other loggers are not changed.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from workersai._secrets import Secrets, live_secrets, redact

__all__ = ["mask_logs"]

_OF_TRANSPORTS = ("", ".connection", ".http11", ".http2", ".proxy", ".socks")
_OF_EVENT_LOOPS = ("aiohttp.client", "aiohttp.internal", "asyncio")
_MALFORMED = (TypeError, ValueError, LookupError, AttributeError)
"""Raised by a record whose arguments do not fit its text; its handler reports that."""


def mask_logs(library: str) -> None:
    """Mask secrets in the records of an HTTP library, for all handlers.

    Args:
        library: `httpx` or `httpx2`.
    """
    transport = library.replace("httpx", "httpcore")
    names = (library, *(transport + below for below in _OF_TRANSPORTS), *_OF_EVENT_LOOPS)
    for name in names:
        logging.getLogger(name).addFilter(_mask)  # adding it again has no effect


class _Mask(logging.Filter):
    """Passes every record, and changes those that contain a secret of an existing client."""

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = live_secrets()
        if any(redact(text, secrets) != text for text in _texts_of(record)):
            _mask_message(record, secrets)
            _mask_traces(record, secrets)
        return True


_mask = _Mask()


def _texts_of(record: logging.LogRecord) -> Iterator[str]:
    yield _message_of(record)
    yield record.exc_text or ""
    yield record.stack_info or ""
    yield _trace_of(record)


def _trace_of(record: logging.LogRecord) -> str:
    if not isinstance(record.exc_info, tuple):
        return ""
    return "".join(traceback.format_exception(*record.exc_info))


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except _MALFORMED:
        return f"{record.msg} {record.args}"


def _mask_message(record: logging.LogRecord, secrets: Secrets) -> None:
    """Mask text and arguments one by one, because handlers group records by their text."""
    record.msg = redact(str(record.msg), secrets)
    if isinstance(record.args, Mapping):
        record.args = {name: _mask_argument(value, secrets) for name, value in record.args.items()}
    else:
        record.args = tuple(_mask_argument(value, secrets) for value in record.args or ())
    message = _message_of(record)
    if (whole := redact(message, secrets)) != message:
        record.msg, record.args = whole, ()


def _mask_argument(value: Any, secrets: Secrets) -> Any:
    """Return an argument unchanged, or as masked text if it shows a secret."""
    if isinstance(value, int | float):
        return value
    shown = str(value)
    return value if (masked := redact(shown, secrets)) == shown else masked


def _mask_traces(record: logging.LogRecord, secrets: Secrets) -> None:
    """Replace an exception that shows a secret by the masked text of its traceback."""
    if (trace := _trace_of(record)) and (masked := redact(trace, secrets)) != trace:
        record.exc_text, record.exc_info = masked.rstrip("\n"), None
    elif record.exc_text:
        record.exc_text = redact(record.exc_text, secrets)
    if record.stack_info:
        record.stack_info = redact(record.stack_info, secrets)
