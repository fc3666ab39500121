"""Conditions on answers, and the rules made of them, as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from workersai.integration import json_text
from workersai.probe.answers import Answer
from workersai.probe.asks import TOOL
from workersai.probe.questions.question import Answers, Condition, Rule

__all__ = [
    "answered",
    "any_refused",
    "calls",
    "differs",
    "every",
    "fails",
    "gives_place",
    "has_think_tag",
    "has_usage",
    "no",
    "raw",
    "refused",
    "says_something",
    "seen",
    "streams",
    "taken",
    "thinks",
    "writes_call",
    "yes",
]


def answered(*asks: str) -> Condition:
    """All of these requests were answered."""
    return lambda answers: all(answers[ask].is_answered for ask in asks)


def refused(*asks: str) -> Condition:
    """All of these requests were refused."""
    return lambda answers: all(answers[ask].is_refused for ask in asks)


def any_refused(*asks: str) -> Condition:
    """At least one of these requests was refused."""
    return lambda answers: any(answers[ask].is_refused for ask in asks)


def says_something(ask: str) -> Condition:
    """The answer has text or reasoning."""
    return lambda answers: _has_content(answers[ask])


def _has_content(answer: Answer) -> bool:
    choice = answer.choice
    return choice is not None and bool(choice.text.strip() or choice.reasoning.strip())


def streams(ask: str) -> Condition:
    """The answer was streamed, and could be read."""
    return lambda answers: answers[ask].is_streamed and answers[ask].choice is not None


def calls(ask: str) -> Condition:
    """The answer calls the tool."""
    return lambda answers: _called(answers[ask])


def _called(answer: Answer) -> bool:
    choice = answer.choice
    return choice is not None and any(call.name == TOOL for call in choice.tool_calls)


def writes_call(ask: str) -> Condition:
    """The text contains a call, or a call has unreadable arguments."""

    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        if choice is None:
            return False
        return bool(choice.invalid_tool_calls) or (TOOL in choice.text and "{" in choice.text)

    return holds


def gives_place(*asks: str) -> Condition:
    """At least one of these answers is a place, as the schema describes it."""
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


def thinks(ask: str) -> Condition:
    """The answer has reasoning."""

    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        return choice is not None and bool(choice.reasoning.strip())

    return holds


def has_think_tag(ask: str) -> Condition:
    """The text of the answer contains a think tag."""

    def holds(answers: Answers) -> bool:
        choice = answers[ask].choice
        return choice is not None and "</think>" in choice.text

    return holds


def has_usage(ask: str) -> Condition:
    """The answer reports its usage."""

    def holds(answers: Answers) -> bool:
        found = answers[ask].reading
        return getattr(found, "usage", None) is not None

    return holds


def raw(ask: str, look: Callable[[Any], Any]) -> Condition:
    """A condition on the JSON itself; missing fields count as no."""

    def holds(answers: Answers) -> bool:
        try:
            return bool(look(answers[ask].json))
        except (KeyError, IndexError, TypeError):
            return False

    return holds


def every(*conditions: Condition) -> Condition:
    """All of these conditions hold."""
    return lambda answers: all(condition(answers) for condition in conditions)


def fails(condition: Condition) -> Condition:
    """The condition does not hold."""
    return lambda answers: not condition(answers)


def yes(condition: Condition) -> Rule:
    """A rule for the verdict `yes`."""
    return Rule("yes", condition)


def no(condition: Condition) -> Rule:
    """A rule for the verdict `no`."""
    return Rule("no", condition)


def differs(condition: Condition) -> Rule:
    """A rule for the verdict `differs`."""
    return Rule("differs", condition)


def taken(*asks: str) -> tuple[Rule, ...]:
    """Yes if all are answered, no if one is refused."""
    return yes(answered(*asks)), no(any_refused(*asks))


def seen(condition: Condition, *asks: str) -> tuple[Rule, ...]:
    """Yes if the condition holds, else no, whether answered or refused."""
    return yes(condition), no(answered(*asks)), no(any_refused(*asks))
