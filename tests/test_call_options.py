"""Options of a single call that say how its request is sent, through both faces."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import ConfigurableField
from llama_index.core import instrumentation
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from tests.seven import DOCUMENTS, MESSAGES, SEVEN, TEXT, Wire
from tests.workersai.talking import ACCOUNT
from workersai import APITimeoutError, ConfigurationError, RateLimitError

SECRET = "not-a-real-key-1234567"
PUBLIC: dict[str, Any] = {
    "headers": {"x-team": "rivers"},
    "session_affinity": "conversation-7",
    "gateway": {"id": "gate", "metadata": {"user": "ada"}, "skip_cache": True},
}
EXPECTED = {
    "x-team": "rivers",
    "x-session-affinity": "conversation-7",
    "cf-aig-gateway-id": "gate",
    "cf-aig-metadata": json.dumps({"user": "ada"}),
    "cf-aig-skip-cache": "true",
}


TOOL = FunctionTool.from_defaults(lambda city: city, name="weather", description="Weather.")


async def _all(items: Any) -> Any:
    return [item async for item in items]


async def _result(result: Any) -> Any:
    return await result if hasattr(result, "__await__") else result


async def _all_awaited(stream: Any) -> Any:
    return await _all(await stream)


Way = Callable[..., Any]
LANGCHAIN: dict[str, Way] = {
    "invoke": lambda it, **options: it.invoke("Hello", **options),
    "ainvoke": lambda it, **options: it.ainvoke("Hello", **options),
    "stream": lambda it, **options: list(it.stream("Hello", **options)),
    "astream": lambda it, **options: _all(it.astream("Hello", **options)),
    "bound": lambda it, **options: it.bind(**options).invoke("Hello"),
    "batch": lambda it, **options: it.batch(["Hello"], **options),
}
LLAMAINDEX: dict[str, Way] = {
    "chat": lambda it, **options: it.chat(MESSAGES, **options),
    "achat": lambda it, **options: it.achat(MESSAGES, **options),
    "stream_chat": lambda it, **options: list(it.stream_chat(MESSAGES, **options)),
    "astream_chat": lambda it, **options: _all_awaited(it.astream_chat(MESSAGES, **options)),
    "complete": lambda it, **options: it.complete("Hello", **options),
    "acomplete": lambda it, **options: it.acomplete("Hello", **options),
    "stream_complete": lambda it, **options: list(it.stream_complete("Hello", **options)),
    "astream_complete": lambda it, **options: _all_awaited(it.astream_complete("Hello", **options)),
}
CALLS = [
    (name, way)
    for name in TEXT
    for way in (LLAMAINDEX if SEVEN[name].extra_name == "additional_kwargs" else LANGCHAIN)
]
ALL = pytest.mark.parametrize(("name", "way"), CALLS)


async def ask(it: Any, way: str, **options: Any) -> Any:
    result = {**LANGCHAIN, **LLAMAINDEX}[way](it, **options)
    return await result if hasattr(result, "__await__") else result


@ALL
async def test_options_of_a_call_are_sent_with_that_call_only(name: str, way: str) -> None:
    """Each text class sends the options of a call as headers of that call, never in its body."""
    wire = Wire()
    it = SEVEN[name].make(default_headers={"x-own": "mine"}, gateway="own", **wire.settings())
    await ask(it, way, **PUBLIC)
    await ask(it, way)
    first, second = wire.requests
    assert {header: first.headers[header] for header in EXPECTED} == EXPECTED
    assert first.headers["x-own"] == second.headers["x-own"] == "mine"
    assert second.headers["cf-aig-gateway-id"] == "own"
    assert not (set(EXPECTED) - {"cf-aig-gateway-id"}) & set(second.headers)
    assert first.content == second.content


@ALL
@pytest.mark.parametrize("alias", ["extra_headers", "default_headers"])
async def test_a_call_takes_headers_under_the_names_of_other_libraries(
    name: str, way: str, alias: str
) -> None:
    """A call takes its headers as `extra_headers` (OpenAI's name) and as `default_headers` too."""
    wire = Wire()
    await ask(SEVEN[name].make(**wire.settings()), way, **{alias: {"x-team": "rivers"}})
    assert wire.requests[0].headers["x-team"] == "rivers"


class Failing:
    """A server that answers every request with "at capacity", or raises `error`."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self.count = 0
        self.error = error

    def settings(self) -> dict[str, Any]:
        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        return {
            "http_client": httpx.Client(transport=httpx.MockTransport(self._answer)),
            "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.error is not None:
            raise self.error("the clock of the client ran out")
        return httpx.Response(429, json={"success": False, "errors": [{"code": 3021}]})


@ALL
async def test_max_retries_of_a_call_replaces_that_of_the_object(name: str, way: str) -> None:
    """A text class retries as often as the call's `max_retries` says, not the object's."""
    server = Failing()
    it = SEVEN[name].make(max_retries=5, **server.settings())
    with pytest.raises(RateLimitError):
        await ask(it, way, max_retries=0)
    assert server.count == 1


@ALL
@pytest.mark.parametrize("alias", ["timeout", "request_timeout"])
async def test_the_timeout_of_a_call_replaces_that_of_the_object(
    name: str, way: str, alias: str
) -> None:
    """A text class waits as long as the call's `timeout` says; the error names its seconds."""
    server = Failing(httpx.ReadTimeout)
    it = SEVEN[name].make(timeout=77, max_retries=0, **server.settings())
    with pytest.raises(APITimeoutError, match="33 s"):
        await ask(it, way, **{alias: 33})


@ALL
@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"headers": {"authorization": "short"}}, "headers"),
        ({"headers": {"x-team": 5}}, "headers"),
        ({"headers": "x-team: a"}, "headers"),
        ({"gateway": {"unheard_of": 1}}, "gateway"),
        ({"session_affinity": "a\n"}, "session_affinity"),
    ],
)
async def test_a_text_class_refuses_a_wrong_option_of_a_call(
    name: str, way: str, wrong: dict[str, Any], parameter: str
) -> None:
    """Each text class raises an error that names the option, before any request."""
    wire = Wire()
    with pytest.raises(ConfigurationError) as caught:
        await ask(SEVEN[name].make(**wire.settings()), way, **wrong)
    assert caught.value.parameter == parameter
    assert wire.requests == []


RETRIEVAL: dict[str, tuple[str, Way]] = {
    "embed_documents": ("WorkersAIEmbeddings", lambda it, **o: it.embed_documents(["one"], **o)),
    "aembed_documents": ("WorkersAIEmbeddings", lambda it, **o: it.aembed_documents(["one"], **o)),
    "embed_query": ("WorkersAIEmbeddings", lambda it, **o: it.embed_query("one", **o)),
    "aembed_query": ("WorkersAIEmbeddings", lambda it, **o: it.aembed_query("one", **o)),
    "embed_iter": ("WorkersAIEmbeddings", lambda it, **o: list(it.embed_iter(["one"], **o))),
    "aembed_iter": ("WorkersAIEmbeddings", lambda it, **o: _all(it.aembed_iter(["one"], **o))),
    "rerank": ("langchain's WorkersAIRerank", lambda it, **o: it.rerank(["one"], "q", **o)),
    "arerank": ("langchain's WorkersAIRerank", lambda it, **o: it.arerank(["one"], "q", **o)),
    "compress_documents": (
        "langchain's WorkersAIRerank",
        lambda it, **o: it.compress_documents(DOCUMENTS, "q", **o),
    ),
    "acompress_documents": (
        "langchain's WorkersAIRerank",
        lambda it, **o: it.acompress_documents(DOCUMENTS, "q", **o),
    ),
    "get_text_embedding_batch": (
        "WorkersAIEmbedding",
        lambda it, **o: it.get_text_embedding_batch(["one"], **o),
    ),
    "aget_text_embedding_batch": (
        "WorkersAIEmbedding",
        lambda it, **o: it.aget_text_embedding_batch(["one"], **o),
    ),
    "batches of one text": (
        "WorkersAIEmbedding",
        lambda it, **o: it.model_copy(update={"embed_batch_size": 1}).get_text_embedding_batch(
            ["one", "two"], **o
        ),
    ),
}
"""The calls of both frameworks for vectors and rankings that take the options of a call."""


async def retrieve(way: str, wire: Wire, options: dict[str, Any]) -> Any:
    name, call = RETRIEVAL[way]
    result = call(SEVEN[name].make(default_headers={"x-own": "mine"}, **wire.settings()), **options)
    return await result if hasattr(result, "__await__") else result


@pytest.mark.parametrize("way", RETRIEVAL)
async def test_embeddings_and_rerankers_send_the_options_of_a_call(way: str) -> None:
    """Embeddings and rerankers send a call's options with each request of that call.

    They take the options under the names of other libraries too.
    """
    wire = Wire()
    await retrieve(way, wire, {**PUBLIC, "timeout": 9, "max_retries": 0})
    await retrieve(way, wire, {"extra_headers": {"x-team": "lakes"}, "request_timeout": None})
    await retrieve(way, wire, {})
    each = len(wire.requests) // 3
    for request in wire.requests[:each]:
        assert {header: request.headers[header] for header in EXPECTED} == EXPECTED
    assert [r.headers.get("x-team") for r in wire.requests[each:]] == ["lakes"] * each + [
        None
    ] * each
    assert {request.headers["x-own"] for request in wire.requests} == {"mine"}


@pytest.mark.parametrize("way", RETRIEVAL)
@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"headers": {"x-api-key": SECRET}}, "headers"),
        ({"gateway": {"unheard_of": 1}}, "gateway"),
    ],
)
async def test_embeddings_and_rerankers_refuse_a_wrong_option_of_a_call(
    way: str, wrong: dict[str, Any], parameter: str
) -> None:
    """Embeddings and rerankers raise an error that names the option, before any request."""
    wire = Wire()
    with pytest.raises(ConfigurationError) as caught:
        await retrieve(way, wire, wrong)
    assert caught.value.parameter == parameter
    assert SECRET not in str(caught.value)
    assert wire.requests == []


@pytest.mark.parametrize("option", ["tiemout", "pooling"])
async def test_langchain_embeddings_and_reranker_refuse_unknown_options(option: str) -> None:
    """A LangChain call raises for a typo and for a setting of the object, and names it."""
    for way in ("embed_documents", "arerank"):
        with pytest.raises(ConfigurationError, match=option):
            await retrieve(way, Wire(), {option: "mean"})


async def test_a_llamaindex_embedding_ignores_unknown_keywords() -> None:
    """A LlamaIndex pipeline passes its keywords to each step; an embedding ignores unknown ones."""
    wire = Wire()
    await retrieve("get_text_embedding_batch", wire, {"unheard_of": 1})
    assert len(wire.requests) == 1


class Calls(BaseCallbackHandler):
    """Collects what LangChain passes to its callbacks."""

    run_inline = True

    def __init__(self) -> None:
        self.shown: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.shown.append(repr((args, kwargs)))

    on_llm_start = on_llm_error = on_chat_model_start


class Events(BaseEventHandler):
    """Collects LlamaIndex's events as text."""

    shown: list[str] = []  # noqa: RUF012 - pydantic makes one an instance

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.shown.append(f"{event!r} {event.model_dump_json(fallback=str)}")


SECRETS: list[tuple[dict[str, Any], str]] = [
    ({"headers": {"x-api-key": SECRET}}, "headers"),
    ({"extra_headers": {"x-corporate": f"Bearer {SECRET}"}}, "extra_headers"),
    ({"gateway": {"id": "gate", "authorization": SECRET}}, "gateway"),
]


@ALL
@pytest.mark.parametrize(("options", "parameter"), SECRETS)
async def test_a_secret_in_the_options_of_a_call_is_refused_before_any_trace(
    name: str, way: str, options: dict[str, Any], parameter: str
) -> None:
    """Traces show a call's options, so a text class refuses a secret before the first callback."""
    wire, calls, events = Wire(), Calls(), Events()
    dispatcher = vars(instrumentation)["root_dispatcher"]
    dispatcher.add_event_handler(events)
    own = {} if name == "WorkersAI" else {"callbacks": [calls]}
    try:
        with pytest.raises(ConfigurationError, match="pass it to the object") as caught:
            await ask(SEVEN[name].make(**own, **wire.settings()), way, **options)
    finally:
        dispatcher.event_handlers.remove(events)
    assert caught.value.parameter == parameter
    assert SECRET not in f"{caught.value} {calls.shown} {events.shown}"
    assert wire.requests == []


@pytest.mark.parametrize("way", RETRIEVAL)
async def test_embeddings_and_rerankers_take_timeout_and_max_retries_of_a_call(way: str) -> None:
    """A call's `timeout` and `max_retries` replace those of an embedding or a reranker."""
    name, call = RETRIEVAL[way]
    server = Failing(httpx.ReadTimeout)
    it = SEVEN[name].make(timeout=77, **server.settings())
    with pytest.raises(APITimeoutError, match="33 s"):
        await _result(call(it, request_timeout=33, max_retries=0))
    assert server.count <= 2  # the call may send two batches at the same time


@pytest.mark.parametrize("name", SEVEN)
async def test_a_copy_sends_its_own_settings_and_shares_connections(name: str) -> None:
    """A copy sends its own headers with every call, also where a method takes no options.

    The original stays as it is, and both use one HTTP client.
    """
    wire = Wire()
    it = SEVEN[name].make(**wire.settings())
    copied = it.model_copy(update={"session_affinity": "s", "default_headers": {"x-team": "a"}})
    for way in SEVEN[name].ways:
        await SEVEN[name].ask(copied, way)
        await SEVEN[name].ask(it, way)
    for of_copy, of_original in zip(wire.requests[::2], wire.requests[1::2], strict=True):
        assert (of_copy.headers["x-session-affinity"], of_copy.headers["x-team"]) == ("s", "a")
        assert not {"x-session-affinity", "x-team"} & set(of_original.headers)
    assert copied.http_client is it.http_client


class Named(BaseModel):
    """A name."""

    name: str = ""


@pytest.mark.parametrize("call_style", ["structured", "awaited", "bound", "tools", "predict"])
async def test_the_wrappers_of_the_frameworks_pass_the_options_of_a_call_on(
    call_style: str,
) -> None:
    """Structured output, bound models and tool calls send the options of a call as headers."""
    wire = Wire()
    chat = SEVEN["ChatWorkersAI"].make(**wire.settings())
    llm = SEVEN["WorkersAI"].make(**wire.settings())
    calls: dict[str, Callable[[], Any]] = {
        "structured": lambda: chat.with_structured_output(Named).invoke("a", **PUBLIC),
        "awaited": lambda: chat.with_structured_output(Named).ainvoke("a", **PUBLIC),
        "bound": lambda: chat.bind(**PUBLIC).with_structured_output(Named).invoke("a"),
        "tools": lambda: llm.chat_with_tools([TOOL], user_msg="a", **PUBLIC),
        "predict": lambda: llm.structured_predict(
            Named, PromptTemplate("a"), llm_kwargs=dict(PUBLIC)
        ),
    }
    with contextlib.suppress(OutputParserException, ValueError):  # the answer is not JSON
        result = calls[call_style]()
        _ = await result if hasattr(result, "__await__") else result
    assert {header: wire.requests[0].headers[header] for header in EXPECTED} == EXPECTED


@pytest.mark.parametrize("name", ["ChatWorkersAI", "WorkersAI"])
@pytest.mark.parametrize("call_style", ["submit_batch", "asubmit_batch"])
async def test_submitting_a_batch_sends_the_options_once(name: str, call_style: str) -> None:
    """A chat class sends a batch's options as headers, and not in the requests of the batch."""
    requests: list[httpx.Request] = []
    model = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        queued = {"status": "queued", "request_id": "batch-1", "model": model}
        return httpx.Response(200, json={"result": queued, "success": True})

    async def answer_async(request: httpx.Request) -> httpx.Response:
        return answer(request)

    it = SEVEN[name].make(
        model=model,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer_async)),
    )
    inputs: Any = ["Hello"] if name == "ChatWorkersAI" else [MESSAGES]
    result = getattr(it, call_style)(inputs, **PUBLIC, temperature=0.5)
    assert (await result if hasattr(result, "__await__") else result).request_id == "batch-1"
    (request,) = requests
    assert {header: request.headers[header] for header in EXPECTED} == EXPECTED
    (item,) = json.loads(request.content)["requests"]
    assert set(item) == {"messages", "temperature", "max_tokens"}


@pytest.mark.parametrize("name", ["ChatWorkersAI", "WorkersAI"])
@pytest.mark.parametrize("way", ["poll_batch", "apoll_batch", "batch_results", "abatch_results"])
async def test_polling_a_batch_sends_the_options(name: str, way: str) -> None:
    """A chat class sends the options of the call with each poll of a batch."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        done = {"responses": [{"id": 0, "result": {"response": "Hi"}, "success": True}]}
        return httpx.Response(200, json={"result": done, "success": True})

    async def answer_async(request: httpx.Request) -> httpx.Response:
        return answer(request)

    it = SEVEN[name].make(
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer_async)),
    )
    result = getattr(it, way)("batch-1", **PUBLIC, max_retries=0, request_timeout=9)
    await result if hasattr(result, "__await__") else None
    (request,) = requests
    assert {header: request.headers[header] for header in EXPECTED} == EXPECTED


def test_the_cache_key_has_the_gateway_and_no_other_option_of_sending() -> None:
    """LangChain's cache misses for another gateway; timeout, headers and retries do not count."""
    wire = Wire()
    llm = SEVEN["ChatWorkersAI"].make(cache=InMemoryCache(), **wire.settings())
    for options in ({}, {"timeout": 5}, {"headers": {"x-team": "a"}}, {"max_retries": 1}):
        llm.invoke("Hello", **options)
    assert len(wire.requests) == 1
    llm.invoke("Hello", gateway="another")
    assert len(wire.requests) == 2


def test_configurable_fields_set_the_options_of_a_run() -> None:
    """LangChain's configurable fields set connection settings, for one run and for a copy."""
    wire, failing = Wire(), Failing()
    configurable: dict[str, Any] = {
        "session_affinity": "s9",
        "account_id": "f" * 32,
        "default_headers": {"x-team": "rivers"},
        "gateway": {"id": "gate", "cache_key": "k", "event_id": "e"},
        "max_retries": 0,
        "timeout": 9,
    }
    fields = {name: ConfigurableField(id=name) for name in configurable}
    llm = SEVEN["ChatWorkersAI"].make(**wire.settings()).configurable_fields(**fields)
    llm.with_config(configurable=configurable).invoke("Hello")
    llm.invoke("Hello", {"configurable": configurable})
    for request in wire.requests:
        assert request.headers["x-session-affinity"] == "s9"
        assert request.headers["x-team"] == "rivers"
        assert request.headers["cf-aig-gateway-id"] == "gate"
        assert request.headers["cf-aig-cache-key"] == "k"
        assert request.headers["cf-aig-event-id"] == "e"
        assert "f" * 32 in str(request.url)
        assert ACCOUNT not in str(request.url)
    busy = SEVEN["ChatWorkersAI"].make(**failing.settings()).configurable_fields(**fields)
    with pytest.raises(RateLimitError):
        busy.with_config(configurable=configurable).invoke("Hello")
    assert failing.count == 1
