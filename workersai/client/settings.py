"""Connection arguments and environment -> where requests go and with which headers."""

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

from workersai._secrets import Secrets
from workersai._version import __version__
from workersai.errors import ConfigurationError

__all__ = ["Settings", "read_settings"]

ACCOUNT_VARIABLES = ("CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID")
TOKEN_VARIABLES = (
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
)
BASE_URL_VARIABLE = "WORKERSAI_BASE_URL"
DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"

_ACCOUNT = re.compile(r"[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[!#-&(-~]+")  # visible ASCII without quotes
_SHORTEST_SECRET = 8  # characters; of a header whose value may be any text
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset(
    {"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection",
     "accept-encoding", "x-auth-key", "x-auth-email", "cookie"}
)  # fmt: skip

# AI Gateway options -> headers, as its documentation lists them.
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
    """Where requests go, and with which headers; made once a client.

    Attributes:
        root: The URL below which every path of the API stands.
        headers: Sent with every request, the token among them.
        secrets: What must never show in an error's text.
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
) -> Settings:
    """Check the connection arguments, filling what is missing from the environment.

    Raises:
        ConfigurationError: If one is missing, malformed or unsafe; a token is never shown.
    """
    account = _check_account(_text("account_id", account_id) or _environment(ACCOUNT_VARIABLES))
    token = _check_token(api_token)
    given = _text("base_url", base_url) or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
    is_allowed = _check_flag("allow_insecure_http", allow_insecure_http)
    base = _check_base_url(given, allow_insecure_http=is_allowed)
    root = f"{base}/accounts/{account}/ai"
    headers = {
        "accept": "*/*",
        "accept-encoding": "identity",  # a bomb needs compression
        "content-type": "application/json",
        "user-agent": f"workersai/{__version__} python/{platform.python_version()}",
        **_extra_headers(default_headers),
        **_gateway_headers(gateway),
    }
    if session_affinity is not None:
        headers["x-session-affinity"] = _check_value("session_affinity", session_affinity)
    headers["authorization"] = f"Bearer {token}"
    secrets = {token, account, account.lower(), *_secrets_in(headers, default_headers or {})}
    # The longest first: one may be a part of another.
    return Settings(root, headers, Secrets(sorted(secrets, key=len, reverse=True)))


def _secrets_in(headers: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """Find what may be secret: the gateway's token, and what the user's own headers say."""
    if gateway_token := headers.get("cf-aig-authorization"):
        yield gateway_token.removeprefix("Bearer ")
    for name in given:
        yield from (word for word in headers[name.lower()].split() if len(word) >= _SHORTEST_SECRET)


def _environment(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _text(parameter: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ConfigurationError(
        f"{parameter} must be text, not {type(value).__name__}", parameter=parameter
    )


def _check_account(account_id: str | None) -> str:
    if not account_id:
        raise ConfigurationError(
            "account_id is missing: pass it or set CLOUDFLARE_ACCOUNT_ID", parameter="account_id"
        )
    account = account_id.strip()
    if not _ACCOUNT.fullmatch(account):
        raise ConfigurationError(
            f"account_id must be 32 hexadecimal characters; this one has {len(account)} characters",
            parameter="account_id",
        )
    return account


def _check_token(api_token: str | SecretStr | None) -> str:
    given = api_token.get_secret_value() if isinstance(api_token, SecretStr) else api_token
    token = (_text("api_token", given) or _environment(TOKEN_VARIABLES) or "").strip()
    if not token:
        raise ConfigurationError(
            "api_token is missing: pass it or set CLOUDFLARE_API_TOKEN", parameter="api_token"
        )
    if not _TOKEN.fullmatch(token) or token.lower().startswith("bearer"):
        raise ConfigurationError(
            "api_token holds a character that no token has (a space, a quote, a line break, a "
            "leading 'Bearer'): pass the token alone",
            parameter="api_token",
        )
    return token


def _check_flag(parameter: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigurationError(f"{parameter} must be True or False", parameter=parameter)


def _check_base_url(base_url: str, *, allow_insecure_http: bool) -> str:
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
            "answers would travel in clear. Pass an https URL; or, if nobody else can read the "
            "network in between, such as that of a container beside yours, "
            "allow_insecure_http=True",
            parameter="base_url",
        )
    return base_url.rstrip("/")


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


def _extra_headers(default_headers: Mapping[str, str] | None) -> dict[str, str]:
    headers = {}
    for name, value in _mapping("default_headers", default_headers).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise ConfigurationError(
                f"default_headers cannot set {name!r}: it is no header name, or one that the "
                "client sets itself",
                parameter="default_headers",
            )
        headers[name.lower()] = _check_value("default_headers", value)
    return headers


def _gateway_headers(gateway: str | Mapping[str, Any] | None) -> dict[str, str]:
    options = {"id": gateway} if isinstance(gateway, str) else _mapping("gateway", gateway)
    unknown = [name for name in options if name not in _GATEWAY_HEADERS]
    if unknown:
        raise ConfigurationError(
            f"gateway has no option {unknown[0]!r}; it has {', '.join(_GATEWAY_HEADERS)}",
            parameter="gateway",
        )
    return {
        _GATEWAY_HEADERS[name]: _check_value("gateway", _gateway_value(name, value))
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
    """Write gateway metadata; one null or nested value was seen to wipe all of it silently."""
    is_flat = isinstance(value, Mapping) and all(
        isinstance(name, str)
        and (isinstance(entry, (str, int)) or (isinstance(entry, float) and math.isfinite(entry)))
        for name, entry in value.items()
    )
    if not is_flat or len(value) > 5:
        raise ConfigurationError(
            "gateway metadata takes up to five named entries, each a string, number or boolean",
            parameter="gateway",
        )
    return json.dumps(dict(value))


def _check_value(parameter: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise ConfigurationError(
            f"{parameter} must be printable ASCII text to be sent as a header", parameter=parameter
        )
    return value.strip()
