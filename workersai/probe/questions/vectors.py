"""Questions about embeddings."""

from __future__ import annotations

from workersai.probe.questions.conditions import raw, seen, taken
from workersai.probe.questions.question import (
    OPEN,
    REPORTS,
    Answers,
    Question,
)

__all__ = ["VECTORS"]


def _vector_length(answers: Answers, ask: str) -> int:
    return len(answers[ask].json["data"][0]["embedding"])


def _has_length(answers: Answers, length: int) -> bool:
    try:
        return _vector_length(answers, "vectors-short-v1") == length
    except (KeyError, IndexError, TypeError):
        return False


VECTORS = (
    Question(
        "vectors-usage-on-v1",
        "Does /ai/v1 say how many tokens a request for vectors had?",
        OPEN,
        ("vectors-v1",),
        seen(raw("vectors-v1", lambda found: found["usage"]["prompt_tokens"]), "vectors-v1"),
        behaviour="the usage is read where it comes",
    ),
    Question(
        "vectors-in-base64",
        "Does /ai/v1 send vectors in base64 where that is asked for?",
        OPEN,
        ("vectors-base64-v1",),
        seen(
            raw("vectors-base64-v1", lambda found: isinstance(found["data"][0]["embedding"], str)),
            "vectors-base64-v1",
        ),
        behaviour="numbers are asked for, and both are read",
    ),
    Question(
        "vectors-of-another-length",
        "Does /ai/v1 keep to `dimensions`?",
        OPEN,
        ("vectors-short-v1",),
        seen(lambda answers: _has_length(answers, 64), "vectors-short-v1"),
        behaviour="a vector of another length than was asked for is an error",
    ),
    Question(
        "vectors-of-newlines",
        "May a text be newlines alone?",
        f"{REPORTS}: bge-m3 refuses it",
        ("vectors-of-newlines",),
        taken("vectors-of-newlines"),
        behaviour="blank texts are refused before they are sent",
        standing="observed by others",
    ),
)  # fmt: skip
