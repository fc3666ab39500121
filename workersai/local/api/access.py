"""Check the account in the path and the bearer token, with Cloudflare's error answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workersai import ConfigurationError
from workersai.local.api.errors import ApiFailure

__all__ = ["Access"]

_ACCOUNT = re.compile(r"[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True)
class Access:
    """The accepted account and token; `None` accepts any well-formed one.

    Raises:
        ConfigurationError: The account or token has a form that no request could have.
    """

    account_id: str | None = None
    api_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _fits(_ACCOUNT, self.account_id):
            raise ConfigurationError("account_id must be 32 hexadecimal digits")
        if not _fits(_TOKEN, self.api_token):
            raise ConfigurationError(
                "the token for callers must be a str of letters, digits and ._~+/=- "
                "only, and not empty"
            )

    def check(self, path: str, account_id: str, headers: Mapping[str, str]) -> None:
        """Check a request; return if it is allowed.

        Raises:
            ApiFailure: 404/7003 for an account id of another shape, 403/9106 without a token,
                400/9106 for a malformed one, 401/10000 for a wrong token or account.
        """
        if _ACCOUNT.fullmatch(account_id) is None:
            raise ApiFailure(
                404,
                7003,
                f"Could not route to {path}, perhaps your object identifier is invalid?",
            )
        token = _token_of(headers)
        if not (_same(self.api_token, token) and _same(self.account_id, account_id)):
            raise ApiFailure(401, 10000, "Authentication error")


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return value is None or (isinstance(value, str) and pattern.fullmatch(value) is not None)


def _token_of(headers: Mapping[str, str]) -> str:
    header = headers.get("authorization")
    if header is None:
        raise ApiFailure(403, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _, token = header.partition(" ")
    # A pasted token with its quotes or a second `Bearer ` is malformed (400), not wrong (401).
    if scheme.lower() != "bearer" or _TOKEN.fullmatch(token) is None:
        raise ApiFailure(400, 9106, "Authentication failed (status: 400)")
    return token


def _same(accepted: str | None, token: str) -> bool:
    return accepted is None or secrets.compare_digest(accepted.encode(), token.encode())
