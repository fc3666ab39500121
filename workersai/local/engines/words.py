"""Text helpers for all engines: tokens, words, and the turns of a conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workersai.local.engines.base import ChatJob, ToolSpec

__all__ = [
    "count_tokens",
    "job_text",
    "last_user_text",
    "stem",
    "tokens_of",
    "trailing_tool_results",
    "words_of",
]

_TOKEN = re.compile(r"\s*(?:\w{1,12}|[^\w\s])|\s+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "s")
_COMMON = frozenset(
    """
    a about all also an and any are as at be by can could did do does for from get gets give
    given has have how i if in input into is it its let like me my need no not of off on one
    or our out output please put return returns run self set should so some tell than that
    the their them then there these they this those to tool use used user uses using value
    values via want was we what when where which who will with would you your
    """.split()  # noqa: SIM905 - seventy words read better as text
)


def tokens_of(text: str) -> list[str]:
    """Cut text into tokens: a word or a mark, with the space before it; they join to the text."""
    return _TOKEN.findall(text)


def count_tokens(texts: Iterable[str]) -> int:
    """Count the tokens of some texts."""
    return sum(len(tokens_of(text)) for text in texts)


def stem(word: str) -> str:
    """Cut a common English ending off a word, so that `cities` and `city` have one stem."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)] + ("y" if suffix in {"ies", "ied"} else "")
    return word.removesuffix("e") if len(word) > 3 else word


def words_of(text: str) -> list[str]:
    """Return the stems of a text's words without common ones; splits camelCase and snake_case."""
    words = (word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text)))
    return [stem(word) for word in words if word not in _COMMON]


def last_user_text(job: ChatJob) -> str:
    """Return the prompt, or the last user message, or else the last text of the conversation."""
    if job.prompt is not None:
        return job.prompt
    said = [message for message in job.messages if message.get("role") == "user"]
    chosen = said or [message for message in job.messages if message.get("content")]
    return str(chosen[-1].get("content") or "") if chosen else ""


def trailing_tool_results(job: ChatJob) -> list[tuple[str, str]]:
    """Return the tool results that end the conversation, as (tool name, content)."""
    results: list[tuple[str, str]] = []
    for message in reversed(job.messages):
        if message.get("role") not in {"tool", "function"}:
            break
        results.append((_tool_name(job, message), str(message.get("content") or "")))
    return results[::-1]


def _tool_name(job: ChatJob, result: Mapping[str, Any]) -> str:
    if result.get("name"):
        return str(result["name"])
    for message in job.messages:
        for call in message.get("tool_calls") or ():
            if call.get("id") == result.get("tool_call_id"):
                return str((call.get("function") or call).get("name") or "tool")
    return "tool"


def job_text(job: ChatJob) -> list[str]:
    """Return every text that a model would read for this job, tool definitions included."""
    texts = [job.prompt] if job.prompt is not None else []
    for message in job.messages:
        texts.append(str(message.get("content") or ""))
        texts.extend(json.dumps(call) for call in message.get("tool_calls") or ())
    return [*texts, *(_tool_text(tool) for tool in job.tools)]


def _tool_text(tool: ToolSpec) -> str:
    return f"{tool.name} {tool.description} {json.dumps(dict(tool.parameters))}"
