"""LlamaIndex's tool-calling protocol, built on the converters of `_translate`."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from typing import Any, TypeAlias

from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from llama_index.core.tools.calling import acall_tool_with_selection, call_tool_with_selection
from pydantic import Field
from typing_extensions import override

from llamaindex_workersai._errors import ToolCallError
from llamaindex_workersai._model.parameters import Generation
from llamaindex_workersai._model.programs import (
    as_program_call,
    awith_program_call,
    check_fits,
    with_program_call,
)
from llamaindex_workersai._model.running import check_known, response_to_calls
from llamaindex_workersai._translate.tools import (
    is_of_program,
    to_wire_tool_choice,
    to_wire_tools,
    tool_selections,
)
from workersai import ConfigurationError

Asked: TypeAlias = tuple[str | ChatMessage | None, list[ChatMessage] | None]
"""A user's message, and the history before it."""


class ToolCalling(Generation, FunctionCallingLLM):
    """A model that can be given tools and whose answers may call them.

    Attributes:
        structured_output_retries: How often an answer that lacks the required object or call is
            sent back with the reasons.
    """

    structured_output_retries: int = Field(default=1, ge=0)

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Prepare the arguments of a chat with tools.

        Args:
            tools: The tools; may be empty.
            user_msg: The message after the history.
            chat_history: The messages before; they are not modified.
            verbose: Ignored.
            allow_parallel_tool_calls: Whether an answer may have several calls; otherwise only its
                first call is kept.
            tool_required: Whether a tool must be called.
            tool_choice: A tool or its name; `auto`, `none`, `required`, `any`; or a dict in the
                API's or Anthropic's form.
            strict: Set on every tool's definition unless `None`.
            kwargs: Other arguments of the chat.

        Raises:
            ConfigurationError: An argument has a wrong type.
        """
        messages = [*_as_history(chat_history), *_as_messages(user_msg)]
        choice = to_wire_tool_choice(tool_choice, required=tool_required)
        written = to_wire_tools([] if tools is None else tools, strict=strict)
        if not written:
            return {**kwargs, "messages": messages}
        asked = {
            "tool_choice": choice,
            "allow_parallel_tool_calls": None if allow_parallel_tool_calls else False,
        }
        return {
            **kwargs,
            "messages": messages,
            "tools": written,
            **{name: value for name, value in asked.items() if value is not None},
        }

    @override
    def stream_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseGen:
        """Stream a chat with tools; the tool of a LlamaIndex program is always required."""
        responses = super().stream_chat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required or is_of_program(tools),
            **kwargs,
        )
        if not is_of_program(tools):
            return responses
        return with_program_call(responses, tools[0], self.get_tool_calls_from_response)

    @override
    async def astream_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseAsyncGen:
        """Stream a chat with tools; see `stream_chat_with_tools`."""
        responses = await super().astream_chat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required or is_of_program(tools),
            **kwargs,
        )
        if not is_of_program(tools):
            return responses
        return awith_program_call(responses, tools[0], self.get_tool_calls_from_response)

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Keep one call if only one was asked for; LlamaIndex's core rejects more.

        An answer to a LlamaIndex program becomes the call that the program forced.
        """
        if is_of_program(tools):
            response = as_program_call(response, tools[0])
        message = response.message
        calls = [at for at, block in enumerate(message.blocks) if isinstance(block, ToolCallBlock)]
        if allow_parallel_tool_calls or len(calls) < 2:
            return response
        blocks = [block for at, block in enumerate(message.blocks) if at not in calls[1:]]
        return response.model_copy(
            update={"message": message.model_copy(update={"blocks": blocks})}
        )

    @override
    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """Read the tool calls of an answer, finished or still streaming.

        Raises:
            ToolCallError: There is no call although one is required; or all calls were cut short or
                are not JSON, and must not be run.
        """
        selections = tool_selections(response.message)
        broken = response.message.additional_kwargs.get("invalid_tool_calls")
        if not selections and (broken or error_on_no_tool_call):
            raise _no_call(response)
        return selections

    @override
    def predict_and_call(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Choose a tool and run it; models without tools do it by ReAct prompting.

        If the model had to call a tool (`tool_required`) and did not, it is asked again, up to
        `structured_output_retries` times.
        """
        if not self._calls_functions():
            kwargs = _react() | kwargs
            return super().predict_and_call(tools, user_msg, chat_history, verbose, **kwargs)
        asked = (verbose, allow_parallel_tool_calls)
        rounds = self._rounds(tools, user_msg, chat_history, error_on_no_tool_call, kwargs)
        question = next(rounds)
        while True:
            response = self.chat_with_tools(tools, *question, *asked, **kwargs)
            try:
                question = rounds.send(response)
            except StopIteration as stop:
                calls = stop.value
                break
        outputs = [call_tool_with_selection(call, tools, verbose) for call in calls]
        return response_to_calls(response, outputs, raises=error_on_tool_error)

    @override
    async def apredict_and_call(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Choose a tool and run it; see `predict_and_call`."""
        if not self._calls_functions():
            kwargs = _react() | kwargs
            return await super().apredict_and_call(tools, user_msg, chat_history, verbose, **kwargs)
        asked = (verbose, allow_parallel_tool_calls)
        rounds = self._rounds(tools, user_msg, chat_history, error_on_no_tool_call, kwargs)
        question = next(rounds)
        while True:
            response = await self.achat_with_tools(tools, *question, *asked, **kwargs)
            try:
                question = rounds.send(response)
            except StopIteration as stop:
                calls = stop.value
                break
        running = (acall_tool_with_selection(call, tools, verbose) for call in calls)
        return response_to_calls(
            response, await asyncio.gather(*running), raises=error_on_tool_error
        )

    def _rounds(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None,
        chat_history: list[ChatMessage] | None,
        error_on_no_tool_call: bool,
        kwargs: dict[str, Any],
    ) -> Generator[Asked, ChatResponse, list[ToolSelection]]:
        """Yield the next question, take each answer, and return the calls to run.

        Raises:
            ToolCallError: The last answer has no call, or a call that cannot be run.
        """
        response = yield user_msg, chat_history
        messages = [*_as_history(chat_history), *_as_messages(user_msg)]
        for left in range(self.structured_output_retries, -1, -1):
            try:
                calls = self.get_tool_calls_from_response(response, error_on_no_tool_call)
                check_known(calls, tools)
                if is_of_program(tools):
                    check_fits(calls, tools[0])
            except ToolCallError as error:
                if error.is_final or not left or not (error.called or kwargs.get("tool_required")):
                    raise
                answer = ChatMessage(role=MessageRole.ASSISTANT, content=error.text)
                correction = ChatMessage(role=MessageRole.USER, content=f"{error}\nCall a tool.")
                messages = [*messages, *([answer] if error.text else []), correction]
            else:
                return calls
            response = yield None, messages
        raise AssertionError  # unreachable: the last round returns or raises


def _as_messages(user_msg: str | ChatMessage | None) -> list[ChatMessage]:
    if isinstance(user_msg, str):
        return [ChatMessage(role=MessageRole.USER, content=user_msg)]
    if user_msg is None or isinstance(user_msg, ChatMessage):
        return [] if user_msg is None else [user_msg]
    raise ConfigurationError(
        f"user_msg must be a text or a ChatMessage, not {type(user_msg).__name__}",
        parameter="user_msg",
    )


def _as_history(chat_history: Any) -> list[ChatMessage]:
    if isinstance(chat_history, (str, ChatMessage)):
        raise ConfigurationError(
            f"chat_history must be a list of ChatMessage, not {type(chat_history).__name__}: pass "
            "[ChatMessage(role='user', content='...')]",
            parameter="chat_history",
        )
    return list(chat_history or [])


def _no_call(response: ChatResponse) -> ToolCallError:
    """Return the error that explains why no call can be run."""
    message, text = response.message, response.message.content or ""
    broken = message.additional_kwargs.get("invalid_tool_calls")
    if broken:
        reason = (
            f"The model's call of {broken[0]['name']!r} cannot be run: {broken[0]['error']}. "
            f"Its arguments were {broken[0]['arguments']!r}."
        )
    else:
        # Users of LlamaIndex match these words.
        reason = "Expected at least one tool call, but got 0 tool calls."
        reason += f" The answer was: {text!r}" if text else ""
    cut = response.additional_kwargs.get("finish_reason") == "length"
    is_final = cut or "refusal" in message.additional_kwargs
    return ToolCallError(reason, text=text, is_final=is_final, called=bool(broken))


def _react() -> dict[str, Any]:
    """Return arguments that LlamaIndex's ReAct fallback needs but does not set itself."""
    return {
        "react_chat_formatter": ReActChatFormatter.from_defaults(),
        "output_parser": ReActOutputParser(),
    }
