"""The settings that a chat model on Workers AI has, as plain fields for the frameworks' floors."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

NUMBERS = (
    "temperature", "max_tokens", "top_p", "top_k", "seed", "repetition_penalty",
    "frequency_penalty", "presence_penalty", "n", "top_logprobs", "timeout", "max_retries",
)  # fmt: skip
TEXTS = (
    "account_id", "base_url", "endpoint", "gateway", "session_affinity", "reasoning_effort", "user",
    "lora",
)  # fmt: skip
VALUES = (
    "stop_texts", "logprobs", "logit_bias", "chat_template_kwargs", "response_format", "raw",
    "parallel_tool_calls", "default_headers", "http_client", "http_async_client",
)  # fmt: skip


def plain_fields() -> dict[str, Any]:
    """Return optional fields for `pydantic.create_model`."""
    return {
        **dict.fromkeys(NUMBERS, (float | None, None)),
        **dict.fromkeys(TEXTS, (str | None, None)),
        **dict.fromkeys(VALUES, (Any, None)),
        "api_token": (SecretStr | None, None),
    }
