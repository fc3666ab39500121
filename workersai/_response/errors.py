"""An answer that says no -> the error to raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

from workersai._response.headers import parse_retry_after
from workersai._secrets import clean_text
from workersai.errors import (
    APIStatusError,
    AuthenticationError,
    ContextWindowExceededError,
    InvalidRequestError,
    NotFoundError,
    OutOfCapacityError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)

__all__ = ["error_from_body", "error_from_response", "is_error_body"]


class _Meaning(NamedTuple):
    """What a code means: the class, the HTTP status it comes with, and whether to try again."""

    error: type[APIStatusError]
    status: int
    is_retryable: bool = False


# Cloudflare's codes, documented and observed. 3021, 3040 and 4006 are all sent with HTTP 429 and
# mean three things: wait a minute, try again, come back tomorrow.
_CODES: Mapping[int, _Meaning] = {
    2001: _Meaning(NotFoundError, 400),  # AI Gateway id not found
    2003: _Meaning(RateLimitError, 429, is_retryable=True),  # AI Gateway rate limit
    2009: _Meaning(AuthenticationError, 401),  # AI Gateway unauthorized
    2014: _Meaning(ServerError, 408, is_retryable=True),  # AI Gateway request timeout
    2021: _Meaning(QuotaExceededError, 402),  # AI Gateway credits
    2041: _Meaning(QuotaExceededError, 429),  # AI Gateway spend limit
    2045: _Meaning(QuotaExceededError, 429),  # AI Gateway spend limit, the one seen live
    3003: _Meaning(InvalidRequestError, 400),
    3006: _Meaning(InvalidRequestError, 413),
    3007: _Meaning(ServerError, 408, is_retryable=True),  # timeout
    3008: _Meaning(ServerError, 408, is_retryable=True),  # aborted
    3021: _Meaning(RateLimitError, 429, is_retryable=True),  # requests a minute
    3023: _Meaning(PermissionDeniedError, 403),
    3030: _Meaning(InvalidRequestError, 400),  # also too many tokens for embeddings, by its text
    3036: _Meaning(QuotaExceededError, 429),  # daily allocation, as documented
    3039: _Meaning(InvalidRequestError, 400),
    3040: _Meaning(OutOfCapacityError, 429, is_retryable=True),
    3041: _Meaning(PermissionDeniedError, 403),
    3042: _Meaning(NotFoundError, 404),
    3046: _Meaning(ServerError, 408, is_retryable=True),  # the generation took too long
    4006: _Meaning(QuotaExceededError, 429),  # daily allocation, as seen on the wire
    4007: _Meaning(ServerError, 500, is_retryable=True),
    5004: _Meaning(InvalidRequestError, 400),
    5005: _Meaning(InvalidRequestError, 405),  # no LoRA for this model
    5006: _Meaning(InvalidRequestError, 400),  # the request does not match the schema
    5007: _Meaning(NotFoundError, 400),  # no such model
    5016: _Meaning(PermissionDeniedError, 403),  # the model's licence must be agreed to
    5017: _Meaning(ServerError, 500, is_retryable=True),
    5018: _Meaning(PermissionDeniedError, 403),
    5019: _Meaning(InvalidRequestError, 405),
    5021: _Meaning(ContextWindowExceededError, 413),
    5023: _Meaning(InvalidRequestError, 400),  # JSON schema in a stream
    5024: _Meaning(InvalidRequestError, 403),  # the JSON schema could not be met
    5025: _Meaning(InvalidRequestError, 400),  # no JSON schema for this model
    5028: _Meaning(NotFoundError, 410),  # the model is retired
    5034: _Meaning(PermissionDeniedError, 403),
    5035: _Meaning(PermissionDeniedError, 403),  # paid plan only
    5504: _Meaning(NotFoundError, 404),  # no such batch; also just after it was submitted
    7000: _Meaning(NotFoundError, 400),  # no such route: a mistyped model id
    7001: _Meaning(InvalidRequestError, 405),
    7003: _Meaning(NotFoundError, 404),  # could not route: a bad account id
    8001: _Meaning(InvalidRequestError, 400),
    8005: _Meaning(ServerError, 500, is_retryable=True),
    8006: _Meaning(InvalidRequestError, 400),
    8007: _Meaning(InvalidRequestError, 400),  # the model server's own error, wrapped
    9106: _Meaning(AuthenticationError, 400),  # a malformed credential
    10000: _Meaning(AuthenticationError, 401),
}

_STATUSES: Mapping[int, _Meaning] = {
    401: _Meaning(AuthenticationError, 401),
    402: _Meaning(QuotaExceededError, 402),
    403: _Meaning(PermissionDeniedError, 403),
    404: _Meaning(NotFoundError, 404),
    408: _Meaning(ServerError, 408, is_retryable=True),
    409: _Meaning(InvalidRequestError, 409, is_retryable=True),
    410: _Meaning(NotFoundError, 410),
    425: _Meaning(InvalidRequestError, 425, is_retryable=True),
    429: _Meaning(RateLimitError, 429, is_retryable=True),
}

_CONTEXT = re.compile(
    r"maximum context length|context window|context_length_exceeded"
    r"|sequence too long|max(?:imum)? context reached",  # bge-m3
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:AiError:\s*)+")
_TRAILING_ID = re.compile(r"\(([0-9a-f]{8}-[0-9a-f-]{20,40})\)$", re.IGNORECASE)


def is_error_body(payload: Any) -> bool:
    """Say whether an answer with status 200 is an error all the same (seen in client reports)."""
    if not isinstance(payload, dict):
        return False
    if payload.get("success") is False or payload.get("error"):
        return True
    return bool(payload.get("errors")) and not payload.get("result")


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    model: str | None = None,
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Read an answer with an error status, whatever its body is.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        body: As it came: JSON in one of five envelopes, HTML, text or nothing.
        model: The model that was asked.
        secrets: What must never show, should the server echo it.
    """
    try:
        payload = from_json(body)
    except ValueError:
        payload = {"message": body.decode(errors="replace")}
    return error_from_body(payload, status=status, headers=headers, model=model, secrets=secrets)


def error_from_body(
    payload: Any,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Read an error that is already parsed; without *status*, its code says which it stands for."""
    headers = headers or {}
    code, message, request_id = _read_envelope(payload)
    meaning = _meaning(status, code, message)
    should_retry = headers.get("x-should-retry")
    return meaning.error(
        clean_text(message, secrets),
        status=status or meaning.status,
        code=code,
        request_id=clean_text(request_id or headers.get("cf-ray") or "", secrets) or None,
        retry_after=parse_retry_after(headers),
        model=model,
        is_retryable=meaning.is_retryable and should_retry != "false",
    )


def _meaning(status: int | None, code: int | None, message: str) -> _Meaning:
    found = _CODES.get(code) if code is not None else None
    if found is None:
        found = _STATUSES.get(status or 500) or _by_hundreds(status or 500)
    if found.error is InvalidRequestError and _CONTEXT.search(message):
        return found._replace(error=ContextWindowExceededError)
    if found.error is AuthenticationError and status == 403:
        return found._replace(error=PermissionDeniedError)  # a valid token, another's account
    return found


def _by_hundreds(status: int) -> _Meaning:
    if status >= 500:
        return _Meaning(ServerError, status, is_retryable=True)
    return _Meaning(InvalidRequestError if status >= 400 else APIStatusError, status)


def _read_envelope(payload: Any) -> tuple[int | None, str, str | None]:
    """Find code, message and request id in any of the envelopes Cloudflare answers with."""
    if not isinstance(payload, dict):
        return None, str(payload), None
    nested = payload.get("errors") or payload.get("error")
    if isinstance(nested, list):
        nested = nested[0] if nested else None
    inner = nested if isinstance(nested, dict) else {}
    message = inner.get("message") or (nested if isinstance(nested, str) else None)
    message = message or payload.get("message") or payload.get("description") or ""
    code = _code(inner.get("code"), payload.get("internalCode"), payload.get("code"))
    text, found_id = _strip(str(message))
    own_id = payload.get("requestId")
    return code, text, own_id if isinstance(own_id, str) and own_id else found_id


def _code(*candidates: Any) -> int | None:
    for candidate in candidates:
        if isinstance(candidate, int) and not isinstance(candidate, bool):
            return candidate
        if isinstance(candidate, str) and candidate.isdecimal() and len(candidate) < 7:
            return int(candidate)
    return None


def _strip(message: str) -> tuple[str, str | None]:
    """Part `AiError: AiError: text (uuid)` into the text and the request id."""
    message = _PREFIX.sub("", message.strip())
    found = _TRAILING_ID.search(message)
    return (message[: found.start()].rstrip(), found.group(1)) if found else (message, None)
