"""Turn the core's errors into errors that LangChain also knows.

Each class here inherits from the core's class of the same name and from the `langchain_core` class
for the same condition, so both `except workersai.RateLimitError` and `except ModelRateLimitError`
catch it. The core sets `is_retryable` by Cloudflare's code, which is finer than the class: of two
429 answers, a busy model is worth a retry and a used-up allocation is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

import workersai
from workersai import WorkersAIError


@dataclass(frozen=True)
class ErrorResponse:
    """The part of an error that LangChain's tracers read: the answer, without secrets."""

    status_code: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the answer's body in Cloudflare's envelope."""
        return self.body


class ConfigurationError(workersai.ConfigurationError, ModelInvalidRequestError):
    """An argument that cannot work, found before any request was made."""


class APIConnectionError(workersai.APIConnectionError, ModelConnectionError):
    """The server could not be reached, or closed the connection without an answer."""


class APITimeoutError(workersai.APITimeoutError, APIConnectionError, ModelTimeoutError):
    """A clock of `Timeout` ran out; `.phase` names it."""


class APIStatusError(workersai.APIStatusError, ModelError):
    """The server answered with an error."""

    @property
    def response(self) -> ErrorResponse:
        """The answer in the form that LangChain's tracers record."""
        error = {"code": self.code, "message": self.message}
        return ErrorResponse(self.status_code, {"success": False, "errors": [error]}, self.headers)


class AuthenticationError(workersai.AuthenticationError, APIStatusError, ModelAuthenticationError):
    """The credentials were refused."""


class PermissionDeniedError(
    workersai.PermissionDeniedError, APIStatusError, ModelPermissionDeniedError
):
    """The token is valid but lacks a permission."""


class NotFoundError(workersai.NotFoundError, APIStatusError, ModelNotFoundError):
    """There is no such model, account or route."""


class InvalidRequestError(workersai.InvalidRequestError, APIStatusError, ModelInvalidRequestError):
    """The request does not fit the model."""


class ContextWindowExceededError(
    workersai.ContextWindowExceededError, InvalidRequestError, ContextOverflowError
):
    """Prompt and token cap together exceed the context window."""


class RateLimitError(workersai.RateLimitError, APIStatusError, ModelRateLimitError):
    """Too many requests a minute."""


class QuotaExceededError(workersai.QuotaExceededError, APIStatusError, ModelRateLimitError):
    """The daily allocation or a spend limit is used up."""


class OutOfCapacityError(workersai.OutOfCapacityError, APIStatusError, ModelRateLimitError):
    """The model has no capacity right now."""


class ServerError(workersai.ServerError, APIStatusError, ModelAPIError):
    """Cloudflare failed."""


class StreamInterruptedError(workersai.StreamInterruptedError, ModelConnectionError):
    """A stream broke before the model had finished; `.partial` has what had arrived."""


class ResponseError(workersai.ResponseError, ModelAPIError):
    """An answer that could not be read."""


COUNTERPARTS: Mapping[type[WorkersAIError], type[WorkersAIError]] = MappingProxyType(
    {
        workersai.ConfigurationError: ConfigurationError,
        workersai.APIConnectionError: APIConnectionError,
        workersai.APITimeoutError: APITimeoutError,
        workersai.APIStatusError: APIStatusError,
        workersai.AuthenticationError: AuthenticationError,
        workersai.PermissionDeniedError: PermissionDeniedError,
        workersai.NotFoundError: NotFoundError,
        workersai.InvalidRequestError: InvalidRequestError,
        workersai.ContextWindowExceededError: ContextWindowExceededError,
        workersai.RateLimitError: RateLimitError,
        workersai.QuotaExceededError: QuotaExceededError,
        workersai.OutOfCapacityError: OutOfCapacityError,
        workersai.ServerError: ServerError,
        workersai.StreamInterruptedError: StreamInterruptedError,
        workersai.ResponseError: ResponseError,
    }
)
"""The core's class -> the class here."""


def from_core_error(error: WorkersAIError) -> WorkersAIError:
    """Return a core error as its LangChain class, with all its attributes.

    Args:
        error: Any error of the core; an error of this module is returned unchanged.

    Returns:
        An instance of the class here for the nearest class of the core.
    """
    if isinstance(error, ModelError):
        return error
    kinds = type(error).__mro__
    counterpart = next((COUNTERPARTS[c] for c in kinds if c in COUNTERPARTS), None)
    if counterpart is None:
        return error
    twin = counterpart.__new__(counterpart)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    return twin


class framework_errors:  # noqa: N801 - reads as a statement: `with framework_errors():`
    """Inside this block, errors of the core are raised as LangChain's, without their chain.

    The chain is removed because requests, headers and local variables of a client, which the causes
    of an HTTP error refer to, may contain the token.
    """

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise the counterpart of a core error; other exceptions are not changed."""
        if not isinstance(error, WorkersAIError) or isinstance(error, ModelError):
            return
        twin = from_core_error(error)
        try:
            raise twin from None
        finally:
            twin.__context__ = None
