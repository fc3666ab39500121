"""Convert facts about an answer to LangChain's metadata.

LangChain merges the chunks of a stream, and users merge the metadata of an agent's whole run: texts
and lists are joined, whole numbers are added, and two different fractions raise `TypeError`. So
neurons and USD, which are fractions, are lists with one number for each call.
"""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages.ai import (
    AIMessage,
    InputTokenDetails,
    OutputTokenDetails,
    UsageMetadata,
)

from langchain_workersai._provider import PROVIDER
from workersai import ChatChoice, ChatFinish, Usage
from workersai import ChatResult as WireResult
from workersai import InvalidToolCall as InvalidCall
from workersai import ToolCall as Call

INVALID_CALLS = "invalid_tool_calls"
"""The key under which a stream's last chunk keeps invalid calls as the model wrote them."""

NEURONS, COST = "neurons", "cost_usd"
"""The keys for an answer's cost: Cloudflare's billing unit, and USD by the page's prices."""


def response_metadata(answer: WireResult | ChatFinish, *, model: str) -> dict[str, Any]:
    """Collect facts about an answer beside its content; facts that were not reported are absent."""
    known = {
        "model_name": answer.model or model,
        "id": answer.id,
        "system_fingerprint": answer.system_fingerprint,
        "request_id": answer.request_id,
        **{f"cf_aig_{name}": value for name, value in answer.gateway.items()},
    }
    return {
        "model_provider": PROVIDER,
        **{key: value for key, value in known.items() if value is not None},
    }


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Convert token counts; details that were not reported are absent."""
    counts = UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )
    if usage.cached_tokens is not None:
        counts["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        counts["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counts


def add_usage(message: AIMessage, usage: Usage | None, cost: float | None) -> None:
    """Put a call's usage and its cost in USD on the one message that carries them."""
    if usage is not None and usage.total_tokens:  # otherwise only neurons are known, from a header
        message.usage_metadata = usage_metadata(usage)
        message.response_metadata["token_usage"] = token_usage(usage)
    message.response_metadata.update(spent(usage, cost))


def spent(usage: Usage | None, cost: float | None) -> dict[str, list[float]]:
    """Write neurons and USD as lists with one number; unknown values are absent."""
    known = {NEURONS: None if usage is None else usage.neurons, COST: cost}
    return {name: [value] for name, value in known.items() if value is not None}


def token_usage(usage: Usage) -> dict[str, Any]:
    """Write token counts as OpenAI does: whole numbers, which LangChain can add up."""
    return {name: count for name, count in usage.to_dict().items() if name != "neurons"}


def additional_kwargs(reasoning: str, refusal: str | None) -> dict[str, Any]:
    """Put reasoning and refusal where LangChain's other providers put them."""
    kwargs: dict[str, Any] = {}
    if reasoning:
        kwargs["reasoning_content"] = reasoning
    if refusal is not None:
        kwargs["refusal"] = refusal
    return kwargs


def function_call(answer: ChatChoice | ChatFinish) -> dict[str, Any]:
    """Return the first call as `function_call`, the form for `additional_kwargs` before tools."""
    calls: list[Call | InvalidCall] = [*answer.tool_calls, *answer.invalid_tool_calls]
    for call in calls[:1]:
        text = call.arguments
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False)
        return {"function_call": {"name": call.name, "arguments": text}}
    return {}
