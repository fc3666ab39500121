"""Hide the token, the gateway's token and the account id in errors, logs and reprs."""

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
"""Characters. Shorter texts are not masked, because they appear in too many ordinary texts."""

_SECRET_NAME = re.compile(
    r"(?:^|[-_])(?:auth|pass|pwd|sig)(?:$|[-_])"
    r"|(?:authorization|authentication|cookie|credentials?|key|password|secret|signature|token)"
    r"(?:$|[-_])"
)
_SCHEMES = ("basic", "bearer", "token", "apikey")
_KEY = re.compile(r"(?=[a-zA-Z]*[0-9])(?=[0-9]*[a-zA-Z])[a-zA-Z0-9]{16}")
_ESCAPE = re.compile(r"(?:\\(?:[abfnrtv0]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|%[0-9a-fA-F]{2})\Z")


class HiddenText(str):
    """A string whose repr is masked, so that `vars`, dumps and tracebacks do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_SHOWN)


class HiddenHeaders(dict[str, str]):
    """Headers whose repr shows the names only: any value may be a secret of the user."""

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
    """Wrap a parameter of `Client` so that the repr of any object that holds it is safe.

    Args:
        name: The parameter's name. Values of parameters that are not secret are returned
            unchanged.
        value: Its value. A token becomes a `SecretStr`, which is also a valid value of the
            parameter; the other values can be used as before.
    """
    hide = _HIDDEN.get(name or "")
    return value if hide is None or value is None else hide(value)


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a constructor so that its errors carry no local variables.

    A traceback that prints local variables, or an error tracker that collects them, would show the
    token next to a misspelt argument name.

    Args:
        function: A function that may raise a `WorkersAIError`.
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
    """Texts to hide in errors and logs; the repr shows only how many there are."""

    __slots__ = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Secrets:
        """Collect the texts to hide, each also in the form that a repr would write.

        Args:
            texts: Tokens, keys, ids. Texts shorter than `SHORTEST_SECRET` are left out.
        """
        long = [text for text in texts if len(text) >= SHORTEST_SECRET]
        # Longest first: one secret may be a part of another.
        return cls(sorted({*long, *(ascii(text)[1:-1] for text in long)}, key=len, reverse=True))

    def __repr__(self) -> str:
        """Show only the count: tracebacks with local variables must not print the secrets."""
        return f"<{len(self)} secrets>"


_live: WeakKeyDictionary[object, Secrets] = WeakKeyDictionary()


def keep_out_of_logs(owner: object, secrets: Secrets) -> None:
    """Mask *secrets* in the logs of HTTP libraries for as long as *owner* exists."""
    _live[owner] = secrets


def live_secrets() -> Secrets:
    """Return the secrets of all owners that still exist."""
    found: set[str] = set()
    for reference in _live.keyrefs():  # a copy, safe while other threads add entries
        if (owner := reference()) is not None:
            found.update(_live.get(owner, ()))
    return Secrets(sorted(found, key=len, reverse=True))


def is_secret_header(name: str) -> bool:
    """Return whether a header's name is the name of a credential, such as `x-api-key`."""
    return _SECRET_NAME.search(name.lower()) is not None


def secrets_in_header(name: str, value: str) -> Iterator[str]:
    """Yield the secrets in one of the user's own headers.

    If the header's name or scheme belongs to a credential, its value is a secret, with and without
    the scheme. In any other header, sixteen letters and digits without a break are treated as a
    secret, because they do not look like a word.
    """
    words = value.split()
    if is_secret_header(name) or words[0].lower() in _SCHEMES:
        yield value
        yield from words[1:] if len(words) == 2 else ()
    yield from (word for word in words if _KEY.search(word))


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Replace every secret in *text*. Call this before the text is shortened.

    A secret that could be an ordinary word is replaced only as a whole word. A secret of sixteen
    or more characters with a digit cannot be a word, and is replaced anywhere.
    """
    for secret in secrets:
        if secret in text:
            can_be_a_word = len(secret) < 16 or not any(map(str.isdigit, secret))
            text = _without(text, secret) if can_be_a_word else text.replace(secret, _SHOWN)
    return text


def _without(text: str, secret: str) -> str:
    pieces, copied, at = [], 0, text.find(secret)
    while at >= 0:
        end = at + len(secret)
        if _is_whole(text, at, end):
            pieces += [text[copied:at], _SHOWN]
            copied = end
        at = text.find(secret, max(copied, at + 1))
    return "".join([*pieces, text[copied:]])


def _is_whole(text: str, start: int, end: int) -> bool:
    """Return whether the text from *start* to *end* is a whole word.

    The letters of an escape sequence, such as the `20` of `%20`, do not count as part of a word.
    """
    goes_on = _is_of_a_word(text[end - 1]) and _is_of_a_word(text[end : end + 1])
    began = _is_of_a_word(text[start]) and _is_of_a_word(text[start - 1 : start])
    return not goes_on and (not began or _ESCAPE.search(text, max(start - 6, 0), start) is not None)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def clean_text(text: str, secrets: tuple[str, ...]) -> str:
    """Clean a server's text for logs: mask secrets, drop control characters, shorten it."""
    text = redact(text, secrets)[:_MESSAGE_LIMIT].strip()
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text[:_MESSAGE_LIMIT]


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a JSON value with masked secrets and texts short enough for a log."""
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
"""The largest number of values that is kept of an error's body."""
