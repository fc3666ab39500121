"""Build the requests for the vectors of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workersai._checks import fill_blank
from workersai._json import dump_json
from workersai._models import get_profile
from workersai._models.profile import ModelProfile
from workersai._request.packing import Packing
from workersai._request.parameters import add_extra
from workersai._request.path import run_path
from workersai._request.task import check_task
from workersai._wire import Request
from workersai.errors import ConfigurationError
from workersai.types import EmbeddingOptions, EndpointName

__all__ = ["EmbeddingBatch", "EmbeddingRequests", "embedding_body"]

_EMBEDDED = frozenset({"model", "text", "input", "queries", "documents", "requests"})


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """One request for vectors.

    Attributes:
        places: The positions of its texts in the caller's list, in the order of the request.
        request: The request.
    """

    places: list[int]
    request: Request


class EmbeddingRequests:
    """The requests of one call for vectors; each is built when it is about to be sent.

    Args:
        texts: Any number of texts.
        model: An embedding model.
        endpoint: The route.
        options: The options of the call.
        budget: Tokens a request may have, if fewer than the model's page says.

    Raises:
        ConfigurationError: If a text is blank or not a string, or an option does not fit the model.
    """

    def __init__(
        self,
        texts: Sequence[str],
        model: str,
        endpoint: EndpointName,
        options: EmbeddingOptions,
        *,
        budget: int | None = None,
    ) -> None:
        profile = get_profile(model)
        name, self.texts, body = _embedding_fields(texts, profile, endpoint, options)
        self.profile = profile
        self._path = run_path(model)
        if endpoint == "openai":
            self._path, name, body = "/v1/embeddings", "input", {"model": model, **body}
        self._name, self._body, self._model = name, body, model
        self._dimensions = options.get("dimensions")
        self.batch_size = _batch_size(options.get("batch_size"), profile)
        self.is_cut = bool(body.get("truncate_inputs") or profile.cuts_input)
        self.packing = Packing(
            self.texts,
            self.batch_size,
            budget=profile.max_request_tokens if budget is None else budget,
            longest=profile.max_input_tokens,
            is_cut=self.is_cut,
        )
        if len(self.packing) > 1:  # check all texts before the first request is sent
            dump_json({**body, name: self.texts}, model=model)

    def __iter__(self) -> Iterator[EmbeddingBatch]:
        """Yield the batches; a batch that is put back comes again in smaller parts."""
        while (batch := self.take()) is not None:
            yield batch

    def take(self) -> EmbeddingBatch | None:
        """Build the next request; return `None` if no text is left."""
        places = self.packing.take()
        if places is None:
            return None
        texts = [self.texts[place] for place in places]
        request = Request(
            self._path,
            dump_json({**self._body, self._name: texts}, model=self._model),
            model=self._model,
            count=len(texts),
            dimensions=self._dimensions,
        )
        return EmbeddingBatch(places, request)


def embedding_body(texts: Sequence[str], model: str, options: EmbeddingOptions) -> dict[str, Any]:
    """Build the native body of one request for vectors.

    Raises:
        ConfigurationError: As `EmbeddingRequests`, and if the texts do not fit in one request.
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
    texts: Sequence[str], profile: ModelProfile, endpoint: EndpointName, options: EmbeddingOptions
) -> tuple[str, list[str], dict[str, Any]]:
    """Return the name of the text field, the texts for it, and the other fields."""
    check_task(profile, "embeddings")
    is_query = options.get("input_type") == "query"
    listed = fill_blank(texts, None if is_query else options.get("blank_text"))
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
    if is_query and profile.query_field and endpoint == "run":
        name, body["instruction"] = profile.query_field, instruction
    elif instruction is not None:
        listed = [instruction + text for text in listed]
    body = {field: value for field, value in body.items() if value is not None}
    return name, listed, add_extra(body, options.get("extra"), _EMBEDDED, profile)


def _batch_size(size: int | None, profile: ModelProfile) -> int:
    limit = profile.max_batch or 100
    if size is None:
        return limit
    is_number = isinstance(size, int) and size > 0
    if not is_number or (profile.max_batch is not None and size > profile.max_batch):
        raise ConfigurationError(
            f"batch_size must be between 1 and {limit} texts a request for {profile.name}, "
            f"not {size!r}",
            parameter="batch_size",
        )
    return size
