"""Check the account in the environment: the source of its credentials, and one request."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workersai import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    Client,
    ConfigurationError,
    NotFoundError,
    OutOfCapacityError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    WorkersAIError,
    get_profile,
)
from workersai._connection import (
    ACCOUNT_VARIABLES,
    BASE_URL_VARIABLE,
    DEFAULT_BASE_URL,
    TOKEN_VARIABLES,
)

__all__ = ["Finding", "check_account", "has_credentials"]

_QUESTION = "Hello"
_CHEAPEST = "@cf/baai/bge-small-en-v1.5"
"""A request of one word to this model costs less than a millionth of a dollar (page: pricing)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        name: What was checked.
        ok: Whether it is right; `None` if it is only reported.
        detail: What was found; never a secret.
        remedy: What to do if it is wrong.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def has_credentials() -> bool:
    """Return whether the environment has a token and an account."""
    return bool(_set(TOKEN_VARIABLES) and _set(ACCOUNT_VARIABLES))


def check_account(
    *,
    model: str | None = None,
    endpoint: str = "run",
    gateway: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Finding]:
    """Check the credentials of the environment; if they are complete, send one cheap request.

    Args:
        model: The model to ask; by default the cheapest one, an embedding model.
        endpoint: `run` or `openai`.
        gateway: The id of an AI Gateway for the request.
        clock: Monotonic seconds.
    """
    findings = [
        _source("API token", TOKEN_VARIABLES, "create a token with the permission Workers AI"),
        _source("account id", ACCOUNT_VARIABLES, "copy it from the Cloudflare dashboard"),
        Finding("API root", None, _api_root()),
        Finding("route", None, _route(endpoint, gateway)),
    ]
    if all(finding.ok is not False for finding in findings):
        findings.append(_request(model or _CHEAPEST, endpoint, gateway, clock))
    return findings


def _set(variables: tuple[str, ...]) -> list[str]:
    return [name for name in variables if os.environ.get(name)]


def _source(name: str, variables: tuple[str, ...], remedy: str) -> Finding:
    found = _set(variables)
    if not found:
        return Finding(name, ok=False, detail="not set", remedy=f"{remedy}; set {variables[0]}")
    value = os.environ[found[0]]
    detail = f"from {found[0]}, {len(value)} characters"
    others = [other for other in found[1:] if os.environ[other] != value]
    if others:
        detail += f"; {', '.join(others)} has another value and is ignored"
    return Finding(name, ok=True, detail=detail)


def _api_root() -> str:
    url = os.environ.get(BASE_URL_VARIABLE)
    return f"{url}, from {BASE_URL_VARIABLE}" if url else DEFAULT_BASE_URL


def _route(endpoint: str, gateway: str | None) -> str:
    route = "native, /ai/run" if endpoint == "run" else "OpenAI-compatible, /ai/v1"
    return f"{route}, through the gateway {gateway!r}" if gateway else f"{route}, no gateway"


def _request(model: str, endpoint: str, gateway: str | None, clock: Callable[[], float]) -> Finding:
    settings: dict[str, Any] = {"endpoint": endpoint, "gateway": gateway, "max_retries": 0}
    started = clock()
    try:
        with Client(model, timeout=60, **settings) as client:
            answered = _ask(client, model)
    except WorkersAIError as error:
        return Finding("one request", ok=False, detail=str(error), remedy=_remedy(error))
    return Finding(
        "one request", ok=True, detail=f"{answered} in {1000 * (clock() - started):.0f} ms"
    )


def _ask(client: Client, model: str) -> str:
    task = get_profile(model).task
    if task == "embeddings":
        vectors = client.embed([_QUESTION]).vectors
        return f"{model} answered with {len(vectors[0])} dimensions"
    if task == "rerank":
        client.rerank(_QUESTION, [_QUESTION])
        return f"{model} answered"
    usage = client.chat([{"role": "user", "content": _QUESTION}], max_tokens=1).usage
    return f"{model} answered" + (f" with {usage.total_tokens} tokens" if usage else "")


_REMEDIES: Mapping[type[WorkersAIError], str] = {
    ConfigurationError: "correct the variable that the message names",
    AuthenticationError: "the token is not valid for this account: create one with the permission "
    "Workers AI, and check the account id",
    PermissionDeniedError: "the token is valid but may not do this: add the permission Workers AI, "
    "or check that the account is the token's",
    NotFoundError: "check the account id and the model id",
    QuotaExceededError: "the allocation is used up: wait until 00:00 UTC or use a paid plan",
    RateLimitError: "wait a minute and try again",
    OutOfCapacityError: "the model is busy: try again, or ask another one with --model",
    APITimeoutError: "the answer took too long: try again, or ask another model with --model",
    APIConnectionError: "check the network, a proxy (HTTPS_PROXY) and the API root",
}


def _remedy(error: WorkersAIError) -> str:
    kinds = (kind for kind in type(error).__mro__ if kind in _REMEDIES)
    return next((_REMEDIES[kind] for kind in kinds), "see the message")
