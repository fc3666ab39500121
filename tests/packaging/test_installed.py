"""The wheels in new environments that have only what the wheels require.

`make test-dist` runs these tests, because they install from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.packaging.built import ROOT, THIN, build

pytestmark = [pytest.mark.installs, pytest.mark.timeout(900)]

# Imports each module of a package, except those of the extras that the arguments name.
IMPORT_ALL = """
import importlib, pkgutil, sys
name, *left_out = sys.argv[1:]
package = importlib.import_module(name)
found = [module.name for module in pkgutil.walk_packages(package.__path__, name + ".",
                                                         onerror=lambda _: None)]
for module in found:
    if not module.startswith(tuple(left_out)):
        importlib.import_module(module)
print(len(found))
"""
CHAT = """
from workersai import Client
from workersai.local import LocalServer
with LocalServer() as server:
    with Client("@cf/zai-org/glm-4.7-flash", account_id=server.account_id,
                api_token=server.api_token, base_url=server.base_url) as client:
        print(client.chat([{"role": "user", "content": "Hi"}]).text)
"""
EXTRAS = (
    "workersai.cli",
    "workersai.local",
    "workersai.observability",  # needs OpenTelemetry, which instrumentations bring
    "workersai.pytest_plugin",
    "workersai.testing",
)


class Installed:
    """A new environment with some distributions and their requirements."""

    def __init__(self, folder: Path, wheels: Path, names: Sequence[str]) -> None:
        venv.create(folder, with_pip=True, symlinks=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self.scripts = folder / scripts
        self._run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
                  "--find-links", str(wheels), *names)  # fmt: skip
        self._run("-m", "pip", "check", "--disable-pip-version-check")

    def python(self, program: str, *arguments: str) -> str:
        """Run a program in the environment and return its output."""
        return self._run("-I", "-c", program, *arguments)

    def pytest(self, project: Path) -> str:
        """Run the tests of a project in the environment and return their output."""
        return self._run("-m", "pytest", cwd=project)

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        process = subprocess.run(
            [str(self.scripts / "python"), *arguments],
            cwd=cwd or self.scripts,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build all wheels into one folder."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, project in {"workersai": ROOT, **THIN}.items():
        wheel = build(project, folder / name)
        wheel.rename(folder / wheel.name)
    return folder


def test_the_core_without_extras(tmp_path: Path, wheels: Path) -> None:
    """`workersai` imports with its own requirements and installs no framework."""
    installed = Installed(tmp_path, wheels, ["workersai"])

    assert int(installed.python(IMPORT_ALL, "workersai", *EXTRAS)) > 40
    for name in ("llama_index", "langchain_core", "starlette"):
        with pytest.raises(AssertionError, match=f"No module named '{name}'"):
            installed.python(f"import {name}")
    for face, extra in (("langchain", "langchain"), ("llamaindex", "llamaindex")):
        with pytest.raises(AssertionError, match=rf"pip install 'workersai\[{extra}\]'"):
            installed.python(f"import {face}_workersai")


def test_the_local_server(tmp_path: Path, wheels: Path) -> None:
    """With the extra `serve` the local server answers a client and the command runs."""
    installed = Installed(tmp_path, wheels, ["workersai[serve]"])

    assert installed.python(CHAT) == "You said: Hi\n"
    command = [str(installed.scripts / "workersai"), "--help"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "serve" in process.stdout


def test_the_example_project_of_the_pytest_plugin(tmp_path: Path, wheels: Path) -> None:
    """Its tests pass with what its README installs: `workersai[serve]` and pytest, nothing else."""
    installed = Installed(tmp_path / "environment", wheels, ["workersai[serve]", "pytest"])
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "testing", project)

    printed = installed.pytest(project)
    assert re.search(r"=+ \d+ passed in ", printed), printed


FACES: Mapping[str, tuple[list[str], str, list[str]]] = {
    "langchain": (
        ["langchain-workersai"],
        "langchain_workersai",
        ["from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAIRerank"],
    ),
    "llamaindex": (
        [name for name in THIN if name.startswith("llama-index")],
        "llamaindex_workersai",
        [
            "from llama_index.llms.workersai import WorkersAI",
            "from llama_index.embeddings.workersai import WorkersAIEmbedding",
            "from llama_index.postprocessor.workersai_rerank import WorkersAIRerank",
        ],
    ),
}


@pytest.mark.parametrize(("names", "face", "imports"), FACES.values(), ids=FACES)
def test_the_thin_distributions(
    tmp_path: Path, wheels: Path, names: list[str], face: str, imports: list[str]
) -> None:
    """A thin distribution installs its face and its names, and each module imports."""
    installed = Installed(tmp_path, wheels, names)

    assert int(installed.python(IMPORT_ALL, face)) > 15
    for line in imports:
        installed.python(line)
