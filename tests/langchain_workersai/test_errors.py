"""Errors that are both ours and LangChain's."""

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
def test_each_error_is_the_cores_and_langchains(name: str, langchain: type[Exception]) -> None:
    """Each error can be caught as the core's class and as LangChain's."""
    ours = getattr(face, name)
    assert issubclass(ours, getattr(workersai, name))
    assert issubclass(ours, langchain)
    assert COUNTERPARTS[getattr(workersai, name)] is ours


def test_every_error_of_the_core_has_a_counterpart() -> None:
    """A class that is added to the core is added here, and the tree keeps its shape."""
    names = [n for n in workersai.__all__ if isinstance(getattr(workersai, n), type)]
    errors = [getattr(workersai, n) for n in names]
    tree = {e for e in errors if issubclass(e, workersai.WorkersAIError)}
    assert set(COUNTERPARTS) == tree - {workersai.WorkersAIError}
    for parent in COUNTERPARTS:
        for child in COUNTERPARTS:
            if issubclass(child, parent):
                assert issubclass(COUNTERPARTS[child], COUNTERPARTS[parent])


def test_a_converted_error_keeps_everything() -> None:
    """Text and attributes are the core's; the class is what is new."""
    error = workersai.OutOfCapacityError("busy", **STATUS)
    twin = from_core_error(error)
    assert type(twin) is face.OutOfCapacityError
    assert str(twin) == str(error)
    assert {k: getattr(twin, k) for k in STATUS} == STATUS


def test_retryability_is_the_codes_not_the_classes() -> None:
    """A used-up allocation is a 429 that no retry helps."""
    quota = workersai.QuotaExceededError("used up", status_code=429, code=3036)
    assert isinstance(from_core_error(quota), core.ModelRateLimitError)
    assert from_core_error(quota).is_retryable is False
    assert from_core_error(workersai.OutOfCapacityError("busy", **STATUS)).is_retryable is True
    assert from_core_error(workersai.StreamInterruptedError("cut")).is_retryable is False


def test_a_broken_stream_keeps_the_received_part() -> None:
    """The error of a broken stream has the received part in `.partial`."""
    partial = workersai.ChatResult(choices=(workersai.ChatChoice(text="half"),))
    twin = from_core_error(workersai.StreamInterruptedError("cut", partial=partial))
    assert twin.partial is partial


def test_the_chain_is_cut() -> None:
    """What stood behind an HTTP error does not show in the traceback."""

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
    """What is not the core's is not touched."""
    with pytest.raises(ZeroDivisionError), framework_errors():
        _ = 1 // 0


def test_an_error_travels_between_processes() -> None:
    """Errors pickle with their attributes."""
    error = from_core_error(workersai.RateLimitError("slow down", **STATUS))
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is face.RateLimitError
    assert twin.retry_after == 2.0


def test_tracers_find_the_answer_on_the_error() -> None:
    """LangChain records `.response` and `.request_id` of a failed call."""
    error = from_core_error(workersai.RateLimitError("slow down", **STATUS))
    assert isinstance(error, face.RateLimitError)
    assert error.response.status_code == 429
    assert error.response.json()["errors"] == [{"code": 3040, "message": "slow down"}]
