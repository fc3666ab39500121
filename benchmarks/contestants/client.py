"""This project's client, without a framework."""

from __future__ import annotations

import functools
from typing import Any

from benchmarks.contestants.base import QUESTION, TOKEN, TOOL_SCHEMA, Contestant
from benchmarks.contestants.histories import conversation
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL
from workersai import AsyncClient, ChatFinish, Client, TextDelta

MESSAGES: Any = [{"role": "user", "content": QUESTION}]


class BareClient(Contestant):
    """`workersai.Client` and `workersai.AsyncClient`."""

    name = "workersai"
    family = "raw"
    distributions = ("workersai",)

    @property
    def settings(self) -> dict[str, Any]:
        place = self.place
        return {"account_id": place.account_id, "api_token": TOKEN, "base_url": place.root}

    @functools.cached_property
    def client(self) -> Client:
        return Client(MODEL, **self.settings)

    @functools.cached_property
    def aclient(self) -> AsyncClient:
        return AsyncClient(MODEL, **self.settings)

    def construct(self) -> Any:
        return Client(MODEL, **self.settings)

    def ask_of(self, model: Any) -> str:
        with model:
            return self.text_of(model.chat(MESSAGES))

    def ask(self) -> Any:
        return self.client.chat(MESSAGES)

    async def aask(self) -> Any:
        return await self.aclient.chat(MESSAGES)

    def text_of(self, answer: Any) -> str:
        return str(answer.text)

    def remember(self, length: int) -> None:
        self.history: Any = conversation(length)

    def ask_history(self) -> Any:
        return self.client.chat(self.history)

    def stream(self) -> list[str]:
        events = self.client.stream_chat(MESSAGES)
        return [event.text for event in events if isinstance(event, TextDelta)]

    async def astream(self) -> list[str]:
        events = self.aclient.stream_chat(MESSAGES)
        return [event.text async for event in events if isinstance(event, TextDelta)]

    def drain(self) -> int:
        events = self.client.stream_chat(MESSAGES)
        return sum(len(event.text) for event in events if isinstance(event, TextDelta))

    async def adrain(self) -> int:
        length = 0
        async for event in self.aclient.stream_chat(MESSAGES):
            if isinstance(event, TextDelta):
                length += len(event.text)
        return length

    def stream_call(self) -> Any:
        return list(self.client.stream_chat(MESSAGES, tools=[TOOL_SCHEMA]))

    def call_of(self, streamed: Any) -> Any:
        assert isinstance(streamed[-1], ChatFinish)
        return streamed[-1].tool_calls[0].arguments

    def embed(self, texts: list[str]) -> list[list[float]]:
        return self.client.embed(texts, model=EMBEDDING_MODEL).vectors

    embed_many = embed

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
        if "aclient" in self.__dict__:
            self.wait_for(self.aclient.aclose())
