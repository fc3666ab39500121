"""Questions about the Batch API."""

from __future__ import annotations

from workersai.probe.questions.conditions import answered, differs, no, refused, yes
from workersai.probe.questions.question import (
    PAGES,
    TRUE_FALSE,
    Answers,
    Question,
)

__all__ = ["BATCHES"]


def _has_request_id(answers: Answers) -> bool:
    found = answers["batch"].json
    result = found.get("result", found) if isinstance(found, dict) else None
    return isinstance(result, dict) and bool(result.get("request_id"))


def _has_batch_answer(answers: Answers) -> bool:
    found = answers["batch-result"].json
    result = found.get("result", found) if isinstance(found, dict) else None
    return isinstance(result, dict) and bool(result.get("responses"))


BATCHES = (
    Question(
        "batch",
        "Does the model take requests by the queue?",
        f"schemas of the {PAGES}s list `requests`; the catalogue does not",
        ("batch",),
        (yes(_has_request_id), no(refused("batch")), differs(answered("batch"))),
        decides="batch",
        values=TRUE_FALSE,
        behaviour="batches are refused before they are sent where it does not",
    ),
    Question(
        "batch-result",
        "Does a batch give its answers under `responses`?",
        "documentation of the Batch API",
        ("batch-result",),
        (yes(_has_batch_answer), no(refused("batch-result"))),
        expects="yes",
        behaviour="answers are read from there",
        standing="documented",
    ),
)  # fmt: skip
