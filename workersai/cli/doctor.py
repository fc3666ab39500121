"""`workersai doctor`: check whether an account and the local models can be used here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workersai.cli.account import Finding, check_account, has_credentials
from workersai.local.engines.preflight import checks

__all__ = ["doctor"]

_MARKS = {True: ("yes", "green"), False: ("no", "red"), None: ("", "")}


def doctor(
    *,
    model: Annotated[
        str | None, typer.Option(help="Ask this model; by default the cheapest one.")
    ] = None,
    endpoint: Annotated[str, typer.Option(help="run or openai.")] = "run",
    gateway: Annotated[str | None, typer.Option(help="The id of an AI Gateway.")] = None,
) -> None:
    """Check the account in the environment with one cheap request, and the local smol engine.

    Exits with 1 if an account is set but does not work, or if there is neither an account nor a
    machine that can run the local models. It never shows the token.
    """
    console = Console()
    account = check_account(model=model, endpoint=endpoint, gateway=gateway)
    local = [Finding(c.name, c.ok, c.detail, "" if c.ok else c.remedy) for c in checks()]
    console.print(_table("Cloudflare account", account))
    console.print(_table("smol engine of the local server", local))
    is_usable = all(finding.ok is not False for finding in account)
    if not is_usable and (has_credentials() or not all(finding.ok for finding in local)):
        raise typer.Exit(1)


def _table(title: str, findings: Iterable[Finding]) -> Table:
    table = Table("", "checked", "found", "what to do", title=title, title_justify="left")
    for finding in findings:
        mark, style = _MARKS[finding.ok]
        remedy = "" if finding.ok else finding.remedy
        table.add_row(Text(mark, style), finding.name, Text(finding.detail), Text(remedy))
    return table
