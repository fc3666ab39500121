"""Turn verdicts into lines of the file of facts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from workersai._models import get_profile
from workersai._models.facts import Fact, package_facts_file, read_facts
from workersai.errors import ConfigurationError
from workersai.probe.files import replace_text
from workersai.probe.report import Report

__all__ = ["changed_facts", "facts_text", "merged", "show_change", "write_facts"]

_CLOUDFLARE = "cloudflare"


def changed_facts(report: Report, *, is_own_file: bool) -> list[Fact]:
    """List the facts that a report changes: those that differ from the profile.

    Args:
        report: The report.
        is_own_file: Whether they go to a file of the user's own, not to the package.

    Raises:
        ConfigurationError: If a stand-in answered, and the facts would go to the package.
    """
    if report.server != _CLOUDFLARE and not is_own_file:
        raise ConfigurationError(
            f"the report was answered by {report.server or 'an unnamed server'}, not by "
            "Cloudflare: its verdicts are no facts about Workers AI. Pass facts=PATH to write "
            "them to a file of your own",
            parameter="apply",
        )
    return [
        Fact(
            one.model,
            one.field,
            one.value,
            report.date,
            f"probe of {report.server}: {one.question}",
        )
        for one in report.findings()
        if one.sets
        and one.field is not None
        and getattr(get_profile(one.model), one.field) != one.value
    ]


def merged(known: Iterable[Fact], new: Iterable[Fact]) -> list[Fact]:
    """Replace old facts by new ones about the same field of the same model."""
    table = {(fact.model, fact.field): fact for fact in (*known, *new)}
    return [table[key] for key in sorted(table)]


def facts_text(facts: Iterable[Fact]) -> str:
    """Write a file of facts, one fact a line."""
    lines = ",\n".join(f"  {json.dumps(asdict(fact), ensure_ascii=False)}" for fact in facts)
    return '{"facts": [' + (f"\n{lines}\n" if lines else "") + "]}\n"


def show_change(path: Path, new: Iterable[Fact]) -> tuple[str, str]:
    """Show how a file of facts would change.

    Args:
        path: The file; it need not exist.
        new: The facts that are added or replaced.

    Returns:
        The difference, as lines with `+` and `-`, and the new text.

    Raises:
        ConfigurationError: If the file holds no facts.
    """
    old = path.read_text("utf-8") if path.exists() else facts_text(())
    text = facts_text(merged(read_facts(old, str(path)), new))
    lines = difflib.unified_diff(
        old.splitlines(), text.splitlines(), path.name, path.name, lineterm="", n=0
    )
    return "\n".join(lines), text


def write_facts(path: Path, text: str) -> None:
    """Replace a file of facts.

    Raises:
        ConfigurationError: If it cannot be written.
    """
    try:
        replace_text(path, text)
    except OSError as error:
        hint = " (pass facts=PATH)" if path == package_facts_file() else ""
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}{hint}", parameter="facts"
        ) from error
