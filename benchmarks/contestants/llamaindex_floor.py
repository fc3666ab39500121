"""LlamaIndex's base class with answers from memory: the least that any LLM costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic import create_model

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.llamaindex_chat import LlamaIndexChat, arguments_of
from benchmarks.contestants.settings import plain_fields
from benchmarks.server.accounts import Account
from benchmarks.server.answers import ANSWER, MODEL, STEPS, TOOL, WRONG, fragments, words

_ARGUMENTS = '{"items":["a","b"]}'


def _response(text: str, delta: str = "", *calls: ToolCallBlock) -> ChatResponse:
    blocks = [TextBlock(text=text), *calls] if text else [*calls]
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks), delta=delta)


def _call(arguments: str, number: int = 0) -> ToolCallBlock:
    return ToolCallBlock(tool_name=TOOL, tool_kwargs=arguments, tool_call_id=f"call_{number}")


class FromMemory(FunctionCallingLLM):
    """An LLM as in LlamaIndex's guide, with the server's answers in memory."""

    model: str
    account: tuple[Any, ...]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model, is_chat_model=True, is_function_calling_model=True
        )

    def _answer(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        account = Account(*self.account)
        if account.kind == "history":
            return _response(f"{len(messages) + account.is_wrong} messages")
        step = sum(message.role == MessageRole.TOOL for message in messages)
        if account.kind == "agent" and step < STEPS:
            return _response("", "", _call(_ARGUMENTS, step))
        return _response(WRONG if account.is_wrong else ANSWER)

    def _responses(self, messages: Sequence[ChatMessage]) -> ChatResponseGen:
        account, so_far = Account(*self.account), ""
        if account.kind == "agent":
            yield self._answer(messages)
            return
        for piece in fragments(account) if account.kind == "call" else words(account):
            so_far += piece
            if account.kind == "call":
                yield _response("", "", _call(so_far))
            else:
                yield _response(so_far, piece)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        return self._responses(messages)

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        async def responses() -> ChatResponseAsyncGen:
            for response in self._responses(messages):
                yield response

        return responses()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise NotImplementedError

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        raise NotImplementedError

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        raise NotImplementedError

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        raise NotImplementedError

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        asked = (
            ChatMessage(role="user", content=user_msg) if isinstance(user_msg, str) else user_msg
        )
        messages = [*(chat_history or []), *([asked] if asked else [])]
        return {"messages": messages, "tools": [tool.metadata.to_openai_tool() for tool in tools]}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=arguments_of(block),
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]


_WithSettings: Any = create_model("FromMemory", __base__=FromMemory, **plain_fields())
"""With as many settings as a chat model on Workers AI has, which count when one is constructed."""


class LlamaIndexFloor(LlamaIndexChat):
    """LlamaIndex's own cost: no network and no JSON."""

    name = "LlamaIndex's base class"
    distributions = ("llama-index-core",)

    def make(self) -> FunctionCallingLLM:
        made: FunctionCallingLLM = _WithSettings(
            model=MODEL,
            account=tuple(self.place.account),
            account_id=self.place.account_id,
            api_token=TOKEN,
            base_url=self.place.root,
        )
        return made
