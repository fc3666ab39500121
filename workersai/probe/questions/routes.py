"""Questions about routes and streams: who answers, and in which shape."""

from __future__ import annotations

from workersai.probe.asks import SEED_MODELS
from workersai.probe.questions.conditions import (
    answered,
    differs,
    has_usage,
    no,
    raw,
    refused,
    says_something,
    seen,
    streams,
    yes,
)
from workersai.probe.questions.question import (
    PAGES,
    REPORTS,
    Answers,
    Question,
)

__all__ = ["ROUTES"]

GRANITE, GLM, SEA_LION = SEED_MODELS


def _has_native_tail(answers: Answers) -> bool:
    events = [event for event in answers["hello-stream"].events if isinstance(event, dict)]
    return any("choices" in event for event in events) and any(
        "response" in event and "choices" not in event for event in events
    )


ROUTES = (
    Question(
        "native-answer",
        "Does the native route answer a conversation?",
        PAGES,
        ("hello",),
        (yes(says_something("hello")), no(refused("hello")), differs(answered("hello"))),
        expects="yes",
        behaviour="the default route of every class",
        standing="documented",
    ),
    Question(
        "native-shape",
        "Does a native answer hold a chat completion in `result`?",
        f"{REPORTS}; the pages describe `response`",
        ("hello",),
        (
            yes(raw("hello", lambda found: found["result"]["choices"])),
            differs(raw("hello", lambda found: "response" in found["result"])),
            no(answered("hello")),
        ),
        behaviour="both shapes are read",
    ),
    Question(
        "native-stream",
        "Does the native route stream?",
        f"{PAGES}; no report for sea-lion",
        ("hello-stream",),
        seen(streams("hello-stream"), "hello-stream"),
        expects="yes",
        behaviour="a plain answer to a request for a stream is read as well",
        standing="documented",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "native-tail",
        "Does a native stream of chunks bring a native chunk as well?",
        f"{REPORTS} of other models",
        ("hello-stream",),
        seen(_has_native_tail, "hello-stream"),
        behaviour="such a chunk adds no text",
    ),
    Question(
        "native-stream-usage",
        "Does a native stream carry its usage unasked?",
        f"{REPORTS} of other models",
        ("hello-stream",),
        seen(has_usage("hello-stream"), "hello-stream"),
        expects="yes",
        behaviour="`include_usage` is asked for on /ai/v1 alone",
    ),
    Question(
        "stream-ends-with-done",
        "Do both streams end with `[DONE]`?",
        REPORTS,
        ("hello-stream", "hello-v1-stream"),
        (
            yes(lambda answers: all(answers[ask].ends_with_done for ask in answers)),
            no(answered("hello-stream", "hello-v1-stream")),
        ),
        behaviour="a finish reason ends a stream, too",
        standing="observed by others",
    ),
    Question(
        "v1-answer",
        "Does /ai/v1 answer a conversation?",
        "documentation of the OpenAI-compatible endpoints",
        ("hello-v1",),
        (yes(says_something("hello-v1")), no(refused("hello-v1")),
         differs(answered("hello-v1"))),
        expects="yes",
        behaviour='the route of endpoint="openai"',
        standing="documented",
    ),
    Question(
        "v1-stream",
        "Does /ai/v1 stream?",
        "documentation of the OpenAI-compatible endpoints",
        ("hello-v1-stream",),
        seen(streams("hello-v1-stream"), "hello-v1-stream"),
        expects="yes",
        behaviour='the route of endpoint="openai"',
        standing="documented",
    ),
    Question(
        "v1-stream-usage",
        "Does /ai/v1 send the usage of a stream where `include_usage` asks for it?",
        REPORTS,
        ("usage-v1-stream",),
        seen(has_usage("usage-v1-stream"), "usage-v1-stream"),
        expects="yes",
        behaviour="faces ask for it by default",
        standing="observed by others",
    ),
    Question(
        "prompt",
        "Does the native route continue a bare prompt?",
        PAGES,
        ("prompt",),
        (yes(says_something("prompt")), no(refused("prompt")), differs(answered("prompt"))),
        expects="yes",
        behaviour="the completion classes send prompts",
        standing="documented",
    ),
)  # fmt: skip
