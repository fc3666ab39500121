"""Questions about the parameters of text generation."""

from __future__ import annotations

from types import MappingProxyType

from workersai.probe.answers import Answer
from workersai.probe.asks import SEED_MODELS
from workersai.probe.questions.conditions import (
    answered,
    every,
    fails,
    no,
    raw,
    refused,
    says_something,
    seen,
    thinks,
    yes,
)
from workersai.probe.questions.question import (
    PAGES,
    REPORTS,
    Answers,
    Condition,
    Question,
)

__all__ = ["PARAMETERS"]

GRANITE, GLM, SEA_LION = SEED_MODELS

_REPORTED_CAP = 256


def _finish(answer: Answer) -> str | None:
    return answer.choice.finish_reason if answer.choice else None


def _written(answer: Answer) -> int | None:
    usage = getattr(answer.reading, "usage", None)
    return usage.completion_tokens if usage else None


def _is_cut(ask: str) -> Condition:
    return lambda answers: _finish(answers[ask]) == "length"


def _cap_of_v1(answers: Answers) -> int | None:
    return _written(answers["no-cap-v1"])


def _stops_before_five(answers: Answers) -> bool:
    choice = answers["stop"].choice
    return choice is not None and "4" in choice.text and "5" not in choice.text


def _goes_past_five(answers: Answers) -> bool:
    choice = answers["stop"].choice
    return choice is not None and "6" in choice.text


def _is_long(answers: Answers) -> bool:
    """Return whether an answer is longer than the reported cap."""
    return (_cap_of_v1(answers) or 0) > _REPORTED_CAP


PARAMETERS = (
    Question(
        "max-tokens",
        "Is `max_tokens` kept to, natively?",
        f"{REPORTS}: doubted for glm-4.7-flash",
        ("cap",),
        (yes(_is_cut("cap")), no(answered("cap")), no(refused("cap"))),
        expects="yes",
        behaviour="it is sent as the user sets it",
        standing="documented",
    ),
    Question(
        "cap-of-v1",
        "Does /ai/v1 cut an answer whose request names no cap?",
        f"{REPORTS} of other models: after 256 tokens",
        ("no-cap-v1",),
        (
            yes(every(_is_cut("no-cap-v1"), lambda answers: bool(_cap_of_v1(answers)))),
            no(every(fails(_is_cut("no-cap-v1")), _is_long)),
        ),
        decides="openai_token_cap",
        values=MappingProxyType({"no": None}),
        value=_cap_of_v1,
        behaviour="the default of the model's page is sent where it does",
    ),
    Question(
        "stop",
        "Is `stop` kept to?",
        "not on the pages of granite and sea-lion",
        ("stop",),
        (yes(_stops_before_five), no(_goes_past_five), no(refused("stop"))),
        behaviour="it is sent as the user sets it",
        standing_of={GLM: "documented"},
    ),
    Question(
        "n",
        "Does /ai/v1 give several answers for `n`?",
        "not on the pages of granite and sea-lion",
        ("n-v1",),
        seen(raw("n-v1", lambda found: len(found["choices"]) == 2), "n-v1"),
        behaviour="it is sent as the user sets it",
        standing_of={GLM: "documented"},
    ),
    Question(
        "logprobs",
        "Does /ai/v1 give log probabilities?",
        "not on the pages of granite and sea-lion",
        ("logprobs-v1",),
        seen(
            raw("logprobs-v1", lambda found: found["choices"][0]["logprobs"]["content"]),
            "logprobs-v1",
        ),
        behaviour="they are read where they come",
        standing_of={GLM: "documented"},
    ),
    Question(
        "thinking-off",
        "Does `enable_thinking: false` stop the reasoning, natively?",
        f"{PAGES}, newer schema",
        ("thinking-off",),
        (no(thinks("thinking-off")), yes(says_something("thinking-off")),
         no(refused("thinking-off"))),
        behaviour="it is sent as the user sets it",
        standing="documented",
    ),
    Question(
        "thinking-off-on-v1",
        "Does `enable_thinking: false` stop the reasoning, on /ai/v1?",
        f"{REPORTS} of other models",
        ("thinking-off-v1",),
        (no(thinks("thinking-off-v1")), yes(says_something("thinking-off-v1")),
         no(refused("thinking-off-v1"))),
        behaviour="it is sent as the user sets it",
    ),
)  # fmt: skip
