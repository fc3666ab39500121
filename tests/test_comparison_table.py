"""README's comparison is made from the stored results."""

from __future__ import annotations

from tests.comparison.table import COLUMNS, PAGE, READ, README, explained, shown, stored


def test_the_table_in_the_readme_is_made_from_the_results() -> None:
    """README's comparison is what `make comparison` makes of `tests/comparison/results.json`."""
    assert shown(stored()) in README.read_text()


def test_the_page_is_made_from_the_results() -> None:
    """docs/comparison.md has the same table, and what each row tries."""
    assert explained(stored()) in PAGE.read_text()


def test_every_row_has_a_cell_for_every_class() -> None:
    """A cell is `yes`, `part` or `no`, with a reason or not; what was not run is marked as read."""
    for row in [*stored()["rows"], *READ]:
        assert list(row["cells"]) == list(COLUMNS), row["title"]
        assert {cell[:3].strip(":") for cell in row["cells"].values()} <= {
            "yes",
            "par",
            "no",
            "no ",
        }
    for row in READ:
        peers = [name for name in COLUMNS if "WorkersAI" not in name]
        assert all(row["cells"][name].endswith("(read)") for name in peers)
