"""`batch` and `abatch` of both text models: failures and the limit of concurrent requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from langchain_workersai import ChatWorkersAI, ConfigurationError, OutOfCapacityError, WorkersAILLM
from tests.faults.scripts import refuse
from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, CALL_STYLES, TOKEN, UNKNOWN, CallStyle

pytestmark = pytest.mark.usefixtures("loopback")
MODELS = [ChatWorkersAI, WorkersAILLM]
BUSY = "busy"


def prompt_of(request: Seen) -> str:
    body = request.json
    return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])


def echo(peer: Peer, request: Seen) -> None:
    """Answer a prompt with its own text, except one prompt, which gets a busy error."""
    if (prompt := prompt_of(request)) == BUSY:
        refuse("429 Too Many Requests", 3040)(peer, request)
    else:
        peer.answer(f'{{"success":true,"result":{{"response":"{prompt}"}}}}'.encode())


def text(answer: Any) -> Any:
    """Return the text of an answer, or an exception as it is."""
    return getattr(answer, "text", answer)


@asynccontextmanager
async def serving(
    cls: type[Any], script: Callable[[Peer, Seen], None], **settings: Any
) -> AsyncIterator[tuple[Any, Loopback]]:
    server = Loopback(script)
    connection = {"base_url": server.base_url, "account_id": ACCOUNT, "api_token": TOKEN}
    model = cls(UNKNOWN, **{**connection, "max_retries": 0, **settings})
    try:
        yield model, server
    finally:
        model.close()
        await model.aclose()
        server.close()


async def batch(model: Any, call_style: CallStyle, *args: Any, **options: Any) -> list[Any]:
    if call_style == "sync":
        answers = await asyncio.to_thread(model.batch, *args, **options)
    else:
        answers = await model.abatch(*args, **options)
    return list(map(text, answers))


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
@pytest.mark.parametrize("limit", [None, 1, 2])
async def test_a_failure_does_not_affect_other_answers(
    cls: type[Any], call_style: CallStyle, limit: int | None
) -> None:
    """With `return_exceptions` a failed prompt has its exception in its place in the list."""
    config: Any = {} if limit is None else {"max_concurrency": limit}
    async with serving(cls, echo) as (model, server):
        first, failed, third = await batch(
            model, call_style, ["one", BUSY, "three"], config, return_exceptions=True
        )
    assert (first, third) == ("one", "three")
    assert isinstance(failed, OutOfCapacityError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
async def test_a_failure_stops_the_batch(cls: type[Any], call_style: CallStyle) -> None:
    """Without `return_exceptions` a sequential batch raises and sends no later prompt."""
    async with serving(cls, echo) as (model, server):
        with pytest.raises(OutOfCapacityError):
            await batch(model, call_style, ["one", BUSY, "three"], {"max_concurrency": 1})
    assert list(map(prompt_of, server.requests)) == ["one", BUSY]


def meeting(count: int) -> Callable[[Peer, Seen], None]:
    """Answer only when *count* requests have arrived at the same time."""
    barrier = threading.Barrier(count, timeout=10)

    def script(peer: Peer, request: Seen) -> None:
        barrier.wait()
        echo(peer, request)

    return script


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
async def test_max_concurrency_of_the_config(cls: type[Any], call_style: CallStyle) -> None:
    """With `max_concurrency=3` exactly three requests are sent at a time."""
    async with serving(cls, meeting(3)) as (model, server):
        prompts = [f"prompt {place}" for place in range(9)]
        assert await batch(model, call_style, prompts, {"max_concurrency": 3}) == prompts
    assert server.connections == 3


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("method", ["batch", "generate"])
async def test_max_concurrency_of_the_completion_model(method: str, call_style: CallStyle) -> None:
    """`WorkersAILLM(max_concurrency=2)` sends two prompts at a time in `batch` and `generate`."""
    prompts = [f"prompt {place}" for place in range(6)]
    async with serving(WorkersAILLM, meeting(2), max_concurrency=2) as (model, server):
        ask = batch if method == "batch" else generate
        answers = await ask(model, call_style, prompts)
    assert answers == prompts
    assert server.connections == 2


async def generate(model: Any, call_style: CallStyle, prompts: list[str]) -> list[str]:
    if call_style == "sync":
        result = await asyncio.to_thread(model.generate, prompts)
    else:
        result = await model.agenerate(prompts)
    return [generations[0].text for generations in result.generations]


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
@pytest.mark.parametrize("wrong", [0, -1, "3", 2.0])
async def test_a_wrong_limit_is_refused(cls: type[Any], call_style: CallStyle, wrong: Any) -> None:
    """A batch raises ConfigurationError for a wrong `max_concurrency` before any request."""
    async with serving(cls, echo) as (model, server):
        with pytest.raises(ConfigurationError, match="max_concurrency"):
            await batch(model, call_style, ["one", "two"], {"max_concurrency": wrong})
    assert server.requests == []


class Runs(BaseCallbackHandler):
    """Counts the runs of a batch that LangChain reports."""

    def __init__(self) -> None:
        self.begun = self.ended = self.failed = 0

    def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
        self.begun += 1

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.begun += 1

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.ended += 1

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self.failed += 1


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
async def test_each_prompt_is_a_run_with_a_cached_answer(
    cls: type[Any], call_style: CallStyle
) -> None:
    """Each prompt is a run with its own callbacks, and the cache keeps successful answers."""
    first, second, third = Runs(), Runs(), Runs()
    configs: Any = [{"callbacks": [runs]} for runs in (first, second, third)]
    async with serving(cls, echo, cache=InMemoryCache()) as (model, server):
        prompts = ["one", BUSY, "three"]
        await batch(model, call_style, prompts, configs, return_exceptions=True)
        cached = await batch(model, call_style, ["one", "three"])
    assert [(runs.begun, runs.ended, runs.failed) for runs in (first, second, third)] == [
        (1, 1, 0),
        (1, 0, 1),
        (1, 1, 0),
    ]
    assert cached == ["one", "three"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("cls", MODELS)
async def test_chains_and_bindings_keep_failures_apart_too(
    cls: type[Any], call_style: CallStyle
) -> None:
    """A chain's batch and a binding's batch have a failure in its place and send bound options."""
    async with serving(cls, echo) as (model, server):
        chain = RunnableLambda(str.strip) | model.bind(temperature=0.5, model="@cf/a/b")
        first, failed = await batch(
            chain, call_style, [" one ", f" {BUSY}"], return_exceptions=True
        )
    assert first == "one"
    assert isinstance(failed, OutOfCapacityError)
    assert {request.json["temperature"] for request in server.requests} == {0.5}
    assert all(request.path.endswith("@cf/a/b") for request in server.requests)


@pytest.mark.parametrize("cls", MODELS)
async def test_an_empty_batch_returns_an_empty_list(cls: type[Any]) -> None:
    """`batch` and `abatch` return an empty list for no prompts and send no request."""
    async with serving(cls, echo) as (model, server):
        assert model.batch([]) == await model.abatch([]) == []
    assert server.requests == []
