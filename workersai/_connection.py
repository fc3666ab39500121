"""Turn connection arguments and the environment into a URL and headers."""

from __future__ import annotations

import ipaddress
import json
import math
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from workersai._secrets import Secrets, secrets_in_header
from workersai._version import __version__
from workersai.errors import ConfigurationError
from workersai.types import EndpointName

__all__ = [
    "Settings",
    "check_account_id",
    "check_api_token",
    "check_base_url",
    "check_beside_binding",
    "check_gateway",
    "check_header_value",
    "check_headers",
    "first_variable",
    "read_settings",
    "text_or_variable",
    "with_request_headers",
]

ACCOUNT_VARIABLES = ("CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID")
"""Environment variables that may have the account id, in this order."""

TOKEN_VARIABLES = (
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
)
"""Environment variables that may have the token, in this order."""

BASE_URL_VARIABLE = "WORKERSAI_BASE_URL"
DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"

_GATEWAY_HOST = "gateway.ai.cloudflare.com"
_ROUTE = re.compile(r"/accounts(/|$)|/ai/(v1|run)(/|$)|/(chat/completions|embeddings)$")
_ACCOUNT = re.compile(r"[0-9a-fA-F]{32}")
# Visible ASCII without quotes, and neither a whole header nor the mask `****` of a dump.
_TOKEN = re.compile(r"(?!bearer|\*+$)[!#-&(-~]+", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset(
    {"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection",
     "accept-encoding", "x-auth-key", "x-auth-email", "cookie"}
)  # fmt: skip

# AI Gateway options -> header names (Cloudflare's AI Gateway documentation).
_GATEWAY_HEADERS: Mapping[str, str] = {
    "id": "cf-aig-gateway-id",
    "authorization": "cf-aig-authorization",
    "backoff": "cf-aig-backoff",
    "byok_alias": "cf-aig-byok-alias",
    "cache_key": "cf-aig-cache-key",
    "cache_ttl": "cf-aig-cache-ttl",
    "collect_log": "cf-aig-collect-log",
    "custom_cost": "cf-aig-custom-cost",
    "event_id": "cf-aig-event-id",
    "max_attempts": "cf-aig-max-attempts",
    "metadata": "cf-aig-metadata",
    "request_timeout": "cf-aig-request-timeout",
    "retry_delay": "cf-aig-retry-delay",
    "skip_cache": "cf-aig-skip-cache",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The root URL and the headers of all requests of one client.

    Attributes:
        root: The URL to which every path of the API is appended.
        headers: The headers of every request, with the token.
        secrets: Texts that must not appear in errors and logs.
    """

    root: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secrets: Secrets


def read_settings(
    *,
    account_id: str | None,
    api_token: str | SecretStr | None,
    base_url: str | None,
    gateway: str | Mapping[str, Any] | None,
    session_affinity: str | None,
    default_headers: Mapping[str, str] | None,
    allow_insecure_http: bool = False,
    is_bound: bool = False,
) -> Settings:
    """Check the connection arguments; read missing ones from the environment.

    A binding needs neither account, token nor URL, and nothing is looked for in its place.

    Raises:
        ConfigurationError: If one is missing, malformed or unsafe; a token is never shown.
    """
    asked = _asked_headers(gateway, session_affinity, default_headers)
    found = _secrets_in(asked, default_headers or {})
    if is_bound:
        return Settings("", asked, Secrets.of(found))
    account = check_account_id(text_or_variable("account_id", account_id, ACCOUNT_VARIABLES))
    token = check_api_token(api_token)
    url = text_or_variable("base_url", base_url, (BASE_URL_VARIABLE,)) or DEFAULT_BASE_URL
    is_allowed = _check_flag("allow_insecure_http", allow_insecure_http)
    base = check_base_url(url, allow_insecure_http=is_allowed)
    root = f"{base}/accounts/{account}/ai"
    headers = {
        "accept": "*/*",
        "accept-encoding": "identity",  # protects from decompression bombs
        "content-type": "application/json",
        "user-agent": f"workersai/{__version__} python/{platform.python_version()}",
        **asked,
        "authorization": f"Bearer {token}",
    }
    secrets = Secrets.of((token, account, account.lower(), account.upper(), *found))
    return Settings(root, headers, secrets)


def _asked_headers(
    gateway: str | Mapping[str, Any] | None,
    session_affinity: str | None,
    own: Mapping[str, str] | None,
    parameter: str = "default_headers",
) -> dict[str, str]:
    """Return the user's own headers, with those for a gateway and session affinity."""
    headers = {**check_headers(own, parameter), **check_gateway(gateway)}
    if session_affinity is not None:
        headers["x-session-affinity"] = check_header_value("session_affinity", session_affinity)
    return headers


def check_beside_binding(
    *,
    account_id: object = None,
    api_token: object = None,
    base_url: object = None,
    endpoint: EndpointName = "run",
) -> None:
    """Refuse settings that have no meaning beside a binding, and credentials.

    Raises:
        ConfigurationError: Naming the setting; a token is never shown.
    """
    settings = {"api_token": api_token, "account_id": account_id, "base_url": base_url}
    for name, value in settings.items():
        if value is not None:
            raise ConfigurationError(
                f"binding and {name} exclude each other: a Worker's binding needs no credentials "
                f"and no URL. Leave {name} out",
                parameter=name,
            )
    if endpoint != "run":
        raise ConfigurationError(
            f"endpoint={endpoint!r} cannot be reached through a binding: leave it out, or pass "
            "'run'",
            parameter="endpoint",
        )


def _secrets_in(headers: Mapping[str, str], user_headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the gateway's token and the secrets in the user's own headers."""
    if gateway_token := headers.get("cf-aig-authorization"):
        yield gateway_token.removeprefix("Bearer ")
    for name in user_headers:
        yield from secrets_in_header(name, headers[name.lower()])


def first_variable(names: tuple[str, ...]) -> str | None:
    """Return the first of these environment variables that is set and not empty."""
    for name in names:
        if value := os.environ.get(name):
            return value
    return None


def text_or_variable(parameter: str, value: Any, names: tuple[str, ...]) -> str | None:
    """Return the text that was passed, else the first environment variable that is set.

    Raises:
        ConfigurationError: If the value is not a string.
    """
    return _text(parameter, value) or first_variable(names)


def _text(parameter: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ConfigurationError(
        f"{parameter} must be text, not {type(value).__name__}", parameter=parameter
    )


def check_account_id(account_id: str | None) -> str:
    """Return the account id in lower case, as Cloudflare writes it, if it is well formed.

    Raises:
        ConfigurationError: If it is missing or malformed.
    """
    if not account_id:
        raise ConfigurationError(
            "account_id is missing: pass it or set CLOUDFLARE_ACCOUNT_ID", parameter="account_id"
        )
    account = account_id.strip().lower()
    if not _ACCOUNT.fullmatch(account):
        raise ConfigurationError(
            f"account_id must be 32 hexadecimal characters; this one has {len(account)} characters",
            parameter="account_id",
        )
    return account


def check_api_token(api_token: str | SecretStr | None) -> str:
    """Return the token's text; read it from the environment if it is not passed.

    Raises:
        ConfigurationError: If it is missing or malformed; the token is never shown.
    """
    value = api_token.get_secret_value() if isinstance(api_token, SecretStr) else api_token
    token = (text_or_variable("api_token", value, TOKEN_VARIABLES) or "").strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(_wrong_token(token), parameter="api_token")
    return token


def _wrong_token(token: str) -> str:
    if not token:
        return "api_token is missing: pass it or set CLOUDFLARE_API_TOKEN"
    if not token.strip("*"):
        return (
            "api_token is the mask that a dump shows instead of the token: pass the token itself, "
            "or set CLOUDFLARE_API_TOKEN"
        )
    return (
        "api_token contains a character that tokens do not have (a space, a quote, a line break, a "
        "leading 'Bearer'): pass the token alone"
    )


def _check_flag(parameter: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigurationError(f"{parameter} must be True or False", parameter=parameter)


def check_base_url(base_url: str, *, allow_insecure_http: bool) -> str:
    """Return the API's root URL without white space around it and a slash at its end.

    Raises:
        ConfigurationError: If it is not a URL, is unsafe, or has a path below the API's root.
    """
    base_url = base_url.strip()  # a variable from a file often ends with a line break
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    is_clean = not (parts.query or parts.fragment or parts.username or parts.password)
    is_clean = is_clean and not re.search(r"[\s\x00-\x1f\\]|/\.\.?(/|$)", base_url)
    if not (host and is_clean and parts.scheme in ("https", "http")):
        raise ConfigurationError(
            "base_url must be an https URL (http for this machine only) without user, query or "
            f"fragment, such as {DEFAULT_BASE_URL}",
            parameter="base_url",
        )
    if parts.scheme == "http" and not (allow_insecure_http or _is_loopback(host)):
        raise ConfigurationError(
            f"base_url is plain http to {ascii(host)[1:-1]}: the token, the prompts and the "
            "answers would travel unencrypted. Pass an https URL; or, if you trust the network in "
            "between (such as two containers on one machine), allow_insecure_http=True",
            parameter="base_url",
        )
    _check_root(base_url.rstrip("/"), host)
    return base_url.rstrip("/")


def _check_root(base_url: str, host: str) -> None:
    """Reject base URLs that suit other packages but not this one (gateways, routes)."""
    if host == _GATEWAY_HOST:
        raise ConfigurationError(
            "base_url is the URL of an AI Gateway: leave it out and pass gateway='name of the "
            "gateway', which sends the requests through it",
            parameter="base_url",
        )
    default = urlsplit(DEFAULT_BASE_URL)
    path = urlsplit(base_url).path
    if (route := _ROUTE.search(path)) is not None:
        root = base_url[: len(base_url) - len(path) + route.start()]
    elif host == default.hostname and path != default.path:
        root = DEFAULT_BASE_URL
    else:
        return
    raise ConfigurationError(
        f"base_url must be the API's root, such as {root}: the rest of the path is added to it. "
        "Pass the account as account_id. Pass endpoint='openai' for /ai/v1, endpoint='run' for "
        "/ai/run",
        parameter="base_url",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mapping(parameter: str, value: Any) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise ConfigurationError(
        f"{parameter} must be a mapping, not {type(value).__name__}", parameter=parameter
    )


def check_headers(
    headers: Mapping[str, str] | None, parameter: str = "default_headers"
) -> dict[str, str]:
    """Return a user's own headers with lower-case names.

    Args:
        headers: Header names and values.
        parameter: The argument that holds them.

    Raises:
        ConfigurationError: If a name is not a valid header name, or the client sets that header
            itself.
    """
    checked = {}
    for name, value in _mapping(parameter, headers).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise ConfigurationError(
                f"{parameter} cannot set {name!r}: it is not a valid header name, or the client "
                "sets this header itself",
                parameter=parameter,
            )
        checked[name.lower()] = check_header_value(parameter, value)
    return checked


def with_request_headers(
    settings: Settings,
    *,
    headers: Mapping[str, str] | None,
    gateway: str | Mapping[str, Any] | None,
    session_affinity: str | None,
) -> Settings:
    """Return the settings with one call's headers added; they win over the client's.

    Raises:
        ConfigurationError: As `read_settings`, for the call's own arguments.
    """
    ours = _asked_headers(gateway, session_affinity, headers, "headers")
    if not ours:
        return settings
    found = _secrets_in(ours, headers or {})
    secrets = Secrets.of((*settings.secrets, *found))
    return Settings(settings.root, {**settings.headers, **ours}, secrets)


def check_gateway(gateway: str | Mapping[str, Any] | None) -> dict[str, str]:
    """Return the headers for these AI Gateway options.

    Raises:
        ConfigurationError: If an option is unknown or cannot be written as a header.
    """
    options = {"id": gateway} if isinstance(gateway, str) else _mapping("gateway", gateway)
    if "/" in str(options.get("id")):
        raise ConfigurationError(
            "gateway must be the name of the gateway alone, such as 'my-gateway', not a URL",
            parameter="gateway",
        )
    unknown = [name for name in options if name not in _GATEWAY_HEADERS]
    if unknown:
        raise ConfigurationError(
            f"gateway has no option {unknown[0]!r}; it has {', '.join(_GATEWAY_HEADERS)}",
            parameter="gateway",
        )
    return {
        _GATEWAY_HEADERS[name]: check_header_value("gateway", _gateway_value(name, value))
        for name, value in options.items()
        if value is not None
    }


def _gateway_value(name: str, value: Any) -> str:
    if name == "metadata":
        return _metadata(value)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if name == "authorization":
        return f"Bearer {str(value).removeprefix('Bearer ')}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _metadata(value: Any) -> str:
    """Write gateway metadata as JSON.

    One null or nested value makes the gateway drop all of it silently (observed).
    """
    is_flat = isinstance(value, Mapping) and all(
        isinstance(name, str)
        and (isinstance(entry, (str, int)) or (isinstance(entry, float) and math.isfinite(entry)))
        for name, entry in value.items()
    )
    if not is_flat or len(value) > 5:
        raise ConfigurationError(
            "gateway metadata must have 1 to 5 named entries, each a string, number or boolean",
            parameter="gateway",
        )
    return json.dumps(dict(value))


def check_header_value(parameter: str, value: Any) -> str:
    """Return a text that can be sent as a header.

    Raises:
        ConfigurationError: If it is not printable ASCII.
    """
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise ConfigurationError(
            f"{parameter} must be printable ASCII text to be sent as a header", parameter=parameter
        )
    return value.strip()
