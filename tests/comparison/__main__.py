"""`make comparison`: try every class in every row, and write the results and the tables."""

from __future__ import annotations

import json
import sys
import warnings
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

from tests.comparison.contestants import CONTESTANTS
from tests.comparison.rows import ROWS
from tests.comparison.table import RESULTS, write

FRAMEWORKS = ("langchain-core", "llama-index-core")


def measured() -> dict[str, Any]:
    """Try everything; say on the way what comes out."""
    rows = []
    for row in ROWS:
        cells = row.cells()
        sys.stdout.write(f"{row.title}: {', '.join(cells.values())}\n")
        rows.append({"key": row.key, "title": row.title, "about": row.about, "cells": cells})
    peers = [name for each in CONTESTANTS for name in each.distributions if name != "workersai"]
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "versions": {name: version(name) for name in (*FRAMEWORKS, *dict.fromkeys(peers))},
        "rows": rows,
    }


def main() -> None:
    """Write the results and the tables."""
    warnings.simplefilter("ignore")  # what the peers' own requirements warn about
    results = measured()
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    write(results)


if __name__ == "__main__":
    main()
