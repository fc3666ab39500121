"""What must never show: the token, the gateway's token, the account id."""

from __future__ import annotations

__all__ = ["HiddenHeaders", "HiddenText", "Secrets", "redact"]

_SHOWN = "***"


class HiddenText(str):
    """A text like any other, except where a repr would show it: in `vars`, dumps, tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_SHOWN)


class HiddenHeaders(dict[str, str]):
    """Headers whose names alone show: which of the values is a secret, only their owner knows."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, _SHOWN))


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
