"""What one call may say of how it is sent, through every way to call a model of text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from langchain_workersai import ChatWorkersAI, WorkersAILLM
from llamaindex_workersai import WorkersAI
from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, GRANITE, TOKEN, answer, stream
from workersai import APITimeoutError, OutOfCapacityError

OPTIONS: dict[str, Any] = {
    "timeout": 5,
    "max_retries": 0,
    "headers": {"X-Row": "17"},
    "session_affinity": "user-4",
    "gateway": {"cache_key": "k", "metadata": {"row": 17}},
}
ASKED = [ChatMessage(role="user", content="Hello")]


async def _read(events: Any) -> None:
    events = await events if asyncio.iscoroutine(events) else events
    async for _ in events:
        pass


WAYS: dict[str, Callable[..., Any]] = {
    "langchain invoke": lambda k, o: ChatWorkersAI(GRANITE, **k).invoke("Hello", **o),
    "langchain stream": lambda k, o: list(ChatWorkersAI(GRANITE, **k).stream("Hello", **o)),
    "langchain bind": lambda k, o: ChatWorkersAI(GRANITE, **k).bind(**o).invoke("Hello"),
    "langchain ainvoke": lambda k, o: asyncio.run(
        ChatWorkersAI(GRANITE, **k).ainvoke("Hello", **o)
    ),
    "langchain astream": lambda k, o: asyncio.run(
        _read(ChatWorkersAI(GRANITE, **k).astream("Hello", **o))
    ),
    "langchain llm": lambda k, o: WorkersAILLM(GRANITE, **k).invoke("Hello", **o),
    "llamaindex chat": lambda k, o: WorkersAI(GRANITE, **k).chat(ASKED, **o),
    "llamaindex stream": lambda k, o: list(WorkersAI(GRANITE, **k).stream_chat(ASKED, **o)),
    "llamaindex complete": lambda k, o: WorkersAI(GRANITE, **k).complete("Hello", **o),
    "llamaindex achat": lambda k, o: asyncio.run(WorkersAI(GRANITE, **k).achat(ASKED, **o)),
    "llamaindex astream": lambda k, o: asyncio.run(
        _read(WorkersAI(GRANITE, **k).astream_chat(ASKED, **o))
    ),
}

pytestmark = [
    pytest.mark.usefixtures("loopback"),
    pytest.mark.parametrize("way", WAYS.values(), ids=WAYS),
]


def well(peer: Peer, seen: Seen) -> None:
    if b'"stream":true' in seen.body:
        peer.stream(stream("native"))
    else:
        peer.answer(answer("native_text"))


def busy(peer: Peer, seen: Seen) -> None:
    peer.answer(b'{"errors":[{"code":3040,"message":"busy"}]}', "429 Too Many Requests")


def silent(peer: Peer, seen: Seen) -> None:
    peer.server.release.wait(5)


@pytest.fixture
def server() -> Iterator[Loopback]:
    running = Loopback(well)
    yield running
    running.close()


def connection(server: Loopback) -> dict[str, Any]:
    return {"base_url": server.base_url, "account_id": ACCOUNT, "api_token": TOKEN}


def test_options_reach_the_wire(server: Loopback, way: Callable[..., Any]) -> None:
    """Headers, affinity and gateway options are headers of that call, and no fields of its body."""
    way(connection(server), OPTIONS)
    way(connection(server), {})
    first, second = server.requests
    assert first.header("x-row") == "17"
    assert first.header("x-session-affinity") == "user-4"
    assert first.header("cf-aig-cache-key") == "k"
    assert first.header("cf-aig-metadata") == '{"row": 17}'
    assert not OPTIONS.keys() & first.json.keys()
    assert second.header("x-row") is None


def test_retries_of_a_call(server: Loopback, way: Callable[..., Any]) -> None:
    """`max_retries=0` rules out the retries that the object would make."""
    server.script = busy
    with pytest.raises(OutOfCapacityError):
        way(connection(server), {"max_retries": 0})
    assert len(server.requests) == 1


def test_timeout_of_a_call(server: Loopback, way: Callable[..., Any]) -> None:
    """`timeout` is the whole time of that call."""
    server.script = silent
    with pytest.raises(APITimeoutError, match=r"0\.1 s"):
        way(connection(server), {"timeout": 0.1})
    assert len(server.requests) == 1
