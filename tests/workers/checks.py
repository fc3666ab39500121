"""Checks that run inside Pyodide: the shared table of scenarios, JavaScript's own traps, the local
server.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tests.scenarios import GLM, GRANITE, PERSON, SCENARIOS, WEATHER, Scenario
from tests.workers.core import FORMS, NATIVE, body_of, problem_of, reply_to
from workersai import (
    APITimeoutError,
    AsyncClient,
    Client,
    ConfigurationError,
    NotFoundError,
    OutOfCapacityError,
    TextDelta,
    Timeout,
    WorkersAIError,
)

Results = dict[str, str | None]
Check = Callable[..., Awaitable[None]]

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
EVENTS = b'data: {"response": "Hi"}\n\ndata: {"response": "", "usage": {}}\n\ndata: [DONE]\n\n'
SSE = {"content-type": "text/event-stream"}
SHORT = Timeout(first_byte=0.2, idle=0.2, total=10)


@contextmanager
def raises(kind: type[BaseException]) -> Iterator[list[Any]]:
    """Check that a block raises an error, and append the error to the list."""
    caught: list[Any] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    else:
        raise AssertionError("nothing was raised")


def javascript() -> Any:
    """Return what `run.mjs` passes in: bindings, and the requests that they received."""
    import workers_test

    return workers_test


def seen() -> Any:
    return json.loads(javascript().seen())


def scripted(status: int = 200, headers: Any = None, body: bytes = b"", **more: Any) -> Any:
    """Return an `env.AI` that gives the same reply to every request."""
    javascript().forget()
    encoded = base64.b64encode(body).decode()
    reply = {"status": status, "headers": headers or {}, "body": encoded, **more}
    return javascript().scripted(json.dumps(reply))


def wrapped_by_sdk(binding: Any) -> Any:
    """Return an `env.AI` as Cloudflare's Python SDK passes it to a Worker's code."""
    for name in ("_pyodide_entrypoint_helper", "_cloudflare_compat_flags"):
        if name not in sys.modules:
            module: Any = ModuleType(name)
            module.__getattr__ = lambda _: None
            sys.modules[name] = module
    from workers.rpc import _EnvWrapper

    class Env:
        AI = binding

    return _EnvWrapper(Env).AI


async def table() -> Results:
    """Run every scenario on the plain binding and on the SDK's wrapper."""
    found: Results = {}
    for number, scenario in enumerate(NATIVE):
        for form in FORMS:
            wraps = (number + len(form)) % 2 == 0
            found[f"{form} {scenario.name}"] = await one(form, scenario, wraps=wraps)
    return found


async def one(form: str, scenario: Scenario, *, wraps: bool) -> str | None:
    stream = FORMS[form][1]
    binding = scripted(*reply_to(scenario, stream=stream))
    if wraps:
        binding = wrapped_by_sdk(binding)
    try:
        problem = await problem_of(form, scenario, binding=binding)
    except Exception:  # noqa: BLE001 - the report says what it was
        return traceback.format_exc()
    sent = [json.loads(body)["inputs"] for body in seen()["bodies"]]
    if problem is None and sent != [body_of(scenario, stream=stream)]:
        problem = f"sent {sent}"
    return problem


# ------------------------------------------------------------------------------------- the traps


async def null_and_undefined() -> None:
    """The client sends `None` as `null`, and leaves keys that are not set out."""
    ai = scripted(200, {"content-type": "application/json"}, b'{"response": "Hi"}')
    await AsyncClient(binding=ai).run(GRANITE, {"prompt": "x", "lora": None})
    (body,) = seen()["bodies"]
    sent = json.loads(body)
    assert sent["inputs"] == {"prompt": "x", "lora": None}, sent
    assert set(sent["options"]) == {"returnRawResponse"}, sent


async def big_integers() -> None:
    """The client sends big integers with all digits, or refuses them where JavaScript would round
    them.
    """
    import js

    ai = scripted(200, {"content-type": "application/json"}, b'{"response": "Hi"}')
    client = AsyncClient(GRANITE, binding=ai)
    if not hasattr(js.JSON, "rawJSON"):
        with raises(ConfigurationError):
            await client.chat(HELLO, extra={"a": [2**53 + 1]})
        assert seen()["bodies"] == []
        return
    await client.chat(HELLO, extra={"a": [2**53 + 1, {"b": -(2**63)}]})
    (body,) = seen()["bodies"]
    assert json.loads(body)["inputs"]["a"] == [2**53 + 1, {"b": -(2**63)}], body


async def big_integers_of_answers() -> None:
    """The client reads answers as bytes, so that JavaScript rounds no number."""
    answer = b'{"response": "Hi", "n": 9007199254740993}'
    ai = scripted(200, {"content-type": "application/json"}, answer)
    found = await AsyncClient(binding=ai).run(GRANITE, {"prompt": "x"})
    assert found["n"] == 2**53 + 1, found


async def thrown(code: int, expected: type[WorkersAIError]) -> None:
    """The client reads Cloudflare's code from the text of a thrown error."""
    message = f"{code}: No such model @cf/x or task"
    ai = scripted(throws={"name": "InferenceUpstreamError", "message": message})
    with raises(expected) as caught:
        await AsyncClient(GRANITE, binding=ai, max_retries=0).chat(HELLO)
    assert caught[0].code == code, caught


async def thrown_not_found() -> None:
    await thrown(5007, NotFoundError)


async def thrown_busy() -> None:
    await thrown(3040, OutOfCapacityError)


async def an_empty_error() -> None:
    """The client reads an error whose body is `null` as an error without a body."""
    ai = scripted(404)
    with raises(NotFoundError):
        await AsyncClient(GRANITE, binding=ai, max_retries=0).chat(HELLO)


async def another_call_takes_the_response_away() -> None:
    """A concurrent call without `returnRawResponse` changes what our call returns, and the client
    reads it.
    """
    answer = b'{"response": "Hi", "usage": {}}'
    ai = scripted(200, {"content-type": "application/json"}, answer)
    ours = asyncio.ensure_future(AsyncClient(GRANITE, binding=ai).chat(HELLO))
    await asyncio.sleep(0)
    theirs = await javascript().plainly(ai, GRANITE)
    found = await ours
    assert found.text == theirs.response == "Hi", found


async def a_silent_call() -> None:
    """The first-byte timeout aborts the call."""
    ai = scripted(never=True)
    client = AsyncClient(GRANITE, binding=ai, timeout=SHORT, max_retries=0)
    with raises(APITimeoutError) as caught:
        async for _ in client.stream_chat(HELLO):
            pass
    assert caught[0].phase == "first_byte", caught
    assert seen()["aborted"] == 1, seen()


async def a_silent_stream() -> None:
    """The idle timeout cancels the reader."""
    ai = scripted(200, SSE, b'data: {"response": "Hi"}\n\n', hangs=True)
    client = AsyncClient(GRANITE, binding=ai, timeout=SHORT, max_retries=0)
    texts: list[str] = []
    with raises(APITimeoutError) as caught:
        async for event in client.stream_chat(HELLO):
            texts += [event.text] if isinstance(event, TextDelta) else []
    assert caught[0].phase == "idle", caught
    assert texts == ["Hi"], texts
    assert seen()["cancelled"] == 1, seen()


async def a_cancelled_task() -> None:
    """Cancelling a task cancels the reader for which it waits."""
    ai = scripted(200, SSE, b'data: {"response": "Hi"}\n\n', hangs=True)
    client, begun = AsyncClient(GRANITE, binding=ai), asyncio.Event()

    async def read() -> None:
        async for _ in client.stream_chat(HELLO):
            begun.set()

    task = asyncio.ensure_future(read())
    await begun.wait()
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    assert task.cancelled()
    assert seen()["cancelled"] == 1, seen()


async def a_stream_that_is_left() -> None:
    """Leaving a stream early cancels its reader, sync and async."""
    body = EVENTS.replace(b"[DONE]", b"") * 3
    async with AsyncClient(GRANITE, binding=scripted(200, SSE, body, hangs=True)) as client:
        async with client.stream_chat(HELLO) as events:
            await anext(events)
        assert seen()["cancelled"] == 1, seen()
    with (
        Client(GRANITE, binding=scripted(200, SSE, body, hangs=True)) as sync,
        sync.stream_chat(HELLO) as stream,
    ):
        next(stream)
    assert seen()["cancelled"] == 1, seen()


async def a_retry_that_waits() -> None:
    """While a sync retry waits, JavaScript's event loop goes on."""
    error = b'{"internalCode": 3040, "description": "busy", "name": "AiError"}'
    ai = scripted(429, {"retry-after": "0.05"}, error)
    with raises(OutOfCapacityError):
        Client(GRANITE, binding=ai, max_retries=1).chat(HELLO)
    assert len(seen()["bodies"]) == 2, seen()


async def no_http() -> None:
    """Without a binding, a call raises an error that names the binding."""
    with raises(ConfigurationError) as caught:
        AsyncClient(GRANITE, account_id="0" * 32, api_token="t" * 40)
    assert "binding=env.AI" in str(caught[0]), caught


async def many_texts_without_threads() -> None:
    """A sync client embeds several requests' texts without threads."""
    answer = json.dumps({"data": [[0.5]] * 2}).encode()
    ai = scripted(200, {"content-type": "application/json"}, answer)
    client = Client("@cf/baai/bge-small-en-v1.5", binding=ai)
    found = client.embed(["a", "b", "c", "d"], batch_size=2)
    assert len(found.vectors) == 4, found
    assert len(seen()["bodies"]) == 2, seen()


TRAPS: list[Check] = [
    null_and_undefined,
    big_integers,
    big_integers_of_answers,
    thrown_not_found,
    thrown_busy,
    an_empty_error,
    another_call_takes_the_response_away,
    a_silent_call,
    a_silent_stream,
    a_cancelled_task,
    a_stream_that_is_left,
    a_retry_that_waits,
    no_http,
    many_texts_without_threads,
]


async def traps() -> Results:
    return {f"trap {check.__name__}": await report(check) for check in TRAPS}


async def report(check: Check, *args: Any) -> str | None:
    """Run a check and return the problem, if there is one."""
    try:
        await check(*args)
    except Exception:  # noqa: BLE001 - the report says what it was
        return traceback.format_exc()
    return None


# ------------------------------------------------------------------------------- the local server


async def chat(client: AsyncClient) -> None:
    plain = await client.chat(HELLO)
    stream = client.stream_chat(HELLO)
    async for _ in stream:
        pass
    streamed = await stream.result()
    assert plain.text == streamed.text, (plain, streamed)
    assert plain.usage is not None
    assert plain.usage == streamed.usage, (plain, streamed)


async def reasoning(client: AsyncClient) -> None:
    found = await client.chat(HELLO, model=GLM)
    assert found.reasoning, found
    assert found.text, found


async def tools(client: AsyncClient) -> None:
    asked: list[Any] = [{"role": "user", "content": "Get the weather of Paris."}]
    found = await client.chat(asked, tools=[WEATHER])
    assert [call.name for call in found.tool_calls] == ["get_weather"], found


async def structured(client: AsyncClient) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON}}
    asked: list[Any] = [{"role": "user", "content": "Give name Ada and age 36 as JSON."}]
    found = await client.chat(asked, response_format=schema)
    assert set(json.loads(found.text)) == {"name", "age"}, found


async def completion(client: AsyncClient) -> None:
    assert (await client.complete("The lighthouse")).text


async def embeddings(client: AsyncClient) -> None:
    found = await client.embed(["a", "b"], model="@cf/baai/bge-small-en-v1.5")
    assert [len(vector) for vector in found.vectors] == [384, 384]


async def rerank(client: AsyncClient) -> None:
    documents = ["Ships bring the mail.", "The lamp burns oil."]
    found = await client.rerank(
        "What does the lamp burn?", documents, model="@cf/baai/bge-reranker-base"
    )
    assert found.documents[0].index == 1, found


async def batch(client: AsyncClient) -> None:
    asked: Any = [{"messages": HELLO}, {"messages": HELLO}]
    job = await client.batches.submit(asked)
    done = await client.batches.wait(job, interval=0.05, timeout=20)
    assert done.results is not None
    assert len(done.results) == 2, done


async def catalogue(client: AsyncClient) -> None:
    found = await client.list_models(search="granite")
    assert GRANITE in [model.name for model in found]


async def unknown_model(client: AsyncClient) -> None:
    with raises(NotFoundError):
        await client.chat(HELLO, model="@cf/acme/no-such-model")


SERVED: list[Check] = [
    chat, reasoning, tools, structured, completion, embeddings, rerank, batch, catalogue,
    unknown_model,
]  # fmt: skip


async def served(url: str, token: str) -> Results:
    """The local server's wire, fetched by JavaScript."""
    client = AsyncClient(GRANITE, binding=javascript().served(url, token), max_retries=0)
    return {f"served {check.__name__}": await report(check, client) for check in SERVED}


NAMES = [
    *(f"{form} {scenario.name}" for scenario in NATIVE for form in FORMS),
    *(f"trap {check.__name__}" for check in TRAPS),
    *(f"served {check.__name__}" for check in SERVED),
]
"""All that is reported."""
assert len(SCENARIOS) > len(NATIVE)
