"""Questions about the messages that a conversation may contain."""

from __future__ import annotations

from workersai.probe.questions.conditions import taken
from workersai.probe.questions.question import (
    FALSE_TRUE,
    REPORTS,
    Question,
)

__all__ = ["MESSAGES"]


MESSAGES = (
    Question(
        "list-content",
        "May the content of a message be a list of text parts?",
        f"{REPORTS}: refused by several models",
        ("parts",),
        taken("parts"),
        decides="text_only_content",
        values=FALSE_TRUE,
        behaviour="parts that are all text are joined; others are refused where text is needed",
        standing="documented",
    ),
    Question(
        "null-content",
        "May the content of a message with tool calls be null, natively?",
        f"{REPORTS}: refused by some models",
        ("null-content",),
        taken("null-content"),
        behaviour="an empty text is sent",
    ),
    Question(
        "null-content-on-v1",
        "May the content of a message with tool calls be null, on /ai/v1?",
        f"{REPORTS}: refused by some models",
        ("null-content-v1",),
        taken("null-content-v1"),
        behaviour="an empty text is sent",
    ),
    Question(
        "late-system-message",
        "May a system message come after the first message?",
        "templates of Gemma 3 in vLLM refuse it",
        ("late-system",),
        taken("late-system"),
        decides="one_system_message",
        values=FALSE_TRUE,
        behaviour="`repair_history` joins system messages where it may not",
    ),
    Question(
        "two-users-in-a-row",
        "May two messages of the user follow each other?",
        "templates of Gemma 3 in vLLM refuse it",
        ("two-users",),
        taken("two-users"),
        decides="alternating_roles",
        values=FALSE_TRUE,
        behaviour="`repair_history` joins them where they may not",
    ),
)  # fmt: skip
