"""What can go wrong, as one tree.

::

    WorkersAIError
    ├── ConfigurationError            found before any request: fix the argument it names
    ├── APIConnectionError            no answer: the network, or the server hung up
    │   └── APITimeoutError           `.phase` says which clock ran out
    ├── APIStatusError                an answer that says no: `.status_code`, `.code`, `.request_id`
    │   ├── AuthenticationError       the token is wrong or malformed
    │   ├── PermissionDeniedError     the token may not do this
    │   ├── NotFoundError             no such model, account or route; or retired
    │   ├── InvalidRequestError       the request does not fit the model
    │   │   └── ContextWindowExceededError
    │   ├── RateLimitError            too many requests: wait
    │   ├── QuotaExceededError        the allocation is used up: waiting a minute will not help
    │   ├── OutOfCapacityError        the model is busy: try again
    │   └── ServerError               Cloudflare's side failed
    ├── StreamInterruptedError        the stream stopped before its end: `.partial` has the rest
    └── ResponseError                 the answer could not be read

No error holds a token: not in its text, its attributes, its pickle or its cause.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workersai.results import BatchJob, ChatResult

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "ConfigurationError",
    "ContextWindowExceededError",
    "InvalidRequestError",
    "NotFoundError",
    "OutOfCapacityError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseError",
    "ServerError",
    "StreamInterruptedError",
    "WorkersAIError",
]


class WorkersAIError(Exception):
    """Anything this package raises on purpose.

    Attributes:
        is_retryable: Whether the same call may succeed a little later, and was not paid for yet.
        partial: What a stream had brought before it failed; `None` if nothing or no stream. It is
            a `ChatResult` whose tool calls are all invalid; the faces make their framework's own
            message of it.
    """

    is_retryable: bool = False
    partial: Any = None

    def __reduce__(self) -> tuple[Callable[..., WorkersAIError], tuple[Any, ...]]:
        """Pickle by state, so that subclasses with any constructor travel between processes."""
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(
    cls: type[WorkersAIError], args: tuple[Any, ...], state: dict[str, Any]
) -> WorkersAIError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def bare(error: WorkersAIError) -> WorkersAIError:
    """Return *error* with the lines it went through so far, and without their variables.

    The variables are requests and the bytes of answers, which a debugger or an error tracker would
    print: the account is in them, and whatever a server sends back. Of what led to the error, a
    failure of the operating system stays, which names an address at most.
    """
    traceback.clear_frames(error.__traceback__)
    cause = error.__cause__
    if cause is not None and not isinstance(cause, OSError):
        error.__cause__ = None
    error.__context__ = error.__cause__
    return error


class ConfigurationError(WorkersAIError, ValueError):
    """An argument that cannot work, found before any request was made.

    Attributes:
        parameter: The argument's name, if one is to blame.
    """

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class APIConnectionError(WorkersAIError):
    """The server could not be reached, or closed the connection without an answer."""

    is_retryable = True


class APITimeoutError(APIConnectionError):
    """A clock of `Timeout` ran out.

    `is_retryable` is false for a generation and for the submission of a batch, unless the clock is
    `connect`: the answer may have been made and paid for.

    Attributes:
        phase: `connect`, `first_byte` (waiting for the answer to begin), `idle` (between two
            events of a stream) or `total` (all attempts and waits together).
        batch: The batch that was not done in time; its results can still be asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Literal["connect", "first_byte", "idle", "total"],
        batch: BatchJob | None = None,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.batch = batch


class APIStatusError(WorkersAIError):
    """The server answered with an error.

    Attributes:
        status_code: The HTTP status; of an error inside a stream, the status its code stands for.
        code: Cloudflare's own code, such as 3040 or 5006; `None` if the answer had none.
        message: The server's sentence, cleaned of prefixes and request ids.
        body: The answer as it came, parsed if it is JSON, else its text; secrets are masked, and
            only the beginning of a long one is kept. `None` if there was none.
        headers: The answer's headers by lower-case name, without cookies; secrets are masked.
        request_id: The id to quote to Cloudflare's support.
        retry_after: Seconds the server asked to wait; `None` if it did not say.
    """

    action: ClassVar[str] = ""
    """What to do, in a sentence; part of the error's text."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        model: str | None = None,
        is_retryable: bool = False,
    ) -> None:
        self.message = message
        self.status_code = status_code
        self.code = code
        self.body = body
        self.headers = dict(headers or {})
        self.request_id = request_id
        self.retry_after = retry_after
        self.model = model
        self.is_retryable = is_retryable
        super().__init__(self._describe())

    def _describe(self) -> str:
        code = "" if self.code is None else f", code {self.code}"
        where = f"HTTP {self.status_code}{code}"
        about = (f" for {self.model}" if self.model else "") + self._place()
        text = f"Workers AI answered {where}{about}: {self.message or 'no reason given'}"
        if self.action:
            text += f" - {self.action}"
        if self.retry_after is not None:
            text += f" (retry after {self.retry_after:g} s)"
        if self.request_id:
            text += f" (request id {self.request_id})"
        return text

    def _place(self) -> str:
        """Say which part of the request the error is about, if one part is to blame."""
        return ""


class AuthenticationError(APIStatusError):
    """The credentials were refused (HTTP 401; codes 9106, 9109, 10000)."""

    action = (
        "check api_token (no quotes, no 'Bearer ') and that account_id is the account it is for"
    )


class PermissionDeniedError(APIStatusError):
    """The token is known but may not do this (HTTP 403; codes 3023, 5016, 5018, 5035)."""

    action = "check that the token has the permission Workers AI and the plan includes the model"


class NotFoundError(APIStatusError):
    """There is no such model, account, route or batch.

    HTTP 404; codes 3042, 5007, 7000, 5028 (retired), 5504 (batch).
    """

    action = "check the model id ('@cf/author/name'), the account id and the endpoint"


class InvalidRequestError(APIStatusError):
    """The request does not fit the model (HTTP 400, 405, 413, 422; codes 5004, 5006, 8001, ...)."""


class ContextWindowExceededError(InvalidRequestError):
    """The request has more tokens than the model takes.

    Of a chat, prompt and token cap together exceed the context window (codes 5021, 8007 by its
    text). Of embeddings, one text alone is too long (code 3030 by its text).

    Attributes:
        position: Of embeddings, where the text stands in the list that the caller passed.
    """

    action = (
        "shorten the prompt or the text, or lower max_tokens: the cap counts against the window"
    )
    position: int | None = None

    def at(self, position: int) -> ContextWindowExceededError:
        """Say which text of the caller's list is too long, and return this error."""
        self.position = position
        self.args = (self._describe(),)
        return self

    def _place(self) -> str:
        return "" if self.position is None else f", texts[{self.position}]"


class RateLimitError(APIStatusError):
    """Too many requests a minute (HTTP 429; codes 3021, 2003)."""


class QuotaExceededError(APIStatusError):
    """The daily allocation or a spend limit is used up (codes 3036, 4006, 2021, 2041, 2045)."""

    action = "wait for the allocation to reset (00:00 UTC) or change the plan or limit"


class OutOfCapacityError(APIStatusError):
    """The model has no capacity right now (HTTP 429, code 3040)."""


class ServerError(APIStatusError):
    """Cloudflare's side failed (HTTP 408 or 5xx)."""


class StreamInterruptedError(WorkersAIError):
    """A stream broke or ended before the model had finished; `.partial` keeps what had come.

    It is not retried: the part already handed out would come twice.
    """

    def __init__(self, message: str, *, partial: ChatResult | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class ResponseError(WorkersAIError):
    """An answer that cannot be read: not the protocol, malformed, or larger than the limit."""
