"""A local Workers AI in a background thread: for tests, notebooks and demos."""

from __future__ import annotations

import queue
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import Self

from workersai.local.api.app import create_app
from workersai.local.engines import Engine, EngineOptions, create_engine
from workersai.local.engines.choice import EngineName

__all__ = ["LocalServer", "RecordedRequest", "Serving"]


@dataclass(frozen=True)
class RecordedRequest:
    """One request the server admitted.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        headers: All headers but `authorization`, names in lower case.
        json: The decoded body; None for GET.
    """

    method: str
    path: str
    headers: dict[str, str]
    json: Any


class LocalServer:
    """A context manager that runs the local Workers AI on a free port of this machine.

    Args:
        engine: `echo`, `smol` or `upstream`, or an engine of your own.
        account_id: The account that is accepted.
        api_token: The token that is accepted.
        port: A fixed port; 0 takes a free one.
        repeatable: Whether ids and times follow from the request, so that an engine that repeats
            itself answers the same request with the same bytes.
        fallback, gguf, upstream, upstream_model: As on the command line.

    Attributes:
        requests: Every admitted request, in the order of arrival.

    Raises:
        EngineUnavailable: The engine cannot start here.
        OSError: On entering, the port is not free.
    """

    def __init__(
        self,
        engine: EngineName | Engine = "echo",
        *,
        account_id: str = "0123456789abcdef0123456789abcdef",
        api_token: str = "local-token",  # noqa: S107 - opens nothing but this server
        port: int = 0,
        repeatable: bool = False,
        fallback: Literal["echo"] | None = None,
        gguf: Path | None = None,
        upstream: str | None = None,
        upstream_model: str | None = None,
    ) -> None:
        self.account_id = account_id
        self.api_token = api_token
        self.requests: list[RecordedRequest] = []
        self._owns_engine = isinstance(engine, str)
        self.engine: Engine = (
            create_engine(
                EngineOptions(
                    engine=engine,
                    fallback=fallback,
                    gguf=gguf,
                    upstream=upstream,
                    upstream_model=upstream_model,
                )
            )
            if isinstance(engine, str)
            else engine
        )
        self._wanted_port = port
        self._repeatable = repeatable
        self._running: _Running | None = None

    @property
    def base_url(self) -> str:
        """The API root, `http://127.0.0.1:PORT/client/v4`, to put in place of Cloudflare's."""
        return f"http://127.0.0.1:{self.port}/client/v4"

    @property
    def openai_base_url(self) -> str:
        """The root for OpenAI clients, account included: `…/accounts/{account_id}/ai/v1`."""
        return f"{self.base_url}/accounts/{self.account_id}/ai/v1"

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: The server is not running.
        """
        if self._running is None:
            raise RuntimeError("the local server is not running; enter it with `with` first")
        return self._running.port

    def start(self) -> Self:
        """Start serving and return once requests are answered."""
        app = create_app(
            self.engine,
            account_id=self.account_id,
            api_token=self.api_token,
            on_request=lambda *seen: self.requests.append(RecordedRequest(*seen)),
            repeatable=self._repeatable,
        )
        self._running = _Running(app, self._wanted_port)
        return self

    def stop(self) -> None:
        """Stop serving, wait for the thread, and free the engine if this server made it."""
        if self._running is not None:
            self._running.stop()
            self._running = None
        if self._owns_engine:
            self.engine.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Serving(uvicorn.Server):
    """uvicorn, telling once it listens (with the port) or has given up, so that nobody polls.

    Args:
        app: The application.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        on_settled: Told the port, or None if it could not start.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, on_settled: Callable[[int | None], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )
        self._on_settled = on_settled

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then tell."""
        try:
            await super().startup(sockets)
        finally:
            bound = [sock for server in getattr(self, "servers", ()) for sock in server.sockets]
            self._on_settled(bound[0].getsockname()[1] if bound else None)


class _Running:
    """A server thread and the port it listens on."""

    def __init__(self, app: ASGIApp, wanted_port: int) -> None:
        # Bound here, so that a port that is taken is this thread's error.
        self._socket = _listening("127.0.0.1", wanted_port)
        settled: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._server = Serving(app, "127.0.0.1", wanted_port, settled.put)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="workersai-local", daemon=True
        )
        self._thread.start()
        settled.get()
        self.port: int = self._socket.getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send at once.

    asyncio switches Nagle's algorithm off only where the protocol is spelled out; with it on,
    every answer in two writes waits 40 ms for the client's acknowledgement.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there the option would let two servers share a port
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    made.listen(128)
    return made
