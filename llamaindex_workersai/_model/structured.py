"""Structured output: an output class -> requests, and answers -> its objects.

Three methods, each a request of its own: the model's native JSON schema, a forced call of a
tool whose parameters are the class, or the schema in the prompt. An answer that does not fit
is sent back with what is wrong.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any, Generic, Literal, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from llamaindex_workersai._errors import StructuredOutputError

ModelT = TypeVar("ModelT", bound=BaseModel)
Method = Literal["json_schema", "tool", "prompt"]

_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*(?:```|\Z)", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_THOUGHT = re.compile(r"\s*(?![{\[\s]).*</think>|\s*<think>.*", re.DOTALL)
_DECODER = JSONDecoder()


def schema_format(output_cls: type[BaseModel]) -> dict[str, Any]:
    """Write the class as a `response_format`."""
    schema = output_cls.model_json_schema()
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", schema.get("title", output_cls.__name__))
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def with_schema(messages: Sequence[ChatMessage], output_cls: type[BaseModel]) -> list[ChatMessage]:
    """Ask for the class in words: in the system message if there is one, else in the last."""
    schema = to_json(output_cls.model_json_schema()).decode()
    wish = TextBlock(
        text=f"Answer with one JSON object and nothing else. It must fit this schema:\n{schema}"
    )
    extended = list(messages) or [ChatMessage(role=MessageRole.USER)]
    place = 0 if extended[0].role == MessageRole.SYSTEM else -1
    asked = extended[place]
    extended[place] = asked.model_copy(update={"blocks": [*asked.blocks, wish]})
    return extended


@dataclass(frozen=True)
class Task(Generic[ModelT]):
    """One object to get from a model.

    Attributes:
        output_cls: Its class.
        messages: The conversation, the wish for the class included where the method wants it.
        retries: How often an answer that does not fit is sent back.
    """

    output_cls: type[ModelT]
    messages: Sequence[ChatMessage]
    retries: int

    def dialogue(self) -> Generator[list[ChatMessage], ChatResponse, ModelT]:
        """Yield messages to send, take each answer, and return the object.

        Raises:
            StructuredOutputError: No answer fits, or one was refused or cut short, which asking
                again does not mend.
        """
        messages = list(self.messages)
        for left in range(self.retries, -1, -1):
            response = yield messages
            _raise_if_hopeless(response, self.output_cls)
            try:
                return read_object(response, self.output_cls)
            except StructuredOutputError as error:
                if not left:
                    raise
                messages = [*messages, *_correction(response.message, error)]
        raise AssertionError  # unreachable: the last round returns or raises


def read_object(response: ChatResponse, output_cls: type[ModelT]) -> ModelT:
    """Read the object from a tool call, or from the text if there is none.

    Raises:
        StructuredOutputError: It does not fit the class.
    """
    text = response.message.content or ""
    try:
        for block in response.message.blocks:
            if isinstance(block, ToolCallBlock) and isinstance(block.tool_kwargs, Mapping):
                text = to_json(block.tool_kwargs).decode()
                # A validator may change what it is given; the answer stays what it was.
                return output_cls.model_validate(copy.deepcopy(block.tool_kwargs))
        return output_cls.model_validate_json(json_text(text))
    except ValidationError as error:
        reasons = "; ".join(_reasons(error, response))
        raise StructuredOutputError(
            f"The model's answer is not a {output_cls.__name__}: {reasons}. It was: {text!r}",
            text=text,
        ) from None


def json_text(text: str) -> str:
    """Cut the JSON from the words, the reasoning or the code fence around it.

    Where there are several values, none is chosen: the text stays whole, and fits no class.
    """
    text = _without_thought(text)
    if text[:1] not in ("{", "[") and (fenced := _FENCE.search(text)):
        text = fenced.group(1)
    values = list(_values(text))
    return values[0] if len(values) == 1 else text


def _values(text: str) -> Iterator[str]:
    """Find the objects and lists in a text, the last of which may be broken."""
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
            # What is inside of a broken value is no value of its own.
            place = len(text)
        yield text[start:place]


def _without_thought(text: str) -> str:
    thought = _THOUGHT.match(text)
    return text[thought.end() :] if thought else text


class PartialObjects(Generic[ModelT]):
    """Reads one stream: each response gives the object as far as it has come."""

    def __init__(self, output_cls: type[ModelT]) -> None:
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._last: dict[str, Any] = {}

    def feed(self, response: ChatResponse) -> ModelT | FlexibleModel | None:
        """Read a response; `None` if the object is the same as before."""
        data = _partial_data(response.message)
        if not data or data == self._last:
            return None
        self._last = data
        try:
            return self._output_cls.model_validate(copy.deepcopy(data))
        except ValidationError:
            return self._flexible.model_validate(copy.deepcopy(data))


def _partial_data(message: ChatMessage) -> dict[str, Any]:
    source: str | Mapping[str, Any] = message.content or ""
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            source = block.tool_kwargs
            break
    if not isinstance(source, str):
        return dict(source)
    source = _without_thought(source)
    opening = _OPENING.search(source)
    if opening is None:
        return {}
    try:
        value = from_json(
            _without_fence(source[opening.start() :]), allow_partial="trailing-strings"
        )
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _without_fence(text: str) -> str:
    return text.split("\n```", 1)[0]


def _raise_if_hopeless(response: ChatResponse, output_cls: type[BaseModel]) -> None:
    text = response.message.content or ""
    name = output_cls.__name__
    if refusal := response.message.additional_kwargs.get("refusal"):
        raise StructuredOutputError(f"The model refused to give a {name}: {refusal}", text=text)
    if response.additional_kwargs.get("finish_reason") == "length":
        raise StructuredOutputError(
            f"The answer was cut at the token limit before the {name} was complete; "
            f"set a larger max_tokens. It was: {text!r}",
            text=text,
        )


def _reasons(error: ValidationError, response: ChatResponse) -> list[str]:
    broken = response.message.additional_kwargs.get("invalid_tool_calls", ())
    if broken:
        return [call["error"] for call in broken]
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]


def _correction(message: ChatMessage, error: StructuredOutputError) -> list[ChatMessage]:
    """Say what is wrong in the place where the answer was: to the call, or to the text."""
    said = [message] if message.blocks else []
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    complaint = f"{error}\nAnswer again, so that it fits."
    if not calls:
        return [*said, ChatMessage(role=MessageRole.USER, content=complaint)]
    return said + [
        ChatMessage(
            role=MessageRole.TOOL,
            content=complaint,
            additional_kwargs={"tool_call_id": call.tool_call_id},
        )
        for call in calls
    ]
