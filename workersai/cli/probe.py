"""`workersai probe`: measure on the live service what no page documents, and record it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from workersai import ConfigurationError
from workersai._models.facts import package_facts_file
from workersai.probe.applying import changed_facts, show_change, write_facts
from workersai.probe.plan import SEED_MODELS, Planned, plan_probe, worst_cost
from workersai.probe.report import Report
from workersai.probe.running import Probe
from workersai.probe.verdicts import Finding

__all__ = ["probe"]

_STYLES = {"yes": "green", "no": "red", "differs": "yellow", "could not tell": "dim"}
_INTERRUPTED = 130


def probe(
    *,
    models: Annotated[
        list[str] | None,
        typer.Option(help="A model to probe; may be repeated, or name several between commas."),
    ] = None,
    max_cost: Annotated[float, typer.Option(help="USD the run may cost.")] = 0.05,
    out: Annotated[
        Path, typer.Option(help="The report. A run that was stopped goes on from it.")
    ] = Path("probe.json"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is done.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Repeat questions that had no clear answer.")
    ] = False,
    apply: Annotated[
        Path | None,
        typer.Option(help="Send nothing: write the facts that this report changes."),
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option(
            help="Where --apply writes, in place of the package's own table; the variable "
            "WORKERSAI_FACTS names such a file to the package."
        ),
    ] = None,
) -> None:
    """Ask an account's models about unknown facts, cheaply, and report the answers.

    Reads the account and the token from the environment (CLOUDFLARE_ACCOUNT_ID and
    CLOUDFLARE_API_TOKEN). It shows the requests and their greatest cost, and asks before it begins.
    Every answer is written to the report at once: its bytes, relevant headers, and the verdict;
    tokens, the account and ray ids are removed. With --apply it writes the facts that a report
    changes, and shows them as a diff first.
    """
    console = Console()
    try:
        if apply is not None:
            _apply(console, apply, facts, is_agreed=yes)
        else:
            _probe(console, _named(models), max_cost, out, is_agreed=yes, again=again)
    except ConfigurationError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _named(models: list[str] | None) -> list[str]:
    listed = [name.strip() for text in models or () for name in text.split(",")]
    return [name for name in listed if name] or list(SEED_MODELS)


def _probe(
    console: Console, models: list[str], max_cost: float, out: Path, *, is_agreed: bool, again: bool
) -> None:
    _check(max_cost, out)
    report = Report.load(out)
    if again:
        report.forget_unsettled()
    planned = plan_probe(models)
    left = [one for one in planned if not report.has(one.model, one.ask)]
    _show_plan(console, planned, left, max_cost)
    if left and not (is_agreed or typer.confirm("Send them?")):
        raise typer.Exit(1)
    with closing(Probe(report, max_cost=max_cost)) as run:
        try:
            _run(console, run, left)
        except KeyboardInterrupt:
            console.print(f"Stopped. The same command goes on from {out}.")
            raise typer.Exit(_INTERRUPTED) from None
        finally:
            report.save()
        _show_findings(console, report.findings())
        _show_end(console, report, run, out)


def _check(max_cost: float, out: Path) -> None:
    """Find what would end the run after its first answer, which is paid for.

    Raises:
        ConfigurationError: If the cost is below 0, or the report's folder is missing.
    """
    if not max_cost >= 0:
        raise ConfigurationError(
            f"--max-cost {max_cost:g} must be a number of USD, 0 or more", parameter="max_cost"
        )
    if not out.absolute().parent.is_dir():
        raise ConfigurationError(
            f"--out {out}: there is no folder {out.parent}; make it, or pass another file",
            parameter="out",
        )


def _show_plan(
    console: Console, planned: list[Planned], left: list[Planned], max_cost: float
) -> None:
    table = Table("model", "requests", "at most", title="Plan", title_justify="left")
    for model, count in Counter(one.model for one in left).items():
        costs = [one.cost for one in left if one.model == model]
        is_known = all(cost is not None for cost in costs)
        cost = f"${sum(cost or 0.0 for cost in costs):.4f}" if is_known else "price unknown"
        table.add_row(Text(model), str(count), cost)
    console.print(table)
    if len(left) < len(planned):
        console.print(f"{len(planned) - len(left)} answers are in the report already.")
    console.print(
        f"All of it costs ${worst_cost(left):.4f} at most; the run stops at ${max_cost:.4f}."
    )


def _run(console: Console, run: Probe, left: list[Planned]) -> None:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("asking", total=len(left))
        for one, _ in run.run(left):
            progress.update(task, advance=1, description=f"{one.ask.id} of {one.model}")


def _show_findings(console: Console, findings: Iterable[Finding]) -> None:
    by_model: dict[str, list[Finding]] = {}
    for finding in findings:
        by_model.setdefault(finding.model, []).append(finding)
    for model, found in by_model.items():
        table = Table("question", "verdict", "what came", "so", title=model, title_justify="left")
        for one in found:
            verdict = Text(one.verdict, _STYLES[one.verdict])
            table.add_row(Text(one.text), verdict, Text(one.detail), Text(one.effect))
        console.print(table)


def _show_end(console: Console, report: Report, run: Probe, out: Path) -> None:
    counts = Counter(finding.verdict for finding in report.findings())
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    console.print(f"{said or 'no verdict'}; ${run.spent:.4f} spent; report in {out}.")
    if report.server != "cloudflare":
        server = report.server or "nothing that names itself"
        console.print(f"Answered by {server}, not by Cloudflare.", style="yellow", markup=False)


def _apply(console: Console, path: Path, facts: Path | None, *, is_agreed: bool) -> None:
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist", parameter="apply")
    report = Report.load(path)
    new = changed_facts(report, is_own_file=facts is not None)
    target = facts or package_facts_file()
    difference, text = show_change(target, new)
    if not difference:
        console.print("The report changes no fact.")
        return
    console.print(difference, markup=False, soft_wrap=True)
    if is_agreed or typer.confirm(f"Write {target}?"):
        write_facts(target, text)
        console.print(f"{len(new)} facts written to {target}.")
