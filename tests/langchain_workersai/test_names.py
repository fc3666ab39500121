"""Names that LangChain and the core both have."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import langchain_workersai

FOLDER = Path(langchain_workersai.__file__).parent


def imported() -> dict[str, set[str]]:
    """The names under which the package's modules know things of LangChain, and of the core."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names[node.module.split(".")[0]] |= {
                    alias.asname or alias.name for alias in node.names
                }
    return names


def test_one_name_is_one_thing() -> None:
    """Where both have a `ChatResult`, the core's has another name in this package."""
    names = imported()
    assert {"ChatResult", "ModelProfile"} <= names["langchain_core"]
    assert {"WireResult", "ModelFacts"} <= names["workersai"]
    assert names["langchain_core"] & names["workersai"] == set()
