"""History: any list of messages -> one that strict chat templates accept.

LlamaIndex's own agents and memories make lists that some models refuse: a tool result whose
call was handed to another agent or cut from memory, a call nobody answered because a tool with
`return_direct` ended the turn, an instruction as a system message at the very end.
"""

from __future__ import annotations

from collections.abc import Sequence

from workersai import WireMessage

UNANSWERED = "No result was recorded for this tool call."
ORPHAN = "Result of an earlier tool call:\n"


def repair_history(messages: Sequence[WireMessage]) -> list[WireMessage]:
    """Answer every call, give every result a call, and keep system messages at the start.

    - A result without a waiting call becomes a user message with its text.
    - A result without an id answers the first call that waits.
    - A call without a result gets one that says so.
    - A system message after the conversation began becomes a user message: models refuse it
      there ("System message must be at the beginning", code 8007, seen on qwen).

    Args:
        messages: Stay as they are.

    Returns:
        A new list; messages that need no repair are the same objects.
    """
    repaired: list[WireMessage] = []
    orphans: list[WireMessage] = []
    waiting: list[str] = []
    started = False
    for message in messages:
        if message["role"] == "tool":
            answered = _answer(message, waiting)
            (repaired if answered["role"] == "tool" else orphans).append(answered)
            started = True
            continue
        repaired += [*_unanswered(waiting), *orphans]
        orphans = []
        is_system = message["role"] in ("system", "developer")
        repaired.append(_as_user(message) if is_system and started else message)
        started = started or not is_system
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    return [*repaired, *_unanswered(waiting), *orphans]


def _answer(message: WireMessage, waiting: list[str]) -> WireMessage:
    call_id = message.get("tool_call_id") or (waiting[0] if waiting else "")
    if call_id not in waiting:
        return {"role": "user", "content": f"{ORPHAN}{message['content']}"}
    waiting.remove(call_id)
    return {**message, "tool_call_id": call_id}


def _unanswered(waiting: Sequence[str]) -> list[WireMessage]:
    return [{"role": "tool", "tool_call_id": call_id, "content": UNANSWERED} for call_id in waiting]


def _as_user(message: WireMessage) -> WireMessage:
    return {**message, "role": "user"}
