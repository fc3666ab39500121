"""The verbs of all LangChain chat models; subclasses construct the model."""

from __future__ import annotations

import functools
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable

from benchmarks.contestants.base import QUESTION, TOOL_SCHEMA, Contestant
from benchmarks.contestants.histories import conversation


def add_items(items: list[str]) -> str:
    """Add items to the list."""
    return f"added {len(items)}"


def to_langchain(message: dict[str, Any]) -> BaseMessage:
    """Convert a message of the wire to LangChain's."""
    if message["role"] == "system":
        return SystemMessage(message["content"])
    if message["role"] == "user":
        return HumanMessage(message["content"])
    if message["role"] == "tool":
        return ToolMessage(message["content"], tool_call_id=message["tool_call_id"])
    calls = [
        {"name": call["function"]["name"], "args": {"items": ["a", "b"]}, "id": call["id"]}
        for call in message.get("tool_calls", ())
    ]
    return AIMessage(message["content"], tool_calls=calls)


class LangChainChat(Contestant):
    """A LangChain chat model; subclasses construct it."""

    family = "langchain"

    def make(self) -> BaseChatModel:
        raise NotImplementedError

    @functools.cached_property
    def chat(self) -> BaseChatModel:
        return self.make()

    @functools.cached_property
    def with_tool(self) -> Runnable[Any, AIMessage]:
        return self.chat.bind_tools([TOOL_SCHEMA])

    def construct(self) -> Any:
        return self.make()

    def ask_of(self, model: Any) -> str:
        return self.text_of(model.invoke(QUESTION))

    def ask(self) -> Any:
        return self.chat.invoke(QUESTION)

    async def aask(self) -> Any:
        return await self.chat.ainvoke(QUESTION)

    def text_of(self, answer: Any) -> str:
        return str(answer.text)

    def remember(self, length: int) -> None:
        self.history = [to_langchain(message) for message in conversation(length)]

    def ask_history(self) -> Any:
        return self.chat.invoke(self.history)

    def stream(self) -> list[Any]:
        return [chunk.content for chunk in self.chat.stream(QUESTION)]

    async def astream(self) -> list[Any]:
        return [chunk.content async for chunk in self.chat.astream(QUESTION)]

    def drain(self) -> int:
        return sum(len(chunk.content) for chunk in self.chat.stream(QUESTION))

    async def adrain(self) -> int:
        length = 0
        async for chunk in self.chat.astream(QUESTION):
            length += len(chunk.content)
        return length

    def stream_call(self) -> Any:
        return list(self.with_tool.stream(QUESTION))

    def call_of(self, streamed: Any) -> Any:
        whole = functools.reduce(lambda one, other: one + other, streamed)
        return whole.tool_calls[0]["args"]

    @functools.cached_property
    def graph(self) -> Any:
        from langchain.agents import create_agent  # noqa: PLC0415 - only for agents

        return create_agent(self.chat, [add_items])

    def agent(self) -> str:
        answer = self.graph.invoke({"messages": [("user", QUESTION)]})
        return str(answer["messages"][-1].text)


class LangChainVectors(LangChainChat):
    """A chat model whose package has embeddings as well."""

    def make_embeddings(self) -> Embeddings:
        raise NotImplementedError

    @functools.cached_property
    def embeddings(self) -> Embeddings:
        return self.make_embeddings()

    def embed(self, texts: list[str]) -> list[list[float]]:
        return self.embeddings.embed_documents(texts)

    embed_many = embed
