"""Read vectors in the order of the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from workersai._json import text_or_none
from workersai._response.headers import read_headers, read_neurons
from workersai._response.reply import Reply
from workersai._response.usage import add_usages, parse_usage, with_neurons
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import EmbeddingResult, Usage

__all__ = ["merge_embeddings", "parse_embeddings", "read_embeddings"]


def parse_embeddings(reply: Reply, request: Request) -> EmbeddingResult:
    """Read the vectors of the request's texts.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If there is not exactly one vector for each text, of finite numbers, all of
            one length (the requested one, if any), in a certain order.
    """
    answer, _ = reply.unwrap(request)
    result = read_embeddings(answer, request.model, request.dimensions)
    if len(result.vectors) != request.count:
        raise ResponseError(
            f"{request.model} answered with {len(result.vectors)} vectors for {request.count} "
            "texts; none is used"
        )
    request_id = read_headers(reply.headers, reply.secrets)["request_id"]
    return replace(
        result,
        usage=with_neurons(result.usage, read_neurons(reply.headers)),
        request_ids=(request_id,) if request_id else (),
    )


def read_embeddings(
    answer: Any, model: str | None, dimensions: int | None = None
) -> EmbeddingResult:
    """Read vectors from an answer that has no envelope any more.

    Raises:
        ResponseError: As `parse_embeddings`, except for the number of texts, which is unknown here.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise ResponseError(f"{model} answered without a list of vectors under 'data'")
    vectors = _ordered(data, model) if data and isinstance(data[0], dict) else data
    length = dimensions or (len(vectors[0]) if vectors and isinstance(vectors[0], list) else 0)
    floats = _floats(vectors, length, model)
    usage = parse_usage(answer.get("usage")) or _parse_meta(answer.get("meta"))
    named = text_or_none(answer.get("model")) or model
    return EmbeddingResult(floats, usage, named, text_or_none(answer.get("pooling")))


def _ordered(data: list[Any], model: str | None) -> list[Any]:
    """Put `{"index", "embedding"}` objects in the order of their indices."""
    vectors: list[Any] = [None] * len(data)
    for position, item in enumerate(data):
        index = item.get("index", position) if isinstance(item, dict) else -1
        if not isinstance(index, int) or not 0 <= index < len(data) or vectors[index] is not None:
            raise ResponseError(f"{model} answered with vectors whose indices are not an order")
        vectors[index] = item.get("embedding")
    return vectors


_VECTORS = SchemaValidator(
    core_schema.list_schema(
        core_schema.list_schema(
            core_schema.float_schema(strict=True, allow_inf_nan=False), fail_fast=True
        ),
        fail_fast=True,
    )
)
"""One pass in Rust over all entries: whole numbers become floats; the rest is refused."""


def _floats(vectors: list[Any], length: int, model: str | None) -> list[list[float]]:
    """Check vectors and return them; an integer in one becomes a float."""
    position = next((at for at, v in enumerate(vectors) if not _has_length(v, length)), None)
    try:
        if position is None:
            floats: list[list[float]] = _VECTORS.validate_python(vectors)
            return floats
    except ValidationError as error:
        position = int(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    raise ResponseError(
        f"{model} answered with a vector that is not a list of {length or 'any'} finite numbers, "
        f"for text {position}; none is used"
    )


def _has_length(vector: Any, length: int) -> bool:
    return isinstance(vector, list) and len(vector) == length > 0


def _parse_meta(meta: Any) -> Usage | None:
    """Read the cost that bge-m3 sends in place of a usage."""
    if not isinstance(meta, dict):
        return None
    read = meta.get("cost_metric_value_1")
    named = meta.get("cost_metric_name_1") == "input_tokens"
    return parse_usage({"prompt_tokens": read if named else 0, "neurons": meta.get("neurons")})


def merge_embeddings(parts: Sequence[tuple[Sequence[int], EmbeddingResult]]) -> EmbeddingResult:
    """Join the results of several requests.

    Args:
        parts: Each result with the positions of its texts in the caller's list.

    Raises:
        ResponseError: If their vectors differ in length.
    """
    parts = sorted(parts, key=lambda part: part[0][0])
    results = [result for _, result in parts]
    if len({len(result.vectors[0]) for result in results}) > 1:
        raise ResponseError("the requests brought vectors of different lengths")
    vectors = {
        place: vector
        for places, result in parts
        for place, vector in zip(places, result.vectors, strict=True)
    }
    usages = [result.usage for result in results if result.usage is not None]
    first = results[0] if results else EmbeddingResult([])
    return EmbeddingResult(
        [vectors[place] for place in sorted(vectors)],
        add_usages(usages) if usages else None,
        first.model,
        first.pooling,
        tuple(request_id for result in results for request_id in result.request_ids),
    )
