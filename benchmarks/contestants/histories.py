"""Conversations of a given length, as JSON messages of an agent with a tool call per turn."""

from __future__ import annotations

from typing import Any

_PROSE = "The lighthouse was built when the harbour was, of the same stone, and it is still lit. "


def _turn(number: int) -> list[dict[str, Any]]:
    function = {"name": "add_items", "arguments": f'{{"items": ["a{number}", "b{number}"]}}'}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return [
        {"role": "user", "content": f"Question {number}. {_PROSE}"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{number}", "content": f"Result {number}. {_PROSE}"},
        {"role": "assistant", "content": f"Answer {number}. {_PROSE}"},
    ]


def conversation(length: int) -> list[dict[str, Any]]:
    """Make a conversation; one of a single message is a question, longer ones begin with rules.

    Lengths of 4 n + 3 are not used: they would end with a call that has no result.
    """
    if length == 1:
        return _turn(0)[:1]
    turns = [message for number in range(length // 4 + 1) for message in _turn(number)]
    return [{"role": "system", "content": "Answer shortly."}, *turns][:length]
