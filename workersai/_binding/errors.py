"""Convert exceptions of a binding to this package's errors.

`env.AI.run` throws if it does not return the `Response`: Cloudflare's code is at the beginning of
the text, as in `5007: No such model`. Other exceptions are connection failures.
"""

from __future__ import annotations

import re
from typing import Any

from workersai._clocks import Clocks
from workersai._response.errors import error_from_body
from workersai._secrets import clean_text
from workersai.errors import APIConnectionError, WorkersAIError

__all__ = ["from_thrown"]

_OF_CLOUDFLARE = ("InferenceUpstreamError", "AiInternalError", "AiError")
_CODE = re.compile(r"\d{4,5}: ")


def from_thrown(
    error: Any, clocks: Clocks, *, model: str | None, secrets: tuple[str, ...]
) -> WorkersAIError:
    """Convert an exception of JavaScript; its text may begin with Cloudflare's code.

    Args:
        error: A `JsException`.
        clocks: The clocks of the attempt.
        model: The model that was asked.
        secrets: Texts that must not appear in errors.
    """
    name, text = str(getattr(error, "name", "")), str(getattr(error, "message", error))
    if name in _OF_CLOUDFLARE or _CODE.match(text):
        return error_from_body({"message": text}, model=model, secrets=secrets)
    reason = clean_text(f"{name}: {text}" if name else text, secrets)
    failure = APIConnectionError(f"The call through the binding failed ({reason})")
    failure.is_retryable = clocks.may_repeat(is_connecting=False)
    return failure
