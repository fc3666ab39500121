"""Argument names: detect credentials, and explain unknown arguments."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workersai.errors import ConfigurationError

__all__ = [
    "ExtraFields",
    "argument_of",
    "check_no_credentials",
    "is_credential",
    "setting_named",
    "unknown_argument",
]

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

_SECRET_WORDS = frozenset(
    {"auth", "oauth", "authorization", "authentication", "bearer", "jwt", "secret", "secrets",
     "password", "passwords", "passwd", "passphrase", "pwd", "credential", "credentials", "creds",
     "cookie", "cookies", "apikey", "apikeys", "apitoken", "apitokens", "authtoken", "authkey",
     "accesstoken", "accesskey", "secretkey", "privatekey", "apisecret", "clientsecret"}
)  # fmt: skip
"""A name that contains one of these words is the name of a credential."""

_VENDORS = frozenset(
    {"cf", "cloudflare", "workersai", "workers", "ai", "gateway", "aig", "hf", "huggingface",
     "openai", "anthropic", "azure", "google", "gemini", "github", "groq", "mistral", "aws"}
)  # fmt: skip
_TOKEN_OWNERS = _VENDORS | {
    "api", "access", "refresh", "session", "security", "account", "service", "id", "personal",
    "client",
}  # fmt: skip
_KEY_OWNERS = _VENDORS | {
    "api", "access", "private", "account", "service", "subscription", "global", "master", "admin",
    "license",
}  # fmt: skip
_OWNERS: Mapping[str, frozenset[str]] = {
    "token": _TOKEN_OWNERS,
    "tokens": _TOKEN_OWNERS,
    "key": _KEY_OWNERS,
    "keys": _KEY_OWNERS,
}
"""Words that make a credential of a name when they come before `token` or `key`.

Other words make model parameters: `stop_token`, `max_tokens`, `prompt_cache_key`.
"""

_HOLDERS = frozenset({"headers", "extra_headers", "default_headers", "extra_body", "extra_query"})
"""Body fields from which other libraries read headers, query parameters and the like."""

_MEANT: Mapping[str, str] = {
    "headers": "default_headers",
    "extra_headers": "default_headers",
    "ai_gateway": "gateway",
    "gateway_id": "gateway",
    "api_base_url": "base_url",
    "cloudflare_api_base": "base_url",
    "endpoint_url": "base_url",
    "endpoint_format": "endpoint",
    "session_id": "session_affinity",
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
}
"""Argument names of other packages, and the setting of this package with the same meaning."""


class ExtraFields(dict[str, Any]):
    """Further fields of a request's body, with the name of the argument that held them.

    Attributes:
        argument: The argument's name, for use in error messages.
    """

    def __init__(self, fields: Mapping[str, Any], argument: str) -> None:
        super().__init__(fields)
        self.argument = argument


def argument_of(extra: object) -> str:
    """Return the name of the argument that held these further body fields."""
    return extra.argument if isinstance(extra, ExtraFields) else "extra"


def is_credential(name: str) -> bool:
    """Return whether a name is the name of a token, a key or a password.

    The name is split into words; snake_case, camelCase and header spelling are understood.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not _SECRET_WORDS.isdisjoint(words) or words in (["token"], ["key"]):
        return True
    pairs = list(itertools.pairwise(words))
    is_owned = any(owner in _OWNERS.get(word, ()) for owner, word in pairs[-1:])
    return is_owned or ("api", "key") in pairs or ("api", "token") in pairs


def check_no_credentials(argument: str, fields: Mapping[Any, Any]) -> None:
    """Reject credentials among the further fields of a request's body.

    Raises:
        ConfigurationError: If a field looks like a credential. The error names the field and
            never shows its value.
    """
    names = {name: name for name in fields if isinstance(name, str)}
    for holder in _HOLDERS & names.keys():
        if isinstance(inner := fields[holder], Mapping):
            names.update({f"{holder}.{name}": name for name in inner if isinstance(name, str)})
    for place, name in names.items():
        if is_credential(name):
            raise ConfigurationError(
                f"{place!r} in {argument} looks like a credential and would be sent in the "
                f"request's body: {_pass_token(name)}",
                parameter=name,
            )


def setting_named(name: str) -> str | None:
    """Return the setting that has the same meaning as another package's name, or `None`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words[-1:] == ["account"] or words[-2:] == ["account", "id"]:
        return "account_id"
    return _MEANT.get("_".join(words))


def unknown_argument(
    name: str, known: Iterable[str], *, of: str = "", others_in: str | None = None
) -> ConfigurationError:
    """Return the error for an unknown argument name.

    Args:
        name: The unknown name.
        known: The valid argument names.
        of: The class or function that was called.
        others_in: The argument that takes further body fields; `None` if there is no such argument.
    """
    known = set(known)
    answer = f"{name} is not a parameter" + (f" of {of}" if of else "")
    if is_credential(name):
        answer += f": {_pass_token(name)}"
    elif (setting := setting_named(name)) is not None and setting in known:
        answer += f": pass {setting}"
    else:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        answer += f": did you mean {close[0]}?" if close else "."
        if others_in is not None:
            answer += f" Pass other fields of the request in {others_in}"
        answer = answer.rstrip(".")
    return ConfigurationError(answer, parameter=name)


def _pass_token(name: str) -> str:
    if {"aig", "gateway"} & {word.lower() for word in _WORDS.findall(name)}:
        return "pass the gateway's token as gateway={'id': ..., 'authorization': ...}"
    return "pass the token as api_token, or set CLOUDFLARE_API_TOKEN"
