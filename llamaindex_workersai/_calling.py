"""Tool calling: LlamaIndex's tool protocol, run on the translators of `_tools`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from typing_extensions import override

from llamaindex_workersai._errors import ToolCallError
from llamaindex_workersai._generation import Generation
from llamaindex_workersai._tools import (
    is_of_program,
    to_wire_tool,
    to_wire_tool_choice,
    tool_selections,
    wire_names,
)


class ToolCalling(Generation, FunctionCallingLLM):
    """A model that is given tools, whose answers are read for calls of them."""

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
        """Write the arguments of a chat with tools.

        Args:
            tools: May be none.
            user_msg: Follows the history.
            chat_history: Stays as it is.
            verbose: Nothing here has more to say.
            allow_parallel_tool_calls: Otherwise an answer's first call is the only one.
            tool_required: Whether a tool must be called.
            tool_choice: A tool's name, or `auto`, `none`, `required`, `any`, or the API's form.
            strict: Set on every tool's definition if given.
            kwargs: Other arguments of the chat.
        """
        messages = list(chat_history or [])
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        if not tools:
            return {**kwargs, "messages": messages}
        names = wire_names(tools)
        choice = to_wire_tool_choice(tool_choice, names, required=tool_required)
        asked = {
            "tool_choice": choice,
            "allow_parallel_tool_calls": None if allow_parallel_tool_calls else False,
            "tool_names": {wire: own for own, wire in names.items() if own != wire} or None,
        }
        return {
            **kwargs,
            "messages": messages,
            "tools": [
                to_wire_tool(tool, names[tool.metadata.get_name()], strict=strict) for tool in tools
            ],
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
        """Stream a chat with tools; LlamaIndex's programs need their tool, but do not say so."""
        return super().stream_chat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required or is_of_program(tools),
            **kwargs,
        )

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
        return await super().astream_chat_with_tools(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            tool_required or is_of_program(tools),
            **kwargs,
        )

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Keep one call where one was asked for; core refuses more."""
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
            ToolCallError: There is none and there should be; or the only ones there are were
                cut short or are not JSON, and must not be run.
        """
        selections = tool_selections(response.message)
        broken = response.message.additional_kwargs.get("invalid_tool_calls")
        if not selections and broken:
            raise ToolCallError(
                f"The model's call of {broken[0]['name']!r} cannot be run: {broken[0]['error']}. "
                f"Its arguments were {broken[0]['arguments']!r}."
            )
        if not selections and error_on_no_tool_call:
            # Users of LlamaIndex match on these words.
            raise ToolCallError("Expected at least one tool call, but got 0 tool calls.")
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
        """Choose a tool and run it; models without tools do it by ReAct prompting."""
        return super().predict_and_call(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            error_on_no_tool_call,
            error_on_tool_error,
            **(kwargs if self._calls_functions() else _react() | kwargs),
        )

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
        return await super().apredict_and_call(
            tools,
            user_msg,
            chat_history,
            verbose,
            allow_parallel_tool_calls,
            error_on_no_tool_call,
            error_on_tool_error,
            **(kwargs if self._calls_functions() else _react() | kwargs),
        )


def _react() -> dict[str, Any]:
    """What core's fallback needs and does not supply itself."""
    return {
        "react_chat_formatter": ReActChatFormatter.from_defaults(),
        "output_parser": ReActOutputParser(),
    }
