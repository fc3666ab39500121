"""The tables of models against a catalogue: what is reported, and what becomes a fact."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from workersai import ConfigurationError, get_profile
from workersai._models import known_profiles
from workersai._models.facts import Fact
from workersai.local.api.catalogue import model_schema
from workersai.probe.catalogue import Catalogue, load_catalogue, save_catalogue
from workersai.probe.plan import SEED_MODELS
from workersai.probe.refreshing import compare, facts_of, old_facts

GRANITE, GLM, SEA_LION = SEED_MODELS
TASKS = {
    "text-generation": "Text Generation",
    "embeddings": "Text Embeddings",
    "rerank": "Text Classification",
}


def row(name: str, task: str = "Text Generation", **properties: Any) -> dict[str, Any]:
    listed = [{"property_id": key, "value": value} for key, value in properties.items()]
    return {"name": name, "task": {"name": task}, "properties": listed}


def catalogue(
    *rows: dict[str, Any], without: str = "", schemas: dict[str, Any] | None = None
) -> Catalogue:
    """All models of the tables, as bare as can be, with some rows in the place of theirs."""
    named = {entry["name"]: entry for entry in rows}
    for profile in known_profiles():
        if profile.deprecated is None and profile.name != without:
            named.setdefault(profile.name, row(profile.name, TASKS[profile.task]))
    return Catalogue({"result": list(named.values())}, schemas or {})


def sentences(found: Catalogue) -> list[str]:
    return [one.sentence() for one in compare(found)]


def test_a_catalogue_that_says_the_same_differs_in_nothing() -> None:
    """Models without properties, and properties that the table has, give no difference."""
    known = get_profile(GRANITE)
    same = row(
        GRANITE,
        context_window=str(known.context_window),
        function_calling="true",
        price=[{"unit": "per M input tokens", "price": known.input_price, "currency": "USD"}],
    )
    assert sentences(catalogue(same)) == []


@pytest.mark.parametrize("model", SEED_MODELS)
def test_published_schemas_are_what_the_tables_say(model: str) -> None:
    """Ranges, choices and names of the three models' parameters are those of their schemas."""
    found = sentences(catalogue(schemas={model: model_schema(model)}))
    newer = [f"{GLM}: its schema does not list chat_template_kwargs"] if model == GLM else []
    assert found == newer


def test_changes_are_reported_with_both_values() -> None:
    """Windows, prices and abilities that differ are named, each in a line."""
    changed = row(
        GRANITE,
        context_window="200000",
        async_queue="true",
        price=[{"unit": "per M output tokens", "price": 0.2, "currency": "USD"}],
    )
    assert sentences(catalogue(changed)) == [
        f"{GRANITE}: context_window is 200000, not 131000",
        f"{GRANITE}: output_price is 0.2, not 0.11",
        f"{GRANITE}: batch is True, not None",
    ]


def test_ranges_are_reported_one_by_one() -> None:
    """A widened range and a new parameter are named; one that left the schema stays known."""
    schema = copy.deepcopy(model_schema(GRANITE))
    for variant in schema["result"]["input"]["oneOf"]:
        if "properties" in variant and "temperature" in variant["properties"]:
            variant["properties"]["temperature"] = {"type": "number", "minimum": 0, "maximum": 9}
            variant["properties"]["mood"] = {"type": "string", "enum": ["calm", "loud"]}
            variant["properties"].pop("top_k", None)
    found = compare(catalogue(schemas={GRANITE: schema}))
    assert [one.sentence() for one in found] == [
        f"{GRANITE}: parameters: mood calm|loud, was not listed; temperature 0..9, was 0..5",
        f"{GRANITE}: its schema does not list top_k",
    ]
    (fact,) = facts_of(found, (), "2026-11-25")
    assert fact.value["temperature"]["maximum"] == 9
    assert fact.value["top_k"]["maximum"] == 50
    changed = fact.set_on(get_profile(GRANITE)).parameters
    assert changed["temperature"].maximum == 9
    assert changed["mood"].choices == ("calm", "loud")


def test_a_new_model_becomes_known_by_what_is_listed() -> None:
    """Its facts make a profile; models of other tasks are left out."""
    new = row("@cf/new/talker-1", context_window="8000", function_calling="true")
    other = row("@cf/new/painter-1", "Text-to-Image", context_window="9")
    found = compare(catalogue(new, other))
    assert {one.kind for one in found} == {"new"}
    facts = facts_of(found, (), "2026-11-25")
    assert [(fact.field, fact.value) for fact in facts] == [
        ("context_window", 8000),
        ("function_calling", True),
    ]


def test_a_model_that_is_gone_is_withdrawn_or_renamed() -> None:
    """A new model of its author with a similar name is the guess; no fact is made of a guess."""
    assert sentences(catalogue(without=GRANITE)) == [f"{GRANITE}: the catalogue does not list it"]
    renamed = row("@cf/ibm-granite/granite-4.1-h-micro", context_window="9")
    found = compare(catalogue(renamed, without=GRANITE))
    assert found[-1].sentence() == (
        f"{GRANITE}: not listed; perhaps it is @cf/ibm-granite/granite-4.1-h-micro now"
    )
    assert {fact.model for fact in facts_of(found, (), "2026-11-25")} == {renamed["name"]}


def test_what_a_probe_measured_stays() -> None:
    """The catalogue replaces its own older facts, never those of a probe."""
    found = compare(catalogue(row(GRANITE, function_calling="false", context_window="5")))
    measured = Fact(
        GRANITE,
        "function_calling",
        value=True,
        date="2026-11-01",
        source="probe of cloudflare: tools",
    )
    listed = Fact(GRANITE, "context_window", 7, "2026-11-01", "catalogue")
    facts = facts_of(found, (measured, listed), "2026-11-25")
    assert [(fact.field, fact.value) for fact in facts] == [("context_window", 5)]


def test_facts_grow_old() -> None:
    """A model whose newest source is older than ninety days, or has no date, is listed."""
    llama = "@cf/meta/llama-3.1-8b-instruct-fp8"
    day = date(2026, 5, 18)
    soon, later = day + timedelta(days=90), day + timedelta(days=91)
    assert llama not in {one.model for one in old_facts(soon)}
    found = {one.model: one.newest for one in old_facts(later)}
    assert found[llama] == day
    assert found["@cf/baai/bge-m3"] is None


def test_a_saved_catalogue_reads_back(tmp_path: Path) -> None:
    """`load_catalogue` returns the models and schemas that `save_catalogue` wrote."""
    found = catalogue(schemas={GRANITE: model_schema(GRANITE)})
    save_catalogue(found, tmp_path)
    again = load_catalogue(tmp_path)
    assert again.models == found.models
    assert again.input_schema(GRANITE) == found.input_schema(GRANITE)


def test_a_folder_without_a_catalogue_is_refused(tmp_path: Path) -> None:
    """The error says what to save where."""
    with pytest.raises(ConfigurationError, match=r"models/search there"):
        load_catalogue(tmp_path)
