"""The `echo` engine: deterministic answers, made from the request by rules.

Text answers restate the request, or the tool results at its end. A tool is called when its name
and description share words with the last user message; its arguments, like JSON answers, are
filled with values found in that text. Vectors come from hashed words, so texts with shared words
are similar. The engine shows the wire format, not intelligence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workersai.local.engines import lexical
from workersai.local.engines.base import ChatJob, Embedded, Piece
from workersai.local.engines.jsonmode import compact, filled_arguments, meeting, wanted_schema
from workersai.local.engines.routing import plan_calls
from workersai.local.engines.scripting import Script, scripted, thought
from workersai.local.engines.words import (
    count_tokens,
    job_text,
    last_user_text,
    trailing_tool_results,
)

__all__ = ["EchoEngine"]


class EchoEngine:
    """An engine that answers by rules, without a model."""

    name = "echo"
    blocking = False

    def prompt_tokens(self, job: ChatJob) -> int:
        """Count the words and marks of the request."""
        return count_tokens(job_text(job))

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        """Answer with tool calls, JSON or a restatement, whichever the job asks for."""
        calls = plan_calls(job)
        script = Script(
            text="" if calls else _answer(job),
            reasoning=thought(job, [call.tool.name for call in calls]),
            calls=tuple((call.tool.name, filled_arguments(call)) for call in calls),
        )
        return scripted(job, script, self.prompt_tokens(job))

    def embed(self, texts: Sequence[str], dimensions: int) -> Embedded:
        """Return unit vectors of hashed words and letter groups."""
        vectors = tuple(lexical.vector(text, dimensions) for text in texts)
        return Embedded(vectors, count_tokens(texts))

    def rerank(self, query: str, contexts: Sequence[str]) -> tuple[float, ...]:
        """Score how much of the query each context has, by a sigmoid of the lexical cosine."""
        return lexical.relevance(query, contexts)

    def close(self) -> None:
        """Do nothing: this engine has no resources."""


def _answer(job: ChatJob) -> str:
    results = trailing_tool_results(job)
    if job.json_mode is not None:
        return compact(_json_answer(job, "\n".join(content for _, content in results)))
    if results:
        return "\n".join(f"{name} answered: {content}" for name, content in results)
    text = last_user_text(job)
    return text if job.raw else f"You said: {text}"


def _json_answer(job: ChatJob, found: str) -> Any:
    text = found or last_user_text(job)
    schema = wanted_schema(job)
    return {"text": text} if schema is None else meeting(schema, text)
