"""Texts -> requests for their vectors and their ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workersai._checks import check_texts
from workersai._json import dump_json
from workersai._models import get_profile
from workersai._models.profile import ModelProfile
from workersai._request.parameters import add_extra
from workersai._request.path import run_path
from workersai._wire import Request
from workersai.errors import ConfigurationError
from workersai.types import EmbeddingOptions, Endpoint

__all__ = ["embedding_body", "embedding_requests"]

_EMBEDDED = frozenset({"model", "text", "input", "queries", "documents", "requests"})


def embedding_requests(
    texts: Sequence[str], model: str, endpoint: Endpoint, options: EmbeddingOptions
) -> list[Request]:
    """Ask for vectors, in as many requests as the model's documented batch limit makes.

    Raises:
        ConfigurationError: If a text is empty or no string, or an option does not fit the model.
    """
    profile = get_profile(model)
    name, listed, body = _embedding_fields(texts, profile, endpoint, options)
    path = run_path(model)
    if endpoint == "openai":
        path, name, body = "/v1/embeddings", "input", {"model": model, **body}
    size = _batch_size(options.get("batch_size"), profile)
    return [
        Request(
            path,
            dump_json({**body, name: batch}, model=model),
            model=model,
            count=len(batch),
            dimensions=options.get("dimensions"),
        )
        for batch in (listed[i : i + size] for i in range(0, len(listed), size))
    ]


def embedding_body(texts: Sequence[str], model: str, options: EmbeddingOptions) -> dict[str, Any]:
    """Build the native body of one request for vectors.

    Raises:
        ConfigurationError: As `embedding_requests`, and if the texts are more than fit in one.
    """
    profile = get_profile(model)
    name, listed, body = _embedding_fields(texts, profile, "run", options)
    if not listed:
        raise ConfigurationError("texts must not be empty", parameter="texts")
    if profile.max_batch is not None and len(listed) > profile.max_batch:
        raise ConfigurationError(
            f"{len(listed)} texts do not fit {model}: its page allows {profile.max_batch} at once",
            parameter="texts",
        )
    return {**body, name: listed}


def _embedding_fields(
    texts: Sequence[str], profile: ModelProfile, endpoint: Endpoint, options: EmbeddingOptions
) -> tuple[str, list[str], dict[str, Any]]:
    """Return the name of the field for the texts, what goes into it, and the other fields."""
    listed = check_texts("texts", texts)
    name, instruction = "text", options.get("instruction")
    if instruction is not None and not isinstance(instruction, str):
        raise ConfigurationError(
            f"instruction must be text, not {type(instruction).__name__}", parameter="instruction"
        )
    body = {
        "pooling": options.get("pooling"),
        "truncate_inputs": options.get("truncate"),
        "dimensions": options.get("dimensions"),
    }
    if options.get("input_type") == "query" and profile.query_field and endpoint == "run":
        name, body["instruction"] = profile.query_field, instruction
    elif instruction is not None:
        listed = [instruction + text for text in listed]
    body = {field: value for field, value in body.items() if value is not None}
    return name, listed, add_extra(body, options.get("extra"), _EMBEDDED, profile)


def _batch_size(asked: int | None, profile: ModelProfile) -> int:
    limit = profile.max_batch or 100
    if asked is None:
        return limit
    is_number = isinstance(asked, int) and asked > 0
    if not is_number or (profile.max_batch is not None and asked > profile.max_batch):
        raise ConfigurationError(
            f"batch_size={asked!r} does not fit {profile.name}: its page wants it between 1 and "
            f"{limit} texts a request",
            parameter="batch_size",
        )
    return asked
