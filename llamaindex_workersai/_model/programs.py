"""Turn an answer to the one forced tool of a LlamaIndex program into a call of that tool.

Small models call it by another name, or write its arguments as text.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.types import (
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    ContentBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from llamaindex_workersai._errors import ToolCallError
from workersai.integration import OutputSchema, misfits

__all__ = ["as_program_call", "awith_program_call", "check_fits", "with_program_call"]


def as_program_call(response: ChatResponse, tool: BaseTool) -> ChatResponse:
    """Return the answer with a call of the program's tool; unchanged if it contains none."""
    name, message = tool.metadata.get_name(), response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if calls and all(call.tool_name == name for call in calls):
        return response
    if calls:
        blocks: list[ContentBlock] = [_with_name(block, name) for block in message.blocks]
    else:
        arguments = next(_arguments_in_text(message.content or "", tool), None)
        if arguments is None:
            return response
        call = ToolCallBlock(tool_call_id="call_0", tool_name=name, tool_kwargs=arguments)
        blocks = [*message.blocks, call]
    return response.model_copy(update={"message": message.model_copy(update={"blocks": blocks})})


def check_fits(calls: Sequence[ToolSelection], tool: BaseTool) -> None:
    """Check that the arguments of the calls fit the program's class.

    Raises:
        ToolCallError: They do not; the error has the reasons.
    """
    output_cls = tool.metadata.fn_schema
    if output_cls is None:
        return
    for call in calls:
        reasons = "; ".join(_why_refused(call.tool_kwargs, output_cls))
        if reasons:
            raise ToolCallError(
                f"The arguments of {call.tool_name!r} do not fit: {reasons}. They were "
                f"{to_json(call.tool_kwargs).decode()}.",
                called=True,
            )


def _why_refused(arguments: dict[str, Any], output_cls: type[BaseModel]) -> list[str]:
    try:
        # The program creates its object in the same way; a validator may modify its input.
        output_cls(**copy.deepcopy(arguments))
    except ValidationError as error:
        return misfits(error)
    return []


def with_program_call(
    responses: ChatResponseGen, tool: BaseTool, check: Callable[[ChatResponse], Any]
) -> ChatResponseGen:
    """Yield the responses; at the end, add a call of the program's tool if the stream had none.

    Args:
        responses: The responses of a stream.
        tool: The program's tool.
        check: Raises an error if an answer has no call that can be run.
    """
    last: ChatResponse | None = None
    with closing(responses):
        for last in responses:
            yield last
    yield from _ending(last, tool, check)


async def awith_program_call(
    responses: ChatResponseAsyncGen, tool: BaseTool, check: Callable[[ChatResponse], Any]
) -> ChatResponseAsyncGen:
    """As `with_program_call`, asynchronously."""
    last: ChatResponse | None = None
    async with aclosing(responses):
        async for last in responses:
            yield last
    for response in _ending(last, tool, check):
        yield response


def _ending(
    last: ChatResponse | None, tool: BaseTool, check: Callable[[ChatResponse], Any]
) -> Iterator[ChatResponse]:
    if last is None:
        return
    response = as_program_call(last, tool)
    check(response)
    if response is not last:
        yield _in_older_form(response)


def _in_older_form(response: ChatResponse) -> ChatResponse:
    """Add the calls where LlamaIndex's streaming of objects expects them."""
    message = response.message
    calls = [
        {
            "id": block.tool_call_id,
            "type": "function",
            "function": {
                "name": block.tool_name,
                "arguments": to_json(block.tool_kwargs).decode(),
            },
        }
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    kwargs = {**message.additional_kwargs, "tool_calls": calls}
    message = message.model_copy(update={"additional_kwargs": kwargs})
    return response.model_copy(update={"message": message, "delta": ""})


def _with_name(block: ContentBlock, name: str) -> ContentBlock:
    if not isinstance(block, ToolCallBlock):
        return block
    return block.model_copy(update={"tool_name": name})


def _arguments_in_text(text: str, tool: BaseTool) -> Iterator[dict[str, Any]]:
    """Read arguments that a model wrote as text, if they fit the program's class."""
    output_cls = tool.metadata.fn_schema
    if output_cls is None:
        return
    schema = OutputSchema.of(
        output_cls.model_json_schema(), name=tool.metadata.get_name(), wraps=False
    )
    for candidate in schema.of_text(text):
        if _fits(candidate, output_cls):
            value = from_json(candidate)
            if isinstance(value, dict):
                yield value


def _fits(candidate: str, output_cls: type[BaseModel]) -> bool:
    try:
        output_cls.model_validate_json(candidate)
    except ValidationError:
        return False
    return True
