"""Options of one call, and copies of a client with other settings."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.loopback import Peer, Seen
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN, answer, stream
from workersai import (
    APITimeoutError,
    ChatResult,
    ConfigurationError,
    OutOfCapacityError,
    RetryNotice,
    StreamInterruptedError,
    TextDelta,
    Timeout,
    collect,
)
from workersai.types import NO_LIMIT

HELLO_BODY = answer("native_text")
NATIVE = stream("native")
EMBEDDING = "@cf/baai/bge-m3"
RERANKER = "@cf/baai/bge-reranker-base"
VECTORS = b'{"result":{"shape":[1,2],"data":[[0.1,0.2]]},"success":true,"errors":[],"messages":[]}'
RANKING = b'{"result":{"response":[{"id":0,"score":0.4}]},"success":true,"errors":[]}'
MODELS = b'{"result":[{"name":"@cf/a/b"}],"success":true,"errors":[],"messages":[]}'
BUSY = b'{"errors":[{"code":3040,"message":"busy"}],"success":false}'


def well(peer: Peer, seen: Seen) -> None:
    """Answer each operation as Workers AI does."""
    if b'"stream":true' in seen.body:
        peer.stream(NATIVE)
    elif "bge-m3" in seen.path:
        peer.answer(VECTORS)
    elif "reranker" in seen.path:
        peer.answer(RANKING)
    else:
        peer.answer(MODELS if "/models/search" in seen.path else HELLO_BODY)


def silent(peer: Peer, seen: Seen) -> None:
    """Never answer."""
    peer.server.release.wait(5)


def cut_short(peer: Peer, seen: Seen) -> None:
    """Begin a stream, and hang up."""
    peer.begin()
    peer.hang_up()


CALLS: dict[str, Callable[..., Any]] = {
    "chat": lambda c, **o: c.chat(HELLO, **o),
    "complete": lambda c, **o: c.complete("Hello", **o),
    "embed": lambda c, **o: c.embed(["Hello"], model=EMBEDDING, **o),
    "rerank": lambda c, **o: c.rerank("Hello", ["Hi"], model=RERANKER, **o),
    "list_models": lambda c, **o: c.list_models(**o),
    "run": lambda c, **o: c.run(UNKNOWN, {"prompt": "Hello"}, **o),
}


@pytest.mark.parametrize("name", CALLS)
def test_headers_of_one_call(speaks: Speaks, serve: Serve, name: str) -> None:
    """Headers, affinity and gateway options of a call override the client's for that call only."""
    server = serve(well)
    client = speaks(
        base_url=server.base_url,
        default_headers={"x-team": "a", "x-stage": "test"},
        gateway={"id": "one", "cache_ttl": 60},
        session_affinity="always",
    )
    call = CALLS[name]
    client.wait(
        call(
            client.client,
            headers={"X-Team": "b"},
            session_affinity="once",
            gateway={"cache_key": "k", "metadata": {"row": 7}},
        )
    )
    client.wait(call(client.client))
    first, second = server.requests
    assert (first.header("x-team"), first.header("x-stage")) == ("b", "test")
    assert first.header("x-session-affinity") == "once"
    assert first.header("cf-aig-gateway-id") == "one"
    assert first.header("cf-aig-cache-ttl") == "60"
    assert first.header("cf-aig-cache-key") == "k"
    assert first.header("cf-aig-metadata") == '{"row": 7}'
    assert (second.header("x-team"), second.header("cf-aig-cache-key")) == ("a", None)
    assert second.header("x-session-affinity") == "always"


@pytest.mark.parametrize("name", CALLS)
def test_a_callback_that_cannot_be_called_is_refused(
    speaks: Speaks, serve: Serve, name: str
) -> None:
    """Each call refuses such an `on_retry`, and embeddings such an `on_progress`, unsent."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    parameters = ["on_retry", *(["on_progress"] if name.startswith("embed") else [])]
    for parameter in parameters:
        with pytest.raises(ConfigurationError, match=f"{parameter} must be a function, not int"):
            client.wait(CALLS[name](client.client, **{parameter: 5}))
    assert server.requests == []


@pytest.mark.parametrize("name", CALLS)
def test_retries_of_one_call(speaks: Speaks, serve: Serve, name: str) -> None:
    """`max_retries=0` of a call applies to that call only."""
    server = serve(lambda peer, _: peer.answer(BUSY, "429 Too Many Requests"))
    client = speaks(base_url=server.base_url)
    with pytest.raises(OutOfCapacityError):
        client.wait(CALLS[name](client.client, max_retries=0))
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["chat", "embed", "list_models", "run"])
def test_timeout_of_one_call(speaks: Speaks, serve: Serve, name: str) -> None:
    """The timeout of a call applies to that call only."""
    server = serve(silent)
    client = speaks(base_url=server.base_url, max_retries=0)
    with pytest.raises(APITimeoutError) as caught:
        client.wait(CALLS[name](client.client, timeout=0.1))
    assert caught.value.phase in ("total", "first_byte")
    assert client.client.timeout == Timeout()


def test_no_limit(speaks: Speaks) -> None:
    """`timeout=None` removes the limit; without the argument the defaults apply."""
    assert speaks(timeout=None).client.timeout == Timeout(*(NO_LIMIT,) * 4)
    assert speaks().client.timeout == Timeout()
    assert speaks().client.with_options(timeout=None).timeout.total == NO_LIMIT


@pytest.mark.parametrize(
    ("option", "value", "parameter"),
    [
        ("timeout", "soon", "timeout"),
        ("max_retries", -1, "max_retries"),
        ("headers", {"authorization": "Bearer mine"}, "headers"),
        ("headers", {"host": "elsewhere"}, "headers"),
        ("headers", ["x"], "headers"),
        ("gateway", {"unheard": 1}, "gateway"),
        ("session_affinity", "a\nb", "session_affinity"),
    ],
)
@pytest.mark.parametrize("name", ["chat", "embed", "rerank"])
def test_options_that_cannot_work(
    speaks: Speaks, serve: Serve, name: str, *, option: str, value: Any, parameter: str
) -> None:
    """The error names the wrong option, and the client sends nothing."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    with pytest.raises(ConfigurationError) as caught:
        client.wait(CALLS[name](client.client, **{option: value}))
    assert caught.value.parameter == parameter
    assert server.requests == []


def test_a_copy_shares_the_connections(speaks: Speaks, serve: Serve) -> None:
    """A copy with other options uses the same connection and keeps the other settings."""
    server = serve(well)
    speaker = speaks(base_url=server.base_url, max_retries=1)
    copy = speaker.client.with_options(headers={"x-row": "1"}, timeout=9)
    for client in (speaker.client, copy, copy.with_options(session_affinity="s")):
        assert speaker.wait(client.chat(HELLO)).text == "Hello"
    assert server.connections == 1
    assert [seen.header("x-row") for seen in server.requests] == [None, "1", "1"]
    assert (copy.timeout.total, copy.max_retries, copy.model) == (9, 1, speaker.client.model)
    with pytest.raises(ConfigurationError, match="model"):
        speaker.client.with_options(model="@cf/a/b")


def test_both_retry_listeners_are_called(speaks: Speaks, serve: Serve) -> None:
    """The client's `on_retry` is called for all calls, before the call's own `on_retry`."""
    heard: list[tuple[str, int]] = []

    def first(notice: RetryNotice) -> None:
        heard.append(("client", notice.attempt))

    def second(notice: RetryNotice) -> None:
        heard.append(("call", notice.attempt))

    busy = iter([True, False, True, False])
    server = serve(
        lambda peer, seen: (
            peer.answer(BUSY, "429 Too Many Requests", "application/json", "retry-after-ms: 1")
            if next(busy)
            else well(peer, seen)
        )
    )
    speaker = speaks(base_url=server.base_url, on_retry=first)
    speaker.wait(speaker.client.chat(HELLO, on_retry=second))
    speaker.wait(speaker.client.embed(["Hello"], model=EMBEDDING))
    assert heard == [("client", 1), ("call", 1), ("client", 1)]


# ------------------------------------------------------------------------------------ streams


def test_a_stream_holds_its_text_and_result(speaks: Speaks, serve: Serve) -> None:
    """`.text` grows with the events; `.result()` equals what `chat` would have returned."""
    speaker = speaks(base_url=serve(well).base_url)
    events = speaker.client.stream_chat(HELLO)
    assert events.text == ""
    first = next(events) if speaker.call_style == "sync" else speaker.wait(anext(events))
    assert isinstance(first, TextDelta)
    assert events.text == first.text
    result: ChatResult = speaker.wait(events.result())
    assert result.text == events.text == "Hello"
    assert result.usage is not None


def test_leaving_a_stream_closes_it(serve: Serve) -> None:
    """Leaving the `with` block of an unfinished stream closes the connection."""
    from tests.workersai.talking import speaker

    def endless(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(b'data: {"response":"Hel"}\n\n')
        peer.wait_for_hang_up()

    server = serve(endless)
    client = speaker("sync", base_url=server.base_url)
    with client.client.stream_chat(HELLO) as events:
        assert next(events) == TextDelta("Hel")
    assert server.gone.wait(5)
    client.close()


def test_events_are_collected(serve: Serve) -> None:
    """`collect` joins events to a result, and raises what the stream raises."""
    from tests.workersai.talking import speaker

    client = speaker("sync", base_url=serve(well).base_url)
    assert collect(list(client.client.stream_chat(HELLO))).text == "Hello"
    cut = speaker("sync", base_url=serve(cut_short).base_url)
    with pytest.raises(StreamInterruptedError):
        collect(cut.client.with_options(max_retries=0).stream_chat(HELLO))
    client.close()
    cut.close()


# ------------------------------------------------------------------------------- other models


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b'{"result":{"image":"aGk="},"success":true}', {"image": "aGk="}),
        ("application/json", b'{"result":[{"label":"a"}],"success":true}', [{"label": "a"}]),
        ("application/json", b'{"data":[1]}', {"data": [1]}),
        ("image/png", b"\x89PNG\r\n", b"\x89PNG\r\n"),
        ("audio/mpeg", b"\x00\xff", b"\x00\xff"),
    ],
)
def test_any_model_can_be_run(
    speaks: Speaks, serve: Serve, kind: str, body: bytes, expected: Any
) -> None:
    """`run` sends the payload unchanged; it returns JSON without its envelope, or bytes."""
    server = serve(lambda peer, _: peer.answer(body, "200 OK", kind))
    speaker = speaks(base_url=server.base_url)
    payload = {"prompt": "a fox", "num_steps": 4, "unheard": None}
    assert speaker.wait(speaker.client.run("@cf/a/painter", payload)) == expected
    assert server.requests[0].json == payload
    assert server.requests[0].path.endswith("/ai/run/@cf/a/painter")


def test_any_model_can_be_streamed(serve: Serve) -> None:
    """JSON events become values, an error event raises, and a plain answer is one value."""
    from tests.workersai.talking import speaker

    def events(peer: Peer, seen: Seen) -> None:
        assert seen.json["stream"] is True
        peer.stream(b'data: {"a":1}\n\ndata: [2]\n\ndata: [DONE]\n\n')

    def broken(peer: Peer, seen: Seen) -> None:
        peer.stream(b'data: {"a":1}\n\ndata: {"errors":[{"code":3043,"message":"no"}]}\n\n')

    whole = b'{"result":{"text":"x"},"success":true}'
    for script, expected in (
        (events, [{"a": 1}, [2]]),
        (lambda p, _: p.answer(whole), [{"text": "x"}]),
    ):
        client = speaker("sync", base_url=serve(script).base_url)
        assert list(client.client.stream_run("@cf/a/b", {"x": 1})) == expected
        client.close()
    client = speaker("sync", base_url=serve(broken).base_url, max_retries=0)
    found = client.client.stream_run("@cf/a/b", {})
    assert next(found) == {"a": 1}
    with pytest.raises(Exception, match="3043"):
        next(found)
    client.close()


@pytest.mark.parametrize("payload", [{"api_token": "x"}, ["x"], "x", {"x": object()}])
def test_payloads_that_cannot_be_sent(speaks: Speaks, serve: Serve, payload: Any) -> None:
    """The client refuses credentials, and values without a JSON form, before it sends anything."""
    server = serve(well)
    speaker = speaks(base_url=server.base_url)
    with pytest.raises(ConfigurationError):
        speaker.wait(speaker.client.run("@cf/a/b", payload))
    assert server.requests == []


# --------------------------------------------------------------------------- errors and logs


def test_an_error_holds_the_answer(speaks: Speaks, serve: Serve) -> None:
    """The error has status, parsed body and headers, without cookies and secrets."""
    body = '{"errors":[{"code":5006,"message":"bad %s"}],"success":false}' % TOKEN  # noqa: UP031
    server = serve(
        lambda peer, _: peer.answer(
            body.encode(),
            "400 Bad Request",
            "application/json",
            "cf-ray: abc-LIS",
            "set-cookie: a=b",
            f"x-echo: Bearer {TOKEN}",
        )
    )
    speaker = speaks(base_url=server.base_url)
    with pytest.raises(Exception, match="5006") as caught:
        speaker.wait(speaker.client.chat(HELLO))
    error: Any = caught.value
    assert (error.status_code, error.code, error.request_id) == (400, 5006, "abc-LIS")
    assert error.body["errors"][0]["code"] == 5006
    assert error.headers["cf-ray"] == "abc-LIS"
    assert "set-cookie" not in error.headers
    assert TOKEN not in f"{error.body} {error.headers}"


def test_an_error_has_its_traceback_and_cause(speaks: Speaks, free_port: int) -> None:
    """The traceback leads to the line that failed, and the cause is the system's error."""
    import traceback

    speaker = speaks(base_url=f"http://127.0.0.1:{free_port}/client/v4", max_retries=0)
    with pytest.raises(Exception, match="failed") as caught:
        speaker.wait(speaker.client.chat(HELLO))
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert any(file.endswith(("sync_pool.py", "aio_pool.py")) for file in files)
    assert isinstance(caught.value.__cause__, OSError)


_EVENT = re.compile(r"connected after|answer began after|attempt \d \w+ after|retry \d in")


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (b'data: {"response":"a"}\n\ndata: [DONE]\n\n', "the stream ended after"),
        (b'data: {"response":"a"}\n\n', "the stream was closed before its end after"),
    ],
)
def test_the_log_has_the_end_of_a_stream(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture, body: bytes, event: str
) -> None:
    """DEBUG logs when a stream ends, or that it broke, long after its attempt succeeded."""
    caplog.set_level(logging.DEBUG, "workersai")
    server = serve(lambda peer, _: peer.stream(body))
    speaker = speaks(base_url=server.base_url, max_retries=0)
    with contextlib.suppress(StreamInterruptedError):
        list(speaker.open())
    ours = [record.getMessage() for record in caplog.records if record.name == "workersai"]
    assert event in ours[-1]


def test_the_log_has_a_stale_connection(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """INFO logs that a connection was closed under a request, which goes over another one."""
    caplog.set_level(logging.INFO, "workersai")
    server = serve(
        lambda peer, seen: peer.hang_up() if len(peer.server.requests) == 2 else well(peer, seen)
    )
    speaker = speaks(base_url=server.base_url, max_retries=0)
    for _ in range(2):
        speaker.wait(speaker.client.chat(HELLO))
    (record,) = [record for record in caplog.records if record.name == "workersai"]
    assert record.levelname == "INFO"
    assert "the idle connection was stale" in record.getMessage()


def test_the_log_has_attempts_and_retries(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """DEBUG logs each attempt and its times, INFO each retry; no content, token or account."""
    caplog.set_level(logging.DEBUG, "workersai")
    busy = iter([True, False])
    server = serve(
        lambda peer, seen: (
            peer.answer(BUSY, "429 Too Many Requests", "application/json", "retry-after-ms: 1")
            if next(busy)
            else well(peer, seen)
        )
    )
    speaker = speaks(base_url=server.base_url)
    speaker.wait(speaker.client.chat([{"role": "user", "content": "my secret question"}]))
    ours = [record for record in caplog.records if record.name == "workersai"]
    told = [(record.levelname, _EVENT.findall(record.getMessage())) for record in ours]
    assert told == [
        ("DEBUG", ["connected after"]),
        ("DEBUG", ["answer began after"]),
        ("DEBUG", ["attempt 1 failed after"]),
        ("INFO", ["retry 1 in"]),
        ("DEBUG", ["answer began after"]),
        ("DEBUG", ["attempt 2 answered after"]),
    ]
    text = " ".join(record.getMessage() for record in ours)
    assert "POST /run/" in text
    assert not any(hidden in text for hidden in ("my secret question", TOKEN, ACCOUNT))


@pytest.mark.parametrize(("value", "is_on"), [("debug", True), ("INFO", True), ("", False)])
def test_the_variable_that_switches_the_log_on(value: str, *, is_on: bool) -> None:
    """`WORKERSAI_LOG` sets the logger's level and adds a handler; without it neither happens."""
    script = (
        "import logging, workersai; found = logging.getLogger('workersai');"
        "print(bool(found.handlers), found.isEnabledFor(logging.INFO))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "WORKERSAI_LOG": value},
        check=True,
    )
    assert done.stdout.split() == [str(is_on)] * 2


def test_repr_of_a_client(speaks: Speaks) -> None:
    """The repr shows where a client sends requests, without token and account."""
    shown = repr(speaks().client)
    assert UNKNOWN in shown
    assert "api.cloudflare.com" in shown
    assert TOKEN not in shown
    assert ACCOUNT not in shown
