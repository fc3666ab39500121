"""Errors and retries of `ChatWorkersAI`."""

from __future__ import annotations

from typing import Any

import httpx
import langchain_core.exceptions as core
import pytest
from langchain_core.callbacks import (
    BaseCallbackHandler,
)
from langchain_core.messages import AIMessageChunk

import langchain_workersai as face


@pytest.mark.parametrize(
    ("status", "code", "ours", "langchain", "retryable"),
    [
        (401, 10000, face.AuthenticationError, core.ModelAuthenticationError, False),
        (403, 5018, face.PermissionDeniedError, core.ModelPermissionDeniedError, False),
        (404, 5007, face.NotFoundError, core.ModelNotFoundError, False),
        (400, 5006, face.InvalidRequestError, core.ModelInvalidRequestError, False),
        (413, 5021, face.ContextWindowExceededError, core.ContextOverflowError, False),
        (429, 3021, face.RateLimitError, core.ModelRateLimitError, True),
        (429, 3036, face.QuotaExceededError, core.ModelRateLimitError, False),
        (429, 3040, face.OutOfCapacityError, core.ModelRateLimitError, True),
        (500, 3043, face.ServerError, core.ModelAPIError, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_typed_errors_by_code(  # noqa: PLR0917 - the columns of the table
    scripted: Any,
    wire: Any,
    status: int,
    code: int,
    ours: type[Any],
    langchain: type[Exception],
    retryable: bool,
    streamed: bool,
) -> None:
    """Cloudflare's code decides error class and retry; the error has Cloudflare's message."""
    reply = wire.error(status, code, "the server's sentence", cf_ray="ray-7")
    llm, _ = scripted(reply, max_retries=0)
    with pytest.raises(ours, match="the server's sentence") as caught:
        _ = list(llm.stream("hi")) if streamed else llm.invoke("hi")
    assert isinstance(caught.value, langchain)
    error: Any = caught.value
    assert (error.status_code, error.code, error.is_retryable) == (status, code, retryable)
    assert error.request_id == "ray-7"
    assert "secret-token" not in f"{error!r}{error.__dict__}"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [
                {"response": "Hel"},
                {"errors": [{"code": 3040, "message": "busy"}], "success": False},
            ],
            core.ModelError,
        ),
        ([{"response": "Hel"}, "{broken"], face.WorkersAIError),
        ([{"choices": [{"index": 0, "delta": {"content": "Hel"}}]}], face.StreamInterruptedError),
    ],
    ids=["error event", "no JSON", "no end"],
)
def test_broken_streams_raise(
    scripted: Any, wire: Any, events: list[Any], expected: type[Exception]
) -> None:
    """A stream that breaks off raises an error that has the text received so far."""
    llm, _ = scripted(events, max_retries=0)
    chunks: list[AIMessageChunk] = []
    with pytest.raises(expected) as caught:
        chunks.extend(llm.stream("hi"))
    assert [chunk.content for chunk in chunks] == ["Hel"]
    assert isinstance(caught.value, core.ModelError)
    assert caught.value.partial.text == "Hel"  # type: ignore[attr-defined]  # ours has it


def test_an_answer_without_choices_is_an_error(scripted: Any, wire: Any) -> None:
    """`invoke` raises ResponseError for an answer without a choice."""
    llm, _ = scripted({**wire.answer(), "choices": []})
    with pytest.raises(face.ResponseError):
        llm.invoke("hi")


def test_network_failures_are_typed(scripted: Any, wire: Any) -> None:
    """A failed connection raises LangChain's connection error."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    llm, _ = scripted(wire.answer(""), http_client=client, max_retries=0)
    with pytest.raises(core.ModelConnectionError) as caught:
        llm.invoke("hi")
    assert isinstance(caught.value, face.APIConnectionError)


def test_tracing_sees_the_answer_of_a_failed_call(scripted: Any, wire: Any) -> None:
    """LangChain's error callbacks receive the status, request id and body of a failed call."""
    metadata: list[Any] = []

    class Errors(BaseCallbackHandler):
        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            metadata.append(kwargs["response"].generations[0][0].message.response_metadata)

    llm, _ = scripted(wire.error(400, 5006, "bad", cf_ray="ray-9"), max_retries=0)
    with pytest.raises(face.InvalidRequestError):
        llm.invoke("hi", config={"callbacks": [Errors()]})
    assert metadata[0]["status_code"] == 400
    assert metadata[0]["request_id"] == "ray-9"
    assert metadata[0]["body"]["errors"][0]["code"] == 5006


def test_retries_are_made_and_announced(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI repeats a call to a busy model and reports the retry to `on_retry`."""
    retries: list[tuple[int, float, str]] = []

    class Retries(BaseCallbackHandler):
        def on_retry(self, retry_state: Any, **kwargs: Any) -> None:
            error = retry_state.outcome.exception()
            retries.append((retry_state.attempt_number, retry_state.idle_for, type(error).__name__))

    busy = wire.error(429, 3040, retry_after="0")
    llm, server = scripted(busy, wire.answer("a"))
    assert llm.invoke("hi", config={"callbacks": [Retries()]}).content == "a"
    assert len(server.requests) == 2
    assert [(n, name) for n, _, name in retries] == [(1, "OutOfCapacityError")]


def test_no_retries_means_one_request(scripted: Any, wire: Any) -> None:
    """With `max_retries=0` ChatWorkersAI sends one request."""
    llm, server = scripted(wire.error(429, 3040), max_retries=0)
    with pytest.raises(face.OutOfCapacityError):
        llm.invoke("hi")
    assert len(server.requests) == 1


def test_a_long_retry_after_is_raised_with_its_time(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI raises at once when the server asks for a wait of more than a minute."""
    llm, server = scripted(wire.error(429, 3021, retry_after="120"))
    with pytest.raises(face.RateLimitError) as caught:
        llm.invoke("hi")
    assert caught.value.retry_after == 120
    assert len(server.requests) == 1
