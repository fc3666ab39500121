"""Questions about JSON schemas for answers."""

from __future__ import annotations

from workersai.probe.asks import SEED_MODELS
from workersai.probe.questions.conditions import (
    answered,
    any_refused,
    calls,
    gives_place,
    no,
    raw,
    refused,
    seen,
    yes,
)
from workersai.probe.questions.question import (
    PAGES,
    REPORTS,
    TRUE_FALSE,
    Question,
)

__all__ = ["SCHEMAS"]

GRANITE, GLM, SEA_LION = SEED_MODELS


SCHEMAS = (
    Question(
        "json-schema",
        "Does the native route hold an answer to a JSON schema?",
        "a public sweep of the native endpoint, 2026-08",
        ("schema-bare", "schema-named"),
        seen(gives_place("schema-bare", "schema-named"), "schema-bare"),
        decides="structured_output",
        values=TRUE_FALSE,
        behaviour="the structured-output method",
        standing="observed by others",
    ),
    Question(
        "schema-envelope",
        "Must a JSON schema stand in an envelope with a name?",
        f"schemas of the {PAGES}s differ",
        ("schema-bare", "schema-named"),
        (
            no(gives_place("schema-bare")),
            yes(gives_place("schema-named")),
        ),
        decides="schema_envelope",
        values=TRUE_FALSE,
        behaviour="the form in which a schema is sent natively",
        standing="documented",
    ),
    Question(
        "schema-in-a-stream",
        "Does a stream hold to a JSON schema?",
        f"{REPORTS}: others refuse it with 5023",
        ("schema-bare-stream", "schema-named-stream"),
        (
            yes(gives_place("schema-bare-stream", "schema-named-stream")),
            no(any_refused("schema-bare-stream", "schema-named-stream")),
            no(answered("schema-bare-stream", "schema-named-stream")),
        ),
        decides="streams_json_schema",
        values=TRUE_FALSE,
        behaviour="such a request is sent plainly where a stream refuses it",
    ),
    Question(
        "schema-on-v1",
        "Does /ai/v1 hold an answer to a JSON schema?",
        REPORTS,
        ("schema-v1",),
        seen(gives_place("schema-v1"), "schema-v1"),
        expects="yes",
        behaviour='structured output with endpoint="openai"',
        standing="observed by others",
    ),
    Question(
        "schema-parsed",
        "Does a JSON answer come parsed, as an object?",
        f"{REPORTS} of sea-lion",
        ("schema-bare", "schema-named"),
        (
            yes(raw("schema-bare", lambda found: isinstance(found["result"]["response"], dict))),
            yes(raw("schema-named", lambda found: isinstance(found["result"]["response"], dict))),
            no(gives_place("schema-bare", "schema-named")),
        ),
        behaviour="objects and texts are read",
        standing_of={SEA_LION: "observed by others"},
    ),
    Question(
        "tools-beside-a-schema",
        "Does the model call a tool where the request holds a JSON schema as well?",
        "vLLM and SGLang hold the whole answer to the schema",
        ("schema-and-tools",),
        (
            yes(calls("schema-and-tools")),
            no(answered("schema-and-tools")),
            no(refused("schema-and-tools")),
        ),
        decides="schema_beside_tools",
        values=TRUE_FALSE,
        behaviour="the strategy of agents that answer in a schema",
    ),
)  # fmt: skip
