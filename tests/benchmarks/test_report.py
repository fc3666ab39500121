"""The pages that the benchmarks write agree with the JSON files."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report import page, results, tables
from benchmarks.scenarios.table import CALL, MEMORY

MAIN = results.read(results.MAIN)


def measured(ratio: float) -> dict[str, Any]:
    return {"status": "measured", "cpu_ratio": ratio, "cpu_us": 3.0, "wall_us": 4.0}


def test_the_readme_has_the_table_of_the_figures() -> None:
    """README.md has the table that `make benchmark` writes for `benchmarks/results/main.json`."""
    assert MAIN is not None
    assert page.readme_table(MAIN) in page.README.read_text()


def test_results_md_has_all_figures() -> None:
    """RESULTS.md is the page that `make benchmark` writes for all figures."""
    assert MAIN is not None
    assert page.PAGE.read_text() == page.page(MAIN, results.read(results.CURVES))


def test_the_figures_name_no_host_and_no_path() -> None:
    """The figures describe the machine by its processor, system and versions only."""
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
    """The table compares the rounded figure with the target."""
    assert tables.judged(CALL, 0, measured(ratio)) == shown


def test_memory_is_shown_in_decimal_megabytes() -> None:
    """The table divides bytes by 1,000,000 for megabytes."""
    figures = {"status": "measured", "bytes": 4_200_000}
    assert tables.judged(MEMORY[0], 0, figures) == "**4.2 MB** (5.0 MB)"


def test_a_wrong_answer_has_no_figure() -> None:
    """The table shows the reason in place of the figure of a contestant that answered wrongly."""
    assert tables.judged(CALL, 1, {"status": "wrong answer"}) == "wrong answer (0.85)"
