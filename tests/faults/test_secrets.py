"""No secret shows in any error, log, trace, repr or dump."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from langchain_core.tracers import BaseTracer
from langchain_core.tracers.schemas import Run
from llama_index.core import instrumentation
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import JSON
from tests.faults.speakers import CLASSES, Speaker
from tests.workersai.loopback import Peer, Script, Seen
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import ConfigurationError, Timeout, WorkersAIError

GATEWAY_TOKEN = "cfgw-not-a-real-token-0987654321"
GATEWAY = {"id": "gate", "authorization": GATEWAY_TOKEN}
KEY = "my-own-not-a-real-key-5550123"
HEADERS = {"x-team-key": f"Custom {KEY}"}
"""A header of the user's own."""
TOKENS = (TOKEN, GATEWAY_TOKEN, KEY)
SECRETS = (*TOKENS, ACCOUNT)
GIVEN: dict[str, Any] = {"gateway": GATEWAY, "default_headers": HEADERS}


def leaks(shown: str | bytes, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    text = shown.decode("latin-1") if isinstance(shown, bytes) else shown
    return [secret for secret in secrets if secret in text]


def echo(status: str, kind: str = JSON) -> Script:
    """Answer with the whole request."""

    def script(peer: Peer, seen: Seen) -> None:
        message = {"code": 0, "message": seen.head}
        body = json.dumps({"success": False, "errors": [message]}).encode()
        if kind != JSON:
            body = seen.head.encode()
        peer.answer(body, status, kind, f"cf-ray: {seen.header('authorization')}")

    return script


def echo_no_http(peer: Peer, seen: Seen) -> None:
    peer.send(f"HTTP/1.1 {seen.head}\r\n\r\n".encode())
    peer.hang_up()


def echo_event(peer: Peer, seen: Seen) -> None:
    error = {"errors": [{"code": 3040, "message": seen.head}]}
    peer.stream(scripts.EVENTS[0] + scripts.event(**error))


def echo_junk(peer: Peer, seen: Seen) -> None:
    head = seen.head.encode()
    if scripts.wants_stream(seen):
        peer.stream(scripts.EVENTS[0] + b"data: " + head.replace(b"\r\n", b" ") + b"\n\n")
    else:
        peer.answer(head)


STATUSES = (
    "307 Redirect", "400 Bad", "401 No", "402 Pay", "403 No", "404 No", "408 Late", "410 Gone",
    "413 Large", "418 Tea", "429 Many", "500 Error", "503 Busy", "524 Late",
)  # fmt: skip
FAILURES: dict[str, Script] = {
    **{status: echo(status) for status in STATUSES},
    "200 but an error": echo("200 OK"),
    "HTML": echo("502 Bad Gateway", "text/html"),
    "a portal": echo("200 OK", "text/html"),
    "no HTTP": echo_no_http,
    "an error event": echo_event,
    "junk": echo_junk,
    "hang up": lambda peer, _: peer.hang_up(),
    "hang": scripts.hang,
    "stall": scripts.stall,
    **{f"cut: {name}": script for name, script in scripts.CUTS.items()},
}


def fails(speaker: Speaker, how: str = "stream") -> WorkersAIError:
    with pytest.raises(WorkersAIError) as caught:
        speaker.either(how)
    return caught.value


def family(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and its contexts."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and found not in seen:
            seen.append(found)
            yield found
            waiting += [found.__cause__, found.__context__]


def walk(value: Any, depth: int = 5) -> Iterator[str]:
    """Yield every text that can be reached from an error's attributes."""
    if isinstance(value, (str, bytes)):
        yield value if isinstance(value, str) else value.decode("latin-1")
    elif depth:
        inner = value if isinstance(value, (list, tuple)) else getattr(value, "__dict__", {})
        values = inner.values() if isinstance(inner, dict) else inner
        for item in [*values, *(value.values() if isinstance(value, dict) else ())]:
            yield from walk(item, depth - 1)


def with_locals(error: BaseException) -> str:
    """Return a traceback with local variables, frames of other packages included."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format())


OF_STREAMS = {"stall", *(name for name in FAILURES if name.startswith("cut:"))}
ALIKE = set(STATUSES) - {"307 Redirect", "401 No", "503 Busy"}
"""Statuses whose errors are read by the same lines in both ways: one way is enough for each."""
ERRORS = [(name, how) for name in FAILURES for how in ("plain", "stream")]


@pytest.mark.parametrize(
    ("failure", "how"),
    [it for it in ERRORS if it[1] == "stream" or it[0] not in OF_STREAMS | ALIKE],
)
def test_errors_show_no_secret(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture, failure: str, how: str
) -> None:
    """Text, repr, attributes, pickle, traceback, locals and DEBUG logs of an error hold no secret.

    This includes servers that echo the request.
    """
    caplog.set_level(logging.DEBUG)
    timeout = Timeout(first_byte=0.05, idle=0.05, total=0.2)
    server = serve(FAILURES[failure])
    speaker = speaks(server, max_retries=0, timeout=timeout, **GIVEN)
    error = fails(speaker, how)
    for one in family(error):
        assert not leaks(f"{one!s} {one!r} {one.args!r} {vars(one)!r}")
        assert not leaks("\n".join(walk(one)))
        assert not leaks(with_locals(one), SECRETS)
    assert not leaks(pickle.dumps(error))
    assert not leaks("".join(traceback.format_exception(error)))
    assert not leaks("\n".join(record.getMessage() for record in caplog.records))
    assert not leaks(caplog.text)


WRONG: dict[str, Any] = {
    "api_token": f"{TOKEN} and more",
    "account_id": f"{ACCOUNT}0",
    "gateway": {**GATEWAY, "id": "a line\n"},
    "default_headers": {**HEADERS, "x-other": f"{KEY} é"},
    "max_retries": -1,
    "session_affinity": "a line\n",
    "api_tokn": TOKEN,
}


def shown_of_ours(error: BaseException) -> str:
    """Return the lines of this package's frames in a traceback with local variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if "workersai/" in frame.filename]
    assert ours
    return f"{error!r} " + " ".join(f"{frame.name} {frame.locals}" for frame in ours)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", CLASSES)
def test_refused_settings_show_no_secret(name: str, wrong: str) -> None:
    """The error about a wrong setting shows none of the settings.

    LlamaIndex makes some objects with wrong settings; their first call refuses them.
    """
    arguments = {"account_id": ACCOUNT, "api_token": TOKEN, **GIVEN, wrong: WRONG[wrong]}
    with pytest.raises(ConfigurationError) as caught:
        CLASSES[name]("@cf/nobody/unheard-of", **arguments)._client()
    assert caught.value.parameter == wrong
    for one in family(caught.value):
        assert not leaks(shown_of_ours(one))
        assert not leaks("\n".join(walk(one)))


def showings(it: Any) -> dict[str, Callable[[], Any]]:
    return {
        "repr": lambda: repr(it),
        "str": lambda: str(it),
        "vars": lambda: repr(vars(it)),
        "model_dump": lambda: repr(it.model_dump()),
        "model_dump_json": lambda: str(it.model_dump_json()),
        "dumps": lambda: dumps(it),
        "dumpd": lambda: repr(dumpd(it)),
        "to_dict": lambda: repr(it.to_dict()),
        "to_json": lambda: repr(it.to_json()),
        "pickle": lambda: pickle.dumps(it),
    }


NOT_IN_PICKLES = TOKENS
"""A pickle is no text that somebody reads: the account travels in it."""


@pytest.mark.parametrize("sink", showings(None))
@pytest.mark.parametrize("task", ["chat", "embed"])
def test_objects_show_no_secret(speaks: Speaks, serve: Serve, task: str, sink: str) -> None:
    """No repr, dump or pickle of an object holds token or account, before or after its use."""
    speaker = speaks(serve(scripts.well), task=task, **GIVEN)
    show = showings(speaker.it)[sink]
    for _ in range(2):
        try:
            shown = show()
        except (AttributeError, TypeError):  # the object has no such method, or the method refuses
            shown = ""
        hidden = NOT_IN_PICKLES if sink == "pickle" else SECRETS
        assert not leaks(shown, hidden)
        if task == "embed":
            speaker.embed(["one"])
        else:
            speaker.ask()


class Tracer(BaseTracer):
    """Keeps LangChain's runs as a tracing service would receive them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []

    def _persist_run(self, run: Run) -> None:
        self.records.append(run.model_dump_json(exclude={"parent_run", "child_runs"}, fallback=str))


class Everything(BaseCallbackHandler):
    """Keeps the arguments of every callback."""

    run_inline = True
    raise_error = True

    def __init__(self) -> None:
        self.records: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.records.append(repr((args, kwargs)))

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self.records.append(repr((args, kwargs)))


class Events(BaseEventHandler):
    """Keeps LlamaIndex's events."""

    records: list[str] = []  # noqa: RUF012 - pydantic makes one an instance

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.records.append(repr(event))
        self.records.append(event.model_dump_json(fallback=str))


@pytest.mark.parametrize("failure", ["401 No", "200 but an error", "junk", "stall"])
def test_traces_of_a_failing_run(
    speaks: Speaks, serve: Serve, speaker_name: str, failure: str
) -> None:
    """Tracers and event handlers receive neither the token nor the account."""
    timeout = Timeout(first_byte=0.05, idle=0.05, total=0.2)
    server = serve(FAILURES[failure])
    records: list[str] = []
    settings: dict[str, Any] = {"max_retries": 0, "timeout": timeout, **GIVEN}
    if speaker_name.startswith("langchain"):
        tracer, everything = Tracer(), Everything()
        fails(speaks(server, callbacks=[tracer, everything], **settings))
        records = [*tracer.records, *everything.records]
    elif speaker_name.startswith("llamaindex"):
        events, dispatcher = Events(), vars(instrumentation)["root_dispatcher"]
        dispatcher.add_event_handler(events)
        try:
            fails(speaks(server, **settings))
        finally:
            dispatcher.event_handlers.remove(events)
        records = events.records
    else:
        return
    assert records
    assert not leaks("\n".join(records))


@contextlib.contextmanager
def record_log_of(library: str) -> Iterator[io.StringIO]:
    """Record a library's own log."""
    log = io.StringIO()
    handler, logger = logging.StreamHandler(log), logging.getLogger(library)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_account_in_the_libraries_logs(speaks: Speaks, serve: Serve) -> None:
    """What httpx logs of a request does not hold the account."""
    with record_log_of("httpx") as log:
        speaks(serve(scripts.well)).ask()
    assert not leaks(log.getvalue())


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("speaker_name", ["client-sync"])
def test_account_in_the_logs_of_a_users_client(speaks: Speaks, serve: Serve, library: str) -> None:
    """A user's own client logs URLs with the account masked."""
    client = pytest.importorskip(library).Client(verify=False)
    with record_log_of(library) as log, client:
        speaks(serve(scripts.well), http_client=client).ask()
    assert "/accounts/***/ai/run/" in log.getvalue()
    assert not leaks(log.getvalue())
