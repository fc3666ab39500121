"""Write a finished answer as the JSON body that the model would send."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workersai.local.api.identity import new_call_id, new_hex, now
from workersai.local.api.jobs import ChatRequest
from workersai.local.api.models import LocalModel, neurons
from workersai.local.engines.base import (
    CallPiece,
    Embedded,
    FinishPiece,
    FinishReason,
    Piece,
    ReasoningPiece,
    TextPiece,
    TokenLogprob,
)

__all__ = [
    "Answer",
    "answer_body",
    "collected",
    "embedding_result",
    "head_of",
    "logprobs_of",
    "openai_embeddings",
    "parsed_or_text",
    "rerank_result",
    "usage_of",
    "wrapped",
]


@dataclass(frozen=True)
class Answer:
    """One whole choice."""

    text: str
    reasoning: str
    calls: tuple[CallPiece, ...]
    logprobs: tuple[TokenLogprob, ...]
    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


def collected(pieces: Iterable[Piece]) -> Answer:
    """Join all pieces of one answer."""
    parts = list(pieces)
    texts = [piece for piece in parts if isinstance(piece, TextPiece)]
    finish = next(piece for piece in parts if isinstance(piece, FinishPiece))
    return Answer(
        text="".join(piece.text for piece in texts),
        reasoning="".join(piece.text for piece in parts if isinstance(piece, ReasoningPiece)),
        calls=tuple(piece for piece in parts if isinstance(piece, CallPiece)),
        logprobs=tuple(item for piece in texts for item in piece.logprobs),
        reason=finish.reason,
        prompt_tokens=finish.prompt_tokens,
        completion_tokens=finish.completion_tokens,
    )


def wrapped(result: Any) -> dict[str, Any]:
    """Put a result into Cloudflare's envelope."""
    return {"result": result, "success": True, "errors": [], "messages": []}


def usage_of(model: LocalModel, prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """Write token counts and, if the model's price is public, its neurons."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    cost = neurons(model, prompt_tokens, completion_tokens)
    return usage if cost is None else {**usage, "neurons": cost}


def answer_body(request: ChatRequest, answers: Sequence[Answer]) -> dict[str, Any]:
    """Write the body of a plain answer: in an envelope natively, bare on `/ai/v1`."""
    usage = usage_of(
        request.model,
        answers[0].prompt_tokens,
        sum(answer.completion_tokens for answer in answers),
    )
    if request.endpoint == "openai":
        return _chat_completion(request, answers, usage)
    if request.classic or _answers_object(request, answers[0]):
        return wrapped(_classic(request, answers[0], usage))
    shape = _text_completion if request.completes_prompt else _chat_completion
    return wrapped(shape(request, answers, usage))


def head_of(request: ChatRequest, kind: str) -> dict[str, Any]:
    """Return the first fields of every OpenAI-shaped object."""
    return {
        "id": f"chatcmpl-{new_hex()}",
        "object": kind,
        "created": now(),
        "model": request.model.name,
    }


def logprobs_of(request: ChatRequest, items: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """Write log probabilities in OpenAI's shape; None if the request did not ask for them."""
    if request.job.top_logprobs is None:
        return None
    return {
        "content": [
            {
                **_logprob_entry(item.token, item.logprob),
                "top_logprobs": [_logprob_entry(token, logprob) for token, logprob in item.top],
            }
            for item in items
        ],
        "refusal": None,
    }


def _logprob_entry(token: str, logprob: float) -> dict[str, Any]:
    data = list(token.encode("utf-8", "surrogatepass"))
    return {"token": token, "logprob": logprob, "bytes": data}


def _answers_object(request: ChatRequest, answer: Answer) -> bool:
    """Return whether this JSON answer is sent parsed, in `response`, for any model shape."""
    mode = request.job.json_mode
    wanted = mode is not None and mode.schema is not None
    return wanted and request.model.parses_json and not answer.calls


def _classic(request: ChatRequest, answer: Answer, usage: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {"name": call.name, "arguments": parsed_or_text(call.arguments)} for call in answer.calls
    ]
    response: Any = None if calls else answer.text
    if _answers_object(request, answer):
        response = parsed_or_text(answer.text)
    return {"response": response, "tool_calls": calls, "usage": usage}


def parsed_or_text(text: str) -> Any:
    """Read a text as JSON; a text that is cut short or broken stays text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _chat_completion(
    request: ChatRequest, answers: Sequence[Answer], usage: dict[str, Any]
) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "message": _message(request, answer),
            "finish_reason": answer.reason,
            "stop_reason": None,
            "logprobs": logprobs_of(request, answer.logprobs),
        }
        for index, answer in enumerate(answers)
    ]
    return {**head_of(request, "chat.completion"), "choices": choices, "usage": usage}


def _message(request: ChatRequest, answer: Answer) -> dict[str, Any]:
    content = answer.text or (None if request.model.profile.reasoning else "")
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if request.model.profile.reasoning:
        reasoning = answer.reasoning or None
        message |= {"reasoning": reasoning, "reasoning_content": reasoning}
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": call.id or new_call_id(),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.calls
        ]
    return message


def _text_completion(
    request: ChatRequest, answers: Sequence[Answer], usage: dict[str, Any]
) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "text": answer.text,
            "finish_reason": answer.reason,
            "stop_reason": None,
            "logprobs": None,
            "prompt_logprobs": None,
        }
        for index, answer in enumerate(answers)
    ]
    return {**head_of(request, "text_completion"), "choices": choices, "usage": usage}


def embedding_result(model: LocalModel, embedded: Embedded, pooling: str | None) -> dict[str, Any]:
    """Write the native result of an embedding model, with its known extra fields."""
    shape = [len(embedded.vectors), model.dimensions]
    result: dict[str, Any] = {"shape": shape, "data": [list(row) for row in embedded.vectors]}
    if pooling is not None:
        result["pooling"] = pooling
    if model.schema == "bge-m3":
        cost = {"cost_metric_name_1": "input_tokens", "cost_metric_value_1": embedded.tokens}
        return {
            **result,
            "response": None,
            "meta": {**cost, "neurons": neurons(model, embedded.tokens)},
        }
    if model.schema == "embeddinggemma":
        return result
    return {**result, "usage": _read(model, embedded.tokens)}


def _read(model: LocalModel, tokens: int) -> dict[str, Any]:
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    cost = neurons(model, tokens)
    return usage if cost is None else {**usage, "neurons": cost}


def openai_embeddings(model: LocalModel, embedded: Embedded, *, as_base64: bool) -> dict[str, Any]:
    """Write the body of `/ai/v1/embeddings`; base64 contains little-endian 32-bit floats."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(vector) if as_base64 else list(vector),
        }
        for index, vector in enumerate(embedded.vectors)
    ]
    usage = {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens}
    return {"object": "list", "data": data, "model": model.name, "usage": usage}


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def rerank_result(
    model: LocalModel, scores: Sequence[float], top_k: int | None, tokens: int
) -> dict[str, Any]:
    """Write the scores with the index of their context, best first."""
    ranked = sorted(enumerate(scores), key=lambda pair: -pair[1])[:top_k]
    response = [{"id": place, "score": round(score, 6)} for place, score in ranked]
    return {"response": response, "usage": _read(model, tokens)}
