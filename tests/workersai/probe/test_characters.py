"""A probe finds out how a server behaves, question by question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import workersai._models as models
from tests.workersai.probe.conftest import Run
from workersai import ConfigurationError, ModelProfile, get_profile
from workersai._models.facts import FACTS_VARIABLE, recorded_facts
from workersai.local.api.characters import CHARACTERS
from workersai.probe.applying import changed_facts, show_change, write_facts
from workersai.probe.asks import ASKS
from workersai.probe.plan import SEED_MODELS
from workersai.probe.questions import EVERY_ANSWER, QUESTIONS

GRANITE, GLM, SEA_LION = SEED_MODELS
TEXT_ONLY = (GRANITE, SEA_LION)

# What the stand-in does as the pages and reports have it, for every model.
DOCUMENTED = {
    "native-answer": "yes",
    "native-shape": "yes",
    "native-stream": "yes",
    "native-tail": "yes",
    "native-stream-usage": "yes",
    "stream-ends-with-done": "yes",
    "v1-answer": "yes",
    "v1-stream": "yes",
    "v1-stream-usage": "yes",
    "prompt": "yes",
    "reasoning": "no",
    "think-tags": "no",
    "tools": "yes",
    "tools-in-a-stream": "yes",
    "tools-on-v1": "yes",
    "tool-choice-named": "yes",
    "tool-choice-required": "yes",
    "tool-choice-none": "yes",
    "flat-tools": "no",
    "described-properties": "no",
    "strict-tools": "yes",
    "json-schema": "yes",
    "schema-envelope": "no",
    "schema-in-a-stream": "yes",
    "schema-on-v1": "yes",
    "schema-parsed": "no",
    "tools-beside-a-schema": "yes",
    "list-content": "no",
    "null-content": "no",
    "null-content-on-v1": "yes",
    "late-system-message": "yes",
    "two-users-in-a-row": "yes",
    "max-tokens": "yes",
    "cap-of-v1": "yes",
    "stop": "yes",
    "n": "yes",
    "logprobs": "yes",
    "batch": "yes",
    "batch-result": "yes",
    "false-success": "no",
    "retry-after": "could not tell",
    "limit-headers": "no",
}
OF_A_MODEL: dict[str, dict[str, str | None]] = {
    GRANITE: {"error-of-an-unknown-model": "yes"},
    GLM: {
        "reasoning": "yes",
        "list-content": "yes",
        "null-content": "yes",
        "thinking-off": "yes",
        "thinking-off-on-v1": "yes",
        "batch": "no",
        "batch-result": None,
    },
    SEA_LION: {"schema-parsed": "yes"},
}
OF_A_CHARACTER: dict[str, dict[str, str]] = {
    "documented": {},
    "strict": {},
    "vllm": {
        "list-content": "yes",
        "null-content": "yes",
        "tools-beside-a-schema": "no",
        "late-system-message": "no",
        "two-users-in-a-row": "no",
        "cap-of-v1": "no",
    },
    "schema-or-tools": {"flat-tools": "yes", "tools-beside-a-schema": "no"},
    "odd": {
        "stream-ends-with-done": "no",
        "think-tags": "yes",
        "tool-choice-named": "no",
        "tool-choice-required": "no",
        "tool-choice-none": "no",
    },
}
OF_BOTH = {
    ("strict", GRANITE): {"described-properties": "yes"},
    ("strict", SEA_LION): {"described-properties": "yes"},
    ("strict", GLM): {"schema-envelope": "yes"},
}


def expected(character: str, model: str) -> dict[str, str]:
    found: dict[str, str | None] = {
        **DOCUMENTED,
        **OF_A_MODEL[model],
        **OF_A_CHARACTER[character],
        **OF_BOTH.get((character, model), {}),
    }
    return {question: verdict for question, verdict in found.items() if verdict is not None}


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_probe_finds_the_character_of_a_server(run: Run, character: str) -> None:
    """Each question gets the verdict that the server's character has, for each model."""
    found = run(character).findings()
    for model in SEED_MODELS:
        verdicts = {one.question: one.verdict for one in found if one.model == model}
        assert verdicts == expected(character, model), model


def test_a_verdict_says_what_it_confirms_or_contradicts(run: Run) -> None:
    """The effect names the field of the profile and both values, or the code's behaviour."""
    found = {(one.model, one.question): one.effect for one in run("vllm").findings()}
    assert found[GRANITE, "list-content"] == "contradicts text_only_content=True: it is False"
    assert found[SEA_LION, "late-system-message"] == "confirms one_system_message=True"
    settled = found[GRANITE, "tools-beside-a-schema"]
    assert settled == "settles schema_beside_tools=False, which was unknown"
    assert found[GRANITE, "cap-of-v1"] == "contradicts openai_token_cap=256: it is None"
    assert found[GRANITE, "native-stream"].startswith("confirms: ")


@pytest.fixture
def own_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of facts that the process reads, as a user's variable would have it."""

    def forget() -> None:
        recorded_facts.cache_clear()
        models._profiles.cache_clear()

    path = tmp_path / "facts.json"
    yield path
    monkeypatch.undo()
    forget()


def use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FACTS_VARIABLE, str(path))
    recorded_facts.cache_clear()
    models._profiles.cache_clear()


def test_applied_verdicts_are_facts_of_the_profiles(
    run: Run, own_facts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fact is a line with date and source; read again, nothing is left to change."""
    report = run("vllm")
    difference, text = show_change(own_facts, changed_facts(report, is_own_file=True))
    write_facts(own_facts, text)
    added = [line for line in difference.splitlines() if line.startswith("+ ")]
    assert len(added) == len(json.loads(text)["facts"]) > 5
    assert any('"field": "text_only_content", "value": false' in line for line in added)
    assert all(report.date in line and "probe of workersai-local" in line for line in added)

    use(own_facts, monkeypatch)
    assert get_profile(GRANITE).text_only_content is False
    assert get_profile(GRANITE).openai_token_cap is None
    assert get_profile(GLM).one_system_message is True
    assert changed_facts(report, is_own_file=True) == []


def test_a_new_verdict_replaces_an_old_fact(
    run: Run, own_facts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts of a later probe replace those of an earlier probe."""
    write_facts(own_facts, show_change(own_facts, changed_facts(run("odd"), is_own_file=True))[1])
    use(own_facts, monkeypatch)
    assert get_profile(GRANITE).think_tags is True
    new = changed_facts(run("documented"), is_own_file=True)
    difference, text = show_change(own_facts, new)
    assert '-  {"model": "@cf/ibm-granite/granite-4.0-h-micro", "field": "think_tags"' in difference
    listed = [(fact["model"], fact["field"]) for fact in json.loads(text)["facts"]]
    assert len(listed) == len(set(listed))
    write_facts(own_facts, text)
    use(own_facts, monkeypatch)
    assert get_profile(GRANITE).think_tags is False


def test_a_stand_in_changes_nothing_in_the_package(run: Run) -> None:
    """Verdicts about a local server are no facts about Cloudflare."""
    with pytest.raises(ConfigurationError, match="answered by workersai-local, not by Cloudflare"):
        changed_facts(run(models=(GRANITE,)), is_own_file=False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which file, and how to write to another."""
    with pytest.raises(ConfigurationError, match=r"missing/facts\.json cannot be written"):
        write_facts(tmp_path / "missing" / "facts.json", "")


def test_the_questions_are_complete() -> None:
    """Each names asks and a field that exist, its source and a behaviour; each ask is judged."""
    asks = {ask.id for ask in ASKS}
    assert len(asks) == len(ASKS)
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    known = {field.name for field in fields(ModelProfile)}
    for question in QUESTIONS:
        assert question.asks == EVERY_ANSWER or set(question.asks) <= asks
        assert question.decides is None or question.decides in known
        assert question.decides is None or question.values
        assert question.source
        assert question.behaviour
        assert question.text.endswith("?")
    judged = {ask for question in QUESTIONS for ask in question.asks}
    assert asks - judged == {"vectors"}
