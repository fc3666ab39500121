"""The `smol` engine: real models that run on two cores, without an account.

SmolLM2-135M-Instruct writes text, JSON and tool arguments; all-MiniLM-L6-v2 embeds, ranks and
chooses the tool, which it does far better than a 135M chat model. The answers are real but weak:
they show that an application works, not how well Workers AI would answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workersai.local.engines.base import (
    ChatJob,
    Embedded,
    EngineFailed,
    EngineUnavailable,
    FinishPiece,
    FinishReason,
    Piece,
    SchemaNotMet,
    TextPiece,
    TokenLogprob,
    ToolSpec,
)
from workersai.local.engines.jsonmode import (
    bounded_schema,
    compact,
    filled_arguments,
    grounded,
    meeting,
    meets,
    wanted_schema,
)
from workersai.local.engines.llama import LanguageModel
from workersai.local.engines.minilm import SentenceModel
from workersai.local.engines.preflight import missing
from workersai.local.engines.prompting import argument_messages, chat_messages, json_messages
from workersai.local.engines.routing import PlannedCall, plan_calls
from workersai.local.engines.scripting import Script, scripted, thought
from workersai.local.engines.weights import pull
from workersai.local.engines.wordpiece import encode
from workersai.local.engines.words import job_text, last_user_text

__all__ = ["SmolEngine"]

_FITS = 0.2
"""A tool is called if the cosine of the user's text and its description is at least this."""
_LONGEST = 256
"""The default token cap of an answer, because a small model may never stop by itself."""
_JSON_TOKENS = 400
_DEFAULTS = {"temperature": 0}
_SAMPLING = {"repetition_penalty": "repeat_penalty"}


class SmolEngine:
    """Two small models in this process.

    Args:
        gguf: Another chat model's GGUF file, used with its own chat template; None uses
            SmolLM2-135M-Instruct, which is downloaded once.

    Raises:
        EngineUnavailable: A requirement is not met; the message names all unmet ones.
    """

    name = "smol"
    blocking = True

    def __init__(self, gguf: Path | None = None) -> None:
        lacking = missing()
        if lacking:
            unmet = "; ".join(f"{check.name}: {check.detail} ({check.remedy})" for check in lacking)
            raise EngineUnavailable(f"The smol engine cannot run here. {unmet}")
        if gguf is not None and not gguf.is_file():
            raise EngineUnavailable(f"There is no model file {gguf}")
        self._language = LanguageModel(gguf or pull(), own_template=gguf is not None)
        self._sentences = SentenceModel()

    def prompt_tokens(self, job: ChatJob) -> int:
        """Count the WordPiece tokens of the request's text."""
        return sum(len(encode(text, 1 << 30)) for text in job_text(job))

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        """Answer with tool calls, JSON or text, whichever the job asks for."""
        calls = plan_calls(job, self._fitness)
        if calls:
            made = tuple((call.tool.name, self._arguments(call)) for call in calls)
            script = Script(reasoning=thought(job, [name for name, _ in made]), calls=made)
            yield from scripted(job, script, self.prompt_tokens(job))
        elif job.json_mode is not None:
            script = Script(text=self._json(job), reasoning=thought(job, ()))
            yield from scripted(job, script, self.prompt_tokens(job))
        else:
            yield from self._text(job)

    def embed(self, texts: Sequence[str], dimensions: int) -> Embedded:
        """Return vectors by meaning, with zeros added up to the requested length."""
        return self._sentences.embed(texts, dimensions)

    def rerank(self, query: str, contexts: Sequence[str]) -> tuple[float, ...]:
        """Score relevance by meaning."""
        return self._sentences.relevance(query, contexts)

    def close(self) -> None:
        """Stop running answers; the models are freed with their last reference."""
        self._language.close()

    def _fitness(self, text: str, tools: tuple[ToolSpec, ...]) -> Sequence[float]:
        """Score how far each description is above the threshold; a single tool always fits."""
        if len(tools) == 1:
            return [0.0]
        descriptions = [f"{tool.name.replace('_', ' ')}. {tool.description}" for tool in tools]
        return [likeness - _FITS for likeness in self._sentences.likeness(text, descriptions)]

    def _arguments(self, call: PlannedCall) -> str:
        schema = call.tool.parameters
        if not schema.get("properties"):
            return "{}"
        value = self._json_value(argument_messages(call), schema)
        return filled_arguments(call) if value is None else compact(grounded(value, call))

    def _json(self, job: ChatJob) -> str:
        """Return the model's JSON, or a value filled by rule where the model failed."""
        schema = wanted_schema(job)
        value = self._json_value(json_messages(job, schema), schema)
        if value is not None:
            return compact(value)
        text = last_user_text(job)
        return compact({"text": text} if schema is None else meeting(schema, text))

    def _json_value(
        self, messages: list[dict[str, str]], schema: Mapping[str, Any] | None
    ) -> Any | None:
        """Return a JSON value for a schema, or any object without one; None if the model failed."""
        wanted = {"schema": bounded_schema(schema or {"type": "object"})}
        request = {
            "messages": messages,
            "temperature": 0,
            "max_tokens": _JSON_TOKENS,
            "response_format": {"type": "json_schema", "json_schema": wanted},
        }
        try:
            text = self._language.complete(request)["choices"][0]["message"]["content"]
            value = json.loads(text)
        except (EngineFailed, json.JSONDecodeError):
            return None
        try:
            return value if schema is None or meets(schema, value) else None
        except SchemaNotMet:
            return None

    def _text(self, job: ChatJob) -> Iterator[Piece]:
        thinking = Script(reasoning=thought(job, ()))
        *opening, _ = scripted(job, thinking, 0)
        yield from opening
        used = sum(1 for _ in opening)
        left = min(_LONGEST, (job.max_tokens or _LONGEST + used) - used)
        reason: FinishReason = "length"
        if left > 0:
            for chunk in self._language.stream(_request(job, left)):
                yield from _pieces(chunk)
                reason = _reason(chunk) or reason
                used += (chunk.get("usage") or {}).get("completion_tokens", 0)
        yield FinishPiece(reason, self.prompt_tokens(job), used)


def _request(job: ChatJob, max_tokens: int) -> dict[str, Any]:
    """Write the job as llama.cpp's request; without a temperature, answers repeat."""
    sampling = {_SAMPLING.get(key, key): value for key, value in job.sampling.items()}
    request: dict[str, Any] = {**_DEFAULTS, **sampling, "max_tokens": max_tokens}
    if job.raw and job.prompt is not None:
        request["prompt"] = job.prompt
    else:
        request["messages"] = chat_messages(job)
    if job.stop:
        request["stop"] = list(job.stop)
    if job.seed is not None:
        request["seed"] = job.seed
    if job.top_logprobs is not None and "messages" in request:
        request |= {"logprobs": True, "top_logprobs": max(1, job.top_logprobs)}
    return request


def _pieces(chunk: Mapping[str, Any]) -> Iterator[TextPiece]:
    for choice in chunk["choices"]:
        text = choice.get("text") or (choice.get("delta") or {}).get("content")
        if text:
            scored = (choice.get("logprobs") or {}).get("content") or ()
            yield TextPiece(text, logprobs=tuple(map(_logprob, scored)))


def _logprob(item: Mapping[str, Any]) -> TokenLogprob:
    top = tuple((other["token"], other["logprob"]) for other in item["top_logprobs"])
    return TokenLogprob(item["token"], item["logprob"], top)


def _reason(chunk: Mapping[str, Any]) -> FinishReason | None:
    ended = [choice.get("finish_reason") for choice in chunk["choices"]]
    if "stop" in ended:
        return "stop"
    return "length" if "length" in ended else None
