"""The curves as SVG, drawn with matplotlib where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.contestants.registry import ENTRIES, OURS
from benchmarks.scenarios.curves import CURVES, Curve

_PALETTE = (*(f"C{number}" for number in range(10)), "gold", "black")
COLOURS = {entry.name: colour for entry, colour in zip(ENTRIES, _PALETTE, strict=True)}


def draw_all(results: dict[str, Any], folder: Path) -> list[Path]:
    """Draw each measured curve; draw nothing if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    measured = [curve for curve in CURVES if curve.key in results["curves"]]
    return [_draw(curve, results["curves"][curve.key], folder) for curve in measured]


def _draw(curve: Curve, points: dict[str, list[list[float]]], folder: Path) -> Path:
    import matplotlib as mpl  # noqa: PLC0415 - only where there are curves to draw

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "workersai"  # the same figures give the same file
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 5))
    for name, pairs in points.items():
        if not pairs:
            continue
        sizes, costs = zip(*pairs, strict=True)
        width, style = (2.5, "-") if name in OURS else (1.2, "--")
        axes.plot(
            sizes, costs, style, label=name, linewidth=width, marker="o", markersize=4,
            color=COLOURS[name],
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel=curve.across, title=curve.title)
    axes.set_ylabel(f"CPU a {curve.unit}, microseconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    path = folder / f"{curve.key}.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return path
