"""Build the request that submits a batch, and the request that fetches its results.

Both go to the model's native route with `?queueRequest=true` (page: Batch API, REST).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from workersai._arguments import unknown_argument
from workersai._json import dump_json
from workersai._models import get_profile
from workersai._request.chat import ChatOptions, chat_body, completion_body
from workersai._request.chunks import Chunker
from workersai._request.embeddings import EmbeddingRequests, embedding_body
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

__all__ = ["poll_request", "references_of", "submit_request", "text_requests", "tool_names_of"]

_MAX_BYTES = 10_000_000
"""Bytes. Page: "Ensure that the total payload is under 10 MB"."""

_MAX_ANSWER = 256 << 20
"""Bytes. Answers are longer than requests, and one response holds the answers to 10 MB of them."""

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
    """Build the request that submits a batch to the queue.

    Raises:
        ConfigurationError: If there are no requests, or more than 10 MB of them; if one does not
            fit the model; if the model's page lists its inputs without batches; if the client's
            settings do not allow a queue.
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
            "it in several batches",
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


def text_requests(
    texts: Sequence[str], model: str, options: Mapping[str, Any]
) -> list[BatchRequest]:
    """Divide texts into requests that fit the model, in order.

    Each request has the index of its first text and their number as `external_reference`, so that
    its texts are known where it fails.

    Raises:
        ConfigurationError: If a text is blank or not a string, or an option does not fit the model.
    """
    shape = EmbeddingRequests(texts, model, "run", cast("EmbeddingOptions", options))
    limits = shape.profile
    chunker = Chunker(
        shape.batch_size,
        budget=limits.max_request_tokens,
        longest=limits.max_input_tokens,
        is_cut=shape.is_cut,
    )
    full = [chunk for text in texts if (chunk := chunker.add(text)) is not None]
    chunks = [*full, *([rest] if (rest := chunker.rest()) is not None else [])]
    own: Any = {name: value for name, value in options.items() if name in _OF_TEXTS}
    requests: list[Any] = [
        {**own, "texts": part.texts, "external_reference": f"{part.first}:{len(part.texts)}"}
        for part in chunks
    ]
    return requests


def poll_request(request_id: str, model: str) -> Request:
    """Build the request that fetches the state of a batch.

    Raises:
        ConfigurationError: If the id is not a non-empty string.
    """
    if not isinstance(request_id, str) or not request_id:
        raise ConfigurationError(
            f"the id of a batch must be a non-empty string, not {request_id!r}", parameter="batch"
        )
    content = dump_json({"request_id": request_id}, model=model)
    return Request(run_path(model), content, params=_QUEUED, model=model, max_answer=_MAX_ANSWER)


def references_of(requests: Sequence[BatchRequest]) -> tuple[str | None, ...]:
    """Return the external reference of each request."""
    return tuple(request.get("external_reference") for request in requests)


def tool_names_of(requests: Sequence[BatchRequest], model: str) -> tuple[dict[str, str], ...]:
    """Map, for each request, the tool names in the request to the caller's own.

    Returns:
        The names that differ; empty if no name in any request differs.
    """
    profile = get_profile(model)
    made = [tool_names(to_wire_tools(request.get("tools"), profile)) for request in requests]
    differing = [{wire: own for own, wire in names.items() if own != wire} for names in made]
    return tuple(differing) if any(differing) else ()


def _is_list(value: object) -> bool:
    """Return whether a value is a list or the like, which can be read twice and has an order."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def _check_settings(model: str, endpoint: EndpointName, *, reject_if_busy: bool) -> None:
    if endpoint != "run":
        raise ConfigurationError(
            f"endpoint={endpoint!r} has no batches: pass endpoint='run'",
            parameter="endpoint",
        )
    if reject_if_busy:
        raise ConfigurationError(
            "reject_if_busy and a batch exclude each other: a batch always waits in the queue",
            parameter="reject_if_busy",
        )
    profile = get_profile(model)
    if not profile.batch and profile.inputs and "requests" not in profile.inputs:
        raise ConfigurationError(
            f"{model} takes no batches: its page lists {', '.join(profile.inputs)}",
            parameter="model",
        )


def _item(position: int, request: BatchRequest, model: str) -> dict[str, Any]:
    """Build one request; an error names its position in the batch."""
    if not isinstance(request, Mapping):
        raise ConfigurationError(
            f"requests[{position}] must be a dict, not {type(request).__name__}",
            parameter="requests",
        )
    try:
        fields = {name: value for name, value in request.items() if value is not None}
        reference = fields.pop("external_reference", None)
        body = _body(fields, model)
    except ConfigurationError as error:
        reason, parameter = str(error), error.parameter
    else:
        return body if reference is None else {**body, "external_reference": reference}
    raise ConfigurationError(f"requests[{position}]: {reason}", parameter=parameter)


def _body(fields: dict[str, Any], model: str) -> dict[str, Any]:
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        raise ConfigurationError(
            f"pass one of {', '.join(_KINDS)}, not {' and '.join(kinds) or 'none'}",
            parameter="requests",
        )
    (kind,) = kinds
    content = fields.pop(kind)
    if kind == "texts":
        return embedding_body(content, model, _embedding_options(fields))
    of_chat = {name: fields.pop(name) for name in _OF_CHAT if name in fields and kind == "messages"}
    if "model" in fields:
        raise ConfigurationError("pass the model once, for the whole batch", parameter="model")
    options = ChatOptions(model, cast("CallOptions", fields), is_batched=True)
    if kind == "prompt":
        return completion_body(content, options)
    body, _ = chat_body(content, options, **of_chat)
    return body


def _embedding_options(options: Mapping[str, Any]) -> EmbeddingOptions:
    for name in options:
        if name not in _OF_TEXTS:
            raise unknown_argument(name, _OF_TEXTS, of="embeddings", others_in="extra")
    return cast("EmbeddingOptions", options)


def _check_references(items: Sequence[Mapping[str, Any]]) -> None:
    """Check that each reference occurs once, because references put the answers in order."""
    seen: set[str] = set()
    for position, item in enumerate(items):
        reference = item.get("external_reference")
        if reference is None:
            continue
        if not isinstance(reference, str) or reference in seen:
            raise ConfigurationError(
                f"requests[{position}]: external_reference={reference!r} must be a string that is "
                "unique in the batch",
                parameter="external_reference",
            )
        seen.add(reference)
