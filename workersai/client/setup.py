"""The settings of a client, checked once, and how they apply to each request."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, TypeAlias

from pydantic import SecretStr
from typing_extensions import TypedDict

from workersai._arguments import unknown_argument
from workersai._checks import check_callback, check_count
from workersai._clocks import Clocks
from workersai._connection import check_beside_binding, read_settings, with_request_headers
from workersai._outgoing import Outgoing
from workersai._request.chat import ChatOptions
from workersai._request.embeddings import EmbeddingRequests
from workersai._secrets import Secrets, keep_out_of_logs
from workersai._wire import Request
from workersai.client.embedding.call import EmbeddingCall
from workersai.client.embedding.flow import EmbeddingFlow, WindowOptions
from workersai.client.gateway_retries import (
    Unset,
    check_retries,
    gateway_attempts,
    retries_beside_gateway,
)
from workersai.client.rate_limits import Turn, shared_limiter
from workersai.client.retries import Attempt, RetryBudget, RetryNotice, exchange
from workersai.errors import ConfigurationError
from workersai.types import (
    CallOptions,
    EmbeddingOptions,
    EndpointName,
    RateLimits,
    RequestOptions,
    Timeout,
)

__all__ = ["ConnectionOptions", "OnRetry", "Setup", "take_request_options"]

OnRetry: TypeAlias = Callable[[RetryNotice], None] | None


class ConnectionOptions(TypedDict, total=False):
    """The connection settings of a client, by keyword."""

    account_id: str | None
    api_token: str | SecretStr | None
    base_url: str | None
    endpoint: EndpointName
    timeout: float | Timeout | None
    max_retries: int
    gateway: str | Mapping[str, Any] | None
    session_affinity: str | None
    reject_if_busy: bool
    default_headers: Mapping[str, str] | None
    allow_insecure_http: bool
    binding: Any
    limits: RateLimits | None
    on_retry: OnRetry


_DEFAULT_TIMEOUT = Timeout()
_BYTES_A_TOKEN = 4
"""The approximate number of bytes of a token, for prose in JSON."""


class Setup:
    """The settings of a client, shared by all its parts.

    Args:
        owner: The class of the client, for error messages.
        model: The model for calls without `model`.
        **unknown: Names that are not settings.

    The other arguments are those of `Client`.

    Raises:
        ConfigurationError: If a setting is missing, malformed, unsafe or unknown.
    """

    def __init__(
        self,
        owner: str,
        model: str | None = None,
        *,
        account_id: str | None = None,
        api_token: str | SecretStr | None = None,
        base_url: str | None = None,
        endpoint: EndpointName = "run",
        timeout: float | Timeout | None = _DEFAULT_TIMEOUT,
        max_retries: int | Unset = Unset.UNSET,
        gateway: str | Mapping[str, Any] | None = None,
        session_affinity: str | None = None,
        reject_if_busy: bool = False,
        default_headers: Mapping[str, str] | None = None,
        allow_insecure_http: bool = False,
        binding: Any = None,
        limits: RateLimits | None = None,
        on_retry: OnRetry = None,
        **unknown: object,
    ) -> None:
        for name in unknown:
            known = ("model", "http_client", *ConnectionOptions.__annotations__)
            raise unknown_argument(name, known, of=owner)
        if endpoint not in ("run", "openai"):
            raise ConfigurationError(
                f"endpoint={endpoint!r} must be 'run' or 'openai'", parameter="endpoint"
            )
        self.model = model
        self.endpoint: EndpointName = endpoint
        self.timeout = Timeout.of(timeout)
        self._retries = check_retries(max_retries)
        self._limits = RateLimits.of(limits)
        self.reject_if_busy = reject_if_busy
        self._on_retry = on_retry
        self._budget = RetryBudget()
        self.binding = binding
        if binding is not None:
            check_beside_binding(
                account_id=account_id, api_token=api_token, base_url=base_url, endpoint=endpoint
            )
        self._settings = read_settings(
            account_id=account_id,
            api_token=api_token,
            base_url=base_url,
            gateway=gateway,
            session_affinity=session_affinity,
            default_headers=default_headers,
            allow_insecure_http=allow_insecure_http,
            is_bound=binding is not None,
        )
        self._settle_retries()
        self.hide(())
        if self._limits is not None:
            shared_limiter(self.root, model, self._limits)  # reports a missing package now

    def _settle_retries(self) -> None:
        """Decide how often the client retries beside a gateway that retries by itself."""
        attempts = gateway_attempts(self._settings.headers)
        self.max_retries = retries_beside_gateway(self._retries, attempts)

    def hide(self, texts: Iterable[str]) -> None:
        """Mask further texts in errors and logs, such as the credentials of an HTTP client."""
        secrets = Secrets.of((*self._settings.secrets, *texts))
        self._settings = replace(self._settings, secrets=secrets)
        keep_out_of_logs(self, secrets)

    def derive(self, options: Mapping[str, Any]) -> Setup:
        """Return the setup of one call, or of a copy of the client.

        Args:
            options: Some of `RequestOptions`, by name; missing ones keep the client's values.

        Raises:
            ConfigurationError: If one is malformed or unknown.
        """
        for name in options:
            if name not in RequestOptions.__annotations__:
                raise unknown_argument(name, RequestOptions.__annotations__, of="with_options")
        derived = copy.copy(self)
        if "timeout" in options:
            derived.timeout = Timeout.of(options["timeout"])
        if "max_retries" in options:
            derived._retries = check_retries(options["max_retries"])  # noqa: SLF001 - a copy
        derived._settings = with_request_headers(  # noqa: SLF001 - a copy of this object
            self._settings,
            headers=options.get("headers"),
            gateway=options.get("gateway"),
            session_affinity=options.get("session_affinity"),
        )
        if options.keys() & {"max_retries", "gateway"}:
            derived._settle_retries()  # noqa: SLF001 - a copy of this object
        keep_out_of_logs(derived, derived.secrets)
        return derived

    def __copy__(self) -> Setup:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> NoReturn:
        """Reject copying and pickling, because the token would be copied too.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "a client's settings contain a token and cannot be copied or pickled: create a client "
            "where it is used"
        )

    @property
    def secrets(self) -> Secrets:
        """Texts that must not appear in errors and logs."""
        return self._settings.secrets

    @property
    def root(self) -> str:
        """The URL to which paths are appended; it contains the account id."""
        return self._settings.root

    def model_for(self, model: str | None) -> str:
        """Return the model of a call, or the client's.

        Raises:
            ConfigurationError: If neither is set.
        """
        if not (chosen := self.model if model is None else model):
            raise ConfigurationError(
                "model is missing: pass it to the client or to the call", parameter="model"
            )
        return chosen

    def chat_options(
        self, call: CallOptions, *, stream: bool = False, include_usage: bool = False
    ) -> ChatOptions:
        """Join the settings with the options of a chat or a completion."""
        return ChatOptions(
            model=self.model_for(call.get("model")),
            call=call,
            endpoint=self.endpoint,
            stream=stream,
            include_usage=include_usage,
            reject_if_busy=self.reject_if_busy,
        )

    def embedding_call(
        self,
        texts: Sequence[str],
        model: str | None,
        options: EmbeddingOptions,
        max_concurrency: int,
        on_progress: Callable[[int], None] | None,
    ) -> EmbeddingCall:
        """Prepare a call for vectors.

        Raises:
            ConfigurationError: If an argument does not fit the model.
        """
        check_count("max_concurrency", max_concurrency, 1)
        check_callback("on_progress", on_progress)
        requests = EmbeddingRequests(texts, self.model_for(model), self.endpoint, options)
        return EmbeddingCall(requests, max_concurrency, on_progress)

    def embedding_flow(
        self, texts: object, model: str | None, options: EmbeddingOptions, window: WindowOptions
    ) -> EmbeddingFlow:
        """Prepare a run over texts that come one by one.

        Raises:
            ConfigurationError: If an argument does not fit the model, or *texts* is not an
                iterable of strings.
        """
        for name in options:
            if name not in EmbeddingOptions.__annotations__:
                raise unknown_argument(name, EmbeddingOptions.__annotations__, of="embed_iter")
        is_one = isinstance(texts, (str, bytes, bytearray, Mapping))
        if is_one or not isinstance(texts, (Iterable, AsyncIterable)):
            raise ConfigurationError(
                f"texts must be an iterable of strings, not {type(texts).__name__}",
                parameter="texts",
            )
        return EmbeddingFlow(self.model_for(model), self.endpoint, options, window)

    def exchange(
        self, request: Request, on_retry: OnRetry, timeout: Timeout | None
    ) -> Generator[Attempt, Any, Any]:
        """Begin a call with its retries; *timeout* replaces the client's.

        Raises:
            ConfigurationError: If *on_retry* cannot be called.
        """
        if on_retry is not None:
            check_callback("on_retry", on_retry)
        return exchange(
            self.max_retries,
            timeout or self.timeout,
            is_repeatable=request.is_repeatable,
            budget=self._budget,
            on_retry=_both(self._on_retry, on_retry),
            turn=self._turn(request),
            name=f"{request.method} {request.path}",
        )

    def _turn(self, request: Request) -> Turn | None:
        if self._limits is None or request.model is None:
            return None
        tokens = len(request.content) // _BYTES_A_TOKEN
        return shared_limiter(self.root, request.model, self._limits).turn(tokens)

    def clocks(self, request: Request, step: Attempt) -> Clocks:
        """Start the clocks of one attempt."""
        return Clocks(
            step.timeout,
            step.deadline,
            begins_late=request.begins_late,
            is_repeatable=request.is_repeatable,
            name=f"{request.method} {request.path}",
        )

    def outgoing(self, request: Request, step: Attempt) -> Outgoing:
        """Write the HTTP request of one attempt."""
        return Outgoing(
            method=request.method,
            root=self._settings.root,
            path=request.path,
            headers={**step.headers, **self._settings.headers},
            content=request.content,
            params=request.params,
            secrets=self.secrets,
        )


def take_request_options(call: Any) -> dict[str, Any]:
    """Remove the options about sending from a call's keyword arguments, and return them."""
    return {name: call.pop(name) for name in _REQUEST_OPTIONS if name in call}


_REQUEST_OPTIONS = tuple(RequestOptions.__annotations__)


def _both(first: OnRetry, second: OnRetry) -> OnRetry:
    """Return a listener that calls both listeners, the client's first."""
    if first is None or second is None:
        return first or second

    def call_both(notice: RetryNotice) -> None:
        first(notice)
        second(notice)

    return call_both
