"""Error answers are read into errors."""

from __future__ import annotations

import json
import pickle
import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workersai.anything import ANYTHING
from tests.workersai.talking import ACCOUNT, FIXTURES, SECRETS, TOKEN
from workersai import (
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
from workersai._response.errors import error_from_body, error_from_response, is_error_body
from workersai._response.headers import parse_retry_after
from workersai._wire import is_error_status

UUID = "51afe8c9-1111-4222-8333-444455556666"


def failure(
    status: int, body: bytes | dict[str, Any], headers: dict[str, str] | None = None
) -> APIStatusError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_response(status, headers or {}, content, model="@cf/a/b", secrets=SECRETS)


def envelope(code: int | None, message: str = "no") -> dict[str, Any]:
    return {"success": False, "result": None, "errors": [{"code": code, "message": message}]}


# ------------------------------------------------------------------------------ envelopes


@pytest.mark.parametrize(
    ("name", "status", "error", "read"),
    [
        (
            "a_api.json",
            429,
            QuotaExceededError,
            (4006, "you have used up your daily free allocation of 10,000 neurons.", UUID),
        ),
        (
            "a_errors_object.json",
            400,
            InvalidRequestError,
            (5006, "Bad input: Error: oneOf at '/' not met", UUID),
        ),
        (
            "b_named.json",
            429,
            OutOfCapacityError,
            (3040, "Capacity temporarily exceeded, please try again.", "req-7"),
        ),
        (
            "c_gateway.json",
            402,
            QuotaExceededError,
            (2021, "Insufficient balance; add money to your gateway or use BYOK", None),
        ),
        ("d_openai.json", 408, ServerError, (3046, "Request timeout", None)),
        ("d_openai_named_code.json", 500, ServerError, (None, "Request timeout", UUID)),
        ("e_error_string.json", 404, NotFoundError, (None, "no such route", None)),
        ("e_message.json", 404, NotFoundError, (None, "no such route", None)),
        (
            "f_html.html",
            502,
            ServerError,
            (None, "<html>\\r\\n<title>502 Bad Gateway</title>\\r\\n</html>", None),
        ),
        ("f_nothing.txt", 503, ServerError, (None, "", None)),
    ],
)
def test_every_envelope_is_read(
    name: str,
    status: int,
    error: type[APIStatusError],
    read: tuple[int | None, str, str | None],
) -> None:
    """The reader finds code, message without prefixes and request id in every known envelope."""
    found = failure(status, (FIXTURES / "errors" / name).read_bytes())
    assert type(found) is error
    assert (found.code, found.message, found.request_id) == read
    assert (found.status_code, found.model) == (status, "@cf/a/b")


def test_the_request_id_of_the_header_is_kept() -> None:
    """`cf-ray` is the request id if the message has none."""
    assert failure(500, envelope(8005), {"cf-ray": "8f-ZRH"}).request_id == "8f-ZRH"


# ---------------------------------------------------------------------------------- codes

CODES: list[tuple[int, int, type[APIStatusError], bool]] = [
    (2001, 400, NotFoundError, False),
    (2002, 400, InvalidRequestError, False),
    (2003, 429, RateLimitError, True),
    (2008, 400, InvalidRequestError, False),
    (2009, 401, AuthenticationError, False),
    (2014, 408, ServerError, True),
    (2021, 402, QuotaExceededError, False),
    (2041, 429, QuotaExceededError, False),
    (2045, 429, QuotaExceededError, False),
    (3003, 400, InvalidRequestError, False),
    (3006, 413, InvalidRequestError, False),
    (3007, 408, ServerError, True),
    (3008, 408, ServerError, True),
    (3021, 429, RateLimitError, True),
    (3023, 403, PermissionDeniedError, False),
    (3030, 400, InvalidRequestError, False),
    (3036, 429, QuotaExceededError, False),
    (3039, 400, InvalidRequestError, False),
    (3040, 429, OutOfCapacityError, True),
    (3041, 403, PermissionDeniedError, False),
    (3042, 404, NotFoundError, False),
    (4006, 429, QuotaExceededError, False),
    (4007, 500, ServerError, True),
    (5004, 400, InvalidRequestError, False),
    (5005, 405, InvalidRequestError, False),
    (5006, 400, InvalidRequestError, False),
    (5007, 400, NotFoundError, False),
    (5012, 422, InvalidRequestError, False),
    (5016, 403, PermissionDeniedError, False),
    (5017, 500, ServerError, True),
    (5018, 403, PermissionDeniedError, False),
    (5019, 405, InvalidRequestError, False),
    (5021, 413, ContextWindowExceededError, False),
    (5023, 400, InvalidRequestError, False),
    (5024, 403, InvalidRequestError, False),
    (5025, 400, InvalidRequestError, False),
    (5028, 410, NotFoundError, False),
    (5034, 403, PermissionDeniedError, False),
    (5035, 403, PermissionDeniedError, False),
    (7000, 400, NotFoundError, False),
    (7001, 405, InvalidRequestError, False),
    (7003, 404, NotFoundError, False),
    (8001, 400, InvalidRequestError, False),
    (8005, 500, ServerError, True),
    (8006, 400, InvalidRequestError, False),
    (8007, 400, InvalidRequestError, False),
    (9106, 400, AuthenticationError, False),
    (9109, 403, AuthenticationError, False),
    (10000, 401, AuthenticationError, False),
]


@pytest.mark.parametrize(
    ("code", "status", "error", "is_retryable"), CODES, ids=[str(row[0]) for row in CODES]
)
def test_what_a_code_means(
    code: int, status: int, error: type[APIStatusError], is_retryable: bool
) -> None:
    """A Cloudflare code decides class and retry, over HTTP and inside a stream."""
    over_http = failure(status, envelope(code))
    in_stream = error_from_body(envelope(code))
    assert type(over_http) is type(in_stream) is error
    assert over_http.status_code == in_stream.status_code == status
    assert over_http.is_retryable is in_stream.is_retryable is is_retryable


def test_the_generation_timeout_is_a_server_error() -> None:
    """Code 3046, a generation that took too long, is a server error."""
    assert type(failure(408, envelope(3046))) is ServerError


@pytest.mark.parametrize(
    ("status", "error", "is_retryable"),
    [
        (301, APIStatusError, False),
        (307, APIStatusError, False),
        (400, InvalidRequestError, False),
        (401, AuthenticationError, False),
        (402, QuotaExceededError, False),
        (403, PermissionDeniedError, False),
        (404, NotFoundError, False),
        (405, InvalidRequestError, False),
        (408, ServerError, True),
        (409, InvalidRequestError, True),
        (410, NotFoundError, False),
        (413, InvalidRequestError, False),
        (422, InvalidRequestError, False),
        (425, InvalidRequestError, True),
        (429, RateLimitError, True),
        (500, ServerError, True),
        (502, ServerError, True),
        (503, ServerError, True),
        (504, ServerError, True),
        (520, ServerError, True),
        (524, ServerError, True),
    ],
)
@pytest.mark.parametrize("code", [None, 99_999], ids=["no code", "unknown code"])
def test_what_a_status_means(
    status: int, error: type[APIStatusError], is_retryable: bool, code: int | None
) -> None:
    """Without a known code, the HTTP status decides."""
    found = failure(status, envelope(code))
    assert type(found) is error
    assert found.is_retryable is is_retryable
    assert found.code == code


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Requested token count exceeds the model's maximum context length", True),
        ("this model's Context Window limit (32000)", True),
        ('{"code":"context_length_exceeded"}', True),
        ("System message must be at the beginning", False),
    ],
)
def test_a_wrapped_context_error_is_recognised_by_its_text(message: str, error: bool) -> None:
    """8007 wraps the model server's own error; a text about the context has its own class."""
    found = failure(400, envelope(8007, message))
    assert isinstance(found, ContextWindowExceededError) is error


@pytest.mark.parametrize("code", [3030, 5006])
@pytest.mark.parametrize(
    ("message", "is_context"),
    [
        ("AiError: Sequence too long: 8200 > 8192", True),
        ("AiError: Max context reached 60001 tokens but model supports only 60000", True),
        ("maximum context reached", True),
        ("multipart boundary missing", False),
        ("Type mismatch of '/text', 'array' not in 'string'", False),
    ],
)
def test_a_context_error_of_embeddings(code: int, message: str, *, is_context: bool) -> None:
    """bge-m3 shares its codes with other faults, so the error's text decides."""
    found = failure(400, envelope(code, message))
    assert isinstance(found, ContextWindowExceededError) is is_context
    assert not found.is_retryable


def test_a_text_has_its_index_in_the_error() -> None:
    """`at` names the text; an adapter can shift the index, and a pickle keeps it."""
    found = failure(400, envelope(3030, "Sequence too long: 9003 > 8192"))
    assert isinstance(found, ContextWindowExceededError)
    assert found.position is None
    assert found.at(3).at(17) is found
    twin = pickle.loads(pickle.dumps(found))
    assert twin.position == 17
    assert ", texts[17]: Sequence too long" in str(twin)
    assert "texts[3]" not in str(twin)


def test_a_valid_token_for_a_foreign_account_lacks_permission() -> None:
    """10000 with 403 means a valid token for the account of someone else."""
    assert type(failure(403, envelope(10000))) is PermissionDeniedError


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("code", [9106, 9109])
def test_a_credential_that_is_refused_is_no_missing_permission(code: int, status: int) -> None:
    """A missing, malformed or invalid token is an authentication error with any status."""
    assert type(failure(status, envelope(code, "Invalid access token"))) is AuthenticationError


MEANINGS: list[tuple[int, int, str, type[APIStatusError]]] = [
    (400, 7003, "Model execution failed (User Input Error): Invalid value", InvalidRequestError),
    (400, 7003, "Model not found: openai/gpt-0", NotFoundError),
    (404, 7003, "Could not route to /client/v4/accounts/x/ai/run", NotFoundError),
    (403, 9109, "Unauthorized to access requested resource", PermissionDeniedError),
    (400, 8007, '{"error": "Your prompt contains NSFW content"}', InvalidRequestError),
    (400, 8006, "Invalid data for image - reason expected `;base64,`", InvalidRequestError),
    (422, 5012, "Unprocessable", InvalidRequestError),
    (500, 2002, "Internal server error", InvalidRequestError),
]


@pytest.mark.parametrize(("status", "code", "message", "error"), MEANINGS, ids=str)
def test_an_ambiguous_code_is_decided_by_its_text(
    status: int, code: int, message: str, error: type[APIStatusError]
) -> None:
    """The text of the error decides, over HTTP and inside a stream."""
    assert type(failure(status, envelope(code, message))) is error
    assert type(error_from_body(envelope(code, message))) is error


def test_a_wrong_argument_of_a_catalogue_model_has_the_status_of_one_in_a_stream() -> None:
    """Inside a stream the reader sets the status itself, because no HTTP status states it."""
    assert error_from_body(envelope(7003, "(User Input Error): no")).status_code == 400


def test_the_server_can_forbid_a_retry() -> None:
    """With `x-should-retry: false` the error is not retryable."""
    assert not failure(500, envelope(8005), {"x-should-retry": "false"}).is_retryable


@pytest.mark.parametrize(
    ("status", "is_error"), [(200, False), (204, False), (299, False), (301, True), (400, True)]
)
def test_which_status_is_an_error(status: int, is_error: bool) -> None:
    """Only 2xx is a success; a redirect is an error, because the client never follows one."""
    assert is_error_status(status) is is_error


FLAT = {
    "name": "AiError",
    "internalCode": 3046,
    "httpCode": 408,
    "message": f"AiError: AiError: Request timeout ({UUID})",
    "description": "Request timeout",
}


@pytest.mark.parametrize(
    ("payload", "is_error"),
    [
        ({"success": False, "result": None, "errors": []}, True),
        ({"success": False}, True),
        ({"error": {"message": "no"}}, True),
        ({"error": "no"}, True),
        ({"errors": [{"code": 1}], "result": {}}, True),
        ({"errors": [{"code": 1}]}, True),
        ({"result": {"response": "a"}, "success": True, "errors": []}, False),
        ({"result": {"response": "a"}, "errors": [{"code": 1}]}, False),
        ({"choices": [], "error": None}, False),
        (FLAT, True),
        ({"name": "AiError", "message": "no"}, True),
        ({"internalCode": "3046"}, True),
        ({"object": "error", "message": "no", "code": 500}, True),
        ({"type": "error", "message": "no"}, True),
        ({"type": "error", "error": {"type": "overloaded_error"}}, True),
        ({"code": 3040, "message": "busy"}, True),
        ({"code": "3040", "message": "busy"}, True),
        ({"choices": [{"delta": {"content": "a"}}], "object": "error"}, False),
        ({"response": {"name": "TypeError", "message": "m", "code": 1}}, False),
        ({"result": {"response": "a"}, "name": "AiError"}, False),
        ({"data": [[0.5]], "type": "error"}, False),
        ({"response": "", "usage": {"total_tokens": 1}}, False),
        ({"choices": [], "usage": {"total_tokens": 1}}, False),
        ({"name": "Ada", "message": "hello"}, False),
        ({"message": "hello"}, False),
        ({"object": "chat.completion.chunk"}, False),
        ([1], False),
        ("error", False),
    ],
)
def test_an_error_behind_a_status_of_success(payload: Any, is_error: bool) -> None:
    """The reader looks for an error in the body of a 200 too."""
    assert is_error_body(payload) is is_error


IN_STREAMS: list[tuple[Any, type[APIStatusError], int, int | None, bool]] = [
    (FLAT, ServerError, 408, 3046, True),
    ({**FLAT, "internalCode": 99999, "httpCode": 429}, RateLimitError, 429, 99999, True),
    ({"name": "AiError", "message": "no"}, ServerError, 500, None, True),
    ({"object": "error", "message": "no", "code": 500}, ServerError, 500, 500, True),
    ({"object": "error", "message": "no", "code": 400}, InvalidRequestError, 400, 400, False),
    (
        {"object": "error", "message": "no", "type": "BadRequestError", "code": None},
        InvalidRequestError,
        400,
        None,
        False,
    ),
    (
        {"object": "error", "message": "This model's maximum context length is 9", "code": 400},
        ContextWindowExceededError,
        400,
        400,
        False,
    ),
    ({"type": "error", "error": {"type": "overloaded_error"}}, ServerError, 503, None, True),
    ({"type": "error", "error": {"type": "rate_limit_error"}}, RateLimitError, 429, None, True),
    ({"error": {"code": "rate_limit_exceeded", "message": "m"}}, RateLimitError, 429, None, True),
    ({"error": {"code": "3040", "message": "busy"}}, OutOfCapacityError, 429, 3040, True),
    ({"error": {"code": 3040.0, "message": "busy"}}, OutOfCapacityError, 429, 3040, True),
    ({"error": {"error": {"code": 4006, "message": "m"}}}, QuotaExceededError, 429, 4006, False),
    ({"errors": [{"error": {"code": 3040}}]}, OutOfCapacityError, 429, 3040, True),
    ({"errors": {"code": 5006, "message": "m"}}, InvalidRequestError, 400, 5006, False),
    ({"errors": [None, {"code": 5007, "message": "m"}]}, NotFoundError, 400, 5007, False),
    ({"error": "3040: Capacity temporarily exceeded"}, OutOfCapacityError, 429, 3040, True),
    ({"error": True}, ServerError, 500, None, True),
    ("gone", ServerError, 500, None, True),
    (None, ServerError, 500, None, True),
    ([{"code": 3040}], ServerError, 500, None, True),
]


@pytest.mark.parametrize(
    ("payload", "error", "status", "code", "is_retryable"),
    IN_STREAMS,
    ids=[str(row[0])[:60] for row in IN_STREAMS],
)
def test_an_error_without_an_http_status(
    payload: Any, error: type[APIStatusError], status: int, code: int | None, is_retryable: bool
) -> None:
    """The error's code, the status inside it, or its name decide, in that order."""
    found = error_from_body(payload)
    assert type(found) is error
    assert (found.status_code, found.code, found.is_retryable) == (status, code, is_retryable)


def test_a_message_that_is_no_text_is_its_json() -> None:
    """The error shows such a message as JSON, not as a Python repr."""
    found = error_from_body({"error": {"message": {"reason": None}}})
    assert found.message == '{"reason": null}'
    assert (
        error_from_body({"detail": [{"msg": "no"}], "success": False}).message == '[{"msg": "no"}]'
    )


# ---------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize("secret", [TOKEN, ACCOUNT], ids=["token", "account"])
@pytest.mark.parametrize("padding", [0, 480, 499, 505])
@pytest.mark.parametrize("kind", ["json", "html", "id"])
def test_an_echoed_secret_is_hidden(secret: str, padding: int, kind: str) -> None:
    """The error shows no part of a token or account that the server echoes."""
    text = "x" * padding + secret
    bodies: dict[str, bytes | dict[str, Any]] = {
        "json": envelope(7003, text),
        "html": f"<html>{text}</html>".encode(),
        "id": {"requestId": text, "message": "no"},
    }
    error = failure(404, bodies[kind])
    shown = f"{error!s} {error!r} {vars(error)}"
    assert secret[:8] not in shown


def test_control_characters_are_escaped() -> None:
    """A server cannot write lines or colors into a log."""
    error = failure(400, envelope(8001, "a\r\nb\x1b[31mc\u2028\u202e"), {"cf-ray": "a\x1b\nb"})
    assert str(error).isprintable()
    assert error.message == "a\\r\\nb\\x1b[31mc\\u2028\\u202e"
    assert error.request_id == "a\\x1b\\nb"


@pytest.mark.parametrize("character", ["x", "\n", "\x1b", "\u2028", "\U0010ffff"])
def test_a_message_has_a_limit(character: str) -> None:
    """The error keeps at most 500 characters of the server's message, escapes included."""
    error = failure(502, ("y" + character * 100_000 + "z").encode())
    assert len(error.message) <= 500


def test_messages_in_any_script_stay_readable() -> None:
    """The reader escapes only characters that are not printable."""
    assert failure(400, envelope(8001, "Größe 上限 🙂")).message == "Größe 上限 🙂"


@settings(max_examples=200)
@given(ANYTHING, st.sampled_from([200, 400, 429, 500]))
def test_any_body_makes_an_error(payload: Any, status: int) -> None:
    """Any body of an error answer becomes a package error with readable text."""
    error = failure(status, json.dumps(payload).encode())
    assert str(error).isprintable()
    assert error.request_id is None or isinstance(error.request_id, str)


# ------------------------------------------------------------------------------ Retry-After


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "100000"}, 100_000.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "1 2 3 4 5 6 7 8"}, None),
        ({"retry-after": "Wed, 99 Foo 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
    ],
    ids=str,
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """The reader accepts seconds, milliseconds and dates, and ignores other values."""
    assert parse_retry_after(headers) == seconds


def test_a_date_to_wait_for() -> None:
    """A date becomes the seconds until then."""
    headers = {"retry-after": formatdate(time.time() + 30, usegmt=True)}
    found = parse_retry_after(headers)
    assert found is not None
    assert 28 < found <= 30
