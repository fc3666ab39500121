"""Structured output: make requests from an output class, and its objects from answers.

There are three methods with different requests: the model's native JSON schema, a forced call of a
tool whose parameters are the class, or the schema in the prompt. An answer that does not fit is
sent back with the reasons.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from llamaindex_workersai._errors import StructuredOutputError
from workersai.integration import (
    OutputSchema,
    StructuredMethod,
    misfits,
    partial_json,
    resolve_root,
    without_generated_titles,
)

ModelT = TypeVar("ModelT", bound=BaseModel)
Method = StructuredMethod


def output_schema(output_cls: type[BaseModel]) -> OutputSchema:
    """Make the schema of a class."""
    title = output_cls.model_config.get("title") or output_cls.__name__
    schema = without_generated_titles(resolve_root(output_cls.model_json_schema()))
    return OutputSchema.of(schema, name=title)


def with_instruction(messages: Sequence[ChatMessage], output: OutputSchema) -> list[ChatMessage]:
    """Ask for the schema in an extra message after the conversation."""
    return [*messages, ChatMessage(role=MessageRole.USER, content=output.instruction())]


@dataclass(frozen=True)
class Task(Generic[ModelT]):
    """One object to get from a model.

    Attributes:
        output_cls: Its class.
        output: The schema of the class, as it was sent.
        messages: The conversation, with the request for the class if the method needs it.
        retries: How often an answer that does not fit is sent back.
    """

    output_cls: type[ModelT]
    output: OutputSchema
    messages: Sequence[ChatMessage]
    retries: int

    def dialogue(self) -> Generator[list[ChatMessage], ChatResponse, ModelT]:
        """Yield messages to send, take each answer, and return the object.

        Raises:
            StructuredOutputError: No answer fits; or an answer was a refusal or cut short, where
                asking again does not help.
        """
        messages = list(self.messages)
        for left in range(self.retries, -1, -1):
            response = yield messages
            _raise_if_hopeless(response, self.output_cls)
            try:
                return read_object(response, self.output_cls, self.output)
            except StructuredOutputError as error:
                if not left:
                    raise
                messages = [*messages, *_correction(response.message, error)]
        raise AssertionError  # unreachable: the last round returns or raises


def read_object(
    response: ChatResponse, output_cls: type[ModelT], output: OutputSchema | None = None
) -> ModelT:
    """Read the object from a tool call, or from the text if there is none.

    Both are validated as JSON: with `strict=True`, pydantic accepts a text as a date in JSON but
    not in Python. Validators get a copy, so that the answer is not modified.

    Args:
        response: The answer.
        output_cls: The class.
        output: Its schema, as it was sent.

    Raises:
        StructuredOutputError: It does not fit the class.
    """
    output = output or output_schema(output_cls)
    text = response.message.content or ""
    readings = output.of_text(text)
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock) and isinstance(block.tool_kwargs, Mapping):
            text = to_json(block.tool_kwargs).decode()
            readings = output.of_arguments(block.tool_kwargs)
            break
    wrong: list[ValidationError] = []
    for reading in readings:
        try:
            return output_cls.model_validate_json(reading)
        except ValidationError as error:  # noqa: PERF203 - at most three readings
            wrong.append(error)
    reasons = "; ".join(_reasons(wrong[0], response))
    raise StructuredOutputError(
        f"The model's answer is not a {output_cls.__name__}: {reasons}. It was: {text!r}",
        text=text,
    )


class PartialObjects(Generic[ModelT]):
    """Reads one stream: each response gives the object so far."""

    def __init__(self, output_cls: type[ModelT], output: OutputSchema | None = None) -> None:
        self._output_cls = output_cls
        self._is_wrapped = (output or output_schema(output_cls)).is_wrapped
        self._flexible = None if self._is_wrapped else create_flexible_model(output_cls)
        self._last: Any = {}

    def feed(self, response: ChatResponse) -> ModelT | FlexibleModel | None:
        """Read a response; return `None` if the object has not changed."""
        data = self._data(response.message)
        if data is None or data == self._last:
            return None
        self._last = data
        text = to_json(data)
        try:
            return self._output_cls.model_validate_json(text)
        except ValidationError:
            return None if self._flexible is None else self._flexible.model_validate_json(text)

    def _data(self, message: ChatMessage) -> Any:
        found = _partial_data(message)
        if self._is_wrapped and isinstance(found, dict):
            return found.get("value")
        return found if isinstance(found, dict) else None


def _partial_data(message: ChatMessage) -> Any:
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            arguments: Any = block.tool_kwargs
            return partial_json(arguments) if isinstance(arguments, str) else dict(arguments)
    return partial_json(message.content or "")


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
    return misfits(error)


def _correction(message: ChatMessage, error: StructuredOutputError) -> list[ChatMessage]:
    """Write what is wrong as an answer to the call, or to the text."""
    answer = [message] if message.blocks else []
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    complaint = f"{error}\nAnswer again, so that it fits."
    if not calls:
        return [*answer, ChatMessage(role=MessageRole.USER, content=complaint)]
    return answer + [
        ChatMessage(
            role=MessageRole.TOOL,
            content=complaint,
            additional_kwargs={"tool_call_id": call.tool_call_id},
        )
        for call in calls
    ]
