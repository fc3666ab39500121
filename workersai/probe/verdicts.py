"""Answers -> verdicts, and what each says of the table and the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workersai._models import get_profile
from workersai.probe.answers import Answer
from workersai.probe.questions import EVERY_ANSWER, QUESTIONS, Answers, Question, Verdict

__all__ = ["Finding", "judge"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one question about one model.

    Attributes:
        model: The model.
        question: The question's id.
        text: The question.
        verdict: Yes, no, differs, or could not tell.
        detail: What came, in a few words.
        effect: What of the table or the code it confirms, contradicts or settles.
        field: The field of `ModelProfile` that it decides.
        value: The value that it gives that field; only where `sets` is true.
        sets: Whether it gives the field a value.
    """

    model: str
    question: str
    text: str
    verdict: Verdict
    detail: str
    effect: str
    field: str | None = None
    value: Any = None
    sets: bool = False


def judge(model: str, answers: Answers) -> list[Finding]:
    """Judge every question that concerns a model.

    Args:
        model: The model.
        answers: What came, by the id of the ask; those that were not sent are missing.
    """
    return [_finding(model, question, found) for question, found in _relevant(answers)]


def _relevant(answers: Answers) -> Iterator[tuple[Question, Answers]]:
    for question in QUESTIONS:
        if question.asks == EVERY_ANSWER:
            if answers:
                yield question, answers
        elif all(ask in answers for ask in question.asks):
            yield question, {ask: answers[ask] for ask in question.asks}


def _finding(model: str, question: Question, answers: Answers) -> Finding:
    verdict, detail = _verdict(question, answers)
    sets, value = _value(question, verdict, answers)
    return Finding(
        model=model,
        question=question.id,
        text=question.text,
        verdict=verdict,
        detail=detail,
        effect=_effect(model, question, verdict, value, sets=sets),
        field=question.decides,
        value=value,
        sets=sets,
    )


def _verdict(question: Question, answers: Answers) -> tuple[Verdict, str]:
    is_about_all = question.asks == EVERY_ANSWER
    troubles = {} if is_about_all else _troubles(answers)
    if troubles:
        return "could not tell", _described(troubles)
    for rule in question.rules:
        if rule.condition(answers):
            return rule.verdict, "" if is_about_all else _summaries(answers)
    nothing = "no answer that settles it came"
    return "could not tell", nothing if is_about_all else _summaries(answers)


def _troubles(answers: Answers) -> dict[str, str]:
    return {ask: answer.trouble for ask, answer in answers.items() if answer.trouble is not None}


def _described(troubles: Mapping[str, str]) -> str:
    return "; ".join(f"{ask}: {trouble}" for ask, trouble in troubles.items())


def _summaries(answers: Answers) -> str:
    return "; ".join(f"{ask}: {_summary(answer)}" for ask, answer in answers.items())


def _summary(answer: Answer) -> str:
    choice = answer.choice
    if choice is None:
        return answer.summary()
    if choice.tool_calls:
        return "calls " + ", ".join(call.name for call in choice.tool_calls)
    text = " ".join(choice.text.split())
    return f"{text[:60]!r}" if text else "no text"


def _value(question: Question, verdict: Verdict, answers: Answers) -> tuple[bool, Any]:
    if question.decides is None:
        return False, None
    if verdict == "yes" and question.value is not None:
        return True, question.value(answers)
    return verdict in question.values, question.values.get(verdict)


def _effect(model: str, question: Question, verdict: Verdict, value: Any, *, sets: bool) -> str:
    if sets and question.decides is not None:
        known = getattr(get_profile(model), question.decides)
        if known == value:
            return f"confirms {question.decides}={value!r}"
        if known is None and question.decides != "openai_token_cap":
            return f"settles {question.decides}={value!r}, which was unknown"
        return f"contradicts {question.decides}={known!r}: it is {value!r}"
    if verdict == "could not tell" or question.expects is None:
        return question.behaviour
    agrees = "confirms" if verdict == question.expects else "contradicts"
    return f"{agrees}: {question.behaviour}"
