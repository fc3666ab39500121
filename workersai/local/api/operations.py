"""Answer requests: one method for each operation of the API."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from workersai.local.api.answers import (
    answer_body,
    collected,
    embedding_result,
    openai_embeddings,
    rerank_result,
    wrapped,
)
from workersai.local.api.batches import BatchQueue
from workersai.local.api.characters import Character
from workersai.local.api.errors import ApiFailure
from workersai.local.api.events import DONE, event, stream_events
from workersai.local.api.jobs import ChatRequest, chat_job
from workersai.local.api.models import MODELS, LocalModel
from workersai.local.api.validation import Checks, type_of
from workersai.local.engines.base import (
    ChatJob,
    Engine,
    EngineFailed,
    EngineRefused,
    Piece,
    SchemaNotMet,
    StreamStopped,
    WindowExceeded,
)

__all__ = ["Operations", "Outcome", "Streamed"]


@dataclass(frozen=True)
class Streamed:
    """An answer to send event by event; its first event is already there."""

    events: Iterator[bytes]


Outcome = dict[str, Any] | Streamed


class Operations:
    """The operations of one server.

    Args:
        engine: The engine that answers.
        checks: The checks of requests.
        queue: The batches.
        character: How to behave where Cloudflare's behaviour is unknown.
    """

    def __init__(
        self, engine: Engine, checks: Checks, queue: BatchQueue, character: Character
    ) -> None:
        self._engine = engine
        self._checks = checks
        self._queue = queue
        self._character = character

    def run(self, name: str, body: Any) -> Outcome:
        """Answer `POST /ai/run/{model}`.

        Raises:
            ApiFailure: The error that Workers AI answers with.
        """
        model = _find_model(name, _no_route())
        if model.task == "Text Embeddings":
            self._checks.body(model.schema, body)
            return _embed(self._engine, model, body)
        if model.task == "Text Classification":
            self._checks.body(model.schema, body)
            return wrapped(_rerank(self._engine, model, body))
        body = self._character.admit(model, _object(body), "run")
        self._checks.chat(model, body)
        if "requests" in body:
            raise ApiFailure(400, 8001, "Invalid input: a batch goes to ?queueRequest=true")
        return self._shaped(_chat(self._engine, chat_job(model, "run", body)))

    def run_queued(self, name: str, body: Any) -> dict[str, Any]:
        """Answer `POST /ai/run/{model}?queueRequest=true`, and polls of a batch without it.

        Raises:
            ApiFailure: The error that Workers AI answers with.
        """
        model = _find_model(name, _no_route())
        if isinstance(body, Mapping) and "request_id" in body:
            # Requests of a batch come here without `stream`.
            return self._queue.poll(
                model, body["request_id"], lambda one: cast("dict[str, Any]", self.run(name, one))
            )
        if model.queue is None:
            raise ApiFailure(400, 8007, "This model does not support request queuing")
        self._checks.batch(model, body)
        return self._queue.submit(model, body)

    def openai_chat(self, body: Any) -> Outcome:
        """Answer `POST /ai/v1/chat/completions`.

        Raises:
            ApiFailure: The error that Workers AI answers with.
        """
        model = _openai_model(body)
        if model.task != "Text Generation":
            raise _no_such(model.name)
        body = self._character.admit(model, _object(body), "openai")
        self._checks.openai_chat(model, body)
        return self._shaped(_chat(self._engine, chat_job(model, "openai", body)))

    def _shaped(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Streamed):
            return Streamed(self._character.shape_events(outcome.events))
        return self._character.shape(outcome)

    def openai_embed(self, body: Any) -> dict[str, Any]:
        """Answer `POST /ai/v1/embeddings`.

        Raises:
            ApiFailure: The error that Workers AI answers with.
        """
        model = _openai_model(body)
        if model.task != "Text Embeddings":
            raise _no_such(model.name)
        self._checks.body("v1-embeddings", body)
        self._checks.body(model.schema, {"text": body["input"]})
        texts = _as_list(body["input"])
        _check_budget(self._engine, model, texts)
        with _engine_errors():
            embedded = self._engine.embed(texts, model.dimensions)
        return openai_embeddings(model, embedded, as_base64=body.get("encoding_format") == "base64")


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        found = type_of(body)
        raise ApiFailure(
            400, 5006, f"Bad input: Error: Type mismatch of '/', '{found}' not in 'object'"
        )
    return body


def _find_model(name: str, otherwise: ApiFailure) -> LocalModel:
    model = MODELS.get(name)
    if model is None:
        raise otherwise
    end = model.profile.deprecated
    if end is not None:
        raise ApiFailure(
            410, 5028, f"This model was deprecated on {end}. Please use an alternative model"
        )
    return model


def _no_route() -> ApiFailure:
    return ApiFailure(400, 7000, "No route for that URI")


def _openai_model(body: Any) -> LocalModel:
    name = str(_object(body).get("model"))
    return _find_model(name, _no_such(name))


def _no_such(name: str) -> ApiFailure:
    return ApiFailure(400, 5007, f"No such model {name} or task")


def _chat(engine: Engine, request: ChatRequest) -> Outcome:
    prompt_tokens = engine.prompt_tokens(request.job)
    _check_window(request, prompt_tokens)
    answers = (engine.chat(job) for job in _choices(request))
    with _engine_errors():
        if not request.stream:
            return answer_body(request, [collected(pieces) for pieces in answers])
        return Streamed(_start(stream_events(request, _with_first_piece(answers), prompt_tokens)))


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn an engine's error into the failure that Workers AI answers with."""
    try:
        yield
    except SchemaNotMet as unmet:
        raise ApiFailure(403, 5024, "JSON Model couldn't be met") from unmet
    except WindowExceeded as over:
        raise _window_exceeded(over.tokens, over.window) from over
    except EngineFailed as failed:
        raise ApiFailure(500, 8005, f"Internal server error: {failed}") from failed
    except EngineRefused as refused:
        raise ApiFailure(refused.status, refused.code, refused.message) from refused
    except StreamStopped as stopped:
        raise ApiFailure(500, 8005, "Internal server error: nothing came") from stopped


def _choices(request: ChatRequest) -> Iterator[ChatJob]:
    """Yield one job for each choice, with different seeds, so that sampled choices differ."""
    for place in range(request.n):
        seed = None if request.job.seed is None else request.job.seed + place
        yield replace(request.job, seed=seed)


def _with_first_piece(answers: Iterator[Iterator[Piece]]) -> Iterator[Iterator[Piece]]:
    """Generate the first piece of each answer before any of that answer is sent."""
    for pieces in answers:
        first = next(pieces)
        yield itertools.chain((first,), pieces)


def _start(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Encode the events; generate the first one now, while an error can still set the status."""
    first = next(events)
    return _event_bytes(itertools.chain((first,), events))


def _event_bytes(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    try:
        for data in events:
            yield event(data)
    except StreamStopped:
        return
    except (EngineFailed, SchemaNotMet, WindowExceeded) as broken:
        # The status has been sent: report the error in the stream, and leave out the final event.
        yield event({"error": {"code": 8005, "message": f"AiError: {broken}"}})
        return
    yield DONE


def _check_window(request: ChatRequest, prompt_tokens: int) -> None:
    """Reject a request whose input and token cap together exceed the window."""
    tokens = prompt_tokens + (request.job.max_tokens or 0)
    window = request.model.profile.context_window
    if window is not None and tokens > window:
        raise _window_exceeded(tokens, window)


def _window_exceeded(tokens: int, window: int) -> ApiFailure:
    return ApiFailure(
        413,
        5021,
        f"The estimated number of input and maximum output tokens ({tokens}) exceeded this "
        f"model context window limit ({window}).",
    )


def _embed(engine: Engine, model: LocalModel, body: Any) -> dict[str, Any]:
    if "contexts" in body:
        return wrapped(_embed_contexts(engine, model, body))
    texts = [text for key in ("queries", "documents", "text") for text in _as_list(body.get(key))]
    _check_budget(engine, model, texts, cut=bool(body.get("truncate_inputs")))
    with _engine_errors():
        embedded = engine.embed(texts, model.dimensions)
    return wrapped(embedding_result(model, embedded, body.get("pooling", model.pooling)))


def _check_budget(
    engine: Engine, model: LocalModel, texts: Sequence[str], *, cut: bool = False
) -> None:
    """Reject more tokens than the model accepts: in one text, or in all texts together."""
    budget, longest_allowed = model.profile.max_request_tokens, model.profile.max_input_tokens
    if budget is None or longest_allowed is None:
        return
    longest = max((engine.prompt_tokens(ChatJob(prompt=text)) for text in texts), default=0)
    if longest > longest_allowed and not cut:
        raise ApiFailure(400, 3030, f"Sequence too long: {longest} > {longest_allowed}")
    total = min(longest, longest_allowed) * len(texts)
    if total > budget:
        raise ApiFailure(
            400, 3030, f"Max context reached {total} tokens but model supports only {budget}"
        )


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _embed_contexts(engine: Engine, model: LocalModel, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer bge-m3's second form: scores with a query, vectors without one."""
    if body.get("query"):
        return {"response": _rerank(engine, model, body)["response"]}
    texts = [context["text"] for context in body["contexts"]]
    with _engine_errors():
        embedded = engine.embed(texts, model.dimensions)
    shape = [len(texts), model.dimensions]
    rows = [list(vector) for vector in embedded.vectors]
    return {"response": rows, "shape": shape, "pooling": model.pooling}


def _rerank(engine: Engine, model: LocalModel, body: Mapping[str, Any]) -> dict[str, Any]:
    texts = [context["text"] for context in body["contexts"]]
    with _engine_errors():
        scores = engine.rerank(body["query"], texts)
    tokens = engine.prompt_tokens(ChatJob(prompt="\n".join((body["query"], *texts))))
    return rerank_result(model, scores, body.get("top_k"), tokens)
