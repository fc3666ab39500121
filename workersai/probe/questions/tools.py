"""Questions about tools: definitions, choices and calls."""

from __future__ import annotations

from workersai.probe.asks import SEED_MODELS
from workersai.probe.questions.conditions import (
    answered,
    calls,
    differs,
    no,
    refused,
    taken,
    writes_call,
    yes,
)
from workersai.probe.questions.question import (
    OPEN,
    PAGES,
    REPORTS,
    TRUE_FALSE,
    Question,
)

__all__ = ["TOOLS"]

GRANITE, GLM, SEA_LION = SEED_MODELS


TOOLS = (
    Question(
        "tools",
        "Does the model call a tool?",
        f"{PAGES} and catalogue; none for sea-lion",
        ("tool",),
        (yes(calls("tool")), differs(writes_call("tool")), no(answered("tool")),
         no(refused("tool"))),
        decides="function_calling",
        values=TRUE_FALSE,
        behaviour="agents of LlamaIndex, and the structured-output method",
        standing="documented",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "tools-in-a-stream",
        "Does the model call a tool in a stream?",
        REPORTS,
        ("tool-stream",),
        (yes(calls("tool-stream")), differs(writes_call("tool-stream")),
         no(answered("tool-stream")), no(refused("tool-stream"))),
        expects="yes",
        behaviour="calls are put together from fragments of every known form",
        standing="observed by others",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "tools-on-v1",
        "Does the model call a tool on /ai/v1?",
        REPORTS,
        ("tool-v1",),
        (yes(calls("tool-v1")), differs(writes_call("tool-v1")), no(answered("tool-v1")),
         no(refused("tool-v1"))),
        expects="yes",
        behaviour='tools with endpoint="openai"',
        standing="observed by others",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "tool-choice-named",
        "Is a tool called because `tool_choice` names it?",
        "page of glm-4.7-flash; the other pages do not list it",
        ("tool-named",),
        (yes(calls("tool-named")), no(answered("tool-named")), no(refused("tool-named"))),
        decides="forces_tools",
        values=TRUE_FALSE,
        behaviour="structured output by a forced tool",
        standing_of={GLM: "documented"},
    ),
    Question(
        "tool-choice-required",
        "Is a tool called because `tool_choice` is `required`?",
        f"{REPORTS}: advisory on several models",
        ("tool-required",),
        (yes(calls("tool-required")), no(answered("tool-required")),
         no(refused("tool-required"))),
        behaviour="a single tool is forced by its name",
    ),
    Question(
        "tool-choice-none",
        "Is no tool called because `tool_choice` is `none`?",
        OPEN,
        ("tool-none",),
        (no(calls("tool-none")), yes(answered("tool-none")), no(refused("tool-none"))),
        behaviour="it is sent as the user sets it",
    ),
    Question(
        "flat-tools",
        "Is the flat form of a tool taken?",
        f"{REPORTS}: granite refuses it with 8001",
        ("tool-flat",),
        taken("tool-flat"),
        behaviour="tools are always sent in the nested form",
        standing_of={GRANITE: "observed by others"},
    ),
    Question(
        "described-properties",
        "Must each property of a tool have a type and a description?",
        f"schemas of the {PAGES}s require both",
        ("tool-undescribed",),
        (yes(refused("tool-undescribed")), no(answered("tool-undescribed"))),
        decides="describes_properties",
        values=TRUE_FALSE,
        behaviour="empty descriptions are added where they are required",
    ),
    Question(
        "strict-tools",
        "Is `strict` in a tool taken?",
        OPEN,
        ("tool-strict",),
        taken("tool-strict"),
        expects="yes",
        behaviour="it is sent as the user sets it",
    ),
)  # fmt: skip
