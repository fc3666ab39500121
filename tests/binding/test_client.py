"""Both clients on a binding: the arguments of `env.AI.run`, and its answers and errors."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from tests.binding.javascript import (
    NULL,
    AbortController,
    Headers,
    JsException,
    JsProxy,
    Response,
    Suspending,
    install,
)
from tests.binding.worker import Ai, env_ai
from tests.seven import CREDENTIALS, SEVEN, WAYS, ModelClass
from tests.workersai.talking import (
    ACCOUNT,
    BGE,
    CALL_STYLES,
    GRANITE,
    HELLO,
    RERANKER,
    TOKEN,
    CallStyle,
    Speaker,
    speaker,
)
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    Client,
    ConfigurationError,
    NotFoundError,
    OutOfCapacityError,
    ServerError,
    StreamInterruptedError,
    TextDelta,
    Timeout,
)

CHAT = {"result": {"response": "Hi", "usage": {}}, "success": True, "errors": []}
EVENTS = b'data: {"response": "Hi"}\n\ndata: {"response": "", "usage": {}}\n\ndata: [DONE]\n\n'


def answer(request: httpx.Request) -> httpx.Response:
    """Answer the requests of these tests as Workers AI does."""
    body = json.loads(request.content or b"{}")
    if request.method == "GET":
        models = [{"name": GRANITE, "task": {"name": "Text Generation"}, "properties": []}]
        return httpx.Response(200, json={"result": models, "success": True})
    if body.get("stream"):
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=EVENTS)
    found: Any = CHAT["result"]
    if "contexts" in body:
        found = {"response": [{"id": 0, "score": 0.5}]}
    elif "text" in body:
        found = {"data": [[0.5, 0.5] for _ in body["text"]]}
    return httpx.Response(200, json={"result": found, "success": True})


def refuse(status: int, code: int, text: str) -> Any:
    errors = [{"code": code, "message": text}]
    return lambda _: httpx.Response(status, json={"success": False, "errors": errors})


class Scripted(Ai):
    """A binding whose `run` gives the answers that a test sets."""

    def __init__(self, *steps: Any) -> None:
        super().__init__(answer)
        self._steps = list(steps)

    async def run(self, model: Any, inputs: Any, options: Any) -> Any:
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if step is ...:
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Response) and step.body is not NULL:
            options["signal"]._listeners.append(step.body._aborted.set)
        return step


@pytest.fixture(params=CALL_STYLES)
def call_style(request: pytest.FixtureRequest) -> CallStyle:
    chosen: CallStyle = request.param
    return chosen


def whole(client: Speaker, stream: Any) -> list[Any]:
    """Return all items of a generator, sync or async."""

    async def read() -> list[Any]:
        return [item async for item in stream]

    return list(stream) if isinstance(stream, Iterator) else list(client.wait(read()))


Bound = Callable[..., Speaker]


@pytest.fixture
def bound(call_style: CallStyle) -> Iterator[Bound]:
    """Make clients on a binding, sync or async."""
    with ExitStack() as stack:

        def make(binding: Any, **settings: Any) -> Speaker:
            bare = {"account_id": None, "api_token": None, "model": GRANITE, "binding": binding}
            made = speaker(call_style, **{**bare, **settings})
            stack.callback(made.close)
            return made

        yield make


# --------------------------------------------------------------------------- the arguments of run


GATEWAY = {
    "id": "my-gateway",
    "skip_cache": True,
    "cache_ttl": 60,
    "cache_key": "key",
    "metadata": {"team": "lamp", "night": 3},
    "collect_log": False,
    "event_id": "e-1",
    "request_timeout": 900,
    "max_attempts": 2,
    "retry_delay": 100,
    "backoff": "linear",
}
PASSED = {
    "id": "my-gateway",
    "skipCache": True,
    "cacheTtl": 60,
    "cacheKey": "key",
    "metadata": {"team": "lamp", "night": 3},
    "collectLog": False,
    "eventId": "e-1",
    "requestTimeoutMs": 900,
    "retries": {"maxAttempts": 2, "retryDelayMs": 100, "backoff": "linear"},
}


ATTEMPT = {"idempotency-key": ANY, "x-retry-count": "0"}


def test_settings_become_options_of_run(bound: Bound) -> None:
    """A gateway's options, affinity, headers and `rejectIfBusy` go into the third argument."""
    ai = Ai(answer)
    client = bound(
        JsProxy(ai),
        gateway=GATEWAY,
        session_affinity="talk-1",
        reject_if_busy=True,
        default_headers={"X-Own": "yes"},
    )

    client.chat()

    assert ai._options == [
        {
            "rejectIfBusy": True,
            "gateway": PASSED,
            "extraHeaders": {"x-own": "yes", "x-session-affinity": "talk-1", **ATTEMPT},
            "returnRawResponse": True,
            "signal": {},
        }
    ]


def test_options_of_a_call_reach_run(bound: Bound) -> None:
    """A call's own gateway, affinity and headers override the client's."""
    ai = Ai(answer)
    client = bound(JsProxy(ai), gateway="mine", session_affinity="a")

    client.chat(gateway="other", session_affinity="b", headers={"x-own": "1"})

    (passed,) = ai._options
    assert passed["gateway"] == {"id": "other"}
    assert passed["extraHeaders"] == {"x-own": "1", "x-session-affinity": "b", **ATTEMPT}


def test_gateway_options_need_its_id(bound: Bound) -> None:
    """Gateway options without a gateway id raise, and no request is sent."""
    ai = Ai(answer)
    client = bound(JsProxy(ai), gateway={"skip_cache": True})
    with pytest.raises(ConfigurationError, match="gateway's id") as caught:
        client.chat()
    assert caught.value.parameter == "gateway"
    assert ai._options == []


@pytest.mark.parametrize("number", [2**53, -(2**60), 10**40])
def test_integers_of_any_size_are_sent_as_they_are(bound: Bound, number: int) -> None:
    """An integer too large for a JavaScript number arrives with all its digits."""
    bodies: list[bytes] = []

    def keep(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return answer(request)

    client = bound(env_ai(keep))
    client.chat(extra={"deep": [{"n": number}], "small": 7})

    sent = json.loads(bodies[0])
    assert sent["deep"] == [{"n": number}]
    assert sent["small"] == 7


def test_an_integer_that_cannot_be_passed_on_is_refused(
    bound: Bound, monkeypatch: pytest.MonkeyPatch, suspending: Suspending
) -> None:
    """Without `JSON.rawJSON` the client refuses an integer that JavaScript would round."""
    install(monkeypatch, suspending, has_raw=False)
    ai = Ai(answer)
    client = bound(JsProxy(ai))
    with pytest.raises(ConfigurationError, match=r"9007199254740993 at deep\.n"):
        client.chat(extra={"deep": {"n": 2**53 + 1}})
    assert ai._options == []


def test_null_stays_null(bound: Bound) -> None:
    """The client sends `None` as `null`; it does not become `undefined`."""
    bodies: list[Any] = []

    def keep(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return answer(request)

    client = bound(env_ai(keep))
    client.call("run", GRANITE, {"prompt": "x", "lora": None, "list": [None]})

    assert bodies == [{"prompt": "x", "lora": None, "list": [None]}]


def test_everything_a_client_does_goes_through_a_binding(bound: Bound) -> None:
    """Every method of a client works through a binding."""
    client = bound(env_ai(answer))

    assert client.chat().text == "Hi"
    assert client.call("complete", "x").text == "Hi"
    assert [e.text for e in client.open() if isinstance(e, TextDelta)] == ["Hi"]
    assert [e.text for e in client.open("stream_complete", "x") if isinstance(e, TextDelta)] == [
        "Hi"
    ]
    assert client.call("embed", ["a", "b"], model=BGE).vectors == [[0.5, 0.5]] * 2
    ranked = client.call("rerank", "Which?", ["a"], model=RERANKER)
    assert [(found.index, found.score) for found in ranked.documents] == [(0, 0.5)]
    assert [model.name for model in client.call("list_models", search="granite")] == [GRANITE]
    assert client.call("run", GRANITE, {"prompt": "x"})["response"] == "Hi"
    events = whole(client, client.client.stream_run(GRANITE, {"prompt": "x"}))
    assert [event["response"] for event in events] == ["Hi", ""]
    assert "binding" in repr(client.client)


# ------------------------------------------------------------------------------ refused arguments


@pytest.mark.parametrize(
    "setting",
    [
        {"api_token": TOKEN},
        {"account_id": ACCOUNT},
        {"base_url": "https://api.cloudflare.com/client/v4"},
        {"endpoint": "openai"},
        {"http_client": object()},
    ],
    ids=lambda setting: next(iter(setting)),
)
@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_a_client_takes_a_binding_alone(cls: Any, setting: dict[str, Any]) -> None:
    """A client refuses credentials, a URL, `openai` or an HTTP client beside a binding."""
    (name,) = setting
    with pytest.raises(ConfigurationError) as caught:
        cls(GRANITE, binding=env_ai(answer), **setting)
    assert caught.value.parameter == name
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_what_is_no_binding_is_refused(cls: Any) -> None:
    """An object without `run`, such as the whole `env`, is refused as binding."""
    with pytest.raises(ConfigurationError, match=r"env\.AI") as caught:
        cls(GRANITE, binding=object())
    assert caught.value.parameter == "binding"


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_outside_of_javascript_a_binding_is_refused(
    cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Pyodide the error asks for account_id and api_token instead."""
    binding = env_ai(answer)
    monkeypatch.setitem(sys.modules, "js", None)
    with pytest.raises(ConfigurationError, match="account_id and api_token"):
        cls(GRANITE, binding=binding)


@pytest.mark.parametrize("setting", ["api_token", "account_id"])
@pytest.mark.parametrize("one", SEVEN.values(), ids=SEVEN)
def test_every_class_refuses_credentials_beside_a_binding(one: ModelClass, setting: str) -> None:
    """Each class refuses credentials beside a binding; the error does not show the token."""
    with pytest.raises(ConfigurationError, match=f"binding and {setting}") as caught:
        one.cls(one.model, binding=env_ai(answer), **{setting: CREDENTIALS[setting]})
    assert caught.value.parameter == setting
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("one", SEVEN.values(), ids=SEVEN)
def test_no_class_looks_for_credentials_beside_a_binding(
    one: ModelClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a binding, a class neither reads nor keeps the environment's credentials."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "not a token")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "not an account")
    monkeypatch.setenv("WORKERSAI_BASE_URL", "not a URL")
    it = one.cls(one.model, binding=env_ai(answer))
    assert (it.api_token, it.account_id, it.base_url) == (None, None, None)
    assert "binding" not in repr(it)


@pytest.mark.parametrize("one", SEVEN.values(), ids=SEVEN)
def test_a_copy_can_have_a_binding(one: ModelClass, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy with a binding does not use the credentials of the original."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    first = one.cls(one.model)
    copy = first.model_copy(update={"binding": env_ai(answer)})
    assert copy._async_client()._setup.root == ""
    assert first._async_client()._setup.root != ""


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_every_way_to_ask_goes_through_a_binding(name: str, way: str) -> None:
    """Every method of all seven classes, sync or async, works through a binding."""
    ai, one = Ai(answer), SEVEN[name]
    await one.ask(one.cls(one.model, binding=JsProxy(ai)), way)
    assert len(ai._options) == 1


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_where_python_cannot_wait_the_error_says_what_to_await(
    name: str, way: str, suspending: Suspending
) -> None:
    """Where Python cannot suspend, sync methods raise and name the async way."""
    suspending.can = False
    ai, one = Ai(answer), SEVEN[name]
    it = one.cls(one.model, binding=JsProxy(ai))
    if way.startswith("a"):
        await one.ask(it, way)
        return
    with pytest.raises(ConfigurationError, match="await the async method"):
        await one.ask(it, way)
    assert ai._options == []


# ---------------------------------------------------------------- JavaScript's answers and errors


def thrown(name: str, text: str) -> JsException:
    return JsException(name, text)


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (
            thrown("InferenceUpstreamError", "5007: No such model @cf/x or task"),
            NotFoundError,
            5007,
        ),
        (thrown("AiError", "3040: Capacity temporarily exceeded"), OutOfCapacityError, 3040),
        (thrown("InvalidInput", "5006: Error: oneOf at '/' not met"), APIStatusError, 5006),
        (thrown("InferenceUpstreamError", "<html>504 Gateway Time-out"), ServerError, None),
        (thrown("AiInternalError", "Internal Error"), ServerError, None),
        (thrown("Error", "Network connection lost."), APIConnectionError, None),
    ],
    ids=lambda value: str(value) if isinstance(value, Exception) else None,
)
def test_what_a_binding_throws_is_a_typed_error(
    bound: Bound, error: JsException, expected: Any, code: int | None
) -> None:
    """A client reads Cloudflare's code from the text, as in `5007: No such model`."""
    client = bound(JsProxy(Scripted(error)), max_retries=0)
    with pytest.raises(expected) as caught:
        client.chat()
    assert getattr(caught.value, "code", None) == code
    assert not isinstance(caught.value.__cause__, JsException)


def test_transient_errors_are_retried(bound: Bound) -> None:
    """A client retries a thrown 3040 and a `Response` with 3040, as over HTTP."""
    busy = {"internalCode": 3040, "name": "AiError", "description": "Capacity", "message": "x"}
    ai = Scripted(
        thrown("AiError", "3040: Capacity temporarily exceeded"),
        Response(429, {"retry-after": "0.001"}, [json.dumps(busy).encode()]),
        Response(200, {"content-type": "application/json"}, [b'{"response":"Hi"}']),
    )
    notices: list[Any] = []
    client = bound(JsProxy(ai), max_retries=2)

    found = client.chat(on_retry=notices.append)

    assert found.text == "Hi"
    assert [type(notice.error) for notice in notices] == [OutOfCapacityError] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_parsed_answer_instead_of_a_response_is_read(bound: Bound, stream: bool) -> None:
    """A client reads a parsed answer where it asked for the `Response`.

    `run` keeps its options in the binding, so a concurrent call can change them.
    """
    client = bound(env_ai(answer, ignores=True))
    if stream:
        assert [e.text for e in client.open() if isinstance(e, TextDelta)] == ["Hi"]
    else:
        assert client.chat().text == "Hi"


def test_a_thrown_error_instead_of_a_response_is_read(bound: Bound) -> None:
    """A client reads the code of an error that `run` throws instead of a `Response`."""
    binding = env_ai(refuse(400, 5007, "No such model"), ignores=True)
    client = bound(binding, max_retries=0)
    with pytest.raises(NotFoundError) as caught:
        client.chat()
    assert caught.value.code == 5007


def test_cloudflare_s_wrapper_of_responses_is_unwrapped(bound: Bound) -> None:
    """A client reads a `Response` that the Python SDK of Workers wrapped."""

    class Wrapped:
        def __init__(self, response: Any) -> None:
            self.js_object = response

    class Wrapper:
        async def run(self, *args: Any) -> Any:
            return Wrapped(await binding.run(*args))

    binding = env_ai(answer)
    client = bound(Wrapper())
    assert client.chat().text == "Hi"


def test_a_body_that_is_null_is_empty(bound: Bound) -> None:
    """An error without a body gets its type from its status."""
    client = bound(JsProxy(Scripted(Response(503, {}, []))), max_retries=0)
    with pytest.raises(ServerError) as caught:
        client.chat()
    assert caught.value.status_code == 503


def test_headers_come_back(bound: Bound) -> None:
    """The client reads gateway facts and request id from the headers of the `Response`."""

    def with_headers(request: httpx.Request) -> httpx.Response:
        found = answer(request)
        found.headers.update({"cf-ray": "ray-1", "CF-AIG-Cache-Status": "HIT"})
        return found

    assert Headers({"CF-Ray": "x"}).items == {"cf-ray": "x"}
    client = bound(env_ai(with_headers))
    found = client.chat()
    assert found.request_id == "ray-1"
    assert found.gateway == {"cache_status": "HIT"}


# --------------------------------------------------------------------------- clocks and cancels

HANGING = [b'data: {"response": "Hi"}\n\n', ...]
SSE = {"content-type": "text/event-stream"}
SHORT = Timeout(first_byte=0.05, idle=0.05, total=5)


def test_the_first_byte_clock_aborts_the_call(bound: Bound) -> None:
    """At the first-byte timeout the call raises and its signal is aborted."""
    client = bound(JsProxy(Scripted(...)), timeout=SHORT, max_retries=0)
    with pytest.raises(APITimeoutError) as caught:
        list(client.open())
    assert caught.value.phase == "first_byte"
    assert [made.signal.aborted for made in AbortController.made] == [True]


def test_the_idle_clock_cancels_the_reader(bound: Bound) -> None:
    """At the idle timeout the stream raises and its reader is cancelled."""
    response = Response(200, SSE, HANGING)
    client = bound(JsProxy(Scripted(response)), timeout=SHORT, max_retries=0)
    stream = client.open()
    assert isinstance(next(stream), TextDelta)
    with pytest.raises(APITimeoutError) as caught:
        list(stream)
    assert caught.value.phase == "idle"
    assert response.body._is_cancelled
    assert [made.signal.aborted for made in AbortController.made] == [True]


def test_a_stream_that_is_closed_early_cancels_the_reader(bound: Bound) -> None:
    """Closing a stream early cancels its reader."""
    response = Response(200, SSE, HANGING)
    client = bound(JsProxy(Scripted(response)))
    stream = client.open()
    next(stream)
    stream.close()
    assert response.body._is_cancelled


def test_a_stream_that_was_read_is_not_cancelled(bound: Bound) -> None:
    """A stream read to its end releases its reader and aborts no request."""
    response = Response(200, SSE, [EVENTS])
    client = bound(JsProxy(Scripted(response)))
    list(client.open())
    assert not response.body._is_cancelled
    assert not response.body._is_locked
    assert [made.signal.aborted for made in AbortController.made] == [False]


@pytest.mark.parametrize("place", ["head", "body"])
async def test_a_cancelled_task_aborts_its_request(place: str) -> None:
    """Cancelling a task aborts its request, before the head and in the body."""
    response = Response(200, SSE, HANGING)
    ai = Scripted(... if place == "head" else response)
    client = AsyncClient(GRANITE, binding=JsProxy(ai))
    waits = asyncio.Event()

    async def read() -> None:
        async for _ in client.stream_chat(HELLO):
            waits.set()

    task = asyncio.ensure_future(read())
    if place == "body":
        await waits.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [made.signal.aborted for made in AbortController.made] == [True]
    assert response.body._is_cancelled == (place == "body")
    await client.aclose()


async def test_closing_a_client_interrupts_its_streams() -> None:
    """Closing a client ends an open stream with an error that has the partial text."""
    response = Response(200, SSE, HANGING)
    client = AsyncClient(GRANITE, binding=JsProxy(Scripted(response)), max_retries=0)
    stream = client.stream_chat(HELLO)
    await anext(stream)
    await client.aclose()
    with pytest.raises(StreamInterruptedError) as caught:
        async for _ in stream:
            pass
    assert caught.value.partial.text == "Hi"
    assert response.body._is_cancelled
