"""If one of several requests of a call fails, the others stop and no further one is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from langchain_workersai import ChatWorkersAI, InvalidRequestError, WorkersAILLM
from tests.faults.conftest import Serve
from tests.faults.scripts import refuse
from tests.workersai.loopback import Peer, Seen
from tests.workersai.talking import ACCOUNT, BGE, TOKEN, UNKNOWN
from workersai import AsyncClient
from workersai import InvalidRequestError as CoreInvalidRequestError

BAD = "the bad one"


def hang_but_refuse_the_bad_one(peer: Peer, seen: Seen) -> None:
    """Refuse one request while two others run, which the server never answers."""
    if BAD not in seen.body.decode():
        peer.wait_for_hang_up()
        return
    while len(peer.server.requests) < 3:
        peer.server.release.wait(0.005)
    refuse("400 Bad Request", 5006)(peer, seen)


def texts(count: int = 12) -> list[Any]:
    return [BAD if place == 2 else f"number {place}" for place in range(count)]


async def embed(settings: dict[str, Any]) -> None:
    async with AsyncClient(BGE, **settings) as client:
        await client.embed(texts(), batch_size=1, max_concurrency=3)


async def generate(settings: dict[str, Any]) -> None:
    llm = WorkersAILLM(UNKNOWN, max_concurrency=3, **settings)
    try:
        await llm.agenerate(texts())
    finally:
        await llm.aclose()


async def batch(settings: dict[str, Any]) -> None:
    llm = WorkersAILLM(UNKNOWN, max_concurrency=3, **settings)
    try:
        await llm.abatch(texts())
    finally:
        await llm.aclose()


async def chat_batch(settings: dict[str, Any]) -> None:
    llm = ChatWorkersAI(UNKNOWN, **settings)
    try:
        await llm.abatch(texts(), {"max_concurrency": 3})
    finally:
        await llm.aclose()


MANY: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
    "AsyncClient.embed": embed,
    "WorkersAILLM.agenerate": generate,
    "WorkersAILLM.abatch": batch,
    "ChatWorkersAI.abatch": chat_batch,
}


@pytest.mark.parametrize("name", MANY)
def test_one_failure_stops_the_others(serve: Serve, name: str) -> None:
    """The server refuses the third of twelve: two are cancelled, nine are never sent."""
    server = serve(hang_but_refuse_the_bad_one)
    settings = {"base_url": server.base_url, "account_id": ACCOUNT, "api_token": TOKEN}
    with pytest.raises((InvalidRequestError, CoreInvalidRequestError)):
        asyncio.run(asyncio.wait_for(MANY[name](settings), 10))
    assert len(server.requests) == 3
    assert server.gone.wait(5)
