"""The table in README.md and docs/comparison.md, made from the stored results.

This module imports no peer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[2] / "README.md"
PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"
BEGIN = "<!-- made by `make comparison` from tests/comparison/results.json -->"
END = "<!-- end of the comparison -->"
COLUMNS = {
    "ChatWorkersAI": "`ChatWorkersAI`",
    "WorkersAI": "LlamaIndex `WorkersAI`",
    "langchain-cloudflare": "langchain-cloudflare",
    "ChatOpenAI": "`ChatOpenAI`",
    "OpenAILike": "`OpenAILike`",
}
READ: tuple[dict[str, Any], ...] = (
    {
        "title": "the AI binding of a Python Worker",
        "cells": {
            "ChatWorkersAI": "yes",
            "WorkersAI": "yes",
            "langchain-cloudflare": "yes (read)",
            "ChatOpenAI": "no (read)",
            "OpenAILike": "no (read)",
        },
        "source": "`bindings.py` of langchain-cloudflare (`tests/binding` runs ours)",
    },
    {
        "title": "Vectorize, AI Search and Browser Run",
        "cells": {
            "ChatWorkersAI": "no",
            "WorkersAI": "no",
            "langchain-cloudflare": "yes (read)",
            "ChatOpenAI": "no (read)",
            "OpenAILike": "no (read)",
        },
        "source": "`vectorstores.py`, `retrievers.py` and `loaders.py` of langchain-cloudflare",
    },
    {
        "title": "other providers by the same class",
        "cells": {
            "ChatWorkersAI": "no",
            "WorkersAI": "no",
            "langchain-cloudflare": "no (read)",
            "ChatOpenAI": "yes (read)",
            "OpenAILike": "yes (read)",
        },
        "source": "the docstrings of `ChatOpenAI` and `OpenAILike`",
    },
)
"""Rows that no test on this machine can decide: what was read, and where."""


STREAM_ERROR = (
    "- How Workers AI reports an error inside a stream is not documented: OpenAI's form and "
    "Cloudflare's are tried."
)


def stored() -> dict[str, Any]:
    """Return the results that are stored."""
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def shown(results: dict[str, Any]) -> str:
    """Return the table with its markers."""
    rows = [*results["rows"], *READ]
    lines = [_line("", *COLUMNS.values()), _line(*["---"] * (len(COLUMNS) + 1))]
    lines += [_line(row["title"], *(row["cells"][name] for name in COLUMNS)) for row in rows]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    read = [f"- Read: {row['title']}, in {row['source']}." for row in READ]
    below = [f"{results['date']}, with {versions}.", "", STREAM_ERROR, *read]
    return "\n".join([BEGIN, *lines, "", *below, END])


def explained(results: dict[str, Any]) -> str:
    """Return the table and what each row tries, with the same markers."""
    tries = [f"- **{row['title']}:** {row['about']}" for row in results["rows"]]
    heading = "## What each row tries"
    return shown(results).replace(END, "\n".join(["", heading, "", *tries, "", END]))


def write(results: dict[str, Any]) -> None:
    """Write the table into both pages."""
    README.write_text(with_table(README.read_text(), shown(results)))
    PAGE.write_text(with_table(PAGE.read_text(), explained(results)))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(page: str, table: str) -> str:
    """Return a page with a new table between the markers."""
    before, _, rest = page.partition(BEGIN)
    return before + table + rest.partition(END)[2]
