"""Plain aiohttp: the lines of the body and `json.loads`."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from benchmarks.contestants.base import Contestant
from benchmarks.contestants.raw import HEADERS, MESSAGES, new_text
from benchmarks.server.answers import MODEL


class Aiohttp(Contestant):
    """`aiohttp.ClientSession` with its default settings."""

    name = "aiohttp"
    family = "raw"
    distributions = ("aiohttp",)

    @functools.cached_property
    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=HEADERS)

    @property
    def url(self) -> str:
        return self.place.run + MODEL

    async def aask(self) -> Any:
        async with self.session.post(self.url, json={"messages": MESSAGES}) as response:
            return await response.json()

    def text_of(self, answer: Any) -> str:
        return str(answer["result"]["choices"][0]["message"]["content"])

    async def aevents(self) -> AsyncIterator[dict[str, Any]]:
        body = {"messages": MESSAGES, "stream": True}
        async with self.session.post(self.url, json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                    yield json.loads(line[6:])

    async def astream(self) -> list[str]:
        return [new_text(event) async for event in self.aevents()]

    async def adrain(self) -> int:
        return sum([len(new_text(event)) async for event in self.aevents()])

    def close(self) -> None:
        if "session" in self.__dict__:
            self.wait_for(self.session.close())
