"""What both clients know before they send anything: settings, defaults, requests."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeAlias

from pydantic import SecretStr
from typing_extensions import TypedDict

from workersai._arguments import unknown_argument
from workersai._checks import check_count
from workersai._connection import read_settings
from workersai._http import Clocks, Outgoing
from workersai._request.batch import poll_request, references_of, submit_request
from workersai._request.chat import ChatOptions
from workersai._request.embeddings import EmbeddingRequests
from workersai._response.batch import parse_polled, parse_submitted
from workersai._response.reply import Reply
from workersai._secrets import Secrets, keep_out_of_logs
from workersai._wire import Request
from workersai.client.embedding import EmbeddingCall
from workersai.client.retries import Attempt, RetryBudget, RetryNotice, exchange
from workersai.errors import ConfigurationError
from workersai.results import Batch, BatchResult
from workersai.types import BatchRequest, CallOptions, EmbeddingOptions, Endpoint, Timeout

__all__ = ["BaseClient", "ConnectionOptions", "OnRetry", "ToolChoice", "Tools"]

Tools: TypeAlias = Sequence[Mapping[str, Any]] | None
ToolChoice: TypeAlias = str | bool | Mapping[str, Any] | None
OnRetry: TypeAlias = Callable[[RetryNotice], None] | None


class ConnectionOptions(TypedDict, total=False):
    """The keyword arguments of `BaseClient`."""

    account_id: str | None
    api_token: str | SecretStr | None
    base_url: str | None
    endpoint: Endpoint
    timeout: float | Timeout | None
    max_retries: int
    gateway: str | Mapping[str, Any] | None
    session_affinity: str | None
    reject_if_busy: bool
    default_headers: Mapping[str, str] | None
    allow_insecure_http: bool


class BaseClient:
    """The part of `Client` and `AsyncClient` that does no I/O.

    Args:
        model: The model to ask when a call names none: `@cf/author/name`.
        account_id: 32 hexadecimal characters; else `CLOUDFLARE_ACCOUNT_ID`, `CF_ACCOUNT_ID`.
        api_token: A token with the permission Workers AI; else `CLOUDFLARE_API_TOKEN`,
            `CLOUDFLARE_AUTH_TOKEN`, `CF_AI_API_TOKEN`, `CF_API_TOKEN`, in that order.
        base_url: The API's root; else `WORKERSAI_BASE_URL`. https, or http for this machine.
        endpoint: `run` for the native route, `openai` for `/ai/v1`.
        timeout: Seconds for the whole call, or a `Timeout` with a clock for each part of it. A
            number is the total, and no clock on the answer runs out before.
        max_retries: How often a failed call is tried again. Nothing is after the first token, and
            no generation or batch is after the server may have worked on it: after a clock ran
            out, after code 3046, and after a failure other than a 429 that took more than 30 s.
        gateway: An AI Gateway's id, or its options by name (`id`, `skip_cache`, `cache_ttl`,
            `metadata`, ...).
        session_affinity: Any id; requests with the same one can share a prompt cache.
        reject_if_busy: Fail at once with `OutOfCapacityError` instead of waiting in the queue.
        default_headers: More headers; they cannot replace the client's own.
        allow_insecure_http: Allow a plain-http `base_url` for a host other than this machine, such
            as a container beside yours. The token, the prompts and the answers then travel in
            clear: whoever can read the network in between can read and use them.

    Raises:
        ConfigurationError: If an argument is missing, malformed, unsafe or unknown.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        account_id: str | None = None,
        api_token: str | SecretStr | None = None,
        base_url: str | None = None,
        endpoint: Endpoint = "run",
        timeout: float | Timeout | None = None,
        max_retries: int = 2,
        gateway: str | Mapping[str, Any] | None = None,
        session_affinity: str | None = None,
        reject_if_busy: bool = False,
        default_headers: Mapping[str, str] | None = None,
        allow_insecure_http: bool = False,
        **unknown: object,
    ) -> None:
        for name in unknown:
            known = ("model", *ConnectionOptions.__annotations__)
            raise unknown_argument(name, type(self).__name__, known)
        if endpoint not in ("run", "openai"):
            raise ConfigurationError(
                f"endpoint={endpoint!r} must be 'run' or 'openai'", parameter="endpoint"
            )
        self.model = model
        self.endpoint: Endpoint = endpoint
        self.timeout = Timeout.of(timeout)
        self.max_retries = check_count("max_retries", max_retries, 0)
        self._budget = RetryBudget()
        self._reject_if_busy = reject_if_busy
        self._settings = read_settings(
            account_id=account_id,
            api_token=api_token,
            base_url=base_url,
            gateway=gateway,
            session_affinity=session_affinity,
            default_headers=default_headers,
            allow_insecure_http=allow_insecure_http,
        )
        self._hide(())

    def _hide(self, texts: Iterable[str]) -> None:
        """Have further texts masked in errors and logs."""
        secrets = Secrets.of((*self._settings.secrets, *texts))
        self._settings = replace(self._settings, secrets=secrets)
        keep_out_of_logs(self, secrets)

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"a {type(self).__name__} holds a token and connections and is not copied or pickled: "
            "make one where it is used"
        )

    def _exchange(
        self, request: Request, on_retry: OnRetry, timeout: Timeout | None
    ) -> Generator[Attempt, Any, Any]:
        return exchange(
            self.max_retries,
            timeout or self.timeout,
            is_repeatable=request.is_repeatable,
            budget=self._budget,
            on_retry=on_retry,
        )

    def _clocks(self, request: Request, step: Attempt) -> Clocks:
        return Clocks(
            step.timeout,
            step.deadline,
            begins_late=request.begins_late,
            is_repeatable=request.is_repeatable,
        )

    def _outgoing(self, request: Request, step: Attempt) -> Outgoing:
        return Outgoing(
            method=request.method,
            url=self._settings.root + request.path,
            headers={**step.headers, **self._settings.headers},
            content=request.content,
            params=request.params,
            secrets=self._settings.secrets,
        )

    def _model(self, model: str | None) -> str:
        if not (chosen := model or self.model):
            raise ConfigurationError(
                "model is missing: pass it to the client or to the call", parameter="model"
            )
        return chosen

    def _options(
        self, call: CallOptions, *, stream: bool = False, include_usage: bool = False
    ) -> ChatOptions:
        return ChatOptions(
            model=self._model(call.get("model")),
            call=call,
            endpoint=self.endpoint,
            stream=stream,
            include_usage=include_usage,
            reject_if_busy=self._reject_if_busy,
        )

    def _submission(
        self, requests: Sequence[BatchRequest], model: str | None
    ) -> tuple[Request, Callable[[Reply, Request], Batch]]:
        asked = submit_request(
            requests,
            self._model(model),
            endpoint=self.endpoint,
            reject_if_busy=self._reject_if_busy,
        )
        return asked, partial(parse_submitted, references=references_of(requests))

    def _polling(
        self, batch: Batch
    ) -> tuple[Request, Callable[[Reply, Request], Batch | BatchResult]]:
        return poll_request(batch.request_id, batch.model), partial(parse_polled, batch=batch)

    def _batch(self, batch: Batch | str, model: str | None) -> Batch:
        return batch if isinstance(batch, Batch) else Batch(batch, self._model(model))

    def _embedding(
        self,
        texts: Sequence[str],
        model: str | None,
        options: EmbeddingOptions,
        max_concurrency: int,
        on_progress: Callable[[int], None] | None,
    ) -> EmbeddingCall:
        check_count("max_concurrency", max_concurrency, 1)
        requests = EmbeddingRequests(texts, self._model(model), self.endpoint, options)
        return EmbeddingCall(requests, max_concurrency, on_progress)
