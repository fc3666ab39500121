"""What maintainers rely on: workflows that name commands which exist, and versions that agree."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it where Python has none

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_commands_that_exist(path: Path) -> None:
    """Each `make` target that a workflow runs is in the Makefile; permissions are stated."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"]
    runs = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    used = {name for run in runs for name in re.findall(r"^\s*make ([a-z-]+)", run, re.MULTILINE)}
    assert used <= TARGETS


def test_the_matrix_has_every_python_of_the_metadata() -> None:
    """CI, nox and the classifiers name the same versions of Python."""
    prefix = "Programming Language :: Python :: 3."
    stated = {
        f"3.{c.removeprefix(prefix)}" for c in project()["classifiers"] if c.startswith(prefix)
    }
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert set(ci["jobs"]["matrix"]["strategy"]["matrix"]["python"]) == stated
    named = re.search(r"PYTHONS = (\[.*?\])", (ROOT / "noxfile.py").read_text())
    assert named is not None
    assert set(yaml.safe_load(named[1])) == stated


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_for_something(path: Path) -> None:
    """A form has a field that must be filled in; the file of settings has none."""
    form = yaml.safe_load(path.read_text())
    if path.stem != "config":
        assert any(one.get("validations", {}).get("required") for one in form["body"])


def test_no_workflow_holds_a_token() -> None:
    """Publishing is by trusted publishing; credentials of Cloudflare are secrets by name."""
    release = (ROOT / ".github/workflows/release.yml").read_text()
    assert "id-token: write" in release
    assert "password" not in release
    live = (ROOT / ".github/workflows/live.yml").read_text()
    assert "secrets.CLOUDFLARE_API_TOKEN" in live
