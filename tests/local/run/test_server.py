"""`LocalServer`: start, stop, addresses, the record of requests."""

from __future__ import annotations

import socket
import subprocess
import sys

import httpx
import pytest

from tests.local.talking import GRANITE, client_of, user
from workersai.local import LocalServer
from workersai.local.engines.base import EngineUnavailable
from workersai.local.run import server as running

pytestmark = pytest.mark.usefixtures("loopback")


def test_records_requests_without_the_token() -> None:
    """Admitted requests are kept, path, body and headers, and the token never is."""
    with LocalServer(engine="echo", api_token="a-secret-token") as server:
        with client_of(server) as client:
            client.post(f"/run/{GRANITE}", json=user("Hi"), headers={"x-session-affinity": "s1"})
        [seen] = server.requests
        assert seen.method == "POST"
        assert seen.path.endswith(f"/ai/run/{GRANITE}")
        assert seen.json == user("Hi")
        assert seen.headers["x-session-affinity"] == "s1"
        assert "a-secret-token" not in repr(seen)


def test_addresses(server: LocalServer) -> None:
    """The API root and the OpenAI root are on loopback and end as Cloudflare's do."""
    assert server.base_url == f"http://127.0.0.1:{server.port}/client/v4"
    assert server.openai_base_url.endswith(f"/accounts/{server.account_id}/ai/v1")


def test_port_is_freed() -> None:
    """After the block nothing listens, and asking for the port is an error."""
    with LocalServer(engine="echo") as server:
        url = server.base_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


def test_can_start_again() -> None:
    """A server can be entered twice."""
    server = LocalServer(engine="echo")
    for _ in range(2):
        with server, client_of(server) as client:
            assert client.post(f"/run/{GRANITE}", json=user("Hi")).status_code == 200


def test_stops_in_the_middle_of_a_stream() -> None:
    """Leaving the block with a stream half read does not hang."""
    with LocalServer(engine="echo") as server, client_of(server) as client:
        body = {**user("word " * 1500), "stream": True}
        with client.stream("POST", f"/run/{GRANITE}", json=body) as response:
            assert next(response.iter_lines()).startswith("data: ")


def test_unavailable_engine_falls_back_only_when_told() -> None:
    """An engine that cannot start is an error, or the fallback when one was named."""
    with pytest.raises(EngineUnavailable, match="--upstream"):
        LocalServer(engine="upstream")
    with LocalServer(engine="upstream", fallback="echo") as server:
        assert server.engine.name == "echo"


def test_package_imports_cheaply() -> None:
    """Importing the package loads no server stack; an unknown name is an AttributeError."""
    code = (
        "import sys, workersai.local as w\n"
        "assert not {'starlette', 'uvicorn', 'typer', 'jsonschema'} & set(sys.modules)\n"
        "assert not hasattr(w, 'nothing')\n"
        "assert w.LocalServer.__name__ == 'LocalServer'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_port_that_is_taken(server: LocalServer) -> None:
    """A port that something else holds is an error at once, not a hang."""
    with pytest.raises(OSError, match="in use"):
        LocalServer(engine="echo", port=server.port).start()


def test_sockets_send_at_once() -> None:
    """The protocol is spelled out, which is what makes asyncio switch Nagle's algorithm off."""
    with running._listening("127.0.0.1", 0) as made:
        assert made.proto == socket.IPPROTO_TCP
