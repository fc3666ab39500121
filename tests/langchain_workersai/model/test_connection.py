"""Settings, secrets, event loops and threads of one object."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps

from langchain_workersai import (
    ChatWorkersAI,
    WorkersAIEmbeddings,
    WorkersAILLM,
    WorkersAIRerank,
)
from tests.langchain_workersai.scripted import ACCOUNT, GRANITE

SECRET = "very-secret-token"
CLASSES = [ChatWorkersAI, WorkersAILLM, WorkersAIEmbeddings, WorkersAIRerank]

Make = Callable[..., Any]


def make(cls: Make, **settings: Any) -> Any:
    return cls(GRANITE, **{"account_id": ACCOUNT, "api_token": SECRET, **settings})


@pytest.mark.parametrize("name", ["BASE_URL", "AI_GATEWAY", "API_KEY", "API_TOKEN", "ACCOUNT_ID"])
def test_generic_variables_are_never_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No class reads generic variables, so another program's setting cannot redirect the token."""
    monkeypatch.setenv(name, "http://evil.example.test")
    llm = make(ChatWorkersAI)
    assert "evil" not in repr(llm.asdict())
    assert llm.gateway is None


@pytest.mark.parametrize("cls", CLASSES)
def test_constructors_open_no_connection(cls: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor creates no TLS context and therefore no HTTP client."""
    monkeypatch.setattr("ssl.SSLContext.__new__", lambda *_: pytest.fail("a TLS context"))
    make(cls)


def test_the_gateways_token_reaches_the_gateway(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI sends the gateway's token in the header `cf-aig-authorization`."""
    llm, server = scripted(wire.answer("a"), gateway={"id": "gw", "authorization": SECRET})
    llm.invoke("hi")
    assert server.requests[0].headers["cf-aig-authorization"] == f"Bearer {SECRET}"


def test_settings_reach_the_requests(scripted: Any, wire: Any) -> None:
    """Each request has the gateway, affinity and headers of the object; no body has the token."""
    llm, server = scripted(
        wire.answer("a"),
        gateway={"id": "gw", "skip_cache": True},
        session_affinity="s1",
        default_headers={"x-team": "a"},
        base_url="https://proxy.example.test/v4",
    )
    llm.invoke("hi")
    request = server.requests[0]
    assert str(request.url).startswith("https://proxy.example.test/v4/accounts/")
    assert request.headers["x-session-affinity"] == "s1"
    assert request.headers["x-team"] == "a"
    assert request.headers["cf-aig-skip-cache"] == "true"
    assert request.headers["authorization"] == "Bearer secret-token"
    assert "secret-token" not in request.content.decode()


@pytest.mark.parametrize("cls", [ChatWorkersAI, WorkersAILLM])
def test_langchain_s_own_dumps_show_no_secret(cls: Make) -> None:
    """LangChain's dumps and identifying parameters contain neither tokens nor header values."""
    gateway = {"id": "gw", "authorization": SECRET}
    model = make(cls, gateway=gateway, default_headers={"x-api-key": SECRET, "x-team": "a"})
    assert SECRET not in f"{dumps(model)} {model._identifying_params!r}"


@pytest.mark.parametrize("cls", [ChatWorkersAI, WorkersAILLM])
def test_secrets_are_named_in_dumps(cls: Make) -> None:
    """A dump names the environment variable that holds the token."""
    token = dumpd(make(cls))["kwargs"]["api_token"]
    assert token == {"lc": 1, "type": "secret", "id": ["CLOUDFLARE_API_TOKEN"]}


def test_one_object_in_several_event_loops(local: dict[str, Any]) -> None:
    """One object serves three event loops, one after another, and then a sync call."""
    llm = ChatWorkersAI(GRANITE, **local)
    embeddings = WorkersAIEmbeddings("@cf/baai/bge-m3", **local)

    async def ask() -> str:
        vector = await embeddings.aembed_query("hi")
        message = await llm.ainvoke("hello there")
        await llm.aclose()
        await embeddings.aclose()
        return f"{len(vector)} {message.text}"

    answers = {asyncio.run(ask()) for _ in range(3)}
    assert len(answers) == 1
    assert llm.invoke("hello there").text in answers.pop()
    llm.close()
    embeddings.close()


def test_many_threads_share_one_object(local: dict[str, Any]) -> None:
    """One object serves eight threads, four of which run an event loop."""
    llm, texts = ChatWorkersAI(GRANITE, **local), []

    async def ask() -> None:
        texts.append((await llm.ainvoke("hello there")).text)
        await llm.aclose()

    def work(number: int) -> None:
        if number % 2:
            asyncio.run(ask())
        else:
            texts.append(llm.invoke("hello there").text)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8
    assert all(texts)
    llm.close()


async def test_an_object_can_be_used_after_close(local: dict[str, Any]) -> None:
    """ChatWorkersAI opens new connections for a call after `close` and `aclose`."""
    llm = ChatWorkersAI(GRANITE, **local)
    for _ in range(2):
        assert llm.invoke("hello there").text
        assert (await llm.ainvoke("hello there")).text
        llm.close()
        await llm.aclose()


async def test_a_users_own_clients_are_used_and_not_closed(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI sends its calls through the user's HTTP clients and leaves them open."""
    llm, server = scripted(wire.answer("a"))
    llm.invoke("hi")
    await llm.ainvoke("hi")
    llm.close()
    await llm.aclose()
    assert len(server.requests) == 2
    assert not llm.http_client.is_closed
    assert not llm.http_async_client.is_closed


def test_batch_answers_every_input(local: dict[str, Any]) -> None:
    """LangChain's `batch` returns one answer for each input."""
    llm = ChatWorkersAI(GRANITE, **local)
    answers = llm.batch(["hello there", "good evening", "hello there"])
    assert len(answers) == 3
    assert all(answer.text for answer in answers)
    llm.close()
