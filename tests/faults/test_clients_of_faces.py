"""The clients that the seven classes make: threads, forks, copies, changed settings."""

from __future__ import annotations

import copy
import functools
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_workersai._model import connection as langchain_connection
from llamaindex_workersai._model import connection as llamaindex_connection
from tests.faults.classes import OF_CLASSES, answered, run, well
from tests.faults.classes import make as of_class
from tests.faults.conftest import Serve
from tests.faults.speakers import CLASSES
from tests.workersai.loopback import WAIT
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN
from workersai import AsyncClient, Client, ConfigurationError

SEVEN = [name for name in CLASSES if "Client" not in name]
KINDS = {"_client": Client, "_async_client": AsyncClient}
CONNECTIONS = (langchain_connection, llamaindex_connection)


def make(name: str, **settings: Any) -> Any:
    return CLASSES[name](UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, **settings)


def before_making(monkeypatch: pytest.MonkeyPatch, kind: str, act: Any) -> None:
    """Call a function each time before a face makes a client."""
    cls = KINDS[kind]

    def making(**settings: Any) -> Any:
        act()
        return cls(**settings)

    for connection in CONNECTIONS:
        monkeypatch.setattr(connection, cls.__name__, making)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SEVEN)
def test_a_setting_that_is_assigned_while_a_client_is_made(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running call gets a client, and the next call one with the new setting."""
    it = make(name)
    it.max_retries = 1
    before_making(monkeypatch, kind, lambda: setattr(it, "max_retries", 7))
    assert isinstance(getattr(it, kind)(), KINDS[kind])
    monkeypatch.undo()
    assert getattr(it, kind)().max_retries == 7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SEVEN)
def test_a_changed_setting_changes_the_client(name: str, kind: str) -> None:
    """A face keeps one client until a setting changes, and then makes another."""
    it = make(name, max_retries=3)
    first = getattr(it, kind)()
    assert getattr(it, kind)() is first
    it.max_retries = 4
    assert getattr(it, kind)().max_retries == 4
    assert first.max_retries == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SEVEN)
def test_a_fork_while_another_thread_makes_a_client(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forked child makes its own client and does not wait for a thread of its parent."""
    it = make(name)
    it.max_retries = 1
    is_making, may_go = threading.Event(), threading.Event()
    parent = os.getpid()

    def wait() -> None:
        if os.getpid() == parent:
            is_making.set()
            assert may_go.wait(WAIT)

    before_making(monkeypatch, kind, wait)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(getattr(it, kind))
        assert is_making.wait(WAIT)
        if not (child := os.fork()):
            signal.alarm(int(WAIT))  # ends a child that hangs
            os._exit(0 if getattr(it, kind)() is not None else 1)
        may_go.set()
        assert pending.result(WAIT) is not None
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda it: it.model_copy()])
@pytest.mark.parametrize("name", SEVEN)
def test_a_copy_has_clients_of_its_own(name: str, twin: Any) -> None:
    """Closing one of two copies does not close the other."""
    it = make(name)
    first, copied = it._client(), twin(it)
    assert copied._client() is not first
    assert it._client() is first
    assert copied == it


@pytest.mark.parametrize("way", OF_CLASSES, ids="-".join)
def test_every_class_can_reach_a_container_by_an_explicit_setting(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, way: tuple[str, str]
) -> None:
    """Plain http to a named host raises an error that names the setting which allows it."""
    server, look_up = serve(well), socket.getaddrinfo

    def of_this_machine(host: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up("127.0.0.1" if host == "workersai" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", of_this_machine)
    url = f"http://workersai:{server.port}/client/v4"

    async def main(**settings: Any) -> None:
        await answered(way, of_class(way[0], base_url=url, **settings))

    with pytest.raises(ConfigurationError, match="allow_insecure_http=True"):
        run(main, way[1])
    assert server.requests == []
    run(functools.partial(main, allow_insecure_http=True), way[1])
    assert server.requests[0].header("host") == f"workersai:{server.port}"


@pytest.mark.parametrize("wrong", ["yes", 1])
@pytest.mark.parametrize("name", CLASSES)
def test_no_text_allows_plain_http(name: str, wrong: Any) -> None:
    """Only `True` allows it."""
    with pytest.raises(ConfigurationError) as caught:
        make(name, allow_insecure_http=wrong)
    assert caught.value.parameter == "allow_insecure_http"
