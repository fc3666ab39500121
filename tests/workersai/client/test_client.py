"""Both clients over a mocked transport: what they send and return, sync and async."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
from typing import Any

import httpx
import pytest

from tests.workersai.conftest import Mocked, Speaks
from tests.workersai.talking import (
    ACCOUNT,
    BGE,
    GRANITE,
    HELLO,
    LLAMA,
    RERANKER,
    TOKEN,
    UNKNOWN,
    WEATHER,
    CallStyle,
    Recorder,
    answer,
    event_stream,
    json_answer,
    refusal,
    stream,
)
from workersai import (
    APIStatusError,
    AsyncClient,
    ChatFinish,
    Client,
    ConfigurationError,
    NotFoundError,
    OutOfCapacityError,
    RetryNotice,
    TextDelta,
    Timeout,
    ToolCall,
    Usage,
    UsageUpdate,
    WorkersAIError,
)

ROOT = f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai"
ALOUD = json_answer(answer("completion_bare"))


# ------------------------------------------------------------------------------ operations


def test_a_chat(mocked: Mocked) -> None:
    """A chat is one POST with the token, and returns a `ChatResult`."""
    client, recorder = mocked(json_answer(answer("completion_calls"), cf_ray="ray-1"))
    found = client.chat(tools=[WEATHER], temperature=0.5)
    (request,) = recorder.requests
    assert (request.method, str(request.url)) == ("POST", f"{ROOT}/run/{UNKNOWN}")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert recorder.bodies == [{"messages": HELLO, "tools": [WEATHER], "temperature": 0.5}]
    assert found.tool_calls[0] == ToolCall("chatcmpl-tool-1", "add", {"a": 1, "b": 2})
    assert found.usage == Usage(7, 3, 10)
    assert found.request_id == "ray-1"


def test_a_chat_on_the_openai_endpoint(mocked: Mocked) -> None:
    """The client's endpoint selects the route."""
    client, recorder = mocked(ALOUD, endpoint="openai")
    assert client.chat().text == "Hello"
    assert str(recorder.requests[0].url) == f"{ROOT}/v1/chat/completions"
    assert recorder.bodies == [{"model": UNKNOWN, "messages": HELLO}]


def test_a_stream(mocked: Mocked) -> None:
    """The client yields events as they arrive; `ChatFinish` is the last."""
    client, recorder = mocked(event_stream(stream("native")))
    assert list(client.open()) == [
        TextDelta("Hel"),
        TextDelta("lo"),
        UsageUpdate(Usage(10, 2, 12)),
        ChatFinish(model=UNKNOWN),
    ]
    assert recorder.bodies == [{"messages": HELLO, "stream": True}]


def test_a_stream_with_usage_on_the_openai_endpoint(mocked: Mocked) -> None:
    """`include_usage` reaches `/ai/v1`."""
    client, recorder = mocked(event_stream(stream("native")), endpoint="openai")
    list(client.open(include_usage=True))
    assert recorder.bodies[0]["stream_options"] == {"include_usage": True}


def test_a_completion(mocked: Mocked) -> None:
    """The client completes a prompt, plain and as a stream."""
    client, recorder = mocked(
        json_answer(answer("text_completion")), event_stream(stream("text_completion"))
    )
    assert client.call("complete", "Once", model=GRANITE, raw=True).text == "Once more"
    events = list(client.open("stream_complete", "Once", model=GRANITE))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Once", " more"]
    assert recorder.bodies == [
        {"prompt": "Once", "raw": True},
        {"prompt": "Once", "stream": True},
    ]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("chat", (HELLO,)), ("complete", ("Once",)), ("run", (UNKNOWN, {"prompt": "Once"}))],
)
def test_stream_as_an_argument(mocked: Mocked, method: str, arguments: tuple[Any, ...]) -> None:
    """`stream=True` returns what the method that streams returns, and sends the same request."""
    client, recorder = mocked(event_stream(stream("native")))
    options = {"headers": {"x-mine": "1"}, "timeout": 9}

    by_argument = client.call(method, *arguments, stream=True, **options)
    by_method = getattr(client.client, f"stream_{method}")(*arguments, **options)

    assert type(by_argument) is type(by_method)
    assert client.read(by_argument) == client.read(by_method) != []
    one, other = recorder.requests
    assert (one.content, one.url) == (other.content, other.url)
    assert one.headers["x-mine"] == other.headers["x-mine"] == "1"


def test_embeddings_in_batches(mocked: Mocked) -> None:
    """Vectors are in the order of the texts; the client reports progress with each batch."""

    def vectors(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["text"]
        data = [[float(text)] for text in texts]
        usage = {"prompt_tokens": len(texts)}
        return httpx.Response(200, json={"result": {"data": data, "usage": usage}})

    client, recorder = mocked(vectors)
    progress: list[int] = []
    found = client.call(
        "embed", [str(i) for i in range(250)], model=BGE, on_progress=progress.append
    )
    assert found.vectors == [[float(i)] for i in range(250)]
    assert found.usage == Usage(250, 0, 250)
    assert sorted(progress) == [50, 100, 100]
    assert len(recorder.requests) == 3


def test_empty_lists_send_no_request(mocked: Mocked) -> None:
    """The client sends no request for an empty list of texts or documents."""
    client, recorder = mocked(ALOUD)
    assert client.call("embed", [], model=BGE).vectors == []
    assert client.call("rerank", "q", [], model=RERANKER).documents == ()
    assert recorder.requests == []


def test_embeddings_fail_as_a_whole(mocked: Mocked) -> None:
    """If one batch fails, the call raises and returns no partial result."""
    good = json_answer(b'{"result":{"data":[[1.0]]}}')
    client, _ = mocked(good, refusal(400, 5007), good, good)
    with pytest.raises(NotFoundError):
        client.call("embed", ["a", "b", "c", "d"], model=BGE, batch_size=1)


def test_a_ranking(mocked: Mocked) -> None:
    """The client returns the best document first."""
    client, recorder = mocked(json_answer(answer("rerank")))
    found = client.call("rerank", "q", ["a", "b", "c"], model=RERANKER, top_k=3)
    assert [document.index for document in found.documents] == [2, 0, 1]
    assert recorder.bodies[0]["top_k"] == 3


def test_blank_documents_come_last(mocked: Mocked) -> None:
    """Blank documents are not sent and have no score; indices refer to the caller's list."""
    rows = b'{"result":{"response":[{"id":1,"score":0.75},{"id":0,"score":0.5}]}}'
    client, recorder = mocked(json_answer(rows))
    found = client.call("rerank", "q", ["\n", "a", " ", "b"], model=RERANKER)
    assert [(d.index, d.score) for d in found.documents] == [
        *((3, 0.75), (1, 0.5)),
        *((0, None), (2, None)),
    ]
    assert [d["text"] for d in recorder.bodies[0]["contexts"]] == ["a", "b"]
    short = client.call("rerank", "q", ["", "a", "b"], model=RERANKER, top_k=2)
    assert [d.index for d in short.documents] == [2, 1]


def test_blank_documents_alone_send_no_request(mocked: Mocked) -> None:
    """Blank documents alone keep their order, and the client sends no request."""
    client, recorder = mocked(ALOUD)
    found = client.call("rerank", "q", ["", "\n", " "], model=RERANKER, top_k=2)
    assert [(d.index, d.score) for d in found.documents] == [(0, None), (1, None)]
    assert recorder.requests == []


def test_the_catalogue(mocked: Mocked) -> None:
    """The catalogue is a GET with a query and no body."""
    client, recorder = mocked(json_answer(answer("models")))
    found = client.call("list_models", search="granite", hide_experimental=True)
    assert found[0].name == GRANITE
    (request,) = recorder.requests
    assert request.method == "GET"
    assert request.content == b""
    assert request.url.path.endswith("/ai/models/search")
    assert dict(request.url.params) == {"search": "granite", "hide_experimental": "true"}


def test_headers_of_every_request(mocked: Mocked) -> None:
    """The client sends gateway, affinity and the user's own headers with every call."""
    client, recorder = mocked(
        ALOUD,
        gateway={"id": "g", "skip_cache": True},
        session_affinity="s",
        default_headers={"x-team": "t"},
        reject_if_busy=True,
    )
    client.chat()
    headers = recorder.requests[0].headers
    assert headers["cf-aig-gateway-id"] == "g"
    assert headers["cf-aig-skip-cache"] == "true"
    assert headers["x-session-affinity"] == "s"
    assert headers["x-team"] == "t"
    assert headers["accept-encoding"] == "identity"
    assert recorder.bodies[0]["options"] == {"rejectIfBusy": True}


def test_a_schema_that_cannot_be_streamed_is_replayed(mocked: Mocked) -> None:
    """For a model that refuses a schema in a stream, one plain call is replayed as events."""
    client, recorder = mocked(json_answer(answer("native_object")))
    given = {"type": "json_schema", "json_schema": {"type": "object", "properties": {}}}
    events = list(client.open(model=LLAMA, response_format=given))
    assert "stream" not in recorder.bodies[0]
    assert events[0] == TextDelta('{"action": "click", "target": "r4", "value": null}')
    assert isinstance(events[-1], ChatFinish)


def test_json_in_place_of_a_stream(mocked: Mocked) -> None:
    """The client turns a JSON answer to a stream request into events, as some models send it."""
    client, _ = mocked(json_answer(answer("completion_in_result")))
    assert [type(event) for event in client.open()] == [TextDelta, UsageUpdate, ChatFinish]


# -------------------------------------------------------------------- before any request


@pytest.mark.parametrize("method", ["stream_chat", "stream_complete"])
def test_a_streams_arguments_are_checked_at_the_call(mocked: Mocked, method: str) -> None:
    """Wrong arguments raise at the call, not at the first `next`."""
    client, recorder = mocked(ALOUD)
    with pytest.raises(ConfigurationError):
        getattr(client.client, method)(
            HELLO if method == "stream_chat" else "x", model=GRANITE, temperature=9
        )
    assert recorder.requests == []


def test_a_stream_sends_its_request_at_the_first_next(mocked: Mocked) -> None:
    """The client sends the request of a stream at the first `next`, not before."""
    client, recorder = mocked(event_stream(stream("native")))
    client.open().close()
    assert recorder.requests == []


def test_a_model_is_needed(mocked: Mocked) -> None:
    """The model comes from the client or from the call; without one the call raises."""
    client, recorder = mocked(ALOUD, model=None)
    with pytest.raises(ConfigurationError) as caught:
        client.chat()
    assert caught.value.parameter == "model"
    assert client.chat(model=GRANITE).text == "Hello"
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "native"),
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("max_retries", None),
        ("timeout", 0),
        ("base_url", "http://example.com"),
        ("account_id", "x"),
        ("api_token", "a b"),
    ],
)
def test_wrong_settings_are_refused_at_once(speaks: Speaks, name: str, value: Any) -> None:
    """The constructor refuses settings that cannot work."""
    with pytest.raises(ConfigurationError) as caught:
        speaks(**{name: value})
    assert caught.value.parameter == name


def test_a_typo_among_parameters_is_refused(mocked: Mocked) -> None:
    """The client refuses an unknown parameter instead of sending it."""
    client, recorder = mocked(ALOUD)
    with pytest.raises(ConfigurationError, match="temprature"):
        client.chat(temprature=1)
    assert recorder.requests == []


# -------------------------------------------------------------------------------- retries

NOW: dict[str, Any] = {"retry_after_ms": "1"}


def test_a_busy_model_is_tried_again(mocked: Mocked) -> None:
    """The client retries a busy model, reports each retry, and returns one answer."""
    client, recorder = mocked(refusal(429, 3040, **NOW), refusal(503, **NOW), ALOUD)
    notices: list[RetryNotice] = []
    assert client.chat(on_retry=notices.append).text == "Hello"
    assert len(recorder.requests) == 3
    assert [notice.attempt for notice in notices] == [1, 2]
    assert [type(notice.error).__name__ for notice in notices] == [
        "OutOfCapacityError",
        "ServerError",
    ]
    assert len({request.content for request in recorder.requests}) == 1


def test_the_last_error_is_raised(mocked: Mocked) -> None:
    """After two retries, the default, the client raises the last error."""
    client, recorder = mocked(refusal(429, 3040, **NOW))
    with pytest.raises(OutOfCapacityError):
        client.chat()
    assert len(recorder.requests) == 3


def test_no_retries_with_max_retries_0(mocked: Mocked) -> None:
    """With `max_retries=0` the client sends one request."""
    client, recorder = mocked(refusal(503, **NOW), max_retries=0)
    with pytest.raises(APIStatusError):
        client.chat()
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("body", [b"", stream("error_event_first")], ids=["empty", "error"])
def test_a_stream_that_fails_before_its_first_event_is_tried_again(
    mocked: Mocked, body: bytes
) -> None:
    """The client retries a stream that fails before it yielded an event."""
    client, recorder = mocked(event_stream(body), event_stream(stream("native")), max_retries=9)
    assert [type(event) for event in client.open()][:1] == [TextDelta]
    assert len(recorder.requests) == 2


@pytest.mark.parametrize("name", ["unfinished", "error_event", "malformed_event"])
def test_nothing_is_tried_again_after_the_first_event(mocked: Mocked, name: str) -> None:
    """After the first event the client raises instead of retrying; the error holds the text."""
    client, recorder = mocked(event_stream(stream(name)))
    conversation = client.open()
    assert next(conversation) == TextDelta("Hel")
    with pytest.raises(WorkersAIError) as caught:
        list(conversation)
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("Hel")
    assert len(recorder.requests) == 1


def test_a_wait_that_is_too_long_is_raised_at_once(mocked: Mocked) -> None:
    """If the server asks for a long wait, the client raises at once and states the wait."""
    client, recorder = mocked(refusal(429, 3021, retry_after="100000"))
    with pytest.raises(APIStatusError) as caught:
        client.chat()
    assert caught.value.retry_after == 100_000
    assert len(recorder.requests) == 1


# --------------------------------------------------------------------- the user's client


def test_a_users_client_is_used_as_it_is(call_style: CallStyle, speaks: Speaks) -> None:
    """The client leaves the user's HTTP client open and unchanged, and uses its settings."""
    recorder = Recorder(ALOUD, event_stream(stream("native")))
    own: Any = recorder.http_client(
        call_style, headers={"x-own": "1"}, timeout=7, params={"own": "1"}
    )
    before = (dict(own.headers), own.timeout, dict(own.params), own.auth, own.trust_env)
    client = speaks(http_client=own)
    client.chat()
    list(client.open())
    client.close()
    assert not own.is_closed
    assert (dict(own.headers), own.timeout, dict(own.params), own.auth, own.trust_env) == before
    again = speaks(http_client=own)
    assert len(list(again.open())) == 4
    again.wait(own.aclose() if call_style == "async" else own.close())


def test_a_users_client_does_not_follow_redirects(call_style: CallStyle, speaks: Speaks) -> None:
    """The client sends the token to no other host, even if the user's client would follow."""
    recorder = Recorder(
        lambda request: httpx.Response(307, headers={"location": "https://evil.example/x"})
    )
    own: Any = recorder.http_client(call_style, follow_redirects=True)
    client = speaks(http_client=own)
    with pytest.raises(APIStatusError) as caught:
        client.chat()
    assert caught.value.status_code == 307
    assert len(recorder.requests) == 1
    client.wait(own.aclose() if call_style == "async" else own.close())


def test_a_users_credentials_do_not_replace_the_token(
    call_style: CallStyle, speaks: Speaks
) -> None:
    """The client sends the token, not the basic auth of the user's HTTP client."""
    recorder = Recorder(ALOUD)
    own: Any = recorder.http_client(call_style, auth=("user", "password"))
    client = speaks(http_client=own)
    client.chat()
    assert recorder.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    client.wait(own.aclose() if call_style == "async" else own.close())


# -------------------------------------------------------------------------------- secrets


def test_a_client_shows_no_token(mocked: Mocked) -> None:
    """The token is not in repr, str or the reprs of attributes."""
    client, _ = mocked(ALOUD)
    client.chat()
    shown = f"{client.client!r} {client.client!s} {vars(client.client)!r}"
    assert TOKEN not in shown
    assert ACCOUNT not in shown


@pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_cannot_be_pickled(speaks: Speaks, travel: Any) -> None:
    """A client holds a token and connections, so pickling it raises."""
    with pytest.raises(TypeError, match="token"):
        travel(speaks().client)


# -------------------------------------------------------------------------------- sync and async


def test_both_clients_have_the_same_methods() -> None:
    """Both clients have the same methods and parameters; only `close` is named differently."""

    def methods(cls: type) -> dict[str, Any]:
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in vars(cls).items()
            if not name.startswith("_") and callable(value)
        }

    sync, other = methods(Client), methods(AsyncClient)
    other["close"] = other.pop("aclose")
    assert sync == other


def test_context_managers() -> None:
    """Leaving the `with` block closes the client; a later call opens a new connection."""
    recorder = Recorder(ALOUD)
    settings: dict[str, Any] = {"account_id": ACCOUNT, "api_token": TOKEN}
    with (
        recorder.http_client("sync") as own,
        Client(UNKNOWN, http_client=own, **settings) as client,
    ):
        assert client.chat(HELLO).text == "Hello"

    async def main() -> None:
        async with (
            recorder.http_client("async") as own,
            AsyncClient(UNKNOWN, http_client=own, **settings) as client,
        ):
            assert (await client.chat(HELLO)).text == "Hello"

    asyncio.run(main())


async def test_embeddings_run_side_by_side() -> None:
    """Up to `max_concurrency` requests run at the same time, and no more."""
    now, most = 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return httpx.Response(200, json={"result": {"data": [[1.0]]}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(slow)) as own:
        client = AsyncClient(BGE, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
        await client.embed(["a"] * 12, batch_size=1, max_concurrency=3)
    assert most == 3


@pytest.mark.parametrize("number", [0, -1, 1.5, "1", None], ids=str)
async def test_at_least_one_request_is_under_way(number: Any) -> None:
    """`max_concurrency` below 1 raises: with no request allowed the call would never end."""
    client = AsyncClient(BGE, account_id=ACCOUNT, api_token=TOKEN)
    with pytest.raises(ConfigurationError) as caught:
        await asyncio.wait_for(client.embed(["a"], max_concurrency=number), 5)
    assert caught.value.parameter == "max_concurrency"


async def test_a_failed_batch_cancels_the_others() -> None:
    """A failed batch cancels the running requests, whose results could not be used."""
    cancelled: list[bool] = []

    async def answer_or_hang(request: httpx.Request) -> httpx.Response:
        if b'"bad"' in request.content:
            return httpx.Response(400, json={"errors": [{"code": 5006, "message": "no"}]})
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer_or_hang)) as own:
        client = AsyncClient(BGE, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
        with pytest.raises(APIStatusError):
            await client.embed(["a", "b", "bad"], batch_size=1)
    assert cancelled == [True, True]


def test_timeouts_are_the_clients(speaks: Speaks) -> None:
    """A number sets the total and every clock on the answer."""
    assert speaks(timeout=5).client.timeout == Timeout(first_byte=5, idle=5, total=5)
    own = Timeout(connect=1)
    assert speaks(timeout=own).client.timeout is own
