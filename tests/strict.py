"""The rules by which a strict server refuses a conversation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def problems(messages: Sequence[Any]) -> list[str]:
    """Return the problems for which a strict server would refuse these messages."""
    found, waiting = [], list[str]()
    for at, message in enumerate(messages):
        role = message["role"]
        if not isinstance(message["content"], str):
            found.append(f"{at}: content is no string")
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                found.append(f"{at}: a result without a call")
            else:
                waiting.remove(message["tool_call_id"])
            continue
        found += [f"{at}: {call_id} has no result" for call_id in waiting]
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        found += [f"{at}: an answer of nothing"] if not (message["content"] or waiting) else []
        is_late = any(before["role"] != "system" for before in messages[:at])
        found += [f"{at}: late system message"] if role == "system" and is_late else []
        for call in message.get("tool_calls", ()):
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                found.append(f"{at}: arguments that are no object")
    return found + [f"{call_id} has no result" for call_id in waiting]
