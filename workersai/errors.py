"""The errors that this package raises, as one tree.

::

    WorkersAIError
    ├── ConfigurationError            an argument is wrong; raised before any request
    ├── APIConnectionError            no answer: the network failed or the server hung up
    │   └── APITimeoutError           `.phase` names the clock that ran out
    ├── APIStatusError                an error answer: `.status_code`, `.code`, `.request_id`
    │   ├── AuthenticationError       the token is wrong or malformed
    │   ├── PermissionDeniedError     the token lacks a permission
    │   ├── NotFoundError             no such model, account or route; or the model is retired
    │   ├── InvalidRequestError       the request does not fit the model
    │   │   └── ContextWindowExceededError
    │   ├── RateLimitError            too many requests: wait
    │   ├── QuotaExceededError        the allocation is used up: waiting a minute does not help
    │   ├── OutOfCapacityError        the model is busy: try again
    │   └── ServerError               Cloudflare failed
    ├── StreamInterruptedError        the stream broke before its end: `.partial` has what arrived
    └── ResponseError                 the answer could not be read

No error contains a token: not in its text, attributes, pickle or cause.
"""

from __future__ import annotations

import traceback
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

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
    """Base class of all errors that this package raises.

    Attributes:
        action: What to do next, in one sentence; it is the end of the error's text.
        is_retryable: Whether the same call may succeed a little later and was not paid for yet.
        partial: The part of a stream that arrived before the failure; `None` if nothing arrived
            or the call was not streamed. It is a `ChatResult` whose tool calls are all invalid;
            the LangChain and LlamaIndex classes replace it by their framework's own message.
    """

    action: str = ""
    is_retryable: bool = False
    partial: Any = None

    def __str__(self) -> str:
        return f"{self.reason} - {self.action}" if self.action else self.reason

    @property
    def reason(self) -> str:
        """What happened: the error's text without `action`."""
        return super().__str__()

    def __reduce__(self) -> tuple[Callable[..., WorkersAIError], tuple[Any, ...]]:
        """Pickle by state, so that subclasses with any constructor can move between processes."""
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(
    cls: type[WorkersAIError], args: tuple[Any, ...], state: dict[str, Any]
) -> WorkersAIError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def bare(error: WorkersAIError) -> WorkersAIError:
    """Return *error* with its traceback lines, but without their local variables.

    The variables are requests and raw answers, which contain the account id and which a debugger
    or an error tracker would print. Of the causes, only an operating-system error is kept; it
    contains an address at most.
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
        parameter: The name of the wrong argument, if the error concerns a single one.
    """

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class APIConnectionError(WorkersAIError):
    """The server could not be reached, or closed the connection without an answer."""

    action = (
        "check the network, the proxy (HTTPS_PROXY, NO_PROXY) and base_url; `workersai doctor` "
        "looks at all of them"
    )
    is_retryable = True


class APITimeoutError(APIConnectionError):
    """A clock of `Timeout` ran out.

    `is_retryable` is false for a generation and for the submission of a batch, unless the clock is
    `connect`: the answer may have been generated and paid for.

    Attributes:
        phase: `connect`, `first_byte` (waiting for the answer to begin), `idle` (between two
            events of a stream) or `total` (all attempts and waits together).
        batch: The batch that was not done in time; its results can still be fetched.
    """

    action = ""

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


_ADVICE: Mapping[int | None, str] = MappingProxyType(
    {
        5023: "ask without streaming, or without the JSON schema",
        5024: "ask again, simplify the JSON schema, or describe the form in the prompt instead",
        5025: "leave the JSON schema out, or use a model whose profile has structured_output",
        5028: "use another model: `workersai models` lists those that can be used",
        5504: "check the batch's id and its model: results are kept for some time only",
    }
)
"""What to do next, for codes to which the advice of their error's class does not apply."""


_REDIRECTED = (
    "check base_url, its scheme and its host: the client follows no redirect, because the token "
    "is for that host alone"
)


class APIStatusError(WorkersAIError):
    """The server answered with an error.

    Attributes:
        status_code: The HTTP status; for an error inside a stream, the status that fits its code.
        code: Cloudflare's own code, such as 3040 or 5006; `None` if the answer had none.
        message: The server's message without prefixes and request ids.
        body: The answer, parsed if it is JSON, else its text; `None` if it was empty. Secrets are
            masked, and a long body is cut.
        headers: The answer's headers by lower-case name, without cookies; secrets are masked.
        request_id: The id to quote to Cloudflare's support.
        retry_after: Seconds that the server asked the client to wait; `None` if it did not.
        model: The requested model; `None` if the call was for none.
    """

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
        if code in _ADVICE:
            self.action = _ADVICE[code]
        elif 300 <= status_code < 400:
            self.action = _REDIRECTED
        super().__init__(self._describe())

    def _describe(self) -> str:
        code = "" if self.code is None else f", code {self.code}"
        where = f"HTTP {self.status_code}{code}"
        about = (f" for {self.model}" if self.model else "") + self._place()
        text = f"Workers AI answered {where}{about}: {self.message or 'no reason given'}"
        if self.retry_after is not None:
            text += f" (retry after {self.retry_after:g} s)"
        if self.request_id:
            text += f" (request id {self.request_id})"
        return text

    def _place(self) -> str:
        """Name the part of the request that the error concerns, if there is one."""
        return ""


class AuthenticationError(APIStatusError):
    """The credentials were refused (HTTP 401; codes 9106, 9109, 10000)."""

    action = (
        "check api_token (no quotes, no 'Bearer ') and that account_id is the account it is for"
    )


class PermissionDeniedError(APIStatusError):
    """The token is valid but lacks a permission (HTTP 403; codes 3023, 5016, 5018, 5035)."""

    action = "check that the token has the permission Workers AI and the plan includes the model"


class NotFoundError(APIStatusError):
    """There is no such model, account, route or batch.

    HTTP 404; codes 3042, 5007, 7000, 5028 (retired), 5504 (batch).
    """

    action = "check the model id ('@cf/author/name'), the account id and the endpoint"


class InvalidRequestError(APIStatusError):
    """The request does not fit the model (HTTP 400, 405, 413, 422; codes 5004, 5006, 8001, ...)."""

    action = "compare the request with the model's page, or with get_profile(model)"


class ContextWindowExceededError(InvalidRequestError):
    """The request has more tokens than the model takes.

    In a chat, prompt and token cap together exceed the context window (codes 5021, and 8007 with
    that text). In a request for embeddings, one text is too long (code 3030 with that text).

    Attributes:
        position: For embeddings, the index of the text in the list that the caller passed.
    """

    action = (
        "shorten the prompt or the text, or lower max_tokens: the cap counts towards the window"
    )
    position: int | None = None

    def at(self, position: int) -> ContextWindowExceededError:
        """Set the index of the text that is too long, and return this error.

        Args:
            position: The index of the text.
        """
        self.position = position
        self.args = (self._describe(),)
        return self

    def _place(self) -> str:
        return "" if self.position is None else f", texts[{self.position}]"


class RateLimitError(APIStatusError):
    """Too many requests a minute (HTTP 429; codes 3021, 2003)."""

    action = "wait, send fewer requests at once, or let the client wait longer with max_retries"


class QuotaExceededError(APIStatusError):
    """The daily allocation or a spend limit is used up (codes 3036, 4006, 2021, 2041, 2045)."""

    action = "wait for the allocation to reset (00:00 UTC) or change the plan or limit"


class OutOfCapacityError(APIStatusError):
    """The model has no capacity right now (HTTP 429, code 3040)."""

    action = "try again later, let the client wait longer with max_retries, or use another model"


class ServerError(APIStatusError):
    """Cloudflare failed (HTTP 408 or 5xx)."""

    action = "try again later; with the request id, Cloudflare's support can look it up"


class StreamInterruptedError(WorkersAIError):
    """A stream broke before the model had finished; `.partial` has what had arrived.

    The client does not retry it: the caller would get the first part twice.
    """

    action = "use what had arrived, which is `.partial`, or ask for the whole answer again"

    def __init__(self, message: str, *, partial: ChatResult | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class ResponseError(WorkersAIError):
    """An answer that could not be read: malformed, not the protocol, or above the size limit."""

    action = (
        "check that base_url leads to Workers AI and not to a proxy's own page; if it does, try "
        "again and report it"
    )
