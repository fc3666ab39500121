"""LangChain's base class with answers from memory: the least that any chat model costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import create_model

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.langchain_chat import LangChainChat
from benchmarks.contestants.settings import plain_fields
from benchmarks.server.accounts import Account
from benchmarks.server.answers import ANSWER, MODEL, STEPS, TOOL, WRONG, fragments, words


class FromMemory(BaseChatModel):
    """A chat model as in LangChain's guide, with the server's answers in memory."""

    model: str
    account: tuple[Any, ...]

    @property
    def _llm_type(self) -> str:
        return "from-memory"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self.bind(tools=tools, **kwargs)

    def _answer(self, messages: list[BaseMessage]) -> ChatResult:
        account = Account(*self.account)
        text = WRONG if account.is_wrong else ANSWER
        if account.kind == "history":
            text = f"{len(messages) + account.is_wrong} messages"
        step = sum(isinstance(message, ToolMessage) for message in messages)
        message = AIMessage(text)
        if account.kind == "agent" and step < STEPS:
            call = {"name": TOOL, "args": {"items": ["a", "b"]}, "id": f"call_{step}"}
            message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._answer(messages)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._answer(messages)

    def _chunks(self) -> Iterator[ChatGenerationChunk]:
        account = Account(*self.account)
        if account.kind != "call":
            for text in words(account):
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))
            return
        yield _call_chunk(tool_call_chunk(name=TOOL, args="", id="call_0", index=0))
        for piece in fragments(account):
            yield _call_chunk(tool_call_chunk(args=piece, index=0))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._chunks():
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks():
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk


def _call_chunk(piece: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[piece]))


_WithSettings: Any = create_model("FromMemory", __base__=FromMemory, **plain_fields())
"""With as many settings as a chat model on Workers AI has, which count when one is constructed."""


class LangChainFloor(LangChainChat):
    """LangChain's own cost: no network and no JSON."""

    name = "LangChain's base class"
    distributions = ("langchain-core", "langchain")

    def make(self) -> BaseChatModel:
        made: BaseChatModel = _WithSettings(
            model=MODEL,
            account=tuple(self.place.account),
            account_id=self.place.account_id,
            api_token=TOKEN,
            base_url=self.place.root,
        )
        return made
