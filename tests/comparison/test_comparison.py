"""Each cell of README's comparison is what the class does now. Run by `make test-comparison`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.comparison.contestants import BY_NAME
from tests.comparison.rows import BY_KEY
from tests.comparison.table import COLUMNS, stored

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("loopback")]
STORED = {row["key"]: row for row in stored()["rows"]}
CELLS = [(key, name) for key in STORED for name in COLUMNS]


def test_every_row_is_stored() -> None:
    """No row is left out of the results, and each has its title and its sentence."""
    texts: dict[str, Any] = {key: (row["title"], row["about"]) for key, row in STORED.items()}
    assert texts == {key: (row.title, row.about) for key, row in BY_KEY.items()}


@pytest.mark.parametrize(("key", "name"), CELLS)
def test_a_cell_is_what_happens(key: str, name: str) -> None:
    """The verdict and its reason come out again; if a peer has changed, run `make comparison`."""
    assert str(BY_KEY[key].run(BY_NAME[name])) == STORED[key]["cells"][name]
