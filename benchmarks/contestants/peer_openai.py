"""The openai package at `/ai/v1`."""

from __future__ import annotations

import functools
import json
from typing import Any

import openai

from benchmarks.contestants.base import QUESTION, TOKEN, TOOL_SCHEMA, Contestant
from benchmarks.contestants.histories import conversation
from benchmarks.contestants.raw import BATCH
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL

MESSAGES: Any = [{"role": "user", "content": QUESTION}]


class OpenAIPackage(Contestant):
    """`openai.OpenAI` and `openai.AsyncOpenAI` with their default settings."""

    name = "openai"
    family = "raw"
    distributions = ("openai",)

    @functools.cached_property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.place.openai, api_key=TOKEN)

    @functools.cached_property
    def aclient(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=self.place.openai, api_key=TOKEN)

    def construct(self) -> Any:
        return openai.OpenAI(base_url=self.place.openai, api_key=TOKEN)

    def ask_of(self, model: Any) -> str:
        with model:
            return self.text_of(model.chat.completions.create(model=MODEL, messages=MESSAGES))

    def ask(self) -> Any:
        return self.client.chat.completions.create(model=MODEL, messages=MESSAGES)

    async def aask(self) -> Any:
        return await self.aclient.chat.completions.create(model=MODEL, messages=MESSAGES)

    def text_of(self, answer: Any) -> str:
        return str(answer.choices[0].message.content)

    def remember(self, length: int) -> None:
        self.history: Any = conversation(length)

    def ask_history(self) -> Any:
        return self.client.chat.completions.create(model=MODEL, messages=self.history)

    def events(self, **more: Any) -> Any:
        return self.client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, **more
        )

    async def aevents(self) -> Any:
        return await self.aclient.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True
        )

    def stream(self) -> list[str]:
        return [_new_text(chunk) for chunk in self.events()]

    async def astream(self) -> list[str]:
        return [_new_text(chunk) async for chunk in await self.aevents()]

    def drain(self) -> int:
        return sum(len(_new_text(chunk)) for chunk in self.events())

    async def adrain(self) -> int:
        return sum([len(_new_text(chunk)) async for chunk in await self.aevents()])

    def stream_call(self) -> Any:
        return list(self.events(tools=[TOOL_SCHEMA]))

    def call_of(self, streamed: Any) -> Any:
        deltas = [chunk.choices[0].delta for chunk in streamed if chunk.choices]
        calls = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
        return json.loads("".join(call.function.arguments or "" for call in calls))

    def embed(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for begin in range(0, len(texts), BATCH):
            batch = texts[begin : begin + BATCH]
            answer = self.client.embeddings.create(model=EMBEDDING_MODEL, input=batch)
            vectors.extend(row.embedding for row in answer.data)
        return vectors

    embed_many = embed

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
        if "aclient" in self.__dict__:
            self.wait_for(self.aclient.close())


def _new_text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""
