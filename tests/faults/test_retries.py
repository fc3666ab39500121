"""Statuses, retries and their limits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from llama_index.core import instrumentation
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent

from langchain_workersai import ChatWorkersAI
from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import EVENTS, JSON, TEXT, WHOLE, refuse
from tests.faults.speakers import TELLING
from tests.workersai.loopback import Loopback, Peer, Script, Seen
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN
from workersai import (
    APIStatusError,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    OutOfCapacityError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    WorkersAIError,
)
from workersai._response.headers import parse_retry_after

HOW = ("plain", "stream")


def then_well(*first: Script) -> Script:
    """Call each of *first* for one request, and answer well after that."""

    def script(peer: Peer, seen: Seen) -> None:
        number = len(peer.server.requests)
        (first[number - 1] if number <= len(first) else scripts.well)(peer, seen)

    return script


# --------------------------------------------------------------------------- retry-after


@pytest.mark.parametrize("how", HOW)
def test_retry_after_is_waited_for(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """After a 429 with `Retry-After: 1` the client waits for exactly one second."""
    server = serve(then_well(refuse("429 Busy", 3021, "retry-after: 1")))
    assert speaks(server).either(how) == TEXT
    assert no_waiting == [1.0]
    assert len(server.requests) == 2


def test_retry_after_passes_on_the_clock(speaks: Speaks, serve: Serve) -> None:
    """The client waits in real time."""
    server = serve(then_well(refuse("429 Busy", 3021, "retry-after-ms: 100")))
    began = time.monotonic()
    assert speaks(server).ask() == TEXT
    assert 0.1 <= time.monotonic() - began < 3


@pytest.mark.parametrize("how", HOW)
def test_retry_after_beyond_a_minute_raises_at_once(speaks: Speaks, serve: Serve, how: str) -> None:
    """A longer `Retry-After` raises at once, and the error states the seconds."""
    server = serve(refuse("429 Busy", 3021, "retry-after: 100000"))
    with pytest.raises(RateLimitError) as caught:
        speaks(server).either(how)
    assert caught.value.retry_after == 100_000
    assert len(server.requests) == 1


FORMS = {
    "1": 1.0,
    "1.5": 1.5,
    " 2 ": 2.0,
    "0": None,
    "-5": None,
    "inf": None,
    "nan": None,
    "1e400": None,
    "soon": None,
    "": None,
    "Wed, 21 Oct 2015 07:28:00 GMT": None,
    "Wed, 99 Foo 2015 07:28:00 GMT": None,
    "9" * 5000: None,
    "\x00": None,
}


@pytest.mark.parametrize("value", FORMS, ids=lambda value: ascii(value[:32]))
def test_forms_of_retry_after(value: str) -> None:
    """The reader accepts seconds and dates, and ignores values that no clock can wait for."""
    assert parse_retry_after({"retry-after": value}) == FORMS[value]


def test_retry_after_as_a_date() -> None:
    """A date becomes the seconds until then."""
    found = parse_retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert found is not None
    assert 28 < found <= 30


@given(st.text(), st.text())
def test_retry_after_of_an_attacker(seconds: str, milliseconds: str) -> None:
    """Any text gives a positive number or nothing, and never raises."""
    found = parse_retry_after({"retry-after": seconds, "retry-after-ms": milliseconds})
    assert found is None or 0 < found < float("inf")


# ------------------------------------------------------------------------- what is tried again

FINAL = [
    ("400 Bad Request", 5006, InvalidRequestError),
    ("401 Unauthorized", 10000, AuthenticationError),
    ("403 Forbidden", 5018, PermissionDeniedError),
    ("404 Not Found", 0, NotFoundError),
    ("405 Not Allowed", 5019, InvalidRequestError),
    ("413 Too Large", 3006, InvalidRequestError),
    ("422 Unprocessable", 0, InvalidRequestError),
    ("429 Too Many", 3036, QuotaExceededError),
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("final", FINAL, ids=lambda it: f"{it[0][:3]}-{it[1]}")
def test_errors_that_a_retry_would_not_mend(
    speaks: Speaks, serve: Serve, final: tuple[str, int, type[APIStatusError]], how: str
) -> None:
    """They raise their own class after one request and in 50 ms."""
    status, code, kind = final
    server = serve(refuse(status, code))
    speaker = speaks(server)
    for calls in range(1, 21):
        began = time.monotonic()
        with pytest.raises(kind) as caught:
            speaker.either(how)
        took = time.monotonic() - began
        assert caught.value.status_code == int(status[:3])
        assert len(server.requests) == calls
        if took < 0.05:
            return
    pytest.fail("Twenty times it took more than 50 ms, which no busy machine explains.")


def test_capacity_is_worth_a_retry_and_an_allocation_is_not(
    speaks: Speaks, serve: Serve, no_waiting: list[float]
) -> None:
    """The client retries a 429 with code 3040; code 3036 raises and names what is used up."""
    assert speaks(serve(then_well(refuse("429 Busy", 3040)))).ask() == TEXT
    with pytest.raises(QuotaExceededError, match="allocation"):
        speaks(serve(refuse("429 Busy", 3036))).ask()
    with pytest.raises(OutOfCapacityError):
        speaks(serve(refuse("429 Busy", 3040)), max_retries=0).ask()
    assert len(no_waiting) == 1


def test_the_server_may_say_not_to_try_again(
    speaks: Speaks, serve: Serve, no_waiting: list[float]
) -> None:
    """`x-should-retry: false` prevents retries."""
    server = serve(refuse("500 Error", 0, "x-should-retry: false"))
    with pytest.raises(ServerError):
        speaks(server).ask()
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOW)
def test_retries_are_the_clients_alone(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """A framework's own retries are not added: two retries make three requests."""
    server = serve(refuse("503 Busy"))
    with pytest.raises(ServerError):
        speaks(server).either(how)
    assert len(server.requests) == 3


def test_an_outage_gets_few_retries(speaks: Speaks, serve: Serve, no_waiting: list[float]) -> None:
    """Hundreds of calls to a server that always fails send less than one retry in ten calls."""
    server = serve(refuse("500 Error"))
    speaker = speaks(server)
    for _ in range(1000):
        with pytest.raises(ServerError):
            speaker.ask()
    assert len(server.requests) <= 1100


def test_successes_pay_for_retries(speaks: Speaks, serve: Serve, no_waiting: list[float]) -> None:
    """If every second request fails, every call succeeds, without a limit."""

    def script(peer: Peer, seen: Seen) -> None:
        is_odd = len(peer.server.requests) % 2
        (refuse("500 Error") if is_odd else scripts.well)(peer, seen)

    speaker = speaks(serve(script))
    assert {speaker.ask() for _ in range(100)} == {TEXT}


@pytest.mark.parametrize("speaker_name", TELLING)
@pytest.mark.parametrize("how", HOW)
def test_retries_are_marked_as_such(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """All attempts of a call are counted and have one idempotency key; the next call has its own.

    This includes the attempt after a connection that was closed under the request.
    """

    def hang_up(peer: Peer, seen: Seen) -> None:
        peer.hang_up()

    server = serve(then_well(refuse("503 Busy"), hang_up, refuse("503 Busy")))
    speaker = speaks(server)
    assert [speaker.either(how) for _ in range(2)] == [TEXT, TEXT]
    keys = [seen.header("idempotency-key") or "" for seen in server.requests]
    counts = [seen.header("x-retry-count") for seen in server.requests]
    # The second attempt's reused connection was closed: the client tries again at once.
    assert counts == ["0", "1", "1", "2", "0"]
    assert len(set(keys[:4])) == 1
    assert keys[4] != keys[0]
    assert all(len(key) == 32 for key in keys)


def test_an_idempotency_key_of_the_users_own(speaks: Speaks, serve: Serve) -> None:
    """The client does not change a key that the user sets."""
    server = serve(scripts.well)
    speaks(server, default_headers={"Idempotency-Key": "mine"}).ask()
    assert server.requests[0].header("idempotency-key") == "mine"


def test_each_request_of_a_batch_has_a_key(speaks: Speaks, serve: Serve) -> None:
    """Requests that are not each other's retries have different keys."""
    server = serve(scripts.well)
    speaker = speaks(server, task="embed", model="@cf/baai/bge-base-en-v1.5")
    speaker.embed([f"text {n}" for n in range(150)])
    keys = [seen.header("idempotency-key") for seen in server.requests]
    assert len(set(keys)) == len(keys) > 1


# -------------------------------------------------------------- errors that say they are success


@pytest.mark.parametrize("how", HOW)
def test_error_with_status_200(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """`success: false` raises the error of its code, whatever the status is."""
    with pytest.raises(OutOfCapacityError):
        speaks(serve(refuse("200 OK", 3040)), max_retries=0).either(how)


def test_plain_answer_to_a_request_for_a_stream(speaks: Speaks, serve: Serve) -> None:
    """The client reads JSON in place of a stream as the whole answer."""
    server = serve(lambda peer, _: peer.answer(WHOLE, "200 OK", JSON))
    assert speaks(server).read() == TEXT


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("case", ["portal", "nothing", "no content", "text"])
def test_success_without_an_answer(
    speaks: Speaks, serve: Serve, no_waiting: list[float], case: str, how: str
) -> None:
    """A portal's page, an empty body and a 204 raise."""
    bodies = {"portal": b"<html>", "nothing": b"", "no content": b"", "text": b"hello"}
    status = "204 No Content" if case == "no content" else "200 OK"
    kind = {"portal": "text/html", "text": "text/plain"}.get(case, JSON)
    server = serve(lambda peer, _: peer.answer(bodies[case], status, kind))
    with pytest.raises((ResponseError, StreamInterruptedError)):
        speaks(server).either(how)


_FLAT = {"name": "AiError", "internalCode": 3040, "httpCode": 429, "message": "busy"}
MID_STREAM: dict[str, bytes] = {
    "error": scripts.event(error={"code": 3040, "message": "busy"}),
    "errors": scripts.event(success=False, errors=[{"code": 3040, "message": "busy"}]),
    "flat": scripts.event(**_FLAT),
    "flat, then done": scripts.event(**_FLAT) + scripts.DONE,
    "object": scripts.event(object="error", message="busy", code="3040") + scripts.DONE,
    "type": scripts.event(type="error", message="3040: busy") + scripts.DONE,
    "field": b"event: error\n" + scripts.event(**_FLAT) + scripts.DONE,
    "field, with text": b"event: error\ndata: 3040: busy\n\n" + scripts.DONE,
    "field, with what looks like an answer": (
        b"event: error\n" + scripts.event(response="3040: busy", code=3040) + scripts.DONE
    ),
}


@pytest.mark.parametrize("shape", MID_STREAM)
def test_error_event_in_a_stream(speaks: Speaks, serve: Serve, shape: str) -> None:
    """It raises the error of its code with the partial answer, without a retry."""
    body = EVENTS[0] + MID_STREAM[shape]
    server = serve(lambda peer, _: peer.stream(body))
    talk = speaks(server).open()
    assert next(talk) == scripts.TOKENS[0]
    with pytest.raises(OutOfCapacityError) as caught:
        list(talk)
    assert caught.value.partial is not None
    assert caught.value.partial.text == scripts.TOKENS[0]
    assert len(server.requests) == 1


@pytest.mark.parametrize("shape", MID_STREAM)
def test_error_as_the_first_event_is_tried_again(
    speaks: Speaks, serve: Serve, no_waiting: list[float], shape: str
) -> None:
    """The client retries, because it has yielded nothing."""
    body = MID_STREAM[shape]
    server = serve(then_well(lambda peer, _: peer.stream(body)))
    assert speaks(server).read() == TEXT
    assert len(server.requests) == 2


# -------------------------------------------------------------------------------- callbacks


class CountingCallback(BaseCallbackHandler):
    """Counts the callbacks that LangChain calls."""

    run_inline = True

    def __init__(self) -> None:
        self.starts = self.errors = self.ends = 0
        self.tokens: list[str] = []

    def on_chat_model_start(self, *args: Any, run_id: UUID, **kwargs: Any) -> None:
        self.starts += 1

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        if token:
            self.tokens.append(str(token))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors += 1

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.ends += 1


def langchain(server: Loopback, callback: CountingCallback) -> ChatWorkersAI:
    return ChatWorkersAI(
        UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url, callbacks=[callback]
    )


@pytest.mark.parametrize("call_style", ["sync", "async"])
async def test_retries_are_no_runs_of_their_own(
    serve: Serve, no_waiting: list[float], call_style: str
) -> None:
    """Two failures and a success give one start, one end, each token once, and no error."""
    server = serve(then_well(refuse("503 Busy"), refuse("503 Busy")))
    callback = CountingCallback()
    model = langchain(server, callback)
    if call_style == "sync":
        list(model.stream("Hello"))
    else:
        assert [chunk async for chunk in model.astream("Hello")]
    assert (callback.starts, callback.ends, callback.errors) == (1, 1, 0)
    assert callback.tokens == list(scripts.TOKENS)
    await model.aclose()
    model.close()


@pytest.mark.parametrize("call_style", ["sync", "async"])
async def test_broken_stream_is_one_error(serve: Serve, call_style: str) -> None:
    """A reset after tokens gives one request, each token once, and one error."""
    server = serve(scripts.reset)
    callback = CountingCallback()
    model = langchain(server, callback)

    async def read() -> None:
        if call_style == "sync":
            list(model.stream("Hello"))
        else:
            _ = [chunk async for chunk in model.astream("Hello")]

    with pytest.raises(StreamInterruptedError):
        await read()
    assert (callback.starts, callback.ends, callback.errors) == (1, 0, 1)
    assert callback.tokens == list(scripts.TOKENS)
    assert len(server.requests) == 1
    await model.aclose()
    model.close()


class CountingHandler(BaseEventHandler):
    """Counts the events that LlamaIndex sends."""

    kinds: list[str] = []  # noqa: RUF012 - pydantic makes one an instance

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.kinds.append(type(event).__name__)


@pytest.fixture
def llamaindex_events() -> Iterator[CountingHandler]:
    """Listen to LlamaIndex's events."""
    listener, dispatcher = CountingHandler(), vars(instrumentation)["root_dispatcher"]
    dispatcher.add_event_handler(listener)
    yield listener
    dispatcher.event_handlers.remove(listener)


@pytest.mark.parametrize("speaker_name", ["llamaindex-sync", "llamaindex-async"])
def test_retries_are_no_events_of_their_own(
    speaks: Speaks, serve: Serve, no_waiting: list[float], llamaindex_events: CountingHandler
) -> None:
    """Two failures and a success give one chat event, and each token once."""
    server = serve(then_well(refuse("503 Busy"), refuse("503 Busy")))
    assert speaks(server).read() == TEXT
    assert len(server.requests) == 3
    assert llamaindex_events.kinds.count("LLMChatStartEvent") == 1
    assert llamaindex_events.kinds.count("LLMChatEndEvent") == 1
    assert llamaindex_events.kinds.count("ExceptionEvent") == 0
    # One event a token, and the final one.
    assert llamaindex_events.kinds.count("LLMChatInProgressEvent") == len(scripts.TOKENS) + 1


@pytest.mark.parametrize("speaker_name", ["llamaindex-sync", "llamaindex-async"])
def test_broken_stream_is_one_exception_event(
    speaks: Speaks, serve: Serve, llamaindex_events: CountingHandler
) -> None:
    """A reset after tokens gives one request, each token once, and no end event."""
    server = serve(scripts.reset)
    with pytest.raises(StreamInterruptedError):
        speaks(server).read()
    assert len(server.requests) == 1
    assert llamaindex_events.kinds.count("LLMChatStartEvent") == 1
    assert llamaindex_events.kinds.count("LLMChatEndEvent") == 0
    assert llamaindex_events.kinds.count("LLMChatInProgressEvent") == len(scripts.TOKENS)
    assert llamaindex_events.kinds.count("ExceptionEvent") == 1


# ------------------------------------------------------------------------------- embeddings

VECTORS: dict[str, Any] = {
    "too few": [[1.0, 2.0]],
    "too many": [[1.0, 2.0]] * 3,
    "null": [[1.0, 2.0], None],
    "a string": [[1.0, 2.0], [1.0, "2"]],
    "another length": [[1.0, 2.0], [1.0]],
    "empty": [[], []],
    "the same index twice": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}],
    "no list": "vectors",
    "booleans": [[True, False], [True, True]],
}


@pytest.mark.parametrize("case", [*VECTORS, "NaN"])
def test_invalid_vectors_raise(speaks: Speaks, serve: Serve, case: str) -> None:
    """An answer without one numeric vector for each text raises, and none of it is used."""
    body = json.dumps({"result": {"data": VECTORS.get(case)}, "success": True})
    if case == "NaN":
        body = '{"result":{"data":[[1.0,NaN],[1.0,2.0]]},"success":true}'
    server = serve(lambda peer, _: peer.answer(body.encode()))
    with pytest.raises(ResponseError):
        speaks(server, task="embed").embed(["one", "two"])


def test_vectors_in_another_order(speaks: Speaks, serve: Serve) -> None:
    """The client sorts vectors by their index."""
    data = [{"index": 1, "embedding": [1.0, 1.0]}, {"index": 0, "embedding": [0.0, 1.0]}]
    body = json.dumps({"object": "list", "data": data}).encode()
    server = serve(lambda peer, _: peer.answer(body))
    speaker = speaks(server, task="embed", endpoint="openai")
    assert speaker.embed(["one", "two"]) == [[0.0, 1.0], [1.0, 1.0]]


def test_all_errors_are_of_the_tree(speaks: Speaks, serve: Serve) -> None:
    """Any status from 300 to 599 raises an error of the tree with that status."""
    statuses = [300, 304, 402, 408, 409, 410, 418, 425, 451, 499, 500, 501, 505, 520, 529, 530, 599]
    server = serve(
        lambda peer, seen: peer.answer(b"", f"{statuses[len(peer.server.requests) - 1]} X")
    )
    speaker = speaks(server, max_retries=0)
    for status in statuses:
        with pytest.raises(WorkersAIError) as caught:
            speaker.ask()
        assert isinstance(caught.value, APIStatusError)
        assert caught.value.status_code == status
