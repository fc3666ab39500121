"""The verbs of all LlamaIndex LLMs; subclasses construct the LLM."""

from __future__ import annotations

import functools
import json
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import FunctionTool

from benchmarks.contestants.base import QUESTION, TOOL, TOOL_DESCRIPTION, Contestant
from benchmarks.contestants.histories import conversation


def add_items(items: list[str]) -> str:
    """Add items to the list."""
    return f"added {len(items)}"


ASKED = [ChatMessage(role="user", content=QUESTION)]


def to_llamaindex(message: dict[str, Any]) -> ChatMessage:
    """Convert a message of the wire to LlamaIndex's."""
    more = {key: value for key, value in message.items() if key == "tool_call_id"}
    calls = [
        ToolCallBlock(
            tool_name=call["function"]["name"],
            tool_kwargs={"items": ["a", "b"]},
            tool_call_id=call["id"],
        )
        for call in message.get("tool_calls", ())
    ]
    texts = [TextBlock(text=message["content"])] if message["content"] else []
    role = MessageRole(message["role"])
    return ChatMessage(role=role, blocks=[*texts, *calls], additional_kwargs=more)


class LlamaIndexChat(Contestant):
    """A LlamaIndex LLM; subclasses construct it."""

    family = "llamaindex"

    def make(self) -> FunctionCallingLLM:
        raise NotImplementedError

    @functools.cached_property
    def llm(self) -> FunctionCallingLLM:
        return self.make()

    @functools.cached_property
    def tool(self) -> FunctionTool:
        return FunctionTool.from_defaults(add_items, name=TOOL, description=TOOL_DESCRIPTION)

    def construct(self) -> Any:
        return self.make()

    def ask_of(self, model: Any) -> str:
        return self.text_of(model.chat(ASKED))

    def ask(self) -> Any:
        return self.llm.chat(ASKED)

    async def aask(self) -> Any:
        return await self.llm.achat(ASKED)

    def text_of(self, answer: Any) -> str:
        return str(answer.message.content)

    def remember(self, length: int) -> None:
        self.history = [to_llamaindex(message) for message in conversation(length)]

    def ask_history(self) -> Any:
        return self.llm.chat(self.history)

    def stream(self) -> list[Any]:
        return [response.delta or "" for response in self.llm.stream_chat(ASKED)]

    async def astream(self) -> list[Any]:
        responses = await self.llm.astream_chat(ASKED)
        return [response.delta or "" async for response in responses]

    def drain(self) -> int:
        return sum(len(response.delta or "") for response in self.llm.stream_chat(ASKED))

    async def adrain(self) -> int:
        length = 0
        async for response in await self.llm.astream_chat(ASKED):
            length += len(response.delta or "")
        return length

    def stream_call(self) -> Any:
        last = None
        for response in self.llm.stream_chat_with_tools([self.tool], user_msg=QUESTION):
            last = response
        return last

    def call_of(self, streamed: Any) -> Any:
        return self.llm.get_tool_calls_from_response(streamed)[0].tool_kwargs

    def agent(self) -> str:
        return self.wait_for(self._run_agent())

    async def _run_agent(self) -> str:
        from llama_index.core.agent.workflow import FunctionAgent  # noqa: PLC0415 - only here

        agent = FunctionAgent(tools=[self.tool], llm=self.llm)
        return str(await agent.run(QUESTION))


class LlamaIndexVectors(LlamaIndexChat):
    """An LLM whose package has embeddings as well."""

    def make_embedding(self) -> BaseEmbedding:
        raise NotImplementedError

    @functools.cached_property
    def embedding(self) -> BaseEmbedding:
        return self.make_embedding()

    def embed(self, texts: list[str]) -> list[list[float]]:
        return self.embedding.get_text_embedding_batch(texts)

    def embed_many(self, texts: list[str]) -> list[list[float]]:
        return self.wait_for(self.embedding.aget_text_embedding_batch(texts))


def arguments_of(block: ToolCallBlock) -> dict[str, Any]:
    """The arguments of a call, which a stream carries as JSON text."""
    arguments = block.tool_kwargs
    read: dict[str, Any] = json.loads(arguments) if isinstance(arguments, str) else arguments
    return read
