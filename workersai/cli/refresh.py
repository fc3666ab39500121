"""`workersai refresh`: compare the tables of models with the live catalogue."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from workersai import WorkersAIError
from workersai._models.facts import package_facts_file, recorded_facts
from workersai.probe.applying import show_change, write_facts
from workersai.probe.catalogue import (
    Catalogue,
    fetch_catalogue,
    load_catalogue,
    save_catalogue,
)
from workersai.probe.refreshing import compare, facts_of, old_facts, profile_names

__all__ = ["refresh"]


def refresh(
    *,
    saved: Annotated[
        Path | None,
        typer.Option(help="Read catalogue and schemas from this folder, not from Cloudflare."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Save the data read from Cloudflare in this folder.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what differs to the file of facts.")
    ] = False,
    facts: Annotated[
        Path | None, typer.Option(help="The file of facts, in place of the package's own.")
    ] = None,
) -> None:
    """Compare the package's facts about models with the account's catalogue and its schemas.

    Reports new, withdrawn and renamed models, and changed windows, prices, abilities, parameters
    and ranges; then models whose facts are older than ninety days. Facts that people or a probe
    recorded are kept.
    """
    console = Console()
    today = datetime.now(timezone.utc).date()
    try:
        catalogue = _catalogue(saved, save)
        differences = compare(catalogue)
        for one in differences:
            console.print(one.sentence(), markup=False, highlight=False, soft_wrap=True)
        console.print(f"{len(differences)} differences.")
        _show_old(console, today)
        if write:
            target = facts or package_facts_file()
            new = facts_of(differences, recorded_facts(), today.isoformat())
            difference, text = show_change(target, new)
            write_facts(target, text)
            console.print(difference, markup=False, soft_wrap=True)
            console.print(f"{len(new)} facts written to {target}.", soft_wrap=True)
    except WorkersAIError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _catalogue(saved: Path | None, save: Path | None) -> Catalogue:
    if saved is not None:
        return load_catalogue(saved)
    found = fetch_catalogue(profile_names())
    if save is not None:
        save_catalogue(found, save)
    return found


def _show_old(console: Console, today: date) -> None:
    by_day: dict[date | None, list[str]] = {}
    for old in old_facts(today):
        by_day.setdefault(old.newest, []).append(old.model)
    for day, models in by_day.items():
        when = f"Last looked at {day}" if day else "No source has a date"
        console.print(f"{when}: {', '.join(models)}", style="dim", markup=False, soft_wrap=True)
