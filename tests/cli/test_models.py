"""`workersai models`."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from workersai import ModelProfile, get_profile
from workersai._models import known_profiles
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"


def model_names(*arguments: str) -> list[str]:
    """Return the model names that `models --json` prints."""
    outcome = RUN.invoke(app, ["models", "--json", *arguments])
    assert outcome.exit_code == 0, outcome.output
    return [row["name"] for row in json.loads(outcome.stdout)]


def test_models_without_an_account() -> None:
    """Without an account `models` lists the table's current models and sends no request."""
    expected = {profile.name for profile in known_profiles() if profile.deprecated is None}
    assert set(model_names()) == expected


@pytest.mark.parametrize(
    ("option", "fact"),
    [
        ("--tools", "function_calling"),
        ("--vision", "vision"),
        ("--reasoning", "reasoning"),
        ("--queue", "batch"),
        ("--lora", "lora"),
    ],
)
def test_a_filter_needs_a_confirmed_ability(option: str, fact: str) -> None:
    """A filter lists only models whose profile confirms the ability."""
    names = model_names(option)
    expected = [p for p in known_profiles() if p.deprecated is None and getattr(p, fact)]
    assert names
    assert set(names) == {profile.name for profile in expected}


def test_retired_models_need_the_option() -> None:
    """`models` lists a retired model only with `--retired`."""
    retired = {profile.name for profile in known_profiles() if profile.deprecated}
    assert retired
    assert not retired & set(model_names())
    assert retired <= set(model_names("--retired"))


def test_models_are_filtered_by_id_and_task() -> None:
    """The argument filters by id, ignoring case; `--task` filters by task."""
    assert model_names("GRANITE") == [GRANITE]
    assert {get_profile(name).task for name in model_names("--task", "rerank")} == {"rerank"}


def test_an_unknown_task_is_refused() -> None:
    """`--task` with an unknown task is an error that lists the tasks."""
    outcome = RUN.invoke(app, ["models", "--task", "chat"])
    assert outcome.exit_code == 2
    assert "rerank" in outcome.output


def test_a_narrow_terminal_shows_every_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a table does not fit, each model's id and facts are lines of text."""
    monkeypatch.setenv("COLUMNS", "40")
    output = RUN.invoke(app, ["models", "--offline", "glm-4.7"]).output
    assert GLM in output
    assert "131,072" in output


def test_json_has_every_fact() -> None:
    """The JSON of a model has all fields of its profile, parameters included."""
    outcome = RUN.invoke(app, ["models", "--json", "glm-4.7-flash"])
    (row,) = json.loads(outcome.stdout)
    assert row.keys() >= {field.name for field in fields(ModelProfile)}
    assert row["context_window"] == get_profile(GLM).context_window
    assert row["parameters"]["temperature"]["maximum"] == 2


def test_the_table_shows_prices_and_unknown_facts() -> None:
    """The table shows context, price and abilities, and `?` for facts without a source."""
    outcome = RUN.invoke(app, ["models", "granite-4.0"])
    row = next(line for line in outcome.output.splitlines() if GRANITE in line)
    assert "131,000" in row
    assert "0.017 / 0.110" in row
    assert "?" in row


def test_with_an_account_the_live_catalogue_is_listed(account: LocalServer) -> None:
    """With credentials `models` lists the account's catalogue, unless `--offline` is set."""
    before = len(account.requests)
    live = model_names()
    assert len(account.requests) == before + 1
    assert live == model_names("--offline")
    assert len(account.requests) == before + 1


def test_a_catalogue_that_cannot_be_read(
    account: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the token may not list models, `models` prints the reason and the table."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "wrong-token-of-mine")
    outcome = RUN.invoke(app, ["models", "granite-4.0"])
    assert outcome.exit_code == 0
    assert GRANITE in outcome.stdout
    assert "could not be read" in outcome.output
    assert "wrong-token-of-mine" not in outcome.output


@pytest.mark.parametrize("arguments", [["--tools"], ["bge"], ["--retired"]])
def test_the_table_fits_a_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns the table keeps all columns and wraps model ids."""
    monkeypatch.setenv("COLUMNS", "80")

    output = RUN.invoke(app, ["models", "--offline", *arguments]).output

    lines = output.splitlines()
    assert all(len(line) <= 80 for line in lines)
    headings = [line for line in lines if "USD per M" in line]
    assert headings
    assert all(line.rstrip().endswith("queue") for line in headings)
