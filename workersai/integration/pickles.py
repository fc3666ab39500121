"""What pickles and copies of an adapter's object contain.

Pickles do not contain tokens. An unpickled object reads the environment of its process.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

from pydantic import BaseModel, SecretStr

from workersai._connection import TOKEN_VARIABLES, first_variable
from workersai._secrets import hidden_setting, secrets_in_header
from workersai.integration.clients import Clients

__all__ = [
    "FROM_ENVIRONMENT",
    "guard_workers",
    "has_secret",
    "public_gateway",
    "shared_resources",
    "state_of",
    "warn_of_left",
]

FROM_ENVIRONMENT = ("account_id", "base_url")
"""Settings that are not secret.

A value that came from the environment is pickled, and is used if the environment of the other
process does not have it.
"""

_RESOURCES = (
    "binding",
    "http_client",
    "http_async_client",
    "rate_limiter",
    "callback_manager",
    "callbacks",
    "cache",
    "embeddings_cache",
)


def public_gateway(gateway: Any) -> Any:
    """Return an AI Gateway's options without its token."""
    if not isinstance(gateway, Mapping):
        return gateway
    return {name: value for name, value in gateway.items() if name != "authorization"}


def _public_headers(headers: Any) -> Any:
    """Return the headers that contain no secret."""
    if not isinstance(headers, Mapping):
        return headers
    public = {name: value for name, value in headers.items() if not _is_secret(name, value)}
    return hidden_setting("default_headers", public)


def _is_secret(name: Any, value: Any) -> bool:
    is_header = isinstance(name, str) and isinstance(value, str) and bool(value.strip())
    return is_header and any(secrets_in_header(name, value))


_PUBLIC: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "gateway": ("gateway['authorization']", public_gateway),
    "default_headers": ("the default_headers that contain a secret", _public_headers),
}
"""Settings with a secret part -> the name of that part, and a function that removes it."""


def state_of(component: BaseModel) -> dict[str, Any]:
    """Copy the part of an object that may be pickled.

    Returns:
        `fields`: the settings, by name; `environment`: values to use if the environment of the
        other process lacks them; `left`: the names of settings that are left out.
    """
    fields: dict[str, Any] = {}
    left: list[str] = []
    for name in sorted(component.model_fields_set - {"api_token"}):
        value = getattr(component, name)
        if (secret := _secret_part(name, value)) is not None:
            value = _PUBLIC[name][1](value)
            left.append(secret)
        if _can_pickle(value):
            fields[name] = value
        else:
            left.append(name)
    fallback = {name: getattr(component, name) for name in FROM_ENVIRONMENT}
    return {"fields": fields, "environment": fallback, "left": left}


def has_secret(name: str, value: Any) -> bool:
    """Return whether the value of a setting has a secret part."""
    return _secret_part(name, value) is not None


def _secret_part(name: str, value: Any) -> str | None:
    """Return the name of a setting's secret part, if there is one."""
    called, public = _PUBLIC.get(name, ("", None))
    return called if public is not None and public(value) != value else None


def _can_pickle(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError):
        return False
    return True


def warn_of_left(owner: str, left: Sequence[str]) -> None:
    """Warn that an object was unpickled without some of its settings."""
    if left:
        warnings.warn(
            f"{owner} was unpickled without {', '.join(left)}: secrets and values that cannot be "
            "pickled are left out. Set it again",
            stacklevel=3,
        )


def shared_resources(component: BaseModel, memo: dict[int, Any] | None) -> dict[int, Any]:
    """Extend the memo of a deep copy, so that it shares objects that must not be copied."""
    private = (component.__pydantic_private__ or {}).values()
    resources = [getattr(component, name, None) for name in _RESOURCES]
    resources += [value for value in private if not isinstance(value, Clients)]
    return {id(value): value for value in resources if value is not None} | (memo or {})


def guard_workers(cls: type[Any]) -> None:
    """Make `multiprocessing` reject objects of a class whose secrets a worker would not have.

    The error is raised where the work is handed over, instead of a failed request in the worker.
    Other objects are pickled as usual, and secrets never are.
    """
    ForkingPickler.register(cls, _reduce_for_worker)


def _reduce_for_worker(component: Any) -> Any:
    if (missing := _missing_in_worker(component)) is not None:
        parameter, reason = missing
        raise component.REFUSAL(
            f"{type(component).__name__} cannot be sent to another process: {reason}",
            parameter=parameter,
        )
    return component.__reduce_ex__(pickle.DEFAULT_PROTOCOL)


def _missing_in_worker(component: Any) -> tuple[str, str] | None:
    """Return a setting that a worker would not have, and what to do about it."""
    token: SecretStr | None = component.api_token
    inherited = (first_variable(TOKEN_VARIABLES) or "").strip()
    if token is not None and token.get_secret_value() != inherited:
        return "api_token", (
            "api_token was passed as an argument, and pickles do not contain tokens. Set "
            "CLOUDFLARE_API_TOKEN in the environment, which worker processes inherit"
        )
    for name in _PUBLIC:
        if (secret := _secret_part(name, getattr(component, name))) is not None:
            return name, f"pickles do not contain {secret}. Create the object in the worker"
    return None
