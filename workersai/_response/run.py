"""Read the answer of any model as JSON or bytes."""

from __future__ import annotations

from typing import Any

from workersai._response.errors import error_from_response
from workersai._response.reply import Reply
from workersai._wire import Request, is_error_status

__all__ = ["parse_run"]


def parse_run(reply: Reply, request: Request) -> Any:
    """Read an answer by its content type.

    Returns:
        The JSON value under `result`, or all of the JSON if there is no envelope; the bytes of
        other answers, such as a picture or speech.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the content type is JSON but the body is not.
    """
    if is_error_status(reply.status):
        raise error_from_response(
            reply.status, reply.headers, reply.body, model=request.model, secrets=reply.secrets
        )
    if "json" not in reply.headers.get("content-type", ""):
        return reply.body
    payload = reply.payload(request)
    is_envelope = isinstance(payload, dict) and "result" in payload and "success" in payload
    return payload["result"] if is_envelope else payload
