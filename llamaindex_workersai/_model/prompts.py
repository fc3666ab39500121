"""Ask an LLM with messages, or with one prompt if it takes no messages (`is_chat_model=False`)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)

from llamaindex_workersai._model.tools_binding import ToolCalling


class MessagesOrPrompt(ToolCalling):
    """Calls of the chat methods or of the completion methods, with answers in one form."""

    def _asks(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        if self.is_chat_model:
            return self.chat(messages, **kwargs)
        return _as_chat(self.complete(self._as_prompt(messages), formatted=True, **kwargs))

    async def _aasks(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        if self.is_chat_model:
            return await self.achat(messages, **kwargs)
        prompt = self._as_prompt(messages)
        return _as_chat(await self.acomplete(prompt, formatted=True, **kwargs))

    def _asks_streaming(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> ChatResponseGen:
        if self.is_chat_model:
            return self.stream_chat(messages, **kwargs)
        found = self.stream_complete(self._as_prompt(messages), formatted=True, **kwargs)
        return _as_chats(found)

    async def _aasks_streaming(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> ChatResponseAsyncGen:
        if self.is_chat_model:
            return await self.astream_chat(messages, **kwargs)
        prompt = self._as_prompt(messages)
        found = await self.astream_complete(prompt, formatted=True, **kwargs)
        return _as_achats(found)

    def _as_prompt(self, messages: Sequence[ChatMessage]) -> str:
        """Write messages as the prompt that `predict` would send for them.

        `completion_to_prompt` formats the text of messages that are all a user's;
        `messages_to_prompt` formats other conversations.
        """
        if all(message.role == MessageRole.USER for message in messages):
            text = "\n\n".join(message.content or "" for message in messages)
            formatted = self.completion_to_prompt(text) if self.completion_to_prompt else text
        else:
            formatted = (self.messages_to_prompt or messages_to_prompt)(messages)
        return self._extend_prompt(formatted)


def _as_chat(response: CompletionResponse) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=response.text),
        raw=response.raw,
        delta=response.delta,
        additional_kwargs=response.additional_kwargs,
    )


def _as_chats(found: CompletionResponseGen) -> ChatResponseGen:
    with closing(found) as responses:
        for response in responses:
            yield _as_chat(response)


async def _as_achats(found: CompletionResponseAsyncGen) -> ChatResponseAsyncGen:
    async with aclosing(found) as responses:
        async for response in responses:
            yield _as_chat(response)
