"""The Starlette application: routes, access, and HTTP responses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from typing import Any

from pydantic_core import from_json
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workersai.local.api.access import Access
from workersai.local.api.batches import BatchPlay, BatchQueue
from workersai.local.api.catalogue import model_schema, search_models
from workersai.local.api.characters import CHARACTERS, Character
from workersai.local.api.errors import ApiFailure, envelope_of
from workersai.local.api.identity import repeat_for
from workersai.local.api.operations import Operations, Outcome, Streamed
from workersai.local.api.validation import Checks
from workersai.local.engines.base import Engine

__all__ = ["OnRequest", "create_app"]

ROOT = "/client/v4/accounts/{account_id}/ai"
_CREDENTIALS = frozenset({"authorization", "cf-aig-authorization"})

_SECONDS_OF_WORK = 5.0
"""Seconds that one poll may work on a batch, with an engine whose answers take time."""

OnRequest = Callable[[str, str, dict[str, str], Any], None]
"""A callback with method, path, headers without credentials, and the JSON body (or None)."""

Operation = Callable[[Request, Any], Outcome]


def create_app(
    engine: Engine,
    access: Access,
    *,
    on_request: OnRequest | None = None,
    repeatable: bool = False,
    strict: bool = False,
    character: Character = CHARACTERS["documented"],
    batches: BatchPlay | None = None,
) -> ASGIApp:
    """Build the application that stands in for `api.cloudflare.com`.

    Args:
        engine: The engine that answers.
        access: The accepted account and token.
        on_request: Called for every request that reaches an operation.
        repeatable: Derive the ids and times in an answer from its request, so that the same
            request gets the same body from a deterministic engine.
        strict: Enforce the published schemas even where it is unknown whether Cloudflare does.
        character: How to behave where Cloudflare's behaviour is unknown.
        batches: What the queue plays.

    Returns:
        An ASGI application whose API root is `/client/v4`.
    """
    service = _Service(
        engine,
        access,
        on_request,
        repeatable=repeatable,
        strict=strict,
        character=character,
        batches=batches,
    )
    app = Starlette(
        routes=[
            service.route("/run/{model:path}", "POST", service.run_model),
            service.route("/run", "POST", service.run_generic),
            service.route("/v1/chat/completions", "POST", service.chat_completions),
            service.route("/v1/embeddings", "POST", service.embeddings),
            service.route("/models/search", "GET", service.search),
            service.route("/models/schema", "GET", service.schema),
            Route("/{path:path}", _no_route, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )
    return _Named(app, engine.name)


class _Service:
    """The operations of one server with its engine and access rules."""

    def __init__(
        self,
        engine: Engine,
        access: Access,
        on_request: OnRequest | None,
        *,
        repeatable: bool,
        strict: bool,
        character: Character,
        batches: BatchPlay | None,
    ) -> None:
        self._engine = engine
        self._access = access
        self._on_request = on_request
        self._repeatable = repeatable
        queue = BatchQueue(_SECONDS_OF_WORK if engine.blocking else None, batches)
        self._operations = Operations(
            engine, Checks(strict=strict or character.is_strict), queue, character
        )

    def route(self, path: str, method: str, operation: Operation) -> Route:
        """Make a route that checks access, reads the body, runs the operation and responds."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await self._read_body(request, method)
                outcome = await self._run(operation, request, body)
            except ApiFailure as failure:
                return JSONResponse(envelope_of(failure), failure.status)
            return self._respond(outcome)

        return Route(ROOT + path, endpoint, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def _read_body(self, request: Request, method: str) -> Any:
        account_id = request.path_params["account_id"]
        self._access.check(request.url.path, account_id, request.headers)
        if request.method != method:
            raise _not_supported(request.method)
        raw = await request.body()
        if self._repeatable:
            repeat_for(request.url.path.encode() + b"\n" + raw)
        body = _json(raw) if method == "POST" else None
        if self._on_request is not None:
            headers = {k: v for k, v in request.headers.items() if k not in _CREDENTIALS}
            self._on_request(request.method, request.url.path, headers, body)
        return body

    async def _run(self, operation: Operation, request: Request, body: Any) -> Outcome:
        if self._engine.blocking:
            return await run_in_threadpool(operation, request, body)
        return operation(request, body)

    def _respond(self, outcome: Outcome) -> Response:
        if not isinstance(outcome, Streamed):
            return JSONResponse(outcome)
        events = outcome.events
        content = iterate_in_threadpool(events) if self._engine.blocking else _at_once(events)
        return StreamingResponse(_closing(content, events), media_type="text/event-stream")

    def run_model(self, request: Request, body: Any) -> Outcome:
        model = request.path_params["model"]
        asks_for_one = isinstance(body, dict) and "request_id" in body
        if request.query_params.get("queueRequest") == "true" or asks_for_one:
            return self._operations.run_queued(model, body)
        return self._operations.run(model, body)

    def run_generic(self, _request: Request, body: Any) -> Outcome:
        if not isinstance(body, dict) or "input" not in body:
            raise ApiFailure(400, 5006, "Bad input: Error: required properties at '/' are 'input'")
        return self._operations.run(str(body.get("model")), body["input"])

    def chat_completions(self, _request: Request, body: Any) -> Outcome:
        return self._operations.openai_chat(body)

    def embeddings(self, _request: Request, body: Any) -> Outcome:
        return self._operations.openai_embed(body)

    def search(self, request: Request, _body: Any) -> Outcome:
        return search_models(request.query_params)

    def schema(self, request: Request, _body: Any) -> Outcome:
        return model_schema(request.query_params.get("model"))


class _Named:
    """Middleware that marks every response as this server's, not Cloudflare's."""

    def __init__(self, app: ASGIApp, engine: str) -> None:
        self._app = app
        self._engine = engine.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._marks()]
            await send(message)

        await self._app(scope, receive, marked)

    def _marks(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"server", b"workersai-local"),
            (b"x-workersai-engine", self._engine),
            (b"cf-ray", b"local-" + uuid.uuid4().hex[:16].encode("ascii")),
        ]


def _json(raw: bytes) -> Any:
    # Unlike the standard library's parser this one rejects NaN and halves of surrogate pairs, which
    # could not be sent back.
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise ApiFailure(400, 3003, "Request is missing headers or body: not JSON") from error


def _not_supported(method: str) -> ApiFailure:
    return ApiFailure(405, 7001, f"{method} not supported for requested URI.")


async def _no_route(request: Request) -> Response:
    """Answer 405 to a wrong method below `/ai/`, as Cloudflare does, else 7000."""
    unsupported = request.method != "POST" and "/ai/" in request.url.path
    failure = (
        _not_supported(request.method)
        if unsupported
        else ApiFailure(400, 7000, "No route for that URI")
    )
    return JSONResponse(envelope_of(failure), failure.status)


async def _at_once(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for data in events:
        yield data


async def _closing(content: AsyncIterator[bytes], events: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pass events on; when the client disconnects, stop the engine."""
    try:
        async for data in content:
            yield data
    finally:
        if isinstance(events, Generator):
            # While a blocking engine works in its thread, its generator refuses to be closed; it
            # ends with the piece that it is making.
            with suppress(ValueError):
                events.close()
