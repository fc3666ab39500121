"""The questions of a probe, as data: how to read them from answers, and what they decide.

A rule is a verdict and a condition on answers; the first rule whose condition holds gives the
verdict. Each question names its source: who documents or reported the behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic_core import from_json

from workersai.integration import json_text
from workersai.probe.answers import Answer
from workersai.probe.asks import SEED_MODELS, TOOL

__all__ = ["EVERY_ANSWER", "QUESTIONS", "Answers", "Question", "Rule", "Standing", "Verdict"]

Standing: TypeAlias = Literal["documented", "observed by others", "unknown"]
Verdict: TypeAlias = Literal["yes", "no", "differs", "could not tell"]
Answers: TypeAlias = Mapping[str, Answer]
"""The answers of one model, by the id of the ask."""

Condition: TypeAlias = Callable[[Answers], bool]

GRANITE, GLM, SEA_LION = SEED_MODELS

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


# --------------------------------------------------------------------------------- conditions


def _answered(*asks: str) -> Condition:
    return lambda answers: all(answers[ask].is_answered for ask in asks)


def _refused(*asks: str) -> Condition:
    return lambda answers: all(answers[ask].is_refused for ask in asks)


def _any_refused(*asks: str) -> Condition:
    return lambda answers: any(answers[ask].is_refused for ask in asks)


def _says_something(ask: str) -> Condition:
    return lambda answers: _has_content(answers[ask])


def _has_content(answer: Answer) -> bool:
    choice = answer.choice
    return choice is not None and bool(choice.text.strip() or choice.reasoning.strip())


def _streams(ask: str) -> Condition:
    return lambda answers: answers[ask].is_streamed and answers[ask].choice is not None


def _calls(ask: str) -> Condition:
    return lambda answers: _called(answers[ask])


def _called(answer: Answer) -> bool:
    choice = answer.choice
    return choice is not None and any(call.name == TOOL for call in choice.tool_calls)


def _writes_call(ask: str) -> Condition:
    """The text contains a call, or a call has unreadable arguments."""

    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        if choice is None:
            return False
        return bool(choice.invalid_tool_calls) or (TOOL in choice.text and "{" in choice.text)

    return holds


def _gives_place(*asks: str) -> Condition:
    return lambda answers: any(_is_place(answers[ask]) for ask in asks)


def _is_place(answer: Answer) -> bool:
    choice = answer.choice
    if choice is None or choice.tool_calls:
        return False
    found = _object(choice.text)
    return isinstance(found, dict) and {"city", "country"} <= found.keys()


def _object(text: str) -> Any:
    try:
        return from_json(json_text(text))
    except ValueError:
        return None


def _thinks(ask: str) -> Condition:
    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        return choice is not None and bool(choice.reasoning.strip())

    return holds


def _has_think_tag(ask: str) -> Condition:
    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        return choice is not None and "</think>" in choice.text

    return holds


def _has_usage(ask: str) -> Condition:
    def holds(answers: Answers) -> bool:
        found = answers[ask].reading
        return getattr(found, "usage", None) is not None

    return holds


def _raw(ask: str, look: Callable[[Any], Any]) -> Condition:
    """A condition on the JSON itself; missing fields count as no."""

    def holds(answers: Answers) -> bool:
        try:
            return bool(look(answers[ask].json))
        except (KeyError, IndexError, TypeError):
            return False

    return holds


def _every(*conditions: Condition) -> Condition:
    return lambda answers: all(condition(answers) for condition in conditions)


def _not(condition: Condition) -> Condition:
    return lambda answers: not condition(answers)


def _yes(condition: Condition) -> Rule:
    return Rule("yes", condition)


def _no(condition: Condition) -> Rule:
    return Rule("no", condition)


def _differs(condition: Condition) -> Rule:
    return Rule("differs", condition)


def _taken(*asks: str) -> tuple[Rule, ...]:
    """Yes if all are answered, no if one is refused."""
    return _yes(_answered(*asks)), _no(_any_refused(*asks))


def _seen(condition: Condition, *asks: str) -> tuple[Rule, ...]:
    """Yes if the condition holds, else no, whether answered or refused."""
    return _yes(condition), _no(_answered(*asks)), _no(_any_refused(*asks))


_REPORTED_CAP = 256

_TRUE_FALSE = MappingProxyType({"yes": True, "no": False})
_FALSE_TRUE = MappingProxyType({"yes": False, "no": True})


# --------------------------------------------------------------------------------- what is read


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


def _has_request_id(answers: Answers) -> bool:
    found = answers["batch"].json
    result = found.get("result", found) if isinstance(found, dict) else None
    return isinstance(result, dict) and bool(result.get("request_id"))


def _has_batch_answer(answers: Answers) -> bool:
    found = answers["batch-result"].json
    result = found.get("result", found) if isinstance(found, dict) else None
    return isinstance(result, dict) and bool(result.get("responses"))


def _has_native_tail(answers: Answers) -> bool:
    events = [event for event in answers["hello-stream"].events if isinstance(event, dict)]
    return any("choices" in event for event in events) and any(
        "response" in event and "choices" not in event for event in events
    )


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


def _scores(answers: Answers) -> list[Any]:
    found = answers["ranking"].json
    listed = found["result"]["response"] if isinstance(found, dict) else []
    return [entry["score"] for entry in listed]


def _lies_in_unit_interval(answers: Answers) -> bool:
    try:
        scores = _scores(answers)
    except (KeyError, TypeError):
        return False
    return bool(scores) and all(0 <= score <= 1 for score in scores)


def _vector_length(answers: Answers, ask: str) -> int:
    return len(answers[ask].json["data"][0]["embedding"])


# --------------------------------------------------------------------------------- the questions

_PAGES = "model page"
_REPORTS = "reports of clients"
_OPEN = "no source"

_CHAT_QUESTIONS = (
    Question(
        "native-answer",
        "Does the native route answer a conversation?",
        _PAGES,
        ("hello",),
        (_yes(_says_something("hello")), _no(_refused("hello")), _differs(_answered("hello"))),
        expects="yes",
        behaviour="the default route of every class",
        standing="documented",
    ),
    Question(
        "native-shape",
        "Does a native answer hold a chat completion in `result`?",
        f"{_REPORTS}; the pages describe `response`",
        ("hello",),
        (
            _yes(_raw("hello", lambda found: found["result"]["choices"])),
            _differs(_raw("hello", lambda found: "response" in found["result"])),
            _no(_answered("hello")),
        ),
        behaviour="both shapes are read",
    ),
    Question(
        "native-stream",
        "Does the native route stream?",
        f"{_PAGES}; no report for sea-lion",
        ("hello-stream",),
        _seen(_streams("hello-stream"), "hello-stream"),
        expects="yes",
        behaviour="a plain answer to a request for a stream is read as well",
        standing="documented",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "native-tail",
        "Does a native stream of chunks bring a native chunk as well?",
        f"{_REPORTS} of other models",
        ("hello-stream",),
        _seen(_has_native_tail, "hello-stream"),
        behaviour="such a chunk adds no text",
    ),
    Question(
        "native-stream-usage",
        "Does a native stream carry its usage unasked?",
        f"{_REPORTS} of other models",
        ("hello-stream",),
        _seen(_has_usage("hello-stream"), "hello-stream"),
        expects="yes",
        behaviour="`include_usage` is asked for on /ai/v1 alone",
    ),
    Question(
        "stream-ends-with-done",
        "Do both streams end with `[DONE]`?",
        _REPORTS,
        ("hello-stream", "hello-v1-stream"),
        (
            _yes(lambda answers: all(answers[ask].ends_with_done for ask in answers)),
            _no(_answered("hello-stream", "hello-v1-stream")),
        ),
        behaviour="a finish reason ends a stream, too",
        standing="observed by others",
    ),
    Question(
        "v1-answer",
        "Does /ai/v1 answer a conversation?",
        "documentation of the OpenAI-compatible endpoints",
        ("hello-v1",),
        (_yes(_says_something("hello-v1")), _no(_refused("hello-v1")),
         _differs(_answered("hello-v1"))),
        expects="yes",
        behaviour='the route of endpoint="openai"',
        standing="documented",
    ),
    Question(
        "v1-stream",
        "Does /ai/v1 stream?",
        "documentation of the OpenAI-compatible endpoints",
        ("hello-v1-stream",),
        _seen(_streams("hello-v1-stream"), "hello-v1-stream"),
        expects="yes",
        behaviour='the route of endpoint="openai"',
        standing="documented",
    ),
    Question(
        "v1-stream-usage",
        "Does /ai/v1 send the usage of a stream where `include_usage` asks for it?",
        _REPORTS,
        ("usage-v1-stream",),
        _seen(_has_usage("usage-v1-stream"), "usage-v1-stream"),
        expects="yes",
        behaviour="faces ask for it by default",
        standing="observed by others",
    ),
    Question(
        "prompt",
        "Does the native route continue a bare prompt?",
        _PAGES,
        ("prompt",),
        (_yes(_says_something("prompt")), _no(_refused("prompt")), _differs(_answered("prompt"))),
        expects="yes",
        behaviour="the completion classes send prompts",
        standing="documented",
    ),
    Question(
        "reasoning",
        "Does the model answer with its reasoning in a field of its own?",
        _PAGES,
        ("hello",),
        _seen(_thinks("hello"), "hello"),
        decides="reasoning",
        values=_TRUE_FALSE,
        behaviour="the profile that frameworks show",
        standing="documented",
    ),
    Question(
        "think-tags",
        "Does the text of an answer hold reasoning between think tags?",
        f"{_REPORTS} of other models",
        ("hello",),
        (_yes(_has_think_tag("hello")), _no(_says_something("hello"))),
        decides="think_tags",
        values=_TRUE_FALSE,
        behaviour="the default of `think_tags`",
    ),
    Question(
        "tools",
        "Does the model call a tool?",
        f"{_PAGES} and catalogue; none for sea-lion",
        ("tool",),
        (_yes(_calls("tool")), _differs(_writes_call("tool")), _no(_answered("tool")),
         _no(_refused("tool"))),
        decides="function_calling",
        values=_TRUE_FALSE,
        behaviour="agents of LlamaIndex, and the structured-output method",
        standing="documented",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "tools-in-a-stream",
        "Does the model call a tool in a stream?",
        _REPORTS,
        ("tool-stream",),
        (_yes(_calls("tool-stream")), _differs(_writes_call("tool-stream")),
         _no(_answered("tool-stream")), _no(_refused("tool-stream"))),
        expects="yes",
        behaviour="calls are put together from fragments of every known form",
        standing="observed by others",
        standing_of={SEA_LION: "unknown"},
    ),
    Question(
        "tools-on-v1",
        "Does the model call a tool on /ai/v1?",
        _REPORTS,
        ("tool-v1",),
        (_yes(_calls("tool-v1")), _differs(_writes_call("tool-v1")), _no(_answered("tool-v1")),
         _no(_refused("tool-v1"))),
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
        (_yes(_calls("tool-named")), _no(_answered("tool-named")), _no(_refused("tool-named"))),
        decides="forces_tools",
        values=_TRUE_FALSE,
        behaviour="structured output by a forced tool",
        standing_of={GLM: "documented"},
    ),
    Question(
        "tool-choice-required",
        "Is a tool called because `tool_choice` is `required`?",
        f"{_REPORTS}: advisory on several models",
        ("tool-required",),
        (_yes(_calls("tool-required")), _no(_answered("tool-required")),
         _no(_refused("tool-required"))),
        behaviour="a single tool is forced by its name",
    ),
    Question(
        "tool-choice-none",
        "Is no tool called because `tool_choice` is `none`?",
        _OPEN,
        ("tool-none",),
        (_no(_calls("tool-none")), _yes(_answered("tool-none")), _no(_refused("tool-none"))),
        behaviour="it is sent as the user sets it",
    ),
    Question(
        "flat-tools",
        "Is the flat form of a tool taken?",
        f"{_REPORTS}: granite refuses it with 8001",
        ("tool-flat",),
        _taken("tool-flat"),
        behaviour="tools are always sent in the nested form",
        standing_of={GRANITE: "observed by others"},
    ),
    Question(
        "described-properties",
        "Must each property of a tool have a type and a description?",
        f"schemas of the {_PAGES}s require both",
        ("tool-undescribed",),
        (_yes(_refused("tool-undescribed")), _no(_answered("tool-undescribed"))),
        decides="describes_properties",
        values=_TRUE_FALSE,
        behaviour="empty descriptions are added where they are required",
    ),
    Question(
        "strict-tools",
        "Is `strict` in a tool taken?",
        _OPEN,
        ("tool-strict",),
        _taken("tool-strict"),
        expects="yes",
        behaviour="it is sent as the user sets it",
    ),
    Question(
        "json-schema",
        "Does the native route hold an answer to a JSON schema?",
        "a public sweep of the native endpoint, 2026-08",
        ("schema-bare", "schema-named"),
        _seen(_gives_place("schema-bare", "schema-named"), "schema-bare"),
        decides="structured_output",
        values=_TRUE_FALSE,
        behaviour="the structured-output method",
        standing="observed by others",
    ),
    Question(
        "schema-envelope",
        "Must a JSON schema stand in an envelope with a name?",
        f"schemas of the {_PAGES}s differ",
        ("schema-bare", "schema-named"),
        (
            _no(_gives_place("schema-bare")),
            _yes(_gives_place("schema-named")),
        ),
        decides="schema_envelope",
        values=_TRUE_FALSE,
        behaviour="the form in which a schema is sent natively",
        standing="documented",
    ),
    Question(
        "schema-in-a-stream",
        "Does a stream hold to a JSON schema?",
        f"{_REPORTS}: others refuse it with 5023",
        ("schema-bare-stream", "schema-named-stream"),
        (
            _yes(_gives_place("schema-bare-stream", "schema-named-stream")),
            _no(_any_refused("schema-bare-stream", "schema-named-stream")),
            _no(_answered("schema-bare-stream", "schema-named-stream")),
        ),
        decides="streams_json_schema",
        values=_TRUE_FALSE,
        behaviour="such a request is sent plainly where a stream refuses it",
    ),
    Question(
        "schema-on-v1",
        "Does /ai/v1 hold an answer to a JSON schema?",
        _REPORTS,
        ("schema-v1",),
        _seen(_gives_place("schema-v1"), "schema-v1"),
        expects="yes",
        behaviour='structured output with endpoint="openai"',
        standing="observed by others",
    ),
    Question(
        "schema-parsed",
        "Does a JSON answer come parsed, as an object?",
        f"{_REPORTS} of sea-lion",
        ("schema-bare", "schema-named"),
        (
            _yes(_raw("schema-bare", lambda found: isinstance(found["result"]["response"], dict))),
            _yes(_raw("schema-named", lambda found: isinstance(found["result"]["response"], dict))),
            _no(_gives_place("schema-bare", "schema-named")),
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
            _yes(_calls("schema-and-tools")),
            _no(_answered("schema-and-tools")),
            _no(_refused("schema-and-tools")),
        ),
        decides="schema_beside_tools",
        values=_TRUE_FALSE,
        behaviour="the strategy of agents that answer in a schema",
    ),
    Question(
        "list-content",
        "May the content of a message be a list of text parts?",
        f"{_REPORTS}: refused by several models",
        ("parts",),
        _taken("parts"),
        decides="text_only_content",
        values=_FALSE_TRUE,
        behaviour="parts that are all text are joined; others are refused where text is needed",
        standing="documented",
    ),
    Question(
        "null-content",
        "May the content of a message with tool calls be null, natively?",
        f"{_REPORTS}: refused by some models",
        ("null-content",),
        _taken("null-content"),
        behaviour="an empty text is sent",
    ),
    Question(
        "null-content-on-v1",
        "May the content of a message with tool calls be null, on /ai/v1?",
        f"{_REPORTS}: refused by some models",
        ("null-content-v1",),
        _taken("null-content-v1"),
        behaviour="an empty text is sent",
    ),
    Question(
        "late-system-message",
        "May a system message come after the first message?",
        "templates of Gemma 3 in vLLM refuse it",
        ("late-system",),
        _taken("late-system"),
        decides="one_system_message",
        values=_FALSE_TRUE,
        behaviour="`repair_history` joins system messages where it may not",
    ),
    Question(
        "two-users-in-a-row",
        "May two messages of the user follow each other?",
        "templates of Gemma 3 in vLLM refuse it",
        ("two-users",),
        _taken("two-users"),
        decides="alternating_roles",
        values=_FALSE_TRUE,
        behaviour="`repair_history` joins them where they may not",
    ),
    Question(
        "max-tokens",
        "Is `max_tokens` kept to, natively?",
        f"{_REPORTS}: doubted for glm-4.7-flash",
        ("cap",),
        (_yes(_is_cut("cap")), _no(_answered("cap")), _no(_refused("cap"))),
        expects="yes",
        behaviour="it is sent as the user sets it",
        standing="documented",
    ),
    Question(
        "cap-of-v1",
        "Does /ai/v1 cut an answer whose request names no cap?",
        f"{_REPORTS} of other models: after 256 tokens",
        ("no-cap-v1",),
        (
            _yes(_every(_is_cut("no-cap-v1"), lambda answers: bool(_cap_of_v1(answers)))),
            _no(_every(_not(_is_cut("no-cap-v1")), _is_long)),
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
        (_yes(_stops_before_five), _no(_goes_past_five), _no(_refused("stop"))),
        behaviour="it is sent as the user sets it",
        standing_of={GLM: "documented"},
    ),
    Question(
        "n",
        "Does /ai/v1 give several answers for `n`?",
        "not on the pages of granite and sea-lion",
        ("n-v1",),
        _seen(_raw("n-v1", lambda found: len(found["choices"]) == 2), "n-v1"),
        behaviour="it is sent as the user sets it",
        standing_of={GLM: "documented"},
    ),
    Question(
        "logprobs",
        "Does /ai/v1 give log probabilities?",
        "not on the pages of granite and sea-lion",
        ("logprobs-v1",),
        _seen(
            _raw("logprobs-v1", lambda found: found["choices"][0]["logprobs"]["content"]),
            "logprobs-v1",
        ),
        behaviour="they are read where they come",
        standing_of={GLM: "documented"},
    ),
    Question(
        "thinking-off",
        "Does `enable_thinking: false` stop the reasoning, natively?",
        f"{_PAGES}, newer schema",
        ("thinking-off",),
        (_no(_thinks("thinking-off")), _yes(_says_something("thinking-off")),
         _no(_refused("thinking-off"))),
        behaviour="it is sent as the user sets it",
        standing="documented",
    ),
    Question(
        "thinking-off-on-v1",
        "Does `enable_thinking: false` stop the reasoning, on /ai/v1?",
        f"{_REPORTS} of other models",
        ("thinking-off-v1",),
        (_no(_thinks("thinking-off-v1")), _yes(_says_something("thinking-off-v1")),
         _no(_refused("thinking-off-v1"))),
        behaviour="it is sent as the user sets it",
    ),
    Question(
        "batch",
        "Does the model take requests by the queue?",
        f"schemas of the {_PAGES}s list `requests`; the catalogue does not",
        ("batch",),
        (_yes(_has_request_id), _no(_refused("batch")), _differs(_answered("batch"))),
        decides="batch",
        values=_TRUE_FALSE,
        behaviour="batches are refused before they are sent where it does not",
    ),
    Question(
        "batch-result",
        "Does a batch give its answers under `responses`?",
        "documentation of the Batch API",
        ("batch-result",),
        (_yes(_has_batch_answer), _no(_refused("batch-result"))),
        expects="yes",
        behaviour="answers are read from there",
        standing="documented",
    ),
    Question(
        "error-of-an-unknown-model",
        "Does an unknown model answer with code 5007 or 7000?",
        _REPORTS,
        ("unknown-model",),
        (
            _yes(lambda answers: answers["unknown-model"].code in (5007, 7000)),
            _differs(_refused("unknown-model")),
            _no(_answered("unknown-model")),
        ),
        expects="yes",
        behaviour="NotFoundError",
        standing="observed by others",
    ),
    Question(
        "false-success",
        "Does an answer with status 200 say `success: false`?",
        _OPEN,
        EVERY_ANSWER,
        (_yes(_is_false_success), _no(_is_any_answered)),
        behaviour="it is an error, whatever its status",
    ),
    Question(
        "retry-after",
        "Does a refusal with status 429 say when to come back?",
        _OPEN,
        EVERY_ANSWER,
        (_yes(_says_when_to_retry), _no(_is_limited)),
        behaviour="`Retry-After` is kept to where it comes",
    ),
    Question(
        "limit-headers",
        "Do answers say in headers how much of a limit is left?",
        _OPEN,
        EVERY_ANSWER,
        (
            _yes(_has_limit_headers),
            _no(_is_any_answered),
        ),
        behaviour="such headers are kept in the metadata of answers",
    ),
)  # fmt: skip

_VECTOR_QUESTIONS = (
    Question(
        "vectors-usage-on-v1",
        "Does /ai/v1 say how many tokens a request for vectors had?",
        _OPEN,
        ("vectors-v1",),
        _seen(_raw("vectors-v1", lambda found: found["usage"]["prompt_tokens"]), "vectors-v1"),
        behaviour="the usage is read where it comes",
    ),
    Question(
        "vectors-in-base64",
        "Does /ai/v1 send vectors in base64 where that is asked for?",
        _OPEN,
        ("vectors-base64-v1",),
        _seen(
            _raw("vectors-base64-v1", lambda found: isinstance(found["data"][0]["embedding"], str)),
            "vectors-base64-v1",
        ),
        behaviour="numbers are asked for, and both are read",
    ),
    Question(
        "vectors-of-another-length",
        "Does /ai/v1 keep to `dimensions`?",
        _OPEN,
        ("vectors-short-v1",),
        _seen(lambda answers: _has_length(answers, 64), "vectors-short-v1"),
        behaviour="a vector of another length than was asked for is an error",
    ),
    Question(
        "vectors-of-newlines",
        "May a text be newlines alone?",
        f"{_REPORTS}: bge-m3 refuses it",
        ("vectors-of-newlines",),
        _taken("vectors-of-newlines"),
        behaviour="blank texts are refused before they are sent",
        standing="observed by others",
    ),
)


def _has_length(answers: Answers, length: int) -> bool:
    try:
        return _vector_length(answers, "vectors-short-v1") == length
    except (KeyError, IndexError, TypeError):
        return False


_RANKING_QUESTIONS = (
    Question(
        "scores-in-the-unit-interval",
        "Do scores lie between 0 and 1?",
        _REPORTS,
        ("ranking",),
        _seen(_lies_in_unit_interval, "ranking"),
        expects="yes",
        behaviour="scores are handed on as they come",
        standing="observed by others",
    ),
)

QUESTIONS: tuple[Question, ...] = (*_CHAT_QUESTIONS, *_VECTOR_QUESTIONS, *_RANKING_QUESTIONS)
"""All questions, in the order of a report."""
