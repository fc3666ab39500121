"""Run the tests on the Pythons of this machine, with the newest and the lowest versions.

`make matrix` runs all of it. A Python that the machine does not have is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
EXTRAS = ("langchain", "llamaindex", "serve", "limits", "bulk")
VERSIONS = ("newest", "lowest", "prereleases")


def lowest() -> Iterator[str]:
    """Write the lower bound of each direct dependency as its version."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    for line in (*project["dependencies"], *(one for name in EXTRAS for one in extras[name])):
        found = re.match(r"([\w.-]+)(?:\[.*?\])?\s*>=\s*([\w.]+)", line)
        if found:
            yield f"{found[1]}=={found[2]}"


@nox.session(python=PYTHONS)
@nox.parametrize("versions", VERSIONS)
def tests(session: nox.Session, versions: str) -> None:
    """Run the test suite."""
    arguments = ["-e", f".[{','.join(EXTRAS)}]", *nox.project.dependency_groups(PROJECT, "test")]
    if versions == "lowest":
        constraints = session.cache_dir / "lowest.txt"
        constraints.write_text("\n".join(lowest()))
        arguments += ["--constraint", str(constraints)]
    if versions == "prereleases":
        arguments += ["--pre", "langchain-core", "langchain", "llama-index-core"]
    session.install(*arguments)
    session.install("--no-deps", "langchain-tests>=1.1.9,<2")
    session.run("python", "-m", "pytest", "--benchmark-disable", "--numprocesses=auto",
                "--maxprocesses=4", "--dist=loadfile", *session.posargs)  # fmt: skip
