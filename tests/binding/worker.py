"""A double of `env.AI`: it does what the public source of workerd does (`ai-api.ts`, 2026-08).

Requests go to a handler of HTTP requests, so that what answers over HTTP answers here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.binding.javascript import (
    NULL,
    AbortSignal,
    Host,
    JsException,
    JsProxy,
    RawJSON,
    ReadableStream,
    Response,
    cut,
    parse,
    stringify,
)

Answer = Callable[[httpx.Request], httpx.Response]

SENT_AS_HEADERS = ("prefix", "extraHeaders", "sessionOptions", "signal")


class Ai(Host):
    """The AI binding.

    Args:
        answer: Answers requests as Cloudflare's REST API would.
        is_bare: Leave the envelope of the REST API out, as the binding's own service does.
        ignores: Return the parsed answer although the `Response` was asked for, as a call does
            during which another one begins that asks for none.
    """

    def __init__(self, answer: Answer, *, is_bare: bool = False, ignores: bool = False) -> None:
        self._answer, self._is_bare, self._ignores = answer, is_bare, ignores
        self._options: list[dict[str, Any]] = []
        self._bodies: list[Any] = []

    async def run(self, model: Any, inputs: Any, options: Any) -> Any:
        assert isinstance(model, str)
        assert isinstance(inputs, dict), "inputs are a plain object"
        assert isinstance(options, dict), "options are a plain object"
        signal = options["signal"]
        assert isinstance(signal, AbortSignal)
        own = {name: value for name, value in options.items() if name not in SENT_AS_HEADERS}
        self._options.append(json.loads(stringify(options)))
        body = json.loads(stringify(inputs))
        found = self._answer(self._request(model, body, options, own))
        response = self._response(found, signal)
        if options.get("returnRawResponse") and not self._ignores:
            return response
        return self._read(found, response)

    def _request(
        self, model: str, body: Any, options: dict[str, Any], own: dict[str, Any]
    ) -> httpx.Request:
        """Write the REST API's request for a call of `run`."""
        kept = {n: v for n, v in own.items() if n not in {"returnRawResponse", "queueRequest"}}
        params = {"queueRequest": "true"} if own.get("queueRequest") else {}
        gateway = kept.pop("gateway", None)
        if kept:
            body = {**body, "options": json.loads(stringify(kept))}
        headers = {**options.get("extraHeaders", {})}
        if gateway:
            headers["cf-aig-gateway-id"] = gateway["id"]
        url = f"https://workers-binding.test/run/{model}"
        return httpx.Request("POST", url, params=params, headers=headers, json=body)

    def _response(self, found: httpx.Response, signal: AbortSignal) -> Response:
        content = found.content
        if self._is_bare and "json" in found.headers.get("content-type", ""):
            content = bare(content)
        response = Response(found.status_code, dict(found.headers), list(cut(content)))
        if isinstance(response.body, ReadableStream):
            signal._listeners.append(response.body._aborted.set)
        return response

    def _read(self, found: httpx.Response, response: Response) -> Any:
        content = bare(found.content)
        if not response.ok or response.body is NULL:
            raise thrown(content)
        if found.headers.get("content-type") == "application/json":
            return parse(content.decode())
        return response.body

    async def models(self, params: Any) -> Any:
        assert isinstance(params, dict)
        url = "https://workers-binding.test/models/search"
        found = self._answer(httpx.Request("GET", url, params=params))
        return parse(found.content.decode())["result"]


def bare(content: bytes) -> bytes:
    """Remove Cloudflare's envelope from an answer; write an error in the binding's form."""
    try:
        document = json.loads(content, parse_float=RawJSON)
    except ValueError:
        return content
    if not isinstance(document, dict):
        return content
    if document.get("errors"):
        (first, *_) = document["errors"]
        code, text = first.get("code"), first.get("message")
        error = {"internalCode": code, "name": "AiError", "description": text, "message": text}
        return json.dumps(error).encode()
    return stringify(document["result"]).encode() if document.get("success") else content


def thrown(content: bytes) -> JsException:
    """Return the error that the binding throws for an error answer."""
    try:
        document = json.loads(content)
    except ValueError:
        return JsException("InferenceUpstreamError", content.decode())
    if document.get("internalCode"):
        text = f"{document['internalCode']}: {document['description']}"
        return JsException(document["name"], text)
    return JsException("InferenceUpstreamError", content.decode())


def env_ai(answer: Answer, **how: Any) -> Any:
    """`env.AI`, as Python sees it."""
    return JsProxy(Ai(answer, **how))
