"""The questions of a probe, as data: how to read them from answers, and what they decide.

A rule is a verdict and a condition on answers; the first rule whose condition holds gives the
verdict. Each question names its source: who documents or reported the behaviour.
"""

from __future__ import annotations

from workersai.probe.questions.batches import BATCHES
from workersai.probe.questions.errors import ERRORS
from workersai.probe.questions.messages import MESSAGES
from workersai.probe.questions.parameters import PARAMETERS
from workersai.probe.questions.question import (
    EVERY_ANSWER,
    Answers,
    Question,
    Rule,
    Standing,
    Verdict,
)
from workersai.probe.questions.rankings import RANKINGS
from workersai.probe.questions.reasoning import REASONING
from workersai.probe.questions.routes import ROUTES
from workersai.probe.questions.schemas import SCHEMAS
from workersai.probe.questions.tools import TOOLS
from workersai.probe.questions.vectors import VECTORS

__all__ = ["EVERY_ANSWER", "QUESTIONS", "Answers", "Question", "Rule", "Standing", "Verdict"]

QUESTIONS: tuple[Question, ...] = (
    *ROUTES,
    *REASONING,
    *TOOLS,
    *SCHEMAS,
    *MESSAGES,
    *PARAMETERS,
    *BATCHES,
    *ERRORS,
    *VECTORS,
    *RANKINGS,
)
"""All questions, in the order of a report."""
