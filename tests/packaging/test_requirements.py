"""Each package and extra requires exactly the distributions that its modules import."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.built import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it where Python has none

OURS = {"workersai", "langchain_workersai", "llamaindex_workersai"}
NOT_REQUIRED = {
    "langchain": "register() raises an error that asks for it",
    "opentelemetry": "the instrumentations whose spans it exports bring it",
    "pytest": "pytest itself loads the plugin",
    "tqdm": "show_progress raises an error that asks for it",
    "yarl": "it comes with aiohttp, for users who pass an aiohttp client",
}
DISTRIBUTIONS = {"llama_index": "llama-index-core"}
"""The distribution of an import whose name differs by more than hyphens."""

SERVER = [*(ROOT / "workersai/local").rglob("*.py"), *(ROOT / "workersai/cli").rglob("*.py")]
SMOL = [path for path in SERVER if path.stem in {"llama", "minilm", "wordpiece"}]
"""The modules that load models, which need the extra `local`."""

BULK = sorted((ROOT / "workersai/bulk").rglob("*.py"))
PACED = [ROOT / "workersai/client/rate_limits.py"]
OF_EXTRAS = {*SERVER, *BULK, *PACED}

PARTS = {
    "core": (sorted(set((ROOT / "workersai").rglob("*.py")) - OF_EXTRAS), []),
    "limits": (PACED, ["limits"]),
    "bulk": (BULK, ["bulk"]),
    "langchain": (sorted((ROOT / "langchain_workersai").rglob("*.py")), ["langchain"]),
    "llamaindex": (sorted((ROOT / "llamaindex_workersai").rglob("*.py")), ["llamaindex"]),
    "serve": (sorted(set(SERVER) - set(SMOL)), ["serve"]),
    "local": (SMOL, ["local"]),
}
"""The modules of each part, and the extra that installs what they import."""


def required(extras: list[str]) -> set[str]:
    """Return the distributions that some extras name, or the package's own requirements."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["optional-dependencies"][extra] for extra in extras]
    lines = [line for lines in lists or [project["dependencies"]] for line in lines]
    return {re.split(r"[^\w.-]", line)[0] for line in lines} - {"workersai"}


def imported(path: Path) -> set[str]:
    """Return the distributions that a file imports, at its top or in a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "package":
            names.update(ast.literal_eval(name) for name in node.args)
    tops = {name.split(".")[0] for name in names}
    others = tops - sys.stdlib_module_names - OURS - NOT_REQUIRED.keys()
    return {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in others}


@pytest.mark.parametrize(("modules", "extras"), PARTS.values(), ids=PARTS)
def test_imported_distributions_are_required(modules: list[Path], extras: list[str]) -> None:
    """A part requires each distribution that its modules import."""
    allowed = required([]) | (required(extras) if extras else set())
    if extras in (["local"], ["bulk"]):
        allowed |= required(["serve"])

    missing = {str(path): imported(path) - allowed for path in modules}

    assert {path: names for path, names in missing.items() if names} == {}


@pytest.mark.parametrize(("modules", "extras"), PARTS.values(), ids=PARTS)
def test_required_distributions_are_imported(modules: list[Path], extras: list[str]) -> None:
    """A part requires no distribution that its modules do not import."""
    used = set().union(*map(imported, modules))

    assert required(extras) - used == set()


@pytest.mark.parametrize("extra", ["langchain", "llamaindex", "limits", "bulk", "serve", "local"])
def test_every_requirement_is_bounded_below(extra: str) -> None:
    """Each requirement states the oldest version that works, or the only one."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"][extra]]

    assert [line for line in lines if not re.search(r">=|==|^workersai\[", line)] == []
