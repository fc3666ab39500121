"""Requests of a batch -> the one that submits them, and the one that asks for what came of them.

Both go to the model's native route with `?queueRequest=true` (page: Batch API, REST).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from workersai._arguments import unknown_argument
from workersai._json import dump_json
from workersai._models import get_profile
from workersai._request.chat import ChatOptions, chat_body, completion_body
from workersai._request.embeddings import embedding_body
from workersai._request.path import run_path
from workersai._request.tools import to_wire_tools, tool_names
from workersai._wire import Request
from workersai.errors import ConfigurationError
from workersai.types import (
    BatchRequest,
    CallOptions,
    EmbeddingOptions,
    EndpointName,
    RequestOptions,
)

__all__ = ["poll_request", "references_of", "submit_request", "tool_names_of"]

_MAX_BYTES = 10_000_000
"""Page: "Ensure that the total payload is under 10 MB"."""

_MAX_ANSWER = 256 << 20
"""Answers are longer than what asked for them, and here there are as many as fit into 10 MB."""

_QUEUED = {"queueRequest": "true"}
_KINDS = ("messages", "prompt", "texts")
_OF_CHAT = ("tools", "tool_choice")
_OF_TEXTS = (
    frozenset(EmbeddingOptions.__annotations__)
    - {"batch_size"}
    - frozenset(RequestOptions.__annotations__)
)


def submit_request(
    requests: Sequence[BatchRequest],
    model: str,
    *,
    endpoint: EndpointName = "run",
    reject_if_busy: bool = False,
) -> Request:
    """Ask for a place in the queue.

    Raises:
        ConfigurationError: If there are no requests, or more than 10 MB of them; if one does not
            fit the model; if the model's page lists its inputs and batches are not among them; if
            the client's settings rule a queue out.
    """
    _check_settings(model, endpoint, reject_if_busy=reject_if_busy)
    if not _is_list(requests) or not requests:
        raise ConfigurationError(
            "requests must be a list with at least one request", parameter="requests"
        )
    items = [_item(position, request, model) for position, request in enumerate(requests)]
    _check_references(items)
    content = dump_json({"requests": items}, model=model)
    if len(content) >= _MAX_BYTES:
        raise ConfigurationError(
            f"a batch must stay below {_MAX_BYTES} bytes, and this one has {len(content)}: submit "
            "it in several",
            parameter="requests",
        )
    return Request(
        run_path(model),
        content,
        params=_QUEUED,
        model=model,
        count=len(items),
        is_repeatable=False,
    )


def poll_request(request_id: str, model: str) -> Request:
    """Ask what has become of a batch.

    Raises:
        ConfigurationError: If the id is no id.
    """
    if not isinstance(request_id, str) or not request_id:
        raise ConfigurationError(
            f"a batch's id is a non-empty string, not {request_id!r}", parameter="batch"
        )
    content = dump_json({"request_id": request_id}, model=model)
    return Request(run_path(model), content, params=_QUEUED, model=model, max_answer=_MAX_ANSWER)


def references_of(requests: Sequence[BatchRequest]) -> tuple[str | None, ...]:
    """Return the external reference of each request."""
    return tuple(request.get("external_reference") for request in requests)


def tool_names_of(requests: Sequence[BatchRequest], model: str) -> tuple[dict[str, str], ...]:
    """Map, for each request, the names that its tools have on the wire to their own.

    Returns:
        The names that differ; nothing if none does in any request.
    """
    profile = get_profile(model)
    made = [tool_names(to_wire_tools(request.get("tools"), profile)) for request in requests]
    differing = [{wire: own for own, wire in names.items() if own != wire} for names in made]
    return tuple(differing) if any(differing) else ()


def _is_list(value: object) -> bool:
    """Say whether a value can be read twice, and in order."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def _check_settings(model: str, endpoint: EndpointName, *, reject_if_busy: bool) -> None:
    if endpoint != "run":
        raise ConfigurationError(
            f"endpoint={endpoint!r} has no batches: they are for endpoint='run'",
            parameter="endpoint",
        )
    if reject_if_busy:
        raise ConfigurationError(
            "reject_if_busy and a batch exclude each other: a batch is there to be queued",
            parameter="reject_if_busy",
        )
    profile = get_profile(model)
    if not profile.batch and profile.inputs and "requests" not in profile.inputs:
        raise ConfigurationError(
            f"{model} takes no batches: its page lists {', '.join(profile.inputs)}",
            parameter="model",
        )


def _item(position: int, request: BatchRequest, model: str) -> dict[str, Any]:
    """Write one request; an error names its place in the batch."""
    if not isinstance(request, Mapping):
        raise ConfigurationError(
            f"requests[{position}] is no dict but {type(request).__name__}", parameter="requests"
        )
    try:
        given = {name: value for name, value in request.items() if value is not None}
        reference = given.pop("external_reference", None)
        body = _body(given, model)
    except ConfigurationError as error:
        reason, parameter = str(error), error.parameter
    else:
        return body if reference is None else {**body, "external_reference": reference}
    raise ConfigurationError(f"requests[{position}]: {reason}", parameter=parameter)


def _body(given: dict[str, Any], model: str) -> dict[str, Any]:
    kinds = [kind for kind in _KINDS if kind in given]
    if len(kinds) != 1:
        raise ConfigurationError(
            f"one of {', '.join(_KINDS)} is wanted, not {' and '.join(kinds) or 'none'}",
            parameter="requests",
        )
    (kind,) = kinds
    asked = given.pop(kind)
    if kind == "texts":
        return embedding_body(asked, model, _embedding_options(given))
    of_chat = {name: given.pop(name) for name in _OF_CHAT if name in given and kind == "messages"}
    if "model" in given:
        raise ConfigurationError("a batch is for one model, which it names once", parameter="model")
    options = ChatOptions(model, cast("CallOptions", given), is_batched=True)
    if kind == "prompt":
        return completion_body(asked, options)
    body, _ = chat_body(asked, options, **of_chat)
    return body


def _embedding_options(given: Mapping[str, Any]) -> EmbeddingOptions:
    for name in given:
        if name not in _OF_TEXTS:
            raise unknown_argument(name, _OF_TEXTS, of="embeddings", others_in="extra")
    return cast("EmbeddingOptions", given)


def _check_references(items: Sequence[Mapping[str, Any]]) -> None:
    """References put answers in order, so each must mean one request."""
    seen: set[str] = set()
    for position, item in enumerate(items):
        reference = item.get("external_reference")
        if reference is None:
            continue
        if not isinstance(reference, str) or reference in seen:
            raise ConfigurationError(
                f"requests[{position}]: external_reference={reference!r} must be a string that no "
                "other request of the batch has",
                parameter="external_reference",
            )
        seen.add(reference)
