"""A local Workers AI in a background thread: for tests, notebooks and demos."""

from __future__ import annotations

import queue
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import Self

from workersai.local.api.access import Access
from workersai.local.api.app import create_app
from workersai.local.api.batches import BatchPlay
from workersai.local.api.characters import character_named
from workersai.local.engines import Engine, EngineOptions, create_engine
from workersai.local.engines.choice import EngineName
from workersai.local.run.listening import Addresses, listening, resolved, token_for

__all__ = ["LocalServer", "RecordedRequest", "serving"]

CharacterName = Literal["documented", "strict", "vllm", "schema-or-tools", "odd"]

_LOCAL_TOKEN = "local-token"  # noqa: S105 - opens nothing but a server on loopback


@dataclass(frozen=True)
class RecordedRequest:
    """One request the server admitted.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        headers: All headers but those with a token, names in lower case.
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
        api_token: The token that is accepted. On loopback it is `local-token` if you pass none;
            elsewhere it comes from the environment variable `WORKERSAI_SERVE_TOKEN`.
        host: The address to listen on; only this machine can reach the default.
        port: A fixed port; 0 takes a free one.
        repeatable: Whether ids and times follow from the request, so that an engine that repeats
            itself answers the same request with the same bytes.
        strict: Whether requests must meet every rule of the published schemas, those included
            that Cloudflare's own TypeScript client breaks.
        character: How to behave where Cloudflare's behaviour is unknown; a key of
            `workersai.local.api.characters.CHARACTERS`.
        batches: What the queue of batches plays: how long it waits, which requests fail, which
            batches expire.
        fallback, gguf, upstream, upstream_model: As on the command line.

    Attributes:
        requests: Every admitted request, in the order of arrival.

    Raises:
        EngineUnavailable: The engine cannot start here.
        ConfigurationError: The host is unknown, or other machines can reach it and no token is
            set; the token or the account has a form that no request could have.
        OSError: On entering, the port is not free.
    """

    def __init__(
        self,
        engine: EngineName | Engine = "echo",
        *,
        account_id: str = "0123456789abcdef0123456789abcdef",
        api_token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        repeatable: bool = False,
        strict: bool = False,
        character: CharacterName = "documented",
        batches: BatchPlay | None = None,
        fallback: Literal["echo"] | None = None,
        gguf: Path | str | None = None,
        upstream: str | None = None,
        upstream_model: str | None = None,
    ) -> None:
        self._character = character_named(character)
        self._batches = batches
        self._addresses = resolved(host, port)
        self.account_id = account_id
        accepted = token_for(self._addresses, api_token)
        self.api_token: str = _LOCAL_TOKEN if accepted is None else accepted
        self._access = Access(account_id, self.api_token)
        self.requests: list[RecordedRequest] = []
        self._options: EngineOptions | None = None
        if isinstance(engine, str) or not isinstance(engine, Engine):
            self._options = EngineOptions(
                engine=engine,
                fallback=fallback,
                gguf=gguf,
                upstream=upstream,
                upstream_model=upstream_model,
            )
            engine = create_engine(self._options)
        self.engine: Engine = engine
        self._repeatable = repeatable
        self._strict = strict
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closed = False

    @property
    def base_url(self) -> str:
        """The API root, `http://127.0.0.1:PORT/client/v4`, to put in place of Cloudflare's."""
        return f"http://{self._addresses.caller_host}:{self.port}/client/v4"

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
        """Start serving and return once requests are answered.

        Raises:
            RuntimeError: It is running already, or its thread ended before it could answer.
            OSError: The port is not free.
        """
        with self._lock:
            if self._running is not None:
                raise RuntimeError("the local server is running already; call stop() first")
            if self._options is not None and self._closed:
                self.engine = create_engine(self._options)
                self._closed = False
            self._running = _Running(self._app(), self._addresses)
        return self

    def stop(self) -> None:
        """Stop serving, wait for the thread, and free the engine if this server made it."""
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.stop()
            if self._options is not None and not self._closed:
                self._closed = True
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

    def _app(self) -> ASGIApp:
        return create_app(
            self.engine,
            self._access,
            on_request=lambda *seen: self.requests.append(RecordedRequest(*seen)),
            repeatable=self._repeatable,
            strict=self._strict,
            character=self._character,
            batches=self._batches,
        )


def serving(app: ASGIApp, on_started: Callable[[], None]) -> uvicorn.Server:
    """Make a server for sockets that listen already.

    Args:
        app: The application.
        on_started: Called once, when the server begins to answer.
    """
    return uvicorn.Server(
        uvicorn.Config(
            _Announcing(app, on_started),
            log_level="warning",
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
    )


class _Announcing:
    """Middleware that answers ASGI's lifespan events, the first of which says that serving begins.

    Args:
        app: The application.
        on_started: Called at the first event.
    """

    def __init__(self, app: ASGIApp, on_started: Callable[[], None]) -> None:
        self._app = app
        self._on_started = on_started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        self._on_started()
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


class _Running:
    """A server thread and the port it listens on.

    Raises:
        RuntimeError: The thread ended before it could answer.
        OSError: The port is not free.
    """

    def __init__(self, app: ASGIApp, addresses: Addresses) -> None:
        ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._server = serving(app, lambda: ready.put("started"))
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="workersai-local", daemon=True
        )
        # Bound here, so that a port that is taken is the caller's error, not the thread's.
        self._sockets = listening(addresses)
        self.port: int = self._sockets[0].getsockname()[1]
        with ExitStack() as undo:
            undo.callback(_close, self._sockets)
            self._thread.start()
            if ready.get() == "ended":
                self._thread.join()
                raise RuntimeError("the local server could not start") from self._failure
            undo.pop_all()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        _close(self._sockets)

    def _run(self, ready: queue.SimpleQueue[str]) -> None:
        try:
            self._server.run(self._sockets)
        finally:
            self._failure = sys.exc_info()[1]
            ready.put("ended")


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
