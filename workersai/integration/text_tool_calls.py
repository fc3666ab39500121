"""Read tool calls that a model wrote as text although it had to call a tool.

Servers that do not enforce a forced call let the model's text through: gpt-oss and others then
write the call as JSON, bare or in a code fence (observed on Workers AI). An agent that gets text
where it required a call loses its answer. Only a text that is such a call and nothing else is read,
and only if the request forced a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from string import ascii_letters
from typing import Any
from uuid import uuid4

from pydantic_core import from_json, to_json
from typing_extensions import Self

from workersai._names import wire_names
from workersai.events import ChatEvent, ChatFinish, TextDelta, ToolCallDelta
from workersai.results import ChatChoice, ChatResult, ToolCall

__all__ = ["WrittenCalls", "written_arguments", "written_function"]

_FENCE, _OPEN, _CLOSE = "```", "<tool_call>", "</tool_call>"
_BEGINNINGS = ("{", "[", _FENCE, _OPEN)
_MODES = frozenset({"required", "any"})
_ABOUT_CALLS = frozenset({"name", "type", "id"})
_FORCED = _MODES | {"function", "tool"}
"""Types of a choice in OpenAI's or Anthropic's form that force a call."""


class WrittenCalls:
    """Reads the calls in the text of an answer; in a stream, it holds back a text that may be one.

    Args:
        parameters: The caller's names of the tools that may be called -> their JSON schemas.
        names: Their names in the request -> the caller's names.
    """

    def __init__(
        self, parameters: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]
    ) -> None:
        self._parameters = parameters
        self._names = names
        self._held: list[TextDelta] = []
        self._begun = ""
        self._has_begun = self._is_passing = False

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self | None:
        """Return a reader if a request forces a tool call; `None` otherwise.

        Args:
            arguments: Of `Client.chat`.
        """
        choice = arguments.get("tool_choice")
        if not _is_forced(choice):
            return None
        functions = [tool["function"] for tool in arguments.get("tools") or () if _is_nested(tool)]
        written = wire_names(function["name"] for function in functions)
        chosen = _chosen(choice)
        schemas = {
            function["name"]: function.get("parameters") or {}
            for function in functions
            if chosen is None or chosen in (function["name"], written[function["name"]])
        }
        names = {written[own]: own for own in schemas} | {own: own for own in schemas}
        return cls(schemas, names) if schemas else None

    # ---------------------------------------------------------------------- whole answers

    def read(self, result: ChatResult) -> ChatResult:
        """Replace an answer's text by its calls; return other answers unchanged."""
        choice = result.choices[0]
        if len(result.choices) > 1 or not _may_be_written(choice):
            return result
        calls = self._calls(choice.text)
        if not calls:
            return result
        return replace(result, choices=(replace(choice, text="", tool_calls=calls),))

    # ---------------------------------------------------------------------------- streams

    def feed(self, event: ChatEvent) -> list[ChatEvent]:
        """Take an event of a stream; return the events to pass on."""
        if isinstance(event, TextDelta):
            return self._hold(event)
        if isinstance(event, ToolCallDelta):
            self._is_passing = True
            return [*self._release(), event]
        return self._finish(event) if isinstance(event, ChatFinish) else [event]

    def _hold(self, event: TextDelta) -> list[ChatEvent]:
        self._held.append(event)
        if not self._is_passing and (self._has_begun or self._begins(event.text)):
            return []
        self._is_passing = True
        return [*self._release()]

    def _begins(self, text: str) -> bool:
        """Return whether the text up to this piece is, or may become, the beginning of a call."""
        self._begun = begun = (self._begun + text).lstrip()
        self._has_begun = begun.startswith(_BEGINNINGS)
        return self._has_begun or any(begin.startswith(begun) for begin in _BEGINNINGS)

    def _release(self) -> list[TextDelta]:
        held, self._held = self._held, []
        return held

    def _finish(self, finish: ChatFinish) -> list[ChatEvent]:
        held = self._release()
        text = "".join(delta.text for delta in held)
        calls = self._calls(text) if held and _may_be_written(finish) else ()
        self._begun, self._has_begun, self._is_passing = "", False, False
        if not calls:
            return [*held, finish]
        probabilities = [TextDelta("", delta.logprobs) for delta in held if delta.logprobs]
        deltas = map(_delta, range(len(calls)), calls)
        return [*probabilities, *deltas, replace(finish, tool_calls=calls)]

    # ---------------------------------------------------------------------------- reading

    def _calls(self, text: str) -> tuple[ToolCall, ...]:
        """Return the calls that a text consists of; no calls if it contains anything else."""
        try:
            values = [value for part in _parts(text) for value in _listed(_read(part))]
        except ValueError:
            return ()
        calls = [self._call(value) for value in values]
        return tuple(call for call in calls if call) if all(calls) else ()

    def _call(self, value: Any) -> ToolCall | None:
        if not isinstance(value, dict):
            return None
        inner = written_function(value)
        name = self._names.get(str(inner.get("name")))
        if name is None:
            arguments = self._bare(value)
        else:
            arguments = written_arguments(inner, _properties(self._parameters[name]))
        if not isinstance(arguments, dict):
            return None
        return ToolCall(f"call_{uuid4().hex}", name or next(iter(self._parameters)), arguments)

    def _bare(self, value: dict[str, Any]) -> dict[str, Any] | None:
        """Return arguments that were written without a name, if they can only be of one tool."""
        if len(self._parameters) != 1:
            return None
        (schema,) = self._parameters.values()
        fits = set(schema.get("required") or ()) <= value.keys() <= _properties(schema).keys()
        return value if value and fits else None


def written_function(call: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a call written as JSON that has the name; OpenAI's form nests it."""
    function = call.get("function")
    return function if isinstance(function, dict) else call


def written_arguments(function: Mapping[str, Any], properties: Mapping[str, Any]) -> Any:
    """Return the arguments of a call written as JSON; `None` if it has none.

    Models write `arguments` or `parameters`, as an object or as its JSON text, or the arguments
    beside the name (observed on gpt-oss).

    Args:
        function: The part of the call that has the name.
        properties: Of the tool's schema, by name.

    Raises:
        ValueError: If the arguments are text that is not JSON.
    """
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        return _read(arguments) if arguments.strip() else {}
    if arguments is not None:
        return arguments
    if "arguments" in function or "parameters" in function:
        return {}  # null, as servers send it for a tool without parameters
    if "name" in properties:
        return None
    return {
        key: item for key, item in function.items() if key in properties or key not in _ABOUT_CALLS
    }


def _is_nested(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _is_forced(choice: Any) -> bool:
    if isinstance(choice, Mapping):
        return choice.get("type", "function") in _FORCED
    return bool(choice) and choice not in ("auto", "none")


def _chosen(choice: Any) -> str | None:
    """Return the name of the tool that must be called; `None` if it may be any."""
    if isinstance(choice, str):
        return None if choice in _MODES else choice
    inner = choice.get("function", choice) if isinstance(choice, Mapping) else {}
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return name if isinstance(name, str) else None


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _may_be_written(answer: ChatChoice | ChatFinish) -> bool:
    """Return whether an answer has no call, and was neither cut off nor refused."""
    has_calls = answer.tool_calls or answer.invalid_tool_calls
    return not (has_calls or answer.refusal or answer.finish_reason == "length")


def _parts(text: str) -> list[str]:
    """Return the JSON texts in a text: what is in a code fence or in tags, else the whole.

    Models may repeat a few characters up to the token cap, so this takes time linear in the text.
    """
    whole = text.strip()
    if whole.startswith(_OPEN) and whole.endswith(_CLOSE):
        tagged = [part.strip() for part in whole.split(_CLOSE)[:-1]]
        if all(part.startswith(_OPEN) for part in tagged):
            return [part[len(_OPEN) :] for part in tagged]
    if whole.startswith(_FENCE) and whole.endswith(_FENCE) and len(whole) > len(_FENCE):
        return [whole[len(_FENCE) : -len(_FENCE)].lstrip(ascii_letters)]
    return [whole]


def _read(text: str) -> Any:
    return from_json(text, allow_inf_nan=False)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _delta(index: int, call: ToolCall) -> ToolCallDelta:
    return ToolCallDelta(index, call.id, call.name, to_json(call.arguments).decode())
