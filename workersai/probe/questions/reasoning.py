"""Questions about reasoning in answers."""

from __future__ import annotations

from workersai.probe.questions.conditions import (
    has_think_tag,
    no,
    says_something,
    seen,
    thinks,
    yes,
)
from workersai.probe.questions.question import (
    PAGES,
    REPORTS,
    TRUE_FALSE,
    Question,
)

__all__ = ["REASONING"]


REASONING = (
    Question(
        "reasoning",
        "Does the model answer with its reasoning in a field of its own?",
        PAGES,
        ("hello",),
        seen(thinks("hello"), "hello"),
        decides="reasoning",
        values=TRUE_FALSE,
        behaviour="the profile that frameworks show",
        standing="documented",
    ),
    Question(
        "think-tags",
        "Does the text of an answer hold reasoning between think tags?",
        f"{REPORTS} of other models",
        ("hello",),
        (yes(has_think_tag("hello")), no(says_something("hello"))),
        decides="think_tags",
        values=TRUE_FALSE,
        behaviour="the default of `think_tags`",
    ),
)  # fmt: skip
