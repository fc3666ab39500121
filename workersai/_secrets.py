"""What must never show: the token, the gateway's token, the account id."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import SecretStr
from typing_extensions import ParamSpec

from workersai.errors import WorkersAIError, bare

__all__ = [
    "SHORTEST_SECRET",
    "Secrets",
    "clean_text",
    "hidden_setting",
    "hides_arguments",
    "is_secret_header",
    "keep_out_of_logs",
    "live_secrets",
    "masked",
    "redact",
    "secrets_in_header",
]

P = ParamSpec("P")
T = TypeVar("T")

_SHOWN = "***"
_MESSAGE_LIMIT = 500

SHORTEST_SECRET = 8
"""Characters. What is shorter is not masked: too many ordinary texts hold it."""

_SECRET_NAME = re.compile(
    r"(?:^|[-_])(?:auth|pass|pwd|sig)(?:$|[-_])"
    r"|(?:authorization|authentication|cookie|credentials?|key|password|secret|signature|token)"
    r"(?:$|[-_])"
)
_SCHEMES = ("basic", "bearer", "token", "apikey")
_KEY = re.compile(r"(?=[a-zA-Z]*[0-9])(?=[0-9]*[a-zA-Z])[a-zA-Z0-9]{16}")
_ESCAPE = re.compile(r"(?:\\(?:[abfnrtv0]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|%[0-9a-fA-F]{2})\Z")


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
    """Texts that show neither in errors and logs nor in the repr of what holds them."""

    __slots__ = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Secrets:
        """Keep what can be a secret, each also as a repr would write it.

        Args:
            texts: Tokens, keys, ids. What is shorter than `SHORTEST_SECRET` is left out.
        """
        long = [text for text in texts if len(text) >= SHORTEST_SECRET]
        # The longest first: one may be a part of another.
        return cls(sorted({*long, *(ascii(text)[1:-1] for text in long)}, key=len, reverse=True))

    def __repr__(self) -> str:
        """Say how many: a traceback that prints local variables must not print these."""
        return f"<{len(self)} secrets>"


_live: WeakKeyDictionary[object, Secrets] = WeakKeyDictionary()


def keep_out_of_logs(owner: object, secrets: Secrets) -> None:
    """Have *secrets* masked in the logs of HTTP libraries for as long as *owner* lives."""
    _live[owner] = secrets


def live_secrets() -> Secrets:
    """Return the secrets of every owner that lives."""
    found: set[str] = set()
    for reference in _live.keyrefs():  # a list, whatever other threads add meanwhile
        if (owner := reference()) is not None:
            found.update(_live.get(owner, ()))
    return Secrets(sorted(found, key=len, reverse=True))


def is_secret_header(name: str) -> bool:
    """Say whether a header's name is one of a credential, such as `x-api-key`."""
    return _SECRET_NAME.search(name.lower()) is not None


def secrets_in_header(name: str, value: str) -> Iterator[str]:
    """Find what is secret in a header of the user's own.

    Of a header whose name or scheme is one of a credential that is the value, with and without
    the scheme. Of any other it is what no word of a language looks like: sixteen letters and
    digits without a break.
    """
    words = value.split()
    if is_secret_header(name) or words[0].lower() in _SCHEMES:
        yield value
        yield from words[1:] if len(words) == 2 else ()
    yield from (word for word in words if _KEY.search(word))


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Return *text* with every secret in it replaced; to be done before anything is cut off.

    A secret that could be a word is matched whole: what stands inside a longer word is no secret.
    One of sixteen characters or more with a digit among them is none, and found anywhere.
    """
    for secret in secrets:
        if secret in text:
            can_be_a_word = len(secret) < 16 or not any(map(str.isdigit, secret))
            text = _without(text, secret) if can_be_a_word else text.replace(secret, _SHOWN)
    return text


def _without(text: str, secret: str) -> str:
    pieces, kept, at = [], 0, text.find(secret)
    while at >= 0:
        end = at + len(secret)
        if _is_whole(text, at, end):
            pieces += [text[kept:at], _SHOWN]
            kept = end
        at = text.find(secret, max(kept, at + 1))
    return "".join([*pieces, text[kept:]])


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a word neither goes on before *start* nor after *end*.

    The letters of an escape sequence, such as the `20` of `%20`, are no part of a word.
    """
    goes_on = _is_of_a_word(text[end - 1]) and _is_of_a_word(text[end : end + 1])
    began = _is_of_a_word(text[start]) and _is_of_a_word(text[start - 1 : start])
    return not goes_on and (not began or _ESCAPE.search(text, max(start - 6, 0), start) is not None)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def clean_text(text: str, secrets: tuple[str, ...]) -> str:
    """Make a server's text fit for logs: no secrets, no control characters, no novels."""
    text = redact(text, secrets)[:_MESSAGE_LIMIT].strip()
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text[:_MESSAGE_LIMIT]


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a JSON value whose texts hold no secret and are no longer than a log can take."""
    left = [_MOST_VALUES]

    def walk(found: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            return "..."
        if isinstance(found, str):
            return redact(found, secrets)[:_MESSAGE_LIMIT]
        if isinstance(found, dict):
            items = itertools.islice(found.items(), max(left[0], 0))
            return {redact(str(name), secrets): walk(entry) for name, entry in items}
        if isinstance(found, list):
            return [walk(entry) for entry in found[: max(left[0], 0)]]
        return found

    try:
        return walk(value)
    except RecursionError:
        return None


_MOST_VALUES = 200
"""Values of an error's body that are kept."""
