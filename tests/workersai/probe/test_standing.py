"""The page that says how facts are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from workersai._models.facts import Fact
from workersai.probe.plan import SEED_MODELS
from workersai.probe.questions import QUESTIONS, Question
from workersai.probe.standing import page, standing_of

GRANITE = SEED_MODELS[0]
PAGE = Path(__file__).parents[3] / "docs" / "facts.md"


def question(id_: str) -> Question:
    return next(one for one in QUESTIONS if one.id == id_)


def test_the_page_is_what_the_tables_and_questions_say() -> None:
    """`make facts` was run after the last change."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize(
    ("id_", "standing"),
    [
        ("tools", "documented"),
        ("json-schema", "observed by others"),
        ("tool-choice-named", "unknown"),
        ("strict-tools", "unknown"),
        ("v1-answer", "documented"),
    ],
)
def test_a_question_stands_as_its_source_and_field_say(id_: str, standing: str) -> None:
    """A question is documented, observed or unknown, as its source says for this model."""
    assert standing_of(question(id_), GRANITE, ()) == standing


def test_a_probe_of_cloudflare_confirms() -> None:
    """A fact that a live probe wrote counts more than any source; a stand-in's does not."""
    live, local = (
        Fact(GRANITE, "forces_tools", value=True, date="2026-11-25", source=f"probe of {server}: x")
        for server in ("cloudflare", "workersai-local")
    )
    assert standing_of(question("tool-choice-named"), GRANITE, (live,)) == "confirmed live"
    assert standing_of(question("tool-choice-named"), GRANITE, (local,)) == "unknown"
