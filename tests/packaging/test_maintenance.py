"""The project's workflows, issue forms and versions of Python."""

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
    """Return the project table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_commands_that_exist(path: Path) -> None:
    """Each `make` target of a workflow is in the Makefile, and the workflow states permissions."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"]
    runs = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    used = {name for run in runs for name in re.findall(r"^\s*make ([a-z-]+)", run, re.MULTILINE)}
    assert used <= TARGETS


def test_the_matrix_has_every_python_of_the_metadata() -> None:
    """CI, nox and the classifiers list the same versions of Python."""
    prefix = "Programming Language :: Python :: 3."
    stated = {
        f"3.{c.removeprefix(prefix)}" for c in project()["classifiers"] if c.startswith(prefix)
    }
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert set(ci["jobs"]["matrix"]["strategy"]["matrix"]["python"]) == stated
    pythons = re.search(r"PYTHONS = (\[.*?\])", (ROOT / "noxfile.py").read_text())
    assert pythons is not None
    assert set(yaml.safe_load(pythons[1])) == stated


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_a_required_field(path: Path) -> None:
    """Each issue form has a required field; the settings file has none."""
    form = yaml.safe_load(path.read_text())
    if path.stem != "config":
        assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_workflows_have_no_token() -> None:
    """The release publishes without a password, and the live run reads its token from secrets."""
    release = (ROOT / ".github/workflows/release.yml").read_text()
    assert "id-token: write" in release
    assert "password" not in release
    live = (ROOT / ".github/workflows/live.yml").read_text()
    assert "secrets.CLOUDFLARE_API_TOKEN" in live
