"""What must never show: the token, the gateway's token, the account id."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import SecretStr
from typing_extensions import ParamSpec

from workersai.errors import WorkersAIError, bare

__all__ = ["Secrets", "clean_text", "hidden_setting", "hides_arguments", "redact"]

P = ParamSpec("P")
T = TypeVar("T")

_SHOWN = "***"
_MESSAGE_LIMIT = 500


class HiddenText(str):
    """A text like any other, except where a repr would show it: in `vars`, dumps, tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_SHOWN)


class HiddenHeaders(dict[str, str]):
    """Headers whose names alone show: which of the values is a secret, only their owner knows."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, _SHOWN))


def _hidden_token(token: Any) -> Any:
    return SecretStr(token) if isinstance(token, str) else token


def _hidden_gateway(gateway: Any) -> Any:
    if isinstance(gateway, dict) and gateway.get("authorization") is not None:
        return {**gateway, "authorization": _hidden_token(gateway["authorization"])}
    return gateway


_HIDDEN: Mapping[str, Callable[[Any], Any]] = {
    "account_id": HiddenText,
    "api_token": _hidden_token,
    "default_headers": HiddenHeaders,
    "gateway": _hidden_gateway,
}


def hidden_setting(name: str | None, value: Any) -> Any:
    """Return a parameter of `Client` in a form that no repr shows, whatever object holds it.

    Args:
        name: The parameter's. One that is no secret stays as it is.
        value: Its value. A token becomes a `SecretStr`, which is a parameter's value too; the
            others can be used as before.
    """
    hide = _HIDDEN.get(name or "")
    return value if hide is None or value is None else hide(value)


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a constructor: an error that it raises shows none of its arguments.

    A traceback that prints local variables, or an error tracker that collects them, would show the
    token that stood beside a misspelt name.

    Args:
        function: What may raise errors of this package's tree.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except WorkersAIError as error:
            refusal = bare(error)
        del args, kwargs
        raise refusal

    return guarded


class Secrets(tuple[str, ...]):
    """Texts that show neither in errors nor in the repr of what holds them."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Say how many: a traceback that prints local variables must not print these."""
        return f"<{len(self)} secrets>"


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Return *text* with every secret in it replaced; to be done before anything is cut off."""
    for secret in secrets:
        text = text.replace(secret, _SHOWN)
    return text


def clean_text(text: str, secrets: tuple[str, ...]) -> str:
    """Make a server's text fit for logs: no secrets, no control characters, no novels."""
    text = redact(text, secrets)[:_MESSAGE_LIMIT].strip()
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text[:_MESSAGE_LIMIT]
