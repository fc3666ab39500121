"""Plain httpx: `iter_lines` and `json.loads`, without typed results."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from benchmarks.contestants.base import QUESTION, TOKEN, TOOL_SCHEMA, Contestant
from benchmarks.contestants.histories import conversation
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL

BATCH = 100
"""The most texts that the embedding model takes."""
HEADERS = {"authorization": f"Bearer {TOKEN}"}
MESSAGES = [{"role": "user", "content": QUESTION}]


def new_text(event: dict[str, Any]) -> str:
    """The text of an event, if it has any."""
    choices = event.get("choices")
    return (choices[0]["delta"].get("content") or "") if choices else ""


class Httpx(Contestant):
    """`httpx.Client` and `httpx.AsyncClient` with their default settings."""

    name = "httpx"
    family = "raw"
    distributions = ("httpx",)

    @functools.cached_property
    def client(self) -> httpx.Client:
        return httpx.Client(headers=HEADERS, timeout=60)

    @functools.cached_property
    def aclient(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers=HEADERS, timeout=60)

    @property
    def url(self) -> str:
        return self.place.run + MODEL

    def construct(self) -> Any:
        return httpx.Client(headers=HEADERS)

    def ask_of(self, model: Any) -> str:
        with model:
            return self.text_of(model.post(self.url, json={"messages": MESSAGES}).json())

    def ask(self) -> Any:
        return self.client.post(self.url, json={"messages": MESSAGES}).json()

    async def aask(self) -> Any:
        return (await self.aclient.post(self.url, json={"messages": MESSAGES})).json()

    def text_of(self, answer: Any) -> str:
        return str(answer["result"]["choices"][0]["message"]["content"])

    def remember(self, length: int) -> None:
        self.history = conversation(length)

    def ask_history(self) -> Any:
        return self.client.post(self.url, json={"messages": self.history}).json()

    def events(self, **more: Any) -> Iterator[dict[str, Any]]:
        body = {"messages": MESSAGES, "stream": True, **more}
        with self.client.stream("POST", self.url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    yield json.loads(line[6:])

    async def aevents(self) -> AsyncIterator[dict[str, Any]]:
        body = {"messages": MESSAGES, "stream": True}
        async with self.aclient.stream("POST", self.url, json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    yield json.loads(line[6:])

    def stream(self) -> list[str]:
        return [new_text(event) for event in self.events()]

    async def astream(self) -> list[str]:
        return [new_text(event) async for event in self.aevents()]

    def drain(self) -> int:
        return sum(len(new_text(event)) for event in self.events())

    async def adrain(self) -> int:
        return sum([len(new_text(event)) async for event in self.aevents()])

    def stream_call(self) -> Any:
        return list(self.events(tools=[TOOL_SCHEMA]))

    def call_of(self, streamed: Any) -> Any:
        deltas = [event["choices"][0]["delta"] for event in streamed if event.get("choices")]
        calls = [delta["tool_calls"][0]["function"] for delta in deltas if "tool_calls" in delta]
        return json.loads("".join(call["arguments"] for call in calls))

    def embed(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for begin in range(0, len(texts), BATCH):
            body = {"text": texts[begin : begin + BATCH]}
            answer = self.client.post(self.place.run + EMBEDDING_MODEL, json=body).json()
            vectors.extend(answer["result"]["data"])
        return vectors

    embed_many = embed

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
        if "aclient" in self.__dict__:
            self.wait_for(self.aclient.aclose())
