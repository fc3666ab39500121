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


def test_without_an_account_it_is_the_table() -> None:
    """Every model of the table that is not retired is listed, and nothing is asked."""
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
    """A filter leaves just the models that are known to have the fact."""
    found = listed(option)
    expected = [p for p in known_profiles() if p.deprecated is None and getattr(p, fact)]
    assert found
    assert set(found) == {profile.name for profile in expected}


def test_retired_models_are_asked_for() -> None:
    """A model that is to be withdrawn is listed with `--retired` only."""
    retired = {profile.name for profile in known_profiles() if profile.deprecated}
    assert retired
    assert not retired & set(listed())
    assert retired <= set(listed("--retired"))


def test_search_and_task() -> None:
    """The argument narrows by id in any case, `--task` by task."""
    assert listed("GRANITE") == [GRANITE]
    assert {get_profile(name).task for name in listed("--task", "rerank")} == {"rerank"}


def test_json_has_every_fact() -> None:
    """The JSON of a model has all fields of its profile, parameters included."""
    done = RUN.invoke(app, ["models", "--json", "glm-4.7-flash"])
    (row,) = json.loads(done.stdout)
    assert row["context_window"] == get_profile(GLM).context_window
    assert row["parameters"]["temperature"]["maximum"] == 2


def test_the_table_shows_prices_and_what_is_unknown() -> None:
    """The table has context, price and capabilities, `?` where no source says."""
    done = RUN.invoke(app, ["models", "granite-4.0"])
    row = next(line for line in done.output.splitlines() if GRANITE in line)
    assert "131,000" in row
    assert "0.017 / 0.110" in row
    assert "?" in row


def test_with_an_account_it_is_the_live_catalogue(account: LocalServer) -> None:
    """With credentials the account's catalogue is read; `--offline` leaves it alone."""
    before = len(account.requests)
    live = listed()
    assert len(account.requests) == before + 1
    assert len(live) < len(listed("--offline"))
    assert len(account.requests) == before + 1


def test_a_catalogue_that_cannot_be_read(
    account: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that may not list models still shows the table, and the reason without the token."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "wrong-token-of-mine")
    done = RUN.invoke(app, ["models", "granite-4.0"])
    assert done.exit_code == 0
    assert GRANITE in done.stdout
    assert "could not be read" in done.output
    assert "wrong-token-of-mine" not in done.output


@pytest.mark.parametrize("arguments", [["--tools"], ["bge"], ["--retired"]])
def test_the_table_fits_a_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns no column is lost; model ids are broken into lines instead."""
    monkeypatch.setenv("COLUMNS", "80")

    shown = RUN.invoke(app, ["models", "--offline", *arguments]).output

    lines = shown.splitlines()
    assert all(len(line) <= 80 for line in lines)
    headings = [line for line in lines if "USD per M" in line]
    assert headings
    assert all(line.rstrip().endswith("queue") for line in headings)
