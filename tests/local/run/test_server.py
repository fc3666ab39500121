"""Start, stop, addresses and recorded requests of `LocalServer`."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn

from tests.local.talking import GRANITE, client_of, user
from workersai import ConfigurationError
from workersai.local import LocalServer
from workersai.local.engines.base import EngineUnavailable
from workersai.local.engines.echo import EchoEngine
from workersai.local.engines.upstream import UpstreamEngine
from workersai.local.run.listening import TOKEN_VARIABLE

pytestmark = pytest.mark.usefixtures("loopback")


def test_records_requests_without_the_token() -> None:
    """The server records path, body and headers of admitted requests without any token."""
    sent = {"x-session-affinity": "s1", "cf-aig-authorization": "Bearer a-gateways-secret"}
    with LocalServer(engine="echo", api_token="a-secret-token") as server:
        with client_of(server) as client:
            client.post(f"/run/{GRANITE}", json=user("Hi"), headers=sent)
        [request] = server.requests
        assert request.method == "POST"
        assert request.path.endswith(f"/ai/run/{GRANITE}")
        assert request.json == user("Hi")
        assert request.headers["x-session-affinity"] == "s1"
        assert "a-secret-token" not in repr(request)
        assert "a-gateways-secret" not in repr(request)


def test_addresses(server: LocalServer) -> None:
    """The API root and the OpenAI root are on loopback and end as Cloudflare's do."""
    assert server.base_url == f"http://127.0.0.1:{server.port}/client/v4"
    assert server.openai_base_url.endswith(f"/accounts/{server.account_id}/ai/v1")


def test_port_is_freed() -> None:
    """A stopped server does not listen, and its `port` raises RuntimeError."""
    with LocalServer(engine="echo") as server:
        url = server.base_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


def test_can_start_again() -> None:
    """A server can start again after it stopped."""
    server = LocalServer(engine="echo")
    for _ in range(2):
        with server, client_of(server) as client:
            assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200


def test_stops_in_the_middle_of_a_stream() -> None:
    """A server stops while a client has read only half of a stream."""
    with LocalServer(engine="echo") as server, client_of(server) as client:
        body = {**user("word " * 1500), "stream": True}
        with client.stream("POST", f"/run/{GRANITE}", json=body) as response:
            assert next(response.iter_lines()).startswith("data: ")


def test_unavailable_engine_falls_back_only_to_a_named_one() -> None:
    """An engine that cannot start raises, unless the caller names a fallback."""
    with pytest.raises(EngineUnavailable, match="--upstream"):
        LocalServer(engine="upstream")
    with LocalServer(engine="upstream", fallback="echo") as server:
        assert server.engine.name == "echo"


def test_package_imports_cheaply() -> None:
    """Importing the package loads no server libraries; an unknown name is an AttributeError."""
    code = (
        "import sys, workersai.local as w\n"
        "assert not {'starlette', 'uvicorn', 'typer', 'jsonschema'} & set(sys.modules)\n"
        "assert not hasattr(w, 'nothing')\n"
        "assert w.LocalServer.__name__ == 'LocalServer'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_port_that_is_taken(server: LocalServer) -> None:
    """A port that is taken raises at once and does not hang."""
    with pytest.raises(OSError, match="in use"):
        LocalServer(engine="echo", port=server.port).start()


def test_cannot_start_while_it_runs() -> None:
    """A second start is refused, and the first server goes on."""
    with LocalServer() as server, client_of(server) as client:
        threads = threading.active_count()
        with pytest.raises(RuntimeError, match="running already"):
            server.start()

        assert threading.active_count() == threads
        assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200


def test_one_of_many_starts_at_once_succeeds() -> None:
    """Threads that start one server at the same time get one running server."""
    server = LocalServer()
    before = threading.active_count()
    barrier = threading.Barrier(4)

    def start() -> bool:
        barrier.wait()
        try:
            server.start()
        except RuntimeError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        started = [future.result() for future in [pool.submit(start) for _ in range(4)]]
    server.stop()

    assert started.count(True) == 1
    assert threading.active_count() == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_ends_before_it_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose thread ends early raises at once, with the reason, and frees its port."""

    def ends(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        ports.append(sockets[0].getsockname()[1])
        raise SystemExit(3)

    ports: list[int] = []
    monkeypatch.setattr(uvicorn.Server, "run", ends)
    server = LocalServer()
    with pytest.raises(RuntimeError, match="could not start") as failed:
        server.start()
    monkeypatch.undo()

    assert isinstance(failed.value.__cause__, SystemExit)
    with LocalServer(port=ports[0]) as other, client_of(other) as client:
        assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200
    with server, client_of(server) as client:
        assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200


def test_stop_twice_and_before_a_start() -> None:
    """Stopping a server that does not run has no effect."""
    server = LocalServer()
    server.stop()
    with server:
        pass
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


def test_start_after_stop_makes_a_new_engine() -> None:
    """A server frees its engine when it stops and makes a new one when it starts again."""
    with LocalServer(api_token="upstream") as upstream:
        front = LocalServer("upstream", upstream=upstream.openai_base_url, upstream_model=GRANITE)
        engine = front.engine
        assert isinstance(engine, UpstreamEngine)
        engine._http.headers["authorization"] = "Bearer behind"
        with front:
            pass
        front.start()
        try:
            assert front.engine is not engine
        finally:
            front.stop()


class ClosingCounter(EchoEngine):
    """A user's own engine that counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_an_engine_of_the_user_stays_open() -> None:
    """The server closes only an engine that it made."""
    engine = ClosingCounter()
    with LocalServer(engine) as server:
        assert server.engine is engine
    assert engine.closed == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_host_that_others_can_reach_needs_a_token(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside loopback the caller or the environment must name a token before a port opens."""
    with pytest.raises(ConfigurationError, match=TOKEN_VARIABLE):
        LocalServer(host=host)
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-environment")

    assert LocalServer(host=host).api_token == "of-the-environment"
    assert LocalServer(host=host, api_token="mine").api_token == "mine"


def test_the_environment_changes_nothing_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback the server ignores the token variable that `serve` reads."""
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-environment")

    assert LocalServer().api_token == "local-token"


def test_listens_at_the_address_of_its_url() -> None:
    """`localhost` may have two addresses; the server listens at the one in its URL."""
    with LocalServer(host="localhost") as server, client_of(server) as client:
        assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "no such host"},
        {"host": "x" * 300},
        {"port": -1},
        {"port": 65536},
        {"port": True},
        {"api_token": ""},
        {"api_token": "two words"},
        {"account_id": "mine"},
        {"account_id": 1},
        {"api_token": 1},
        {"host": None},
        {"host": 1},
        {"engine": "ecko"},
        {"engine": None},
        {"engine": object()},
        {"fallback": "smol"},
    ],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, Any]) -> None:
    """An unusable setting raises an error that names it, before the server listens."""
    [name] = settings
    with pytest.raises(ConfigurationError, match=name.removeprefix("api_")):
        LocalServer(**settings)
