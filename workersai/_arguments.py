"""Names of arguments: which ones are credentials, and what to answer to an unknown one."""

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
    "setting_meant_by",
    "unknown_argument",
]

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

_SECRET_WORDS = frozenset(
    {"auth", "oauth", "authorization", "authentication", "bearer", "jwt", "secret", "secrets",
     "password", "passwords", "passwd", "passphrase", "pwd", "credential", "credentials", "creds",
     "cookie", "cookies", "apikey", "apikeys", "apitoken", "apitokens", "authtoken", "authkey",
     "accesstoken", "accesskey", "secretkey", "privatekey", "apisecret", "clientsecret"}
)  # fmt: skip
"""Words that make a credential of any name they are a part of."""

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
"""What stands before `token` or `key` in the name of a credential.

Other words make parameters of models: `stop_token`, `max_tokens`, `prompt_cache_key`.
"""

_HOLDERS = frozenset({"headers", "extra_headers", "default_headers", "extra_body", "extra_query"})
"""Fields that other libraries read headers and the like from."""

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
"""Names that other packages use, and the setting that each one stands for."""


class ExtraFields(dict[str, Any]):
    """Further fields of a request's body, which also know the argument they were passed in.

    Attributes:
        argument: The argument's name, as a message to its user has to say it.
    """

    def __init__(self, fields: Mapping[str, Any], argument: str) -> None:
        super().__init__(fields)
        self.argument = argument


def argument_of(extra: object) -> str:
    """Return the name of the argument that further fields of the body are passed in."""
    return extra.argument if isinstance(extra, ExtraFields) else "extra"


def is_credential(name: str) -> bool:
    """Say whether a name is that of a token, a key or a password.

    The name is read word by word, in snake_case, camelCase or as a header is written.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not _SECRET_WORDS.isdisjoint(words) or words in (["token"], ["key"]):
        return True
    pairs = list(itertools.pairwise(words))
    is_owned = any(owner in _OWNERS.get(word, ()) for owner, word in pairs[-1:])
    return is_owned or ("api", "key") in pairs or ("api", "token") in pairs


def check_no_credentials(argument: str, fields: Mapping[Any, Any]) -> None:
    """Refuse credentials among the further fields of a request's body.

    Raises:
        ConfigurationError: Naming the field, never its value.
    """
    names = {name: name for name in fields if isinstance(name, str)}
    for holder in _HOLDERS & names.keys():
        if isinstance(inner := fields[holder], Mapping):
            names.update({f"{holder}.{name}": name for name in inner if isinstance(name, str)})
    for place, name in names.items():
        if is_credential(name):
            raise ConfigurationError(
                f"{place!r} in {argument} looks like a credential, and would be sent in the "
                f"request's body: {_pass_token(name)}",
                parameter=name,
            )


def setting_meant_by(name: str) -> str | None:
    """Return the setting that a name of another package stands for, if it is one."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words[-1:] == ["account"] or words[-2:] == ["account", "id"]:
        return "account_id"
    return _MEANT.get("_".join(words))


def unknown_argument(
    name: str, known: Iterable[str], *, of: str = "", others_in: str | None = None
) -> ConfigurationError:
    """Return the error for a name that no argument has.

    Args:
        name: The unknown name.
        known: The names that there are.
        of: What was called.
        others_in: The argument that takes further fields of the body; `None` if none does.
    """
    known = set(known)
    answer = f"{name} is not a parameter" + (f" of {of}" if of else "")
    if is_credential(name):
        answer += f": {_pass_token(name)}"
    elif (meant := setting_meant_by(name)) is not None and meant in known:
        answer += f": pass {meant}"
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
