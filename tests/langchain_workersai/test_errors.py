"""Error classes that belong to the core and to LangChain."""

from __future__ import annotations

import pickle
from typing import Any

import langchain_core.exceptions as core
import pytest

import langchain_workersai as face
import workersai
from langchain_workersai._errors import COUNTERPARTS, framework_errors, from_core_error

STATUS: dict[str, Any] = {
    "status_code": 429,
    "code": 3040,
    "request_id": "ray-1",
    "retry_after": 2.0,
    "model": "@cf/a/b",
    "is_retryable": True,
}


@pytest.mark.parametrize(
    ("name", "langchain"),
    [
        ("ConfigurationError", core.ModelInvalidRequestError),
        ("APIConnectionError", core.ModelConnectionError),
        ("APITimeoutError", core.ModelTimeoutError),
        ("APIStatusError", core.ModelError),
        ("AuthenticationError", core.ModelAuthenticationError),
        ("PermissionDeniedError", core.ModelPermissionDeniedError),
        ("NotFoundError", core.ModelNotFoundError),
        ("InvalidRequestError", core.ModelInvalidRequestError),
        ("ContextWindowExceededError", core.ContextOverflowError),
        ("RateLimitError", core.ModelRateLimitError),
        ("QuotaExceededError", core.ModelRateLimitError),
        ("OutOfCapacityError", core.ModelRateLimitError),
        ("ServerError", core.ModelAPIError),
        ("StreamInterruptedError", core.ModelConnectionError),
        ("ResponseError", core.ModelAPIError),
    ],
)
def test_each_error_has_the_cores_and_langchains_class(
    name: str, langchain: type[Exception]
) -> None:
    """Each error can be caught as the core's class and as LangChain's."""
    ours = getattr(face, name)
    assert issubclass(ours, getattr(workersai, name))
    assert issubclass(ours, langchain)
    assert COUNTERPARTS[getattr(workersai, name)] is ours


def test_every_error_of_the_core_has_a_counterpart() -> None:
    """Each error class of the core has a counterpart here with the same place in the tree."""
    names = [n for n in workersai.__all__ if isinstance(getattr(workersai, n), type)]
    errors = [getattr(workersai, n) for n in names]
    tree = {e for e in errors if issubclass(e, workersai.WorkersAIError)}
    assert set(COUNTERPARTS) == tree - {workersai.WorkersAIError}
    for parent in COUNTERPARTS:
        for child in COUNTERPARTS:
            if issubclass(child, parent):
                assert issubclass(COUNTERPARTS[child], COUNTERPARTS[parent])


def test_a_converted_error_keeps_everything() -> None:
    """A converted error has the text and attributes of the core's error."""
    error = workersai.OutOfCapacityError("busy", **STATUS)
    converted = from_core_error(error)
    assert type(converted) is face.OutOfCapacityError
    assert str(converted) == str(error)
    assert {k: getattr(converted, k) for k in STATUS} == STATUS


def test_the_code_decides_whether_a_retry_helps() -> None:
    """`is_retryable` depends on Cloudflare's code, not on the error class."""
    quota = workersai.QuotaExceededError("used up", status_code=429, code=3036)
    assert isinstance(from_core_error(quota), core.ModelRateLimitError)
    assert from_core_error(quota).is_retryable is False
    assert from_core_error(workersai.OutOfCapacityError("busy", **STATUS)).is_retryable is True
    assert from_core_error(workersai.StreamInterruptedError("cut")).is_retryable is False


def test_a_broken_stream_keeps_the_received_part() -> None:
    """The error of a broken stream has the received part in `.partial`."""
    partial = workersai.ChatResult(choices=(workersai.ChatChoice(text="half"),))
    converted = from_core_error(workersai.StreamInterruptedError("cut", partial=partial))
    assert converted.partial is partial


def test_the_cause_is_hidden() -> None:
    """A converted error has no cause or context, so that tracebacks show no HTTP exception."""

    def fail() -> None:
        try:
            _ = dict[str, int]()["secret-token"]
        except KeyError as cause:
            raise workersai.ServerError("boom", status_code=500) from cause

    with pytest.raises(face.ServerError) as caught, framework_errors():
        fail()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_other_exceptions_pass() -> None:
    """`framework_errors` lets exceptions of others pass unchanged."""
    with pytest.raises(ZeroDivisionError), framework_errors():
        _ = 1 // 0


def test_errors_can_be_pickled() -> None:
    """A pickled error keeps its class and its attributes."""
    error = from_core_error(workersai.RateLimitError("slow down", **STATUS))
    unpickled = pickle.loads(pickle.dumps(error))
    assert type(unpickled) is face.RateLimitError
    assert unpickled.retry_after == 2.0


def test_tracers_find_the_answer_on_the_error() -> None:
    """An error has the `.response` that LangChain's tracers record."""
    error = from_core_error(workersai.RateLimitError("slow down", **STATUS))
    assert isinstance(error, face.RateLimitError)
    assert error.response.status_code == 429
    assert error.response.json()["errors"] == [{"code": 3040, "message": "slow down"}]


def test_the_advice_for_a_code_is_kept() -> None:
    """An error of the core whose code has advice of its own keeps it as LangChain's error."""
    core = workersai.InvalidRequestError("no", status_code=400, code=5025)
    assert "structured_output" in core.action
    assert str(from_core_error(core)) == str(core)
