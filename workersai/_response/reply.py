"""(status, headers, body) -> result, or an error raised.

The envelope, vectors, rankings and the catalogue are read here; the many shapes of a
chat's answer in `_answers`, its streams in `_stream`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workersai._response.errors import error_from_body, error_from_response, is_error_body, is_error_status
from workersai._json import parse_json, read_list
from workersai._request.chat import Request
from workersai.results import EmbeddingResult, ModelInfo, RankedDocument, RerankResult, Usage
from workersai._response.usage import add_usages, is_number, parse_usage
from workersai.errors import ResponseError

__all__ = [
    "Reply",
    "merge_embeddings",
    "parse_embeddings",
    "parse_models",
    "parse_rerank",
    "read_embeddings",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer as it came over HTTP.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: The bytes, decompressed.
        secrets: What must never show in an error about it.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = ()

    def payload(self, request: Request) -> Any:
        """Return the answer without Cloudflare's envelope.

        Raises:
            APIStatusError: If it is an error, whatever its status.
            ResponseError: If it is not JSON, or an envelope around nothing.
        """
        if is_error_status(self.status):
            raise error_from_response(
                self.status, self.headers, self.body, model=request.model, secrets=self.secrets
            )
        payload = parse_json(self.body, self.secrets)
        if is_error_body(payload):
            raise error_from_body(
                payload, headers=self.headers, model=request.model, secrets=self.secrets
            )
        return payload

    def unwrap(self, request: Request) -> tuple[Any, tuple[str, ...]]:
        """Return the answer proper and the path to it in the document."""
        payload = self.payload(request)
        if isinstance(payload, dict) and "result" in payload and "choices" not in payload:
            if payload["result"] is None or payload["result"] == {}:
                raise ResponseError(f"{request.model} answered with success and an empty result")
            return payload["result"], ("result",)
        return payload, ()


# ----------------------------------------------------------------- embeddings and rerank


def parse_embeddings(reply: Reply, request: Request) -> EmbeddingResult:
    """Read the vectors of the request's texts.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If there is not one vector a text, of finite numbers, all of one length
            (the one asked for, if any), in an order that can be told.
    """
    answer, _ = reply.unwrap(request)
    result = read_embeddings(answer, request.model, request.dimensions)
    if len(result.vectors) != request.count:
        raise ResponseError(
            f"{request.model} answered with {len(result.vectors)} vectors for {request.count} "
            "texts; none is used"
        )
    return result


def read_embeddings(
    answer: Any, model: str | None, dimensions: int | None = None
) -> EmbeddingResult:
    """Read vectors from an answer that is already out of its envelope.

    Raises:
        ResponseError: As `parse_embeddings`, but for the number of texts, which is not known here.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise ResponseError(f"{model} answered without a list of vectors under 'data'")
    vectors = _ordered(data, model) if data and isinstance(data[0], dict) else data
    length = dimensions or (len(vectors[0]) if vectors and isinstance(vectors[0], list) else 0)
    floats = [_floats(i, vector, length, model) for i, vector in enumerate(vectors)]
    usage = parse_usage(answer.get("usage")) or _parse_meta(answer.get("meta"))
    named = _string(answer.get("model")) or model
    return EmbeddingResult(floats, usage, named, _string(answer.get("pooling")))


def _ordered(data: list[Any], model: str | None) -> list[Any]:
    """Put `{"index", "embedding"}` objects in the order of their indices."""
    vectors: list[Any] = [None] * len(data)
    for position, item in enumerate(data):
        index = item.get("index", position) if isinstance(item, dict) else -1
        if not isinstance(index, int) or not 0 <= index < len(data) or vectors[index] is not None:
            raise ResponseError(f"{model} answered with vectors whose indices make no order")
        vectors[index] = item.get("embedding")
    return vectors


def _floats(position: int, vector: Any, length: int, model: str | None) -> list[float]:
    """Check a vector and return it, a whole number in it as the float it stands for."""
    if isinstance(vector, list) and len(vector) == length > 0:
        kinds = set(map(type, vector))  # each pass over the entries is one in C
        # A sum is a finite number only if every entry is.
        with contextlib.suppress(ValueError, OverflowError):
            if kinds <= {int, float} and math.isfinite(math.fsum(vector)):
                return vector if kinds == {float} else [float(x) for x in vector]
    raise ResponseError(
        f"{model} answered with a vector that is no list of {length or 'any'} finite numbers, "
        f"for text {position}; none is used"
    )


def _parse_meta(meta: Any) -> Usage | None:
    """Read the cost note that bge-m3 sends in place of a usage."""
    if not isinstance(meta, dict):
        return None
    read = meta.get("cost_metric_value_1")
    named = meta.get("cost_metric_name_1") == "input_tokens"
    return parse_usage({"prompt_tokens": read if named else 0, "neurons": meta.get("neurons")})


def merge_embeddings(results: list[EmbeddingResult]) -> EmbeddingResult:
    """Join the results of several batches, in order.

    Raises:
        ResponseError: If their vectors differ in length.
    """
    vectors = [vector for result in results for vector in result.vectors]
    if len({len(result.vectors[0]) for result in results if result.vectors}) > 1:
        raise ResponseError("the batches came back with vectors of different lengths")
    usages = [result.usage for result in results if result.usage is not None]
    usage = add_usages(usages) if usages else None
    first = results[0] if results else EmbeddingResult([])
    return EmbeddingResult(vectors, usage, first.model, first.pooling)


def parse_rerank(reply: Reply, request: Request) -> RerankResult:
    """Read the ranking of the request's documents, best first.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If it ranks a document that was not sent, or one twice.
    """
    answer, _ = reply.unwrap(request)
    rows = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ResponseError(f"{request.model} answered without a ranking under 'response'")
    seen: set[int] = set()
    documents: list[RankedDocument] = []
    for row in rows:
        index, score = (row.get("id"), row.get("score")) if isinstance(row, dict) else (None, None)
        if type(index) is not int or not 0 <= index < request.count or index in seen:
            raise ResponseError(
                f"{request.model} ranked what is none of the {request.count} documents, or twice"
            )
        if not is_number(score):
            raise ResponseError(f"{request.model} gave document {index} a score that is no number")
        seen.add(index)
        documents.append(RankedDocument(index, float(score)))
    documents.sort(key=lambda document: (-document.score, document.index))
    return RerankResult(tuple(documents), parse_usage(answer.get("usage")), request.model)


# ------------------------------------------------------------------------------- models


def parse_models(reply: Reply, request: Request) -> list[ModelInfo]:
    """Read the model catalogue.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer holds no list.
    """
    payload = reply.payload(request)
    rows = payload.get("result") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise ResponseError("the model search answered without a list under 'result'")
    return [_model_info(row) for row in rows if isinstance(row, dict)]


def _model_info(row: Mapping[str, Any]) -> ModelInfo:
    task = row.get("task")
    properties = {
        item["property_id"]: item.get("value")
        for item in read_list(row.get("properties"), "properties")
        if isinstance(item, dict) and isinstance(item.get("property_id"), str)
    }
    return ModelInfo(
        name=str(row.get("name", "")),
        task=_string(task.get("name")) if isinstance(task, dict) else _string(task),
        description=_string(row.get("description")),
        properties=properties,
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None
