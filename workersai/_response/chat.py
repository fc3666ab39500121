"""Read a chat's whole answer, in any of its shapes, into a `ChatResult`.

Workers AI answers one question in many shapes: native `{"response": ...}`, chat completions and
text completions, each with or without Cloudflare's envelope, values as text or already parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from workersai._json import ExactDocument, label_or_none, read_index
from workersai._response.headers import read_headers, read_neurons
from workersai._response.logprobs import read_logprobs
from workersai._response.reply import Reply
from workersai._response.tool_calls import CallIds, ExactText, from_wire_tool_calls
from workersai._response.usage import parse_usage, with_neurons
from workersai._secrets import redact
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import ChatChoice, ChatResult, InvalidToolCall, ToolCall

__all__ = ["AnswerPlace", "find_reasoning", "parse_chat", "read_chat"]

Path: TypeAlias = tuple[str | int, ...]
Calls: TypeAlias = tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]


def parse_chat(reply: Reply, request: Request) -> ChatResult:
    """Read the answer to a chat or a prompt.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer has none of the known shapes.
    """
    answer, path = reply.unwrap(request)
    place = AnswerPlace(reply, ExactDocument(reply.body), path)
    result = read_chat(answer, place, request, request.call_seed)
    usage = with_neurons(result.usage, read_neurons(reply.headers))
    return result if usage is result.usage else replace(result, usage=usage)


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """The location of an answer: a reply, and a path in its document."""

    reply: Reply
    document: ExactDocument
    path: Path

    def text(self, value: Any, path: Path) -> str:
        """Return the value at *path* below this place as text; null is `""`."""
        if isinstance(value, str):
            return value
        return "" if value is None else self.document.text((*self.path, *path))


def read_chat(
    answer: Any, place: AnswerPlace, request: Request, seed: Callable[[], str]
) -> ChatResult:
    """Read an answer that has no envelope any more.

    Args:
        answer: The parsed answer.
        place: Its location, from which numbers are read as they were sent.
        request: The request.
        seed: Makes the seed for the ids of calls that have none.

    Raises:
        ResponseError: If the answer has none of the known shapes.
    """
    headers = read_headers(place.reply.headers, place.reply.secrets)
    if not isinstance(answer, dict):
        _check_scalar(answer, place, request)
        return ChatResult((ChatChoice(text=place.text(answer, ())),), **headers)
    reader = _ChoiceReader(place, CallIds(seed), request.tools)
    return ChatResult(
        choices=reader.read(answer, request.model),
        usage=parse_usage(answer.get("usage")),
        model=label_or_none(answer.get("model")) or request.model,
        id=label_or_none(answer.get("id")),
        **headers,
        system_fingerprint=label_or_none(answer.get("system_fingerprint")),
        raw=answer,
    )


def _check_scalar(answer: Any, place: AnswerPlace, request: Request) -> None:
    """Reject an answer that is neither an object nor a text.

    Inside Cloudflare's envelope, `result` may be a scalar: a number is a token that was sent
    unquoted. Without the envelope, only a text is an answer, because an AI Gateway may forward
    `result` alone. A list, or a number, a boolean, null or an empty text without the envelope,
    comes from a proxy and not from a model.

    Raises:
        ResponseError: If it is one of these.
    """
    is_text = isinstance(answer, str) and answer != ""
    if isinstance(answer, list) or not (is_text or place.path):
        excerpt = redact(ascii(answer), place.reply.secrets)[:80]
        raise ResponseError(f"{request.model} answered with {excerpt} in place of an object")


@dataclass(frozen=True, slots=True)
class _ChoiceReader:
    """Reads the choices of one answer; knows its place, to read numbers as they were sent."""

    place: AnswerPlace
    ids: CallIds
    tools: Mapping[str, str]

    def read(self, answer: dict[str, Any], model: str | None) -> tuple[ChatChoice, ...]:
        choices = answer.get("choices")
        if isinstance(choices, list) and choices:
            return tuple(self._choice(i, choice) for i, choice in enumerate(choices))
        if "response" in answer or answer.get("tool_calls") or "usage" in answer:
            if choices == [] and "response" not in answer:
                raise ResponseError(f"{model} answered with an empty list of choices")
            return (self._native(answer),)
        fields = redact(ascii(sorted(answer)), self.place.reply.secrets)[:200]
        raise ResponseError(f"{model} answered in an unknown shape, with the fields {fields}")

    def _choice(self, position: int, choice: Any) -> ChatChoice:
        if not isinstance(choice, dict):
            raise ResponseError(f"choices[{position}] is {type(choice).__name__}, not an object")
        path: Path = ("choices", position)
        message = choice.get("message")
        if isinstance(message, dict):
            path, field = (*path, "message"), "content"
        elif message is None:  # text_completion, the answer to a prompt
            message, field = choice, "text"
        else:
            raise ResponseError(
                f"choices[{position}].message is {type(message).__name__}, not an object"
            )
        reason = label_or_none(choice.get("finish_reason"))
        valid, invalid = self._calls(message, path, is_truncated=reason == "length")
        index = read_index(choice.get("index"))
        return ChatChoice(
            index=position if index is None else index,
            text=self.place.text(message.get(field), (*path, field)),
            reasoning=self._reasoning(message, path),
            tool_calls=valid,
            invalid_tool_calls=invalid,
            finish_reason=reason,
            refusal=self.place.text(message.get("refusal"), (*path, "refusal")) or None,
            logprobs=read_logprobs(choice, self._exact(("choices", position))),
        )

    def _native(self, answer: dict[str, Any]) -> ChatChoice:
        response, reason = answer.get("response"), label_or_none(answer.get("finish_reason"))
        is_truncated = reason == "length"
        if not answer.get("tool_calls") and self._is_call(response):
            # qwen2.5-coder puts the call in the place of the text.
            called = from_wire_tool_calls(
                [response], self.ids, is_truncated=is_truncated, names=self.tools
            )
            response = None
        else:
            called = self._calls(answer, (), is_truncated=is_truncated)
        return ChatChoice(
            text=self.place.text(response, ("response",)),
            reasoning=self._reasoning(answer, ()),
            tool_calls=called[0],
            invalid_tool_calls=called[1],
            finish_reason=reason,
        )

    def _calls(self, message: Mapping[str, Any], path: Path, *, is_truncated: bool) -> Calls:
        calls, exact = message.get("tool_calls"), self._exact((*path, "tool_calls"))
        older = message.get("function_call")
        if not calls and isinstance(older, dict):
            alone = self._exact((*path, "function_call"))
            calls, exact = [older], lambda steps: alone(steps[1:])
        return from_wire_tool_calls(
            calls, self.ids, is_truncated=is_truncated, names=self.tools, exact=exact
        )

    def _exact(self, path: Path) -> ExactText:
        return lambda steps: self.place.document.text((*self.place.path, *path, *steps))

    def _is_call(self, response: Any) -> bool:
        return (
            isinstance(response, dict)
            and set(response) <= {"id", "type", "name", "arguments", "parameters"}
            and isinstance(response.get("name"), str)
            and response["name"] in (*self.tools, *self.tools.values())
        )

    def _reasoning(self, message: Mapping[str, Any], path: Path) -> str:
        name, reasoning = find_reasoning(message)
        return self.place.text(reasoning, (*path, name))


def find_reasoning(message: Mapping[str, Any]) -> tuple[str, Any]:
    """Find the reasoning under either of its two names; if both are present, they are equal."""
    reasoning = message.get("reasoning_content")
    if reasoning is None or reasoning == "":
        return "reasoning", message.get("reasoning")
    return "reasoning_content", reasoning
