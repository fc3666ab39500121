"""`workersai models`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from workersai import get_profile
from workersai._models import known_profiles
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"


def listed(*arguments: str) -> list[str]:
    done = RUN.invoke(app, ["models", "--json", *arguments])
    assert done.exit_code == 0, done.output
    return [row["name"] for row in json.loads(done.stdout)]


def test_without_an_account_the_table_is_listed() -> None:
    """Without an account `models` lists the table's current models and sends no request."""
    expected = {profile.name for profile in known_profiles() if profile.deprecated is None}
    assert set(listed()) == expected


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
def test_filters(option: str, fact: str) -> None:
    """A filter keeps only models for which the profile confirms the ability."""
    found = listed(option)
    expected = [p for p in known_profiles() if p.deprecated is None and getattr(p, fact)]
    assert found
    assert set(found) == {profile.name for profile in expected}


def test_retired_models_need_the_option() -> None:
    """`models` lists a retired model only with `--retired`."""
    retired = {profile.name for profile in known_profiles() if profile.deprecated}
    assert retired
    assert not retired & set(listed())
    assert retired <= set(listed("--retired"))


def test_search_and_task() -> None:
    """The argument filters by id, ignoring case; `--task` filters by task."""
    assert listed("GRANITE") == [GRANITE]
    assert {get_profile(name).task for name in listed("--task", "rerank")} == {"rerank"}


def test_json_has_every_fact() -> None:
    """The JSON of a model has all fields of its profile, parameters included."""
    done = RUN.invoke(app, ["models", "--json", "glm-4.7-flash"])
    (row,) = json.loads(done.stdout)
    assert row["context_window"] == get_profile(GLM).context_window
    assert row["parameters"]["temperature"]["maximum"] == 2


def test_the_table_shows_prices_and_unknown_facts() -> None:
    """The table shows context, price and abilities, and `?` for facts without a source."""
    done = RUN.invoke(app, ["models", "granite-4.0"])
    row = next(line for line in done.output.splitlines() if GRANITE in line)
    assert "131,000" in row
    assert "0.017 / 0.110" in row
    assert "?" in row


def test_with_an_account_the_live_catalogue_is_listed(account: LocalServer) -> None:
    """With credentials `models` lists the account's catalogue, unless `--offline` is set."""
    before = len(account.requests)
    live = listed()
    assert len(account.requests) == before + 1
    assert live == listed("--offline")
    assert len(account.requests) == before + 1


def test_a_catalogue_that_cannot_be_read(
    account: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the token may not list models, `models` prints the reason and the table."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "wrong-token-of-mine")
    done = RUN.invoke(app, ["models", "granite-4.0"])
    assert done.exit_code == 0
    assert GRANITE in done.stdout
    assert "could not be read" in done.output
    assert "wrong-token-of-mine" not in done.output


@pytest.mark.parametrize("arguments", [["--tools"], ["bge"], ["--retired"]])
def test_the_table_fits_a_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns the table keeps all columns and wraps model ids."""
    monkeypatch.setenv("COLUMNS", "80")

    shown = RUN.invoke(app, ["models", "--offline", *arguments]).output

    lines = shown.splitlines()
    assert all(len(line) <= 80 for line in lines)
    headings = [line for line in lines if "USD per M" in line]
    assert headings
    assert all(line.rstrip().endswith("queue") for line in headings)
