"""What must never show: the token, the gateway's token, the account id."""

from __future__ import annotations

__all__ = ["Secrets", "redact"]


class Secrets(tuple[str, ...]):
    """Texts that show neither in errors nor in the repr of what holds them."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Say how many: a traceback that prints local variables must not print these."""
        return f"<{len(self)} secrets>"


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Return *text* with every secret in it replaced; to be done before anything is cut off."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
