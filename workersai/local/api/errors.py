"""Cloudflare's error answers: status, code and envelope."""

from __future__ import annotations

import uuid
from typing import Any

from workersai.local.api.identity import new_hex

__all__ = ["ApiFailure", "envelope_of"]


class ApiFailure(Exception):  # noqa: N818 - an answer to send, not an error of this program
    """A request that Workers AI answers with an error.

    Attributes:
        status: HTTP status.
        code: Cloudflare's own code.
        message: Cloudflare's text, without prefix and request id.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def envelope_of(failure: ApiFailure) -> dict[str, Any]:
    """Return the JSON body of a failure; inference errors have a prefix and a request id."""
    inference = 3000 <= failure.code < 7000 or 8000 <= failure.code < 9000
    message = (
        f"AiError: {failure.message} ({uuid.UUID(new_hex())})" if inference else failure.message
    )
    return {
        "errors": [{"message": message, "code": failure.code}],
        "success": False,
        "result": {} if inference else None,
        "messages": [],
    }
