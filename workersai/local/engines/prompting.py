"""Write a job as messages that a very small chat model understands."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from workersai.local.engines.base import ChatJob
from workersai.local.engines.routing import PlannedCall
from workersai.local.engines.words import last_user_text, trailing_tool_results

__all__ = ["argument_messages", "chat_messages", "json_messages"]

PromptMessage = dict[str, str]

_ARGUMENTS_TASK = (
    "You turn a request into the JSON arguments of a function. Copy values from the request."
)
_ARGUMENTS_EXAMPLES = (
    (
        """Function: set_alarm. Arguments: {"hour": integer, "label": string}
Request: Wake me at 7 for "Gym".""",
        '{"hour":7,"label":"Gym"}',
    ),
    (
        """Function: find_trains. Arguments: {"origin": string, "destination": string}
Request: Which trains go from Oslo to Bergen?""",
        '{"origin":"Oslo","destination":"Bergen"}',
    ),
)
"""With two examples, four fifths of arguments are right instead of about two thirds."""
_ANSWER_TASK = "Answer the question in one short sentence. Use only the given facts."
_ANSWER_EXAMPLES = (
    ("Facts: add numbers: 9\nQuestion: What is 4 plus 5?", "4 plus 5 is 9."),
    (
        """Facts: get time: 10:30 in London; get distance: 344 km
Question: What time is it in London, and how far is it to Paris?""",
        "It is 10:30 in London, and it is 344 km to Paris.",
    ),
)
"""Without examples the model answers from memory and ignores the tool results."""


def chat_messages(job: ChatJob) -> list[PromptMessage]:
    """Write the conversation in plain roles; tool results become facts to answer with."""
    if job.prompt is not None:
        return [_message("user", job.prompt)]
    results = trailing_tool_results(job)
    if results:
        return _with_facts(last_user_text(job), results)
    plain = (_plain_message(message) for message in job.messages)
    return [message for message in plain if message["content"]] or [_message("user", "")]


def argument_messages(call: PlannedCall) -> list[PromptMessage]:
    """Write a prompt for the arguments of one call."""
    parameters = call.tool.parameters.get("properties") or {}
    kinds = ", ".join(f"{json.dumps(name)}: {_kind(sub)}" for name, sub in parameters.items())
    request = f"Function: {call.tool.name}. Arguments: {{{kinds}}}\nRequest: {call.text}"
    return _few_shot(_ARGUMENTS_TASK, _ARGUMENTS_EXAMPLES, request)


def json_messages(job: ChatJob, schema: Mapping[str, Any] | None) -> list[PromptMessage]:
    """Write the conversation, with the keys of the wanted JSON repeated at its end."""
    messages = chat_messages(job)
    names = ", ".join((schema or {}).get("properties") or {})
    request = f"Answer in JSON with: {names}." if names else "Answer in JSON."
    last = messages[-1]
    return [*messages[:-1], _message(last["role"], f"{last['content']}\n{request}")]


def _with_facts(question: str, results: Sequence[tuple[str, str]]) -> list[PromptMessage]:
    facts = "; ".join(f"{name.replace('_', ' ')}: {content}" for name, content in results)
    return _few_shot(_ANSWER_TASK, _ANSWER_EXAMPLES, f"Facts: {facts}\nQuestion: {question}")


def _few_shot(
    system: str, examples: Sequence[tuple[str, str]], request: str
) -> list[PromptMessage]:
    """Return a task, its two examples, and the request."""
    turns = [(_message("user", q), _message("assistant", a)) for q, a in examples]
    return [_message("system", system), *itertools.chain(*turns), _message("user", request)]


def _plain_message(message: Mapping[str, Any]) -> PromptMessage:
    content = str(message.get("content") or "")
    role = {"developer": "system", "tool": "user", "function": "user"}.get(
        str(message.get("role")), str(message.get("role"))
    )
    if not content and message.get("tool_calls"):
        functions = (call.get("function") or call for call in message["tool_calls"])
        content = "\n".join(f"I call {f.get('name')} with {f.get('arguments')}." for f in functions)
    return _message(role, content)


def _message(role: str, content: str) -> PromptMessage:
    return {"role": role, "content": content}


def _kind(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return " or ".join(json.dumps(option) for option in schema["enum"])
    return str(schema.get("type", "any"))
