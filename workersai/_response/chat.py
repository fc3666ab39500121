"""A chat's whole answer, in any of its shapes -> `ChatResult`.

Workers AI answers one question in many shapes: native `{"response": ...}`, chat completions and
text completions, each with or without Cloudflare's envelope, values as text or already parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workersai._json import ExactDocument, text_or_none
from workersai._response.headers import read_headers, read_neurons
from workersai._response.reply import Reply
from workersai._response.tool_calls import CallIds, from_wire_tool_calls
from workersai._response.usage import parse_usage, with_neurons
from workersai._secrets import redact
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import ChatResult, Choice, InvalidToolCall, ToolCall

__all__ = ["AnswerPlace", "find_reasoning", "parse_chat", "read_chat", "read_logprobs"]


def parse_chat(reply: Reply, request: Request) -> ChatResult:
    """Read the answer to a chat or a prompt.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer has none of the known shapes.
    """
    answer, path = reply.unwrap(request)
    place = AnswerPlace(reply, ExactDocument(reply.body), path)
    result = read_chat(answer, place, request, request.call_seed())
    usage = with_neurons(result.usage, read_neurons(reply.headers))
    return result if usage is result.usage else replace(result, usage=usage)


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """Where an answer stands: in which reply, at which path of its document."""

    reply: Reply
    document: ExactDocument
    path: tuple[str | int, ...]


def read_chat(answer: Any, place: AnswerPlace, request: Request, seed: str) -> ChatResult:
    """Read an answer that is already out of its envelope.

    Args:
        answer: As parsed.
        place: Where it stands; its numbers are read as they were sent.
        request: What was asked.
        seed: What the ids of calls that have none are made from.

    Raises:
        ResponseError: If the answer has none of the known shapes.
    """
    headers = read_headers(place.reply.headers, place.reply.secrets)
    if not isinstance(answer, dict):
        text = answer if isinstance(answer, str) else place.document.text(place.path)
        return ChatResult((Choice(text=text),), **headers)
    reader = _ChoiceReader(place, CallIds(seed), request.tools)
    return ChatResult(
        choices=reader.read(answer, request.model),
        usage=parse_usage(answer.get("usage")),
        model=text_or_none(answer.get("model")) or request.model,
        id=text_or_none(answer.get("id")),
        **headers,
        system_fingerprint=text_or_none(answer.get("system_fingerprint")),
        raw=answer,
    )


@dataclass(frozen=True, slots=True)
class _ChoiceReader:
    """Reads the choices of one answer; knows its place, for numbers that are text."""

    place: AnswerPlace
    ids: CallIds
    tools: Mapping[str, str]

    def read(self, answer: dict[str, Any], model: str | None) -> tuple[Choice, ...]:
        choices = answer.get("choices")
        if isinstance(choices, list) and choices:
            return tuple(self._choice(i, choice) for i, choice in enumerate(choices))
        if "response" in answer or answer.get("tool_calls") or "usage" in answer:
            if choices == [] and "response" not in answer:
                raise ResponseError(f"{model} answered with an empty list of choices")
            return (self._native(answer),)
        fields = redact(ascii(sorted(answer)), self.place.reply.secrets)[:200]
        raise ResponseError(f"{model} answered in an unknown shape, with the fields {fields}")

    def _choice(self, position: int, choice: Any) -> Choice:
        if not isinstance(choice, dict):
            raise ResponseError(f"choices[{position}] is {type(choice).__name__}, not an object")
        path = (*self.place.path, "choices", position)
        message = choice.get("message")
        if isinstance(message, dict):
            path, field = (*path, "message"), "content"
        else:  # text_completion, the answer to a prompt
            message, field = choice, "text"
        reason = text_or_none(choice.get("finish_reason"))
        calls = message.get("tool_calls")
        if not calls and isinstance(message.get("function_call"), dict):
            calls = [message["function_call"]]
        valid, invalid = self._calls(calls, reason)
        index = choice.get("index")
        return Choice(
            index=index if isinstance(index, int) else position,
            text=self._text(message.get(field), (*path, field)),
            reasoning=self._reasoning(message, path),
            tool_calls=valid,
            invalid_tool_calls=invalid,
            finish_reason=reason,
            refusal=text_or_none(message.get("refusal")),
            logprobs=read_logprobs(choice),
        )

    def _native(self, answer: dict[str, Any]) -> Choice:
        response, calls = answer.get("response"), answer.get("tool_calls")
        if not calls and self._is_call(response):
            # qwen2.5-coder puts the call where the text belongs.
            response, calls = None, [response]
        reason = text_or_none(answer.get("finish_reason"))
        valid, invalid = self._calls(calls, reason)
        return Choice(
            text=self._text(response, (*self.place.path, "response")),
            reasoning=self._reasoning(answer, self.place.path),
            tool_calls=valid,
            invalid_tool_calls=invalid,
            finish_reason=reason,
        )

    def _calls(
        self, calls: Any, reason: str | None
    ) -> tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
        return from_wire_tool_calls(
            calls, self.ids, is_truncated=reason == "length", names=self.tools
        )

    def _is_call(self, response: Any) -> bool:
        return (
            isinstance(response, dict)
            and set(response) <= {"id", "type", "name", "arguments", "parameters"}
            and isinstance(response.get("name"), str)
            and response["name"] in (*self.tools, *self.tools.values())
        )

    def _reasoning(self, message: Mapping[str, Any], path: tuple[str | int, ...]) -> str:
        name, reasoning = find_reasoning(message)
        return self._text(reasoning, (*path, name))

    def _text(self, value: Any, path: tuple[str | int, ...]) -> str:
        if isinstance(value, str):
            return value
        return "" if value is None else self.place.document.text(path)


def find_reasoning(message: Mapping[str, Any]) -> tuple[str, Any]:
    """Find the reasoning under either of its two names; both together hold the same text."""
    reasoning = message.get("reasoning_content")
    if reasoning is None or reasoning == "":
        return "reasoning", message.get("reasoning")
    return "reasoning_content", reasoning


def read_logprobs(choice: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Read a choice's log probabilities, a dict a token."""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return None
    content = logprobs.get("content")
    return content if isinstance(content, list) else [logprobs]
