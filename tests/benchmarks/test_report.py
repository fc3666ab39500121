"""What the benchmarks write is what their JSON says."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report import page, results, tables
from benchmarks.scenarios.table import CALL, MEMORY

MAIN = results.read(results.MAIN)


def measured(ratio: float) -> dict[str, Any]:
    return {"status": "measured", "cpu_ratio": ratio, "cpu_us": 3.0, "wall_us": 4.0}


def test_the_table_in_the_readme_is_made_from_the_figures() -> None:
    """README's cost table is what `make benchmark` makes of `benchmarks/results/main.json`."""
    assert MAIN is not None
    assert page.readme_table(MAIN) in page.README.read_text()


def test_the_page_of_results_is_made_from_the_figures() -> None:
    """RESULTS.md is what the same command makes of all figures."""
    assert MAIN is not None
    assert page.PAGE.read_text() == page.page(MAIN, results.read(results.CURVES))


def test_no_host_and_no_path_in_the_figures() -> None:
    """The machine is described by its cores and versions alone."""
    assert MAIN is not None
    assert set(MAIN["machine"]) == {
        "date", "system", "processor", "cores", "python", "versions", "load",
    }  # fmt: skip
    assert "/" not in "".join(map(str, MAIN["machine"].values()))


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(0.95, "**0.95** (0.95)"), (0.96, "0.96 (0.95)"), (0.954, "**0.95** (0.95)")],
)
def test_a_figure_is_bold_where_it_meets_its_target(ratio: float, shown: str) -> None:
    """What is judged is the figure as it is shown."""
    assert tables.judged(CALL, 0, measured(ratio)) == shown


def test_memory_is_judged_in_bytes() -> None:
    """Megabytes and kilobytes are of a thousand."""
    one = {"status": "measured", "bytes": 4_200_000}
    assert tables.judged(MEMORY[0], 0, one) == "**4.2 MB** (5.0 MB)"


def test_a_wrong_answer_has_no_figure() -> None:
    """A contestant that was disqualified shows why."""
    assert tables.judged(CALL, 1, {"status": "wrong answer"}) == "wrong answer (0.85)"
