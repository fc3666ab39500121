"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.contestants.registry import (
    AIOHTTP,
    CHAT_OPENAI,
    CLIENT,
    CLOUDFLARE_EMBEDDING,
    HTTPX,
    LANGCHAIN,
    LANGCHAIN_CLOUDFLARE,
    LANGCHAIN_FLOOR,
    LLAMAINDEX,
    LLAMAINDEX_FLOOR,
    OPENAI,
    OPENAI_LIKE,
)
from benchmarks.scenarios.scenario import MemoryScenario, Scenario
from benchmarks.scenarios.table import FRESH, MAIN, MEMORY

Row = Scenario | MemoryScenario
ROWS: tuple[Row, ...] = (*MAIN, FRESH, *MEMORY)
PEERS = (LANGCHAIN_CLOUDFLARE, CHAT_OPENAI, OPENAI_LIKE, OPENAI, CLOUDFLARE_EMBEDDING)
OTHERS = (CLIENT, LANGCHAIN_FLOOR, LLAMAINDEX_FLOOR, HTTPX, AIOHTTP)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are figures."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Two significant digits below 10, whole numbers above."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def size(value: float) -> str:
    """Bytes as kB or MB of a thousand."""
    return f"{number(value / 1e6)} MB" if value >= 1e6 else f"{number(value / 1e3)} kB"


def figure(row: Row, figures: dict[str, Any] | None) -> str:
    """Return a contestant's figure in a row, or the reason for its absence."""
    if figures is None:
        return ""
    if figures["status"] != "measured":
        return str(figures["status"])
    if isinstance(row, MemoryScenario):
        return size(figures["bytes"])
    ratio = figures[f"{row.by}_ratio"]
    return "" if ratio is None else number(ratio)


def judged(row: Row, which: int, figures: dict[str, Any] | None) -> str:
    """The figure of one of our faces beside its target, bold where the target is met."""
    shown = figure(row, figures)
    if row.targets is None:
        return shown
    target = row.targets[which]
    limit = size(target) if isinstance(row, MemoryScenario) else f"{target:.2f}"
    return f"**{shown}** ({limit})" if is_met(row, target, figures) else f"{shown} ({limit})"


def is_met(row: Row, target: float, figures: dict[str, Any] | None) -> bool:
    """Return whether the displayed figure meets the target."""
    if figures is None or figures["status"] != "measured":
        return False
    if isinstance(row, MemoryScenario):
        return bool(figures["bytes"] < target)
    ratio = figures[f"{row.by}_ratio"]
    return ratio is not None and float(number(ratio).replace(",", "")) <= target


def main_table(scenarios: dict[str, Any]) -> str:
    """The ratios: our faces beside their targets, then the peers, then what they stand on."""
    head = ["", LANGCHAIN, LLAMAINDEX, *PEERS, *OTHERS]

    def line(row: Row) -> list[str]:
        found = scenarios[row.key]
        faces = [judged(row, i, found.get(name)) for i, name in enumerate((LANGCHAIN, LLAMAINDEX))]
        return [row.title, *faces, *(figure(row, found.get(name)) for name in (*PEERS, *OTHERS))]

    return table(head, [line(row) for row in ROWS if row.key in scenarios])


def absolute_table(scenarios: dict[str, Any], which: str) -> str:
    """CPU or wall microseconds a call, event, text or model."""
    names = (LANGCHAIN, LLAMAINDEX, *PEERS, *OTHERS)

    def cell(figures: dict[str, Any] | None) -> str:
        if figures is None:
            return ""
        return number(figures[which]) if figures["status"] == "measured" else figures["status"]

    def line(row: Scenario) -> list[str]:
        found = scenarios[row.key]
        return [
            f"{row.title.split(' (x')[0]}, each {row.unit}",
            *(cell(found.get(n)) for n in names),
        ]

    rows = [row for row in (*MAIN, FRESH) if row.key in scenarios]
    return table(["", *names], [line(row) for row in rows])


def curve_table(points: dict[str, list[list[float]]], sizes: Sequence[int]) -> str:
    """CPU microseconds a unit, a row for each contestant; empty where it was left out."""
    rows = []
    for name, pairs in points.items():
        costs = {int(at): number(cost) for at, cost in pairs}
        rows.append([name, *(costs.get(at, "") for at in sizes)])
    return table(["", *(f"{at:,}" for at in sizes)], rows)
