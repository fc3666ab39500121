"""The `upstream` engine: any OpenAI-compatible server answers, in Workers AI's wire format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from workersai.local.engines import lexical
from workersai.local.engines.base import (
    CallPiece,
    ChatJob,
    Embedded,
    EngineFailed,
    EngineUnavailable,
    FinishPiece,
    FinishReason,
    Piece,
    ReasoningPiece,
    TextPiece,
    TokenLogprob,
)
from workersai.local.engines.words import count_tokens, job_text

__all__ = ["UpstreamEngine"]

_SECONDS = 300.0


class UpstreamEngine:
    """Ollama, llama.cpp, vLLM or another server behind Workers AI's URLs and shapes.

    Embeddings come from the server's `/embeddings`, cut or padded to the length of the requested
    model's vectors; relevance is their cosine.

    Args:
        url: Root of the server's OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`.
        model: The model id to request; None requests the first one that the server lists.
        client: The HTTP client to use, for tests and proxies.

    Raises:
        EngineUnavailable: *model* is None and the server lists no model.
    """

    name = "upstream"
    blocking = True

    def __init__(
        self, url: str, model: str | None = None, client: httpx.Client | None = None
    ) -> None:
        self._root = url.rstrip("/")
        self._http = client or httpx.Client(timeout=_SECONDS)
        self._model = model or self._first_model()

    def prompt_tokens(self, job: ChatJob) -> int:
        """Count words and marks: the server's tokenizer is unknown."""
        return count_tokens(job_text(job))

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        """Stream the server's answer."""
        reader = _Reader(self.prompt_tokens(job))
        path = "/completions" if job.raw and job.prompt is not None else "/chat/completions"
        for data in self._stream(path, _request(job, self._model)):
            yield from reader.pieces(data)
        yield from reader.end()

    def embed(self, texts: Sequence[str], dimensions: int) -> Embedded:
        """Return the server's vectors as unit vectors of the requested length."""
        answer = self._post("/embeddings", {"model": self._model, "input": list(texts)})
        rows = sorted(answer["data"], key=lambda row: row["index"])
        tokens = (answer.get("usage") or {}).get("prompt_tokens") or count_tokens(texts)
        return Embedded(tuple(_unit(row["embedding"], dimensions) for row in rows), tokens)

    def rerank(self, query: str, contexts: Sequence[str]) -> tuple[float, ...]:
        """Score by the cosine of the server's vectors, as a number between 0 and 1."""
        asked, *found = self.embed([query, *contexts], 0).vectors
        return tuple(lexical.sigmoid(12 * (lexical.cosine(asked, one) - 0.4)) for one in found)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _first_model(self) -> str:
        try:
            listed = self._http.get(f"{self._root}/models").raise_for_status().json()
            return str(listed["data"][0]["id"])
        except (httpx.HTTPError, LookupError, TypeError, ValueError) as error:
            raise EngineUnavailable(
                f"{self._root}/models lists no model ({type(error).__name__}). "
                "Is the server running? Name its model with --upstream-model."
            ) from error

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self._http.post(f"{self._root}{path}", json=body)
            if response.is_error:
                raise _failure_of(path, response)
            answer: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineFailed(f"upstream {path}: {error}") from error
        return answer

    def _stream(self, path: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            with self._http.stream("POST", f"{self._root}{path}", json=body) as response:
                if response.is_error:
                    raise _failure_of(path, response)
                for line in response.iter_lines():
                    if line.startswith("data:") and line[5:].strip() != "[DONE]":
                        yield json.loads(line[5:])
        except (httpx.HTTPError, ValueError) as error:
            raise EngineFailed(f"upstream {path}: {error}") from error


def _failure_of(path: str, response: httpx.Response) -> EngineFailed:
    text = response.read().decode("utf-8", "replace")[:200]
    return EngineFailed(f"upstream {path}: {response.status_code} {text}")


class _Reader:
    """Converts OpenAI chunks to pieces; tool calls are held until they are complete."""

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._counted = 0
        self._completion_tokens: int | None = None
        self._reason: FinishReason = "stop"
        self._calls: dict[int, dict[str, str]] = {}

    def pieces(self, data: Mapping[str, Any]) -> Iterator[Piece]:
        usage = data.get("usage") or {}
        self._completion_tokens = usage.get("completion_tokens", self._completion_tokens)
        for choice in data.get("choices") or ():
            delta = choice.get("delta") or {}
            if choice.get("finish_reason") in {"stop", "length", "tool_calls"}:
                self._reason = choice["finish_reason"]
            for call in delta.get("tool_calls") or ():
                self._hold(call)
            yield from self._texts(choice, delta)

    def end(self) -> Iterator[Piece]:
        for _, call in sorted(self._calls.items()):
            yield CallPiece(call["name"], call["arguments"] or "{}", call["id"])
            self._counted += 1
        tokens = self._counted if self._completion_tokens is None else self._completion_tokens
        yield FinishPiece(
            "tool_calls" if self._calls else self._reason, self._prompt_tokens, tokens
        )

    def _texts(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> Iterator[Piece]:
        thinking = delta.get("reasoning_content") or delta.get("reasoning")
        if thinking:
            self._counted += 1
            yield ReasoningPiece(str(thinking))
        text = delta.get("content") or choice.get("text")
        if text:
            self._counted += 1
            scored = (choice.get("logprobs") or {}).get("content") or ()
            yield TextPiece(str(text), logprobs=tuple(map(_logprob, scored)))

    def _hold(self, call: Mapping[str, Any]) -> None:
        held = self._calls.setdefault(
            call.get("index") or 0, {"id": "", "name": "", "arguments": ""}
        )
        function = call.get("function") or {}
        held["id"] = held["id"] or str(call.get("id") or "")
        held["name"] = held["name"] or str(function.get("name") or "")
        held["arguments"] += str(function.get("arguments") or "")


def _request(job: ChatJob, model: str) -> dict[str, Any]:
    """Write the job as an OpenAI request, without defaults."""
    request: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        **job.sampling,
    }
    if job.prompt is None:
        request["messages"] = [dict(message) for message in job.messages]
    elif job.raw:
        request["prompt"] = job.prompt
    else:
        request["messages"] = [{"role": "user", "content": job.prompt}]
    optional = {"max_tokens": job.max_tokens, "seed": job.seed, "stop": list(job.stop) or None}
    request |= {key: value for key, value in optional.items() if value is not None}
    if job.top_logprobs is not None:
        request |= {"logprobs": True, "top_logprobs": job.top_logprobs}
    return request | _tools(job) | _response_format(job)


def _tools(job: ChatJob) -> dict[str, Any]:
    if not job.tools:
        return {}
    choice: Any = job.tool_choice
    if job.named_tool is not None:
        choice = {"type": "function", "function": {"name": job.named_tool}}
    functions = [
        {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
        for tool in job.tools
    ]
    tools = [{"type": "function", "function": function} for function in functions]
    one_only = {} if job.parallel else {"parallel_tool_calls": False}
    return {"tools": tools, "tool_choice": choice, **one_only}


def _response_format(job: ChatJob) -> dict[str, Any]:
    if job.json_mode is None:
        return {}
    if job.json_mode.schema is None:
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "answer", "schema": dict(job.json_mode.schema)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _logprob(item: Mapping[str, Any]) -> TokenLogprob:
    top = tuple((other["token"], other["logprob"]) for other in item.get("top_logprobs") or ())
    return TokenLogprob(item["token"], item["logprob"], top)


def _unit(vector: Sequence[float], dimensions: int) -> tuple[float, ...]:
    """Return a unit vector of this length (of its own length for 0)."""
    kept = list(vector[:dimensions]) if dimensions else list(vector)
    length = sum(value * value for value in kept) ** 0.5 or 1.0
    return (*(value / length for value in kept), *([0.0] * (dimensions - len(kept))))
