"""The error tree: classes, attributes and pickles."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable

import pytest

import workersai
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ChatChoice,
    ChatResult,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    NotFoundError,
    OutOfCapacityError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    ToolCall,
    Usage,
    WorkersAIError,
    errors,
)

STATUS_ERRORS = (
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    InvalidRequestError,
    ContextWindowExceededError,
    RateLimitError,
    QuotaExceededError,
    OutOfCapacityError,
    ServerError,
)
PARENTS: dict[type[WorkersAIError], type[WorkersAIError]] = {
    ConfigurationError: WorkersAIError,
    APIConnectionError: WorkersAIError,
    APITimeoutError: APIConnectionError,
    APIStatusError: WorkersAIError,
    StreamInterruptedError: WorkersAIError,
    ResponseError: WorkersAIError,
    **dict.fromkeys(STATUS_ERRORS, APIStatusError),
    ContextWindowExceededError: InvalidRequestError,
}


@pytest.mark.parametrize(("error", "parent"), PARENTS.items(), ids=lambda c: c.__name__)
def test_the_tree(error: type[WorkersAIError], parent: type[WorkersAIError]) -> None:
    """The error classes form the tree that the docstring of `workersai.errors` draws."""
    assert error.__mro__[1] is parent


def test_every_error_is_public() -> None:
    """Every error can be caught by its public name."""
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert classes == set(errors.__all__)
    assert classes <= set(workersai.__all__)


def test_a_wrong_argument_is_also_a_value_error() -> None:
    """`except ValueError` catches configuration errors."""
    assert issubclass(ConfigurationError, ValueError)


def test_a_status_error_says_what_happened_where_and_what_to_do() -> None:
    """The text of a status error has status, code, model, message, advice, wait and request id."""
    error = QuotaExceededError(
        "used up",
        status_code=429,
        code=4006,
        request_id="ray-1",
        retry_after=2.5,
        model="@cf/a/b",
    )
    assert str(error) == (
        "Workers AI answered HTTP 429, code 4006 for @cf/a/b: used up (retry after 2.5 s) "
        "(request id ray-1) - wait for the allocation to reset (00:00 UTC) or change the plan or "
        "limit"
    )


def test_a_status_error_says_only_what_is_known() -> None:
    """The text of a status error omits what the server did not send."""
    error = ServerError("", status_code=502)

    assert error.reason == "Workers AI answered HTTP 502: no reason given"


SAY_IT_THEMSELVES = {ConfigurationError, APITimeoutError, APIStatusError}


@pytest.mark.parametrize(
    "error",
    [error for error in PARENTS if error not in SAY_IT_THEMSELVES],
    ids=lambda error: error.__name__,
)
def test_each_error_says_what_to_do_next(error: Callable[..., WorkersAIError]) -> None:
    """Each error ends its text with what to do, except errors whose text says it already."""
    made = error("no", status_code=400) if error in STATUS_ERRORS else error("no")

    assert made.action
    assert str(made) == f"{made.reason} - {made.action}"


@pytest.mark.parametrize(
    ("code", "words"),
    [(5023, "without streaming"), (5024, "simplify"), (5025, "structured_output"),
     (5028, "workersai models"), (5504, "batch's id")],
)  # fmt: skip
def test_some_codes_have_advice_of_their_own(code: int, words: str) -> None:
    """A code with advice of its own replaces the advice of the error's class; copies keep it."""
    original = InvalidRequestError("no", status_code=400, code=code)
    for error in (original, pickle.loads(pickle.dumps(original)), copy.copy(original)):
        assert words in error.action
        assert str(error).endswith(f" - {error.action}")
    plain = InvalidRequestError("no", status_code=400, code=5006)
    assert plain.action == InvalidRequestError.action


def partial() -> ChatResult:
    call = ToolCall("a", "add", {"a": 1})
    return ChatResult((ChatChoice(text="Hel", tool_calls=(call,)),), Usage(1, 2, 3), raw={"a": 1})


def examples() -> list[WorkersAIError]:
    made: list[WorkersAIError] = [
        ConfigurationError("wrong", parameter="model"),
        APIConnectionError("gone"),
        APITimeoutError("slow", phase="idle"),
        StreamInterruptedError("cut", partial=partial()),
        ResponseError("odd"),
        *(
            error("no", status_code=400, code=1, request_id="r", retry_after=1.5, model="m")
            for error in STATUS_ERRORS
        ),
    ]
    made[-1].partial = partial()
    made[-1].is_retryable = True
    return made


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("travel", ["pickle", "copy", "deepcopy"])
def test_errors_can_be_pickled(error: WorkersAIError, travel: str) -> None:
    """An unpickled error equals the original."""
    ways: dict[str, Callable[[], WorkersAIError]] = {
        "pickle": lambda: pickle.loads(pickle.dumps(error)),
        "copy": lambda: copy.copy(error),
        "deepcopy": lambda: copy.deepcopy(error),
    }
    arrived = ways[travel]()
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)
    assert arrived.partial == error.partial
    assert arrived.is_retryable == error.is_retryable
