"""Make the error to raise from an error answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

from workersai._json import read_index, to_text
from workersai._response.headers import parse_retry_after, readable_headers
from workersai._secrets import clean_text, masked
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

__all__ = [
    "error_from_body",
    "error_from_response",
    "is_error_body",
    "parse_error",
    "status_of_code",
]


class _Meaning(NamedTuple):
    """The meaning of a code: the error class, its HTTP status, and whether to retry."""

    error: type[APIStatusError]
    status: int
    is_retryable: bool = False


# Cloudflare's codes, documented and observed. 3021, 3040 and 4006 all come with HTTP 429 but
# need different reactions: wait a minute, try again, come back tomorrow.
_CODES: Mapping[int, _Meaning] = {
    2001: _Meaning(NotFoundError, 400),  # AI Gateway id not found
    2002: _Meaning(InvalidRequestError, 400),  # AI Gateway: a model that its route cannot run
    2003: _Meaning(RateLimitError, 429, is_retryable=True),  # AI Gateway rate limit
    2008: _Meaning(InvalidRequestError, 400),  # AI Gateway: invalid provider
    2009: _Meaning(AuthenticationError, 401),  # AI Gateway unauthorized
    2014: _Meaning(ServerError, 408, is_retryable=True),  # AI Gateway request timeout
    2021: _Meaning(QuotaExceededError, 402),  # AI Gateway credits
    2041: _Meaning(QuotaExceededError, 429),  # AI Gateway spend limit
    2045: _Meaning(QuotaExceededError, 429),  # AI Gateway spend limit (observed)
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
    4006: _Meaning(QuotaExceededError, 429),  # daily allocation (observed)
    4007: _Meaning(ServerError, 500, is_retryable=True),
    5004: _Meaning(InvalidRequestError, 400),
    5005: _Meaning(InvalidRequestError, 405),  # no LoRA for this model
    5006: _Meaning(InvalidRequestError, 400),  # the request does not match the schema
    5007: _Meaning(NotFoundError, 400),  # no such model
    5012: _Meaning(InvalidRequestError, 422),
    5016: _Meaning(PermissionDeniedError, 403),  # the model's licence needs agreement
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
    9109: _Meaning(AuthenticationError, 403),  # an invalid token
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

# Codes with a second meaning, which the message shows.
_BY_TEXT: Mapping[int, tuple[re.Pattern[str], _Meaning]] = {
    7003: (re.compile("user input error", re.IGNORECASE), _Meaning(InvalidRequestError, 400)),
    9109: (
        re.compile("unauthorized to access", re.IGNORECASE),
        _Meaning(PermissionDeniedError, 403),
    ),
}

# Names that model servers and other APIs use in place of Cloudflare's codes. They are used only if
# the HTTP status is not an error: inside a stream, or in an answer with a success status.
_NAMES: Mapping[str, int] = {
    "badrequesterror": 400,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "authentication_error": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "notfounderror": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
}

_CONTEXT = re.compile(
    r"maximum context length|context window|context_length_exceeded"
    r"|sequence too long|max(?:imum)? context reached",  # bge-m3
    re.IGNORECASE,
)
_LEADING_CODE = re.compile(r"(\d{4,5}): ")
_PREFIX = re.compile(r"^(?:AiError:\s*)+")
_MESSAGES = ("message", "description", "detail")
_MAX_LAYERS = 5
_TOKEN_REFUSED = 10000
_TRAILING_ID = re.compile(r"\(([0-9a-f]{8}-[0-9a-f-]{20,40})\)$", re.IGNORECASE)


_ANSWERS = ("choices", "response", "result", "data", "tool_calls", "streamed_data")


def is_error_body(payload: Any) -> bool:
    """Return whether an answer with status 200, or an event of a stream, is an error.

    The answer's own text does not count. It is in `choices`, `response` or `result`, and a payload
    with a value in one of these is an error only if its envelope says so.
    """
    if not isinstance(payload, dict):
        return False
    if payload.get("success") is False or payload.get("error"):
        return True
    if payload.get("errors"):
        return not payload.get("result")
    return not any(payload.get(name) for name in _ANSWERS) and _is_flat_error(payload)


def _is_flat_error(payload: Mapping[str, Any]) -> bool:
    """Recognise errors without an envelope: Cloudflare's, vLLM's, Anthropic's."""
    if payload.get("object") == "error" or payload.get("type") == "error":
        return True
    if payload.get("internalCode") is not None:
        return True
    name, message = payload.get("name"), payload.get("message")
    is_named = isinstance(name, str) and name.endswith("Error")
    return is_named or (isinstance(message, str) and payload.get("code") is not None)


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    model: str | None = None,
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Read an answer with an error status and any body.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        body: The raw body: JSON in one of five envelopes, HTML, text or empty.
        model: The requested model.
        secrets: Texts to mask, in case the server echoes them.
    """
    payload = parse_error(body)
    return error_from_body(payload, status=status, headers=headers, model=model, secrets=secrets)


def parse_error(body: bytes) -> Any:
    """Parse the body of an error; a body that is not JSON is the message."""
    try:
        return from_json(body)
    except ValueError:
        return {"message": body.decode(errors="replace")}


def error_from_body(
    payload: Any,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Make an error from a parsed body; without *status*, its code determines the status."""
    headers = headers or {}
    read = _read_envelope(payload)
    meaning = _meaning(status or read.status, read.code, read.message)
    should_retry = headers.get("x-should-retry")
    return meaning.error(
        clean_text(read.message, secrets),
        status_code=status or meaning.status,
        code=read.code,
        body=masked(payload, secrets),
        headers=readable_headers(headers, secrets),
        request_id=clean_text(read.request_id or headers.get("cf-ray") or "", secrets) or None,
        retry_after=parse_retry_after(headers),
        model=model,
        is_retryable=meaning.is_retryable and should_retry != "false",
    )


def _meaning(status: int, code: int | None, message: str) -> _Meaning:
    found = _by_code(code, message) or _STATUSES.get(status) or _by_hundreds(status)
    if found.error is InvalidRequestError and _CONTEXT.search(message):
        return found._replace(error=ContextWindowExceededError)
    if code == _TOKEN_REFUSED and status == 403:
        return found._replace(error=PermissionDeniedError)  # valid token, another account
    return found


def _by_code(code: int | None, message: str) -> _Meaning | None:
    if code is None:
        return None
    pattern, other = _BY_TEXT.get(code, (None, None))
    return other if pattern is not None and pattern.search(message) else _CODES.get(code)


def _by_hundreds(status: int) -> _Meaning:
    if status >= 500:
        return _Meaning(ServerError, status, is_retryable=True)
    return _Meaning(InvalidRequestError if status >= 400 else APIStatusError, status)


class _Read(NamedTuple):
    """The contents of an error's body; `status` is 500 if it has none."""

    code: int | None
    message: str
    request_id: str | None
    status: int


def _read_envelope(payload: Any) -> _Read:
    """Find code, message and request id in any of the envelopes that Cloudflare uses."""
    layers = _layers(payload)
    texts = (to_text(layer.get(name)) for layer in layers for name in _MESSAGES)
    text, found_id = _strip(next(filter(None, texts), ""))
    codes = [layer.get(name) for layer in layers for name in ("internalCode", "code")]
    own_id = next((layer["requestId"] for layer in layers if layer.get("requestId")), None)
    code = next(filter(None, map(_read_code, codes)), None) or _code_in(text)
    return _Read(code, text, own_id if isinstance(own_id, str) else found_id, _status(layers, code))


def _layers(payload: Any) -> list[Mapping[str, Any]]:
    """List the nested objects of an envelope, the innermost error first."""
    found: list[Mapping[str, Any]] = []
    while isinstance(payload, dict) and len(found) < _MAX_LAYERS:
        found.append(payload)
        inner = payload.get("errors") or payload.get("error")
        payload = next(filter(None, inner), None) if isinstance(inner, list) else inner
    if not found or isinstance(payload, str):
        found.append({"message": payload})
    return found[::-1]


def _status(layers: list[Mapping[str, Any]], code: int | None) -> int:
    """Find the HTTP status for an error that has none."""
    named = [layer.get(name) for layer in layers for name in ("type", "code", "name")]
    statuses = [
        *(_read_code(layer.get("httpCode")) for layer in layers),
        code,
        *(_NAMES.get(name.lower()) for name in named if isinstance(name, str)),
    ]
    return next((status for status in statuses if status and 400 <= status < 600), 500)


def _read_code(value: Any) -> int | None:
    is_whole = isinstance(value, float) and value.is_integer()
    return read_index(int(value) if is_whole else value) or None


def _code_in(message: str) -> int | None:
    """Read the code of a message such as `3040: Capacity temporarily exceeded`."""
    found = _LEADING_CODE.match(message)
    return int(found.group(1)) if found else None


def _strip(message: str) -> tuple[str, str | None]:
    """Split `AiError: AiError: text (uuid)` into the text and the request id."""
    message = _PREFIX.sub("", message.strip())
    found = _TRAILING_ID.search(message)
    return (message[: found.start()].rstrip(), found.group(1)) if found else (message, None)


def status_of_code(code: int) -> int | None:
    """Return the HTTP status that one of Cloudflare's codes comes with; `None` if none is known."""
    meaning = _CODES.get(code)
    return None if meaning is None else meaning.status
