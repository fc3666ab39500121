"""LangChain's output parsers, made to refuse an answer that is none.

The parsers of langchain-core are lenient so that they can show a stream's state so far: an
answer that the token cap cut off reads as a whole one with keys missing.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import SkipValidation


def tool_call_parser(schema: Any, name: str) -> Runnable[Any, Any]:
    """Make the parser for answers that call the schema as a tool."""
    if _is_pydantic(schema):
        return StrictPydanticTools(tools=[schema], first_tool_only=True)
    return StrictJsonTools(key_name=name, first_tool_only=True)


def json_parser(schema: Any) -> Runnable[Any, Any]:
    """Make the parser for answers that are JSON text."""
    if _is_pydantic(schema):
        return StrictPydantic(pydantic_object=schema)
    return StrictJson()


def _is_pydantic(schema: Any) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def raise_unless_readable(
    result: list[Generation], reads: Callable[[BaseMessage], bool], *, partial: bool
) -> None:
    """Refuse an answer that LangChain's lenient parsers would take for a whole one.

    Args:
        result: The generation that is to be parsed.
        reads: Whether the message holds a whole answer.
        partial: Whether this is a stream's state so far.

    Raises:
        OutputParserException: If the token cap ended the answer before its JSON was whole, or
            the call's arguments are not a JSON object. For a refusal, `ModelRefusalError` where
            langchain-core has it.
    """
    first = result[0] if result else None
    if not isinstance(first, ChatGeneration) or not _ended(first.message, partial=partial):
        return
    message = first.message
    if (refusal := message.additional_kwargs.get("refusal")) is not None:
        raise REFUSED(f"The model refused: {refusal}")
    if reads(message):
        return
    if message.response_metadata.get("finish_reason") == "length":
        raise OutputParserException(
            "The answer was cut off by the token cap (finish_reason 'length') before it was "
            "complete. Raise max_tokens; reasoning counts against it.",
            llm_output=str(message.content),
        )
    for call in getattr(message, "invalid_tool_calls", ()):
        raise OutputParserException(
            f"The arguments for {call['name']} cannot be read: {call['error'] or 'not JSON'}",
            llm_output=str(call["args"]),
        )


REFUSED: type[Exception] = getattr(exceptions, "ModelRefusalError", OutputParserException)
"""What a refusal raises; langchain-core has a class of its own for it from 1.7.5 on."""


def _ended(message: BaseMessage, *, partial: bool) -> bool:
    return not partial or getattr(message, "chunk_position", None) == "last"


def _has_call(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) and bool(message.tool_calls)


def _has_json(message: BaseMessage) -> bool:
    """Whether the text is JSON to its end, or is not the token cap's to blame."""
    if message.response_metadata.get("finish_reason") != "length":
        return True
    try:
        json.loads(message.text)
    except ValueError:
        return False
    return True


def _with_own_calls(result: list[Generation]) -> list[Generation]:
    """Copy the calls: a validator may change what it reads, and the answer stays what it was."""
    return [
        generation.model_copy(update={"message": _with_own_calls_in(generation.message)})
        if isinstance(generation, ChatGeneration)
        else generation
        for generation in result
    ]


def _with_own_calls_in(message: BaseMessage) -> BaseMessage:
    if not isinstance(message, AIMessage):
        return message
    return message.model_copy(update={"tool_calls": copy.deepcopy(message.tool_calls)})


class StrictPydanticTools(PydanticToolsParser):
    """Tool calls as pydantic objects."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the calls; see `raise_unless_readable`."""
        raise_unless_readable(result, _has_call, partial=partial)
        return super().parse_result(_with_own_calls(result), partial=partial)


class StrictJsonTools(JsonOutputKeyToolsParser):
    """Tool calls as dicts."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the calls; see `raise_unless_readable`."""
        raise_unless_readable(result, _has_call, partial=partial)
        return super().parse_result(_with_own_calls(result), partial=partial)


class StrictPydantic(PydanticOutputParser):  # type: ignore[type-arg]  # its parameter is private
    """JSON text as a pydantic object."""

    pydantic_object: Annotated[type[Any], SkipValidation()]

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the text; see `raise_unless_readable`."""
        raise_unless_readable(result, _has_json, partial=partial)
        return super().parse_result(result, partial=partial)


class StrictJson(JsonOutputParser):
    """JSON text as a dict."""

    pydantic_object: Annotated[type[Any] | None, SkipValidation()] = None

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the text; see `raise_unless_readable`."""
        raise_unless_readable(result, _has_json, partial=partial)
        return super().parse_result(result, partial=partial)
