"""Questions about reranking."""

from __future__ import annotations

from typing import Any

from workersai.probe.questions.conditions import seen
from workersai.probe.questions.question import (
    REPORTS,
    Answers,
    Question,
)

__all__ = ["RANKINGS"]


def _scores(answers: Answers) -> list[Any]:
    found = answers["ranking"].json
    listed = found["result"]["response"] if isinstance(found, dict) else []
    return [entry["score"] for entry in listed]


def _lies_in_unit_interval(answers: Answers) -> bool:
    try:
        scores = _scores(answers)
    except (KeyError, TypeError):
        return False
    return bool(scores) and all(0 <= score <= 1 for score in scores)


RANKINGS = (
    Question(
        "scores-in-the-unit-interval",
        "Do scores lie between 0 and 1?",
        REPORTS,
        ("ranking",),
        seen(_lies_in_unit_interval, "ranking"),
        expects="yes",
        behaviour="scores are handed on as they come",
        standing="observed by others",
    ),
)  # fmt: skip
