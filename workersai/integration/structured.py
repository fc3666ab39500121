"""Structured output: which method to use, how the schema is sent, and how the answer is read.

Three methods: the model's own JSON schema, a forced call of a tool whose parameters are the
schema, and the schema in a message of the prompt.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from workersai._models.profile import ModelProfile
from workersai._names import acceptable_name
from workersai._schemas import closed, resolve_root, single_type
from workersai.errors import APIStatusError
from workersai.integration.text_tool_calls import written_arguments, written_function
from workersai.integration.tools import function_tool

__all__ = [
    "MethodMemory",
    "MethodTrial",
    "OutputSchema",
    "StructuredMethod",
    "json_text",
    "misfits",
    "partial_json",
    "structured_methods",
    "without_thought",
]

StructuredMethod: TypeAlias = Literal["json_schema", "tool", "prompt"]
"""How a model is asked for JSON: by a response format, by a forced tool, or in the prompt."""

# ------------------------------------------------------------------- the choice of the method


def structured_methods(
    profile: ModelProfile, *, calls_tools: bool | None = None
) -> tuple[StructuredMethod, ...]:
    """List the methods that a model may use, the best first.

    JSON schema if it works with the model (observed or listed). Else a forced tool, unless the
    model is known to have no tools or to ignore `tool_choice`. Else the prompt, which works with
    every model.

    Args:
        profile: The profile of the model that will be asked.
        calls_tools: Whether the model calls tools, to override the profile.
    """
    calls = profile.function_calling if calls_tools is None else calls_tools
    methods: list[StructuredMethod] = ["json_schema"] if profile.structured_output else []
    if calls is not False and profile.forces_tools is not False:
        methods.append("tool")
    return (*methods, "prompt")


_REFUSALS: Mapping[str, Mapping[int, bool]] = MappingProxyType(
    {
        # 5025: no JSON schema; 5023: not in a stream; 5024: not this schema; 8001: invalid input.
        "json_schema": {5025: True, 5023: False, 5024: False, 8001: False},
        "tool": {8001: True},
        "prompt": {},
    }
)
"""Codes by which a model refuses a method -> whether it always will; other refusals may concern
one schema or one kind of request.
"""

Key: TypeAlias = tuple[str, ...]


class MethodMemory:
    """Remembers which methods models refused; safe to share between threads.

    Copies of an object share it, because it is about models and not about settings. Pickles do not
    contain it.
    """

    __slots__ = ("_lock", "_refused")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[Key, frozenset[str]] = {}

    def left(self, key: Key, methods: tuple[StructuredMethod, ...]) -> tuple[StructuredMethod, ...]:
        """Return the methods that were not refused; all methods if every one was."""
        refused = self._refused.get(key, frozenset())
        return tuple(method for method in methods if method not in refused) or methods

    def add(self, key: Key, refused: frozenset[str]) -> None:
        """Remember methods that were refused."""
        with self._lock:
            self._refused[key] = self._refused.get(key, frozenset()) | refused

    def __copy__(self) -> MethodMemory:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> MethodMemory:
        return self

    def __reduce__(self) -> tuple[Callable[[], MethodMemory], tuple[()]]:
        return MethodMemory, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MethodMemory)

    def __hash__(self) -> int:
        return hash(MethodMemory)


class MethodTrial:
    """Tries the methods of one call: the next one after a refusal.

    Args:
        memory: The memory of the object that asks.
        key: What the memory is about: the model, and where it is asked.
        methods: The best first. A method that the user chose is alone, so that its refusal is
            raised.

    Attributes:
        method: The current one.
    """

    def __init__(
        self, memory: MethodMemory, key: Key, methods: tuple[StructuredMethod, ...]
    ) -> None:
        self._memory = memory
        self._key = key
        self._left = list(memory.left(key, methods))
        self._refused: frozenset[str] = frozenset()
        self.method = self._left.pop(0)

    def refuse(self, error: APIStatusError) -> None:
        """Switch to the next method.

        Raises:
            APIStatusError: *error*, if it does not refuse the method or no method is left.
        """
        is_for_good = _REFUSALS[self.method].get(error.code or 0)
        if is_for_good is None or not self._left:
            raise error
        if is_for_good:
            self._refused |= {self.method}
        self.method = self._left.pop(0)

    def accept(self) -> None:
        """Remember the refusals, because the same question was answered with this method."""
        if self._refused:
            self._memory.add(self._key, self._refused)


# ------------------------------------------------------------------------ the schema as it goes

_VALUE = "value"
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The schema of an answer, in the forms that the methods send.

    Attributes:
        name: Its name, as models accept it.
        description: Its description; may be empty.
        schema: The JSON schema of an object, with its definitions.
        is_wrapped: Whether the requested values are not objects (a list, a union, a number) and
            are inside the object under `value`.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    is_wrapped: bool = False

    @classmethod
    def of(
        cls,
        schema: Mapping[str, Any],
        *,
        name: str | None = None,
        description: str | None = None,
        wraps: bool = True,
    ) -> OutputSchema:
        """Take any JSON schema.

        Args:
            schema: It is not modified.
            name: A name; the schema's title if omitted.
            description: A description; the schema's own if omitted.
            wraps: Whether to wrap a schema that is not an object's into one, which every method can
                send. Pass `False` if the caller reads the answer without unwrapping it.
        """
        root = resolve_root(schema)
        title = name or root.get("title")
        about = description or root.get("description")
        is_object = single_type(root, root) == "object" and not _needs_wrapping(root)
        is_wrapped = wraps and not is_object
        return cls(
            name=acceptable_name(title, default="answer") if isinstance(title, str) else "answer",
            description=about if isinstance(about, str) else "",
            schema=_wrap(root) if is_wrapped else {**root, "type": "object"} if is_object else root,
            is_wrapped=is_wrapped,
        )

    def tool(self, *, strict: bool | None = None) -> dict[str, Any]:
        """Write the schema as a tool; with `strict`, its objects allow no other keys."""
        about = self.description or "Give the answer by calling this."
        return function_tool(self.name, about, self.schema, strict=strict)

    def tool_choice(self) -> dict[str, Any]:
        """Write the choice of that tool, by its name.

        Several models do not obey `required` (observed), but do obey the name.
        """
        return {"type": "function", "function": {"name": self.name}}

    def response_format(self, *, strict: bool | None = None) -> dict[str, Any]:
        """Write the schema as a response format; with `strict`, its objects allow no other keys."""
        schema = closed(self.schema) if strict else dict(self.schema)
        envelope: dict[str, Any] = {"name": self.name, "schema": schema}
        if strict is not None:
            envelope["strict"] = strict
        return {"type": "json_schema", "json_schema": envelope}

    def instruction(self) -> str:
        """Write the request for the schema as a sentence."""
        schema = to_json(self.schema).decode()
        return (
            f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"
        )

    def of_arguments(self, arguments: Mapping[str, Any]) -> list[str]:
        """Return possible readings of a call's arguments as JSON texts, the likeliest first."""
        return [to_json(value).decode() for value in self._values(dict(arguments))]

    def of_text(self, text: str) -> list[str]:
        """Return possible readings of a text as JSON texts, the likeliest first.

        Models write words, reasoning or a code fence around the JSON. They also write a tool call
        as text: its arguments alone, or the whole call.
        """
        found = json_text(text)
        try:
            value = from_json(found)
        except ValueError:
            return [found]
        arguments = self._of_written_call(value)
        read = [*self._values(arguments), value] if arguments is not value else self._values(value)
        return [found if item is value else to_json(item).decode() for item in read]

    def _values(self, value: Any) -> list[Any]:
        is_wrapped = self.is_wrapped and isinstance(value, dict) and value.keys() == {_VALUE}
        return [value[_VALUE], value] if is_wrapped else [value]

    def _of_written_call(self, value: Any) -> Any:
        """Return the arguments of a call that was written as text; other values unchanged."""
        call = value[0] if isinstance(value, list) and len(value) == 1 else value
        function = written_function(call) if isinstance(call, dict) else {}
        if function.get("name") != self.name:
            return value
        try:
            arguments = written_arguments(function, self.schema.get("properties", {}))
        except ValueError:
            return value
        return arguments if isinstance(arguments, dict) else value


def _needs_wrapping(root: Mapping[str, Any]) -> bool:
    """Return whether an object's schema has alternatives in place of properties."""
    return "properties" not in root and any(key in root for key in ("anyOf", "oneOf", "allOf"))


def _wrap(root: Mapping[str, Any]) -> dict[str, Any]:
    """Put a schema that is not an object's under a property; definitions keep their place."""
    inner = {key: value for key, value in root.items() if key not in _DEFINITIONS}
    beside = {key: value for key, value in root.items() if key in _DEFINITIONS}
    named = {key: inner.pop(key) for key in ("title", "description") if key in inner}
    return {
        **named,
        "type": "object",
        "properties": {_VALUE: _move(inner)},
        "required": [_VALUE],
        **_move(beside),
    }


def _move(schema: Any) -> Any:
    """Copy a schema; references to the old root are changed to point below the property."""
    if isinstance(schema, list):
        return [_move(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: _move_reference(value) if key == "$ref" and isinstance(value, str) else _move(value)
        for key, value in schema.items()
    }


def _move_reference(reference: str) -> str:
    first = reference.removeprefix("#/").partition("/")[0]
    if not reference.startswith("#") or first in _DEFINITIONS:
        return reference
    return f"#/properties/{_VALUE}{reference[1:]}"


# -------------------------------------------------------------------------- the JSON in a text

_FENCE = "```"
_OPENING = re.compile(r'\{\s*["}]|\[\s*(?:["\[\]{\d]|-[\dI]|true|false|null|NaN|Infinity)')
"""First characters of an object or a list; other brackets belong to a sentence."""

_THOUGHT = re.compile(r"\s*(?![{\[\s]).*</think>|\s*<think>.*", re.DOTALL)
_DECODER = JSONDecoder()


def partial_json(text: str) -> Any:
    """Read the JSON in an incomplete text; return `None` before it begins.

    Words, reasoning and a code fence before it, and the end of a fence after it, are ignored.
    Strings may be incomplete.
    """
    source = without_thought(text)
    opening = _OPENING.search(source)
    if opening is None:
        return None
    begun = source[opening.start() :].split(f"\n{_FENCE}", 1)[0]
    try:
        return from_json(begun, allow_partial="trailing-strings")
    except ValueError:
        return None


def json_text(text: str) -> str:
    """Remove the words, the reasoning or the code fence around JSON.

    Of several values, the one in a code fence is used. If several are left, the text is returned
    unchanged and does not fit any schema.
    """
    text = without_thought(text)
    values = list(_values(text))
    if len(values) > 1:
        fenced = text.split(_FENCE)[1::2]
        values = [value for part in fenced for value in _values(part)] or values
    return values[0] if len(values) == 1 else text


def misfits(error: ValidationError) -> list[str]:
    """Return why a value does not fit a pydantic class: one reason for each place in the value."""
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]


def without_thought(text: str) -> str:
    """Remove reasoning between think tags from the beginning of a text."""
    thought = _THOUGHT.match(text)
    return text[thought.end() :] if thought else text


def _values(text: str) -> Iterator[str]:
    """Find the objects and lists in a text; the last one may be incomplete."""
    place = 0
    while opening := _OPENING.search(text, place):
        start = opening.start()
        try:
            _, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            place = error.pos if isinstance(error, JSONDecodeError) else len(text)
            if not text[start + 1 : place].strip():
                place = max(place, start + 1)
                continue  # a bracket in a sentence
            # Skip values inside a broken one.
            place = len(text)
        yield text[start:place]
