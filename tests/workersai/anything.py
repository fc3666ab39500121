"""Any JSON at all, with a taste for the fields that answers have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_FIELDS = [
    "choices", "delta", "message", "content", "text", "index", "response", "usage", "tool_calls",
    "function", "name", "arguments", "id", "finish_reason", "error", "errors", "result",
    "success", "reasoning", "reasoning_content", "streamed_data", "logprobs", "refusal", "model",
    "code", "internalCode", "requestId", "description", "prompt_tokens", "neurons",
    "prompt_tokens_details", "cached_tokens", "function_call",
]  # fmt: skip
_TEXTS = ["", "a", "stop", "call_1", "get_weather", "{}", '{"a":', '"{}"', "\ud83d", "\ude00"]
_LEAVES: SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**400, 10**400 + 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(_TEXTS)
)


def _nest(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4)
    return st.lists(inner, max_size=3) | fields


ANYTHING: SearchStrategy[Any] = st.recursive(_LEAVES, _nest, max_leaves=12)
