"""Questions about errors, refusals and limits."""

from __future__ import annotations

from workersai.probe.questions.conditions import answered, differs, no, refused, yes
from workersai.probe.questions.question import (
    EVERY_ANSWER,
    OPEN,
    REPORTS,
    Answers,
    Question,
)

__all__ = ["ERRORS"]


def _is_false_success(answers: Answers) -> bool:
    whole = (answer.json for answer in answers.values() if answer.status == 200)
    return any(isinstance(found, dict) and found.get("success") is False for found in whole)


def _is_any_answered(answers: Answers) -> bool:
    return any(answer.is_answered for answer in answers.values())


def _is_limited(answers: Answers) -> bool:
    return any(answer.status == 429 for answer in answers.values())


def _says_when_to_retry(answers: Answers) -> bool:
    return any(
        answer.status == 429 and "retry-after" in answer.headers for answer in answers.values()
    )


def _has_limit_headers(answers: Answers) -> bool:
    return any("ratelimit" in name for answer in answers.values() for name in answer.headers)


ERRORS = (
    Question(
        "error-of-an-unknown-model",
        "Does an unknown model answer with code 5007 or 7000?",
        REPORTS,
        ("unknown-model",),
        (
            yes(lambda answers: answers["unknown-model"].code in (5007, 7000)),
            differs(refused("unknown-model")),
            no(answered("unknown-model")),
        ),
        expects="yes",
        behaviour="NotFoundError",
        standing="observed by others",
    ),
    Question(
        "false-success",
        "Does an answer with status 200 say `success: false`?",
        OPEN,
        EVERY_ANSWER,
        (yes(_is_false_success), no(_is_any_answered)),
        behaviour="it is an error, whatever its status",
    ),
    Question(
        "retry-after",
        "Does a refusal with status 429 say when to come back?",
        OPEN,
        EVERY_ANSWER,
        (yes(_says_when_to_retry), no(_is_limited)),
        behaviour="`Retry-After` is kept to where it comes",
    ),
    Question(
        "limit-headers",
        "Do answers say in headers how much of a limit is left?",
        OPEN,
        EVERY_ANSWER,
        (
            yes(_has_limit_headers),
            no(_is_any_answered),
        ),
        behaviour="such headers are kept in the metadata of answers",
    ),
)  # fmt: skip
