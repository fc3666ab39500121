"""Split a finished answer into the pieces of a stream, cut by stop and max_tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workersai.local.engines.base import (
    CallPiece,
    ChatJob,
    FinishPiece,
    FinishReason,
    Piece,
    ReasoningPiece,
    TextPiece,
    TokenLogprob,
)
from workersai.local.engines.words import (
    count_tokens,
    tokens_of,
    trailing_tool_results,
)

__all__ = ["Script", "cut_at_stop", "scripted", "thought"]

_CHOSEN = -0.05
_STEP = -2.5
"""Log probabilities of a rule's tokens, and of the alternatives, which are far less likely."""


@dataclass(frozen=True)
class Script:
    """A whole answer: reasoning, then text, then calls as (name, arguments as JSON text)."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()


def scripted(job: ChatJob, script: Script, prompt_tokens: int) -> Iterator[Piece]:
    """Yield an answer token by token, up to the job's token cap."""
    pieces = list(_pieces(job, script))
    allowed = _within(pieces, job.max_tokens)
    yield from allowed
    used = sum(piece.tokens for piece in allowed)
    reason: FinishReason = "tool_calls" if script.calls else "stop"
    if len(allowed) < len(pieces):
        used, reason = job.max_tokens or used, "length"
    yield FinishPiece(reason, prompt_tokens, used)


def _pieces(job: ChatJob, script: Script) -> Iterator[ReasoningPiece | TextPiece | CallPiece]:
    for token in tokens_of(script.reasoning):
        yield ReasoningPiece(token)
    tokens = tokens_of(cut_at_stop(script.text, job.stop))
    for token in tokens:
        yield TextPiece(token, logprobs=_logprobs(token, tokens, job.top_logprobs))
    for name, arguments in script.calls:
        yield CallPiece(name, arguments, tokens=count_tokens((name, arguments)))


def _within(
    pieces: list[ReasoningPiece | TextPiece | CallPiece], budget: int | None
) -> list[ReasoningPiece | TextPiece | CallPiece]:
    if budget is None:
        return pieces
    totals = itertools.accumulate(piece.tokens for piece in pieces)
    return [piece for piece, total in zip(pieces, totals, strict=True) if total <= budget]


def cut_at_stop(text: str, stop: tuple[str, ...]) -> str:
    """Return the text before the first stop sequence."""
    ends = [text.find(sequence) for sequence in stop if sequence and sequence in text]
    return text[: min(ends)] if ends else text


def _logprobs(token: str, others: list[str], top: int | None) -> tuple[TokenLogprob, ...]:
    if top is None:
        return ()
    ranked = list(dict.fromkeys((token, *others)))[:top]
    scored = tuple((text, _CHOSEN + _STEP * place) for place, text in enumerate(ranked))
    return (TokenLogprob(token, _CHOSEN, scored),)


def thought(job: ChatJob, tools: Sequence[str]) -> str:
    """Return the reasoning text of a reasoning model, which says which rule will answer."""
    if not job.reasoning:
        return ""
    if tools:
        return f"This needs {' and '.join(tools)}."
    if trailing_tool_results(job):
        return "The tools have answered, so I can say what they found."
    return "This request needs no tool, so I can answer it at once."
