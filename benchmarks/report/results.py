"""The files in `benchmarks/results`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
RESULTS = HERE / "results"
MAIN = RESULTS / "main.json"
CURVES = RESULTS / "curves.json"


def write(path: Path, results: dict[str, Any]) -> None:
    """Write figures as JSON that reads well in a diff."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> dict[str, Any] | None:
    """Read figures; `None` if none were taken."""
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text())
    return results
