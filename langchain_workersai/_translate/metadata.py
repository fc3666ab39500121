"""What is known of an answer beside its text -> LangChain's metadata.

LangChain adds up the chunks of a stream, and users add up those of an agent's whole run: texts and
lists are joined, whole numbers are added, and two fractions that differ raise `TypeError`. So
neurons and USD, which are fractions, come as lists with one number a call.
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
"""Where a stream's last chunk keeps calls that cannot be run, as the model wrote them."""

NEURONS, COST = "neurons", "cost_usd"
"""Where an answer has what it cost: Cloudflare's billing unit, and USD by the page's prices."""


def response_metadata(answer: WireResult | ChatFinish, *, model: str) -> dict[str, Any]:
    """Read what is known of an answer beside its content; what was not reported is absent."""
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
    """Read token counts; details that were not reported are absent."""
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
    if usage is not None and usage.total_tokens:  # else the neurons alone are known, from a header
        message.usage_metadata = usage_metadata(usage)
        message.response_metadata["token_usage"] = token_usage(usage)
    message.response_metadata.update(spent(usage, cost))


def spent(usage: Usage | None, cost: float | None) -> dict[str, list[float]]:
    """Write neurons and USD as lists with one number; what is not known is absent."""
    known = {NEURONS: None if usage is None else usage.neurons, COST: cost}
    return {name: [value] for name, value in known.items() if value is not None}


def token_usage(usage: Usage) -> dict[str, Any]:
    """Write token counts as OpenAI does: whole numbers, which LangChain can add up."""
    return {name: count for name, count in usage.to_dict().items() if name != "neurons"}


def additional_kwargs(reasoning: str, refusal: str | None) -> dict[str, Any]:
    """Keep reasoning and refusal where LangChain's other providers keep them."""
    kwargs: dict[str, Any] = {}
    if reasoning:
        kwargs["reasoning_content"] = reasoning
    if refusal is not None:
        kwargs["refusal"] = refusal
    return kwargs


def function_call(answer: ChatChoice | ChatFinish) -> dict[str, Any]:
    """Keep the first call where it was before there were tools: `additional_kwargs`."""
    calls: list[Call | InvalidCall] = [*answer.tool_calls, *answer.invalid_tool_calls]
    for call in calls[:1]:
        text = call.arguments
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False)
        return {"function_call": {"name": call.name, "arguments": text}}
    return {}
