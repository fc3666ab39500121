"""Names that exist both in LangChain and in the core."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import langchain_workersai

FOLDER = Path(langchain_workersai.__file__).parent


def imported_names() -> dict[str, set[str]]:
    """Return the names that the package imports, by the top-level package they come from."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names[node.module.split(".")[0]] |= {
                    alias.asname or alias.name for alias in node.names
                }
    return names


def test_no_name_has_two_meanings() -> None:
    """This package imports the core's classes under other names than LangChain's classes."""
    names = imported_names()
    assert {"ChatResult", "ModelProfile"} <= names["langchain_core"]
    assert {"WireResult", "ModelFacts"} <= names["workersai"]
    assert names["langchain_core"] & names["workersai"] == set()
