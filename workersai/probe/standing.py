"""Facts and questions -> the page that says how each is known."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from workersai._models import get_profile, known_profiles
from workersai._models.facts import Fact, recorded_facts
from workersai.probe.plan import SEED_MODELS
from workersai.probe.questions import QUESTIONS, Question

__all__ = ["page", "standing_of"]

_LIVE = "probe of cloudflare"
_HEAD = """# How facts are known

`make facts` writes this page from the tables and from `workersai probe`'s questions; a test holds
it to them. "Confirmed live" is what a probe of Cloudflare wrote down with `--apply`; "documented"
is what Cloudflare's pages, schemas or catalogue say; "observed by others" is what public clients
reported; "unknown" is what no source settles. Someone with an account settles it by

    workersai probe
    workersai probe --apply probe.json

which costs about two cents for the three models below.
"""


def standing_of(question: Question, model: str, facts: Iterable[Fact]) -> str:
    """Say how the answer to a question about a model is known.

    Args:
        question: The question.
        model: The model.
        facts: What commands wrote down.
    """
    for fact in facts:
        if fact.model == model and fact.field == question.decides and _LIVE in fact.source:
            return "confirmed live"
    return question.standing_of.get(model, question.standing)


def page() -> str:
    """Write the whole page."""
    facts = recorded_facts()
    sections = [_HEAD, *(_of_seed(model, facts) for model in SEED_MODELS), _of_others()]
    return "\n".join(sections)


def _of_seed(model: str, facts: Iterable[Fact]) -> str:
    profile = get_profile(model)
    rows = [
        f"| {question.text} | {_taken(question, model)} | {standing_of(question, model, facts)} "
        f"| {question.source} |"
        for question in QUESTIONS
        if _concerns(question) and (profile.reasoning or "thinking" not in question.id)
    ]
    head = "| question | what the code takes for granted | known | from |\n|---|---|---|---|"
    return f"## {model}\n\n{head}\n" + "\n".join(rows) + "\n"


def _concerns(question: Question) -> bool:
    return not question.id.startswith(("vectors", "scores"))


def _taken(question: Question, model: str) -> str:
    if question.decides:
        return f"`{question.decides}={getattr(get_profile(model), question.decides)!r}`"
    return question.behaviour


def _of_others() -> str:
    others = (
        f"- `{profile.name}`: {'; '.join(_sources(profile.sources))}"
        for profile in known_profiles()
        if profile.name not in SEED_MODELS and profile.deprecated is None
    )
    return "\n".join(["## Sources of the other models", "", *others]) + "\n"


def _sources(sources: Iterable[str]) -> Iterator[str]:
    yield from (source.replace("|", "/") for source in sources)


if __name__ == "__main__":
    sys.stdout.write(page())
