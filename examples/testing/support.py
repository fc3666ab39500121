"""A support desk: one model, one tool, and what happens when Workers AI does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workersai import Client, StreamInterruptedError, TextDelta, WorkersAIError

MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
SORRY = "We cannot answer right now. Please try again in a minute."
ORDERS = {"A1": "on its way", "B2": "delivered"}
TOOLS = [
    {
        "name": "order_status",
        "description": "Look up where an order is",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string", "description": "The order's number"}},
            "required": ["order"],
        },
    }
]


def answer(question: str, *, timeout: float = 30.0) -> str:
    """Answer a customer, with the order's status where the model asks for it."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    with Client(MODEL, timeout=timeout, max_retries=1) as client:
        try:
            choice = client.chat(messages, tools=TOOLS).choices[0]
            if not choice.tool_calls:
                return choice.text or SORRY
            call = choice.tool_calls[0]
            found = ORDERS.get(str(call.arguments.get("order")), "unknown")
            messages += [
                {"role": "assistant", "content": "", "tool_calls": [_as_wire(call)]},
                {"role": "tool", "tool_call_id": call.id, "content": found},
            ]
            return client.chat(messages, tools=TOOLS).choices[0].text
        except WorkersAIError:
            return SORRY


def stream(question: str) -> Iterator[str]:
    """Answer a customer piece by piece; say so where the answer breaks off."""
    with Client(MODEL) as client:
        try:
            for event in client.stream_chat([{"role": "user", "content": question}]):
                if isinstance(event, TextDelta):
                    yield event.text
        except StreamInterruptedError:
            yield " [the answer broke off]"


def _as_wire(call: Any) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
