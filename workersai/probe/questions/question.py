"""A question, its rules, and the verdicts that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from workersai.probe.answers import Answer

__all__ = [
    "EVERY_ANSWER",
    "FALSE_TRUE",
    "OPEN",
    "PAGES",
    "REPORTS",
    "TRUE_FALSE",
    "Answers",
    "Condition",
    "Question",
    "Rule",
    "Standing",
    "Verdict",
]

Standing: TypeAlias = Literal["documented", "observed by others", "unknown"]

Verdict: TypeAlias = Literal["yes", "no", "differs", "could not tell"]

Answers: TypeAlias = Mapping[str, Answer]
"""The answers of one model, by the id of the ask."""

Condition: TypeAlias = Callable[[Answers], bool]

EVERY_ANSWER = ("*",)
"""In place of asks: the question is put to every answer of the run."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict, and the condition for it."""

    verdict: Verdict
    condition: Condition


@dataclass(frozen=True, slots=True)
class Question:
    """One open question about a model.

    Attributes:
        id: Its name in reports.
        text: The question, answered by yes or no.
        source: Who documents or reported the behaviour.
        asks: The ids of the asks whose answers it needs.
        rules: In order; the first that fits gives the verdict.
        decides: The field of `ModelProfile` that the verdict sets; `None` if it sets none.
        values: The value of that field, by verdict.
        value: Reads the value from the answers instead, for the verdict `yes`.
        expects: The verdict that the code assumes if no field decides; `None` if any is fine.
        behaviour: How the project handles it.
        standing: The source of the answer before a probe is run.
        standing_of: The same for single models, where it differs.
    """

    id: str
    text: str
    source: str
    asks: tuple[str, ...]
    rules: tuple[Rule, ...]
    decides: str | None = None
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    value: Callable[[Answers], Any] | None = None
    expects: Verdict | None = None
    behaviour: str = ""
    standing: Standing = "unknown"
    standing_of: Mapping[str, Standing] = field(default_factory=lambda: MappingProxyType({}))


TRUE_FALSE = MappingProxyType({"yes": True, "no": False})
FALSE_TRUE = MappingProxyType({"yes": False, "no": True})
"""The values of a field that is a boolean, by verdict."""

PAGES = "model page"
REPORTS = "reports of clients"
OPEN = "no source"
"""Sources of questions."""
