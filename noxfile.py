"""Run the tests on the Pythons of this machine, with the newest and the lowest versions.

`make matrix` runs all of it. A Python that the machine does not have is skipped.
"""

from __future__ import annotations

import nox
from packaging.requirements import Requirement

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
EXTRAS = ("langchain", "llamaindex", "serve", "limits", "bulk")
VERSIONS = [
    nox.param("newest", tags=["matrix"]),
    nox.param("lowest", tags=["matrix"]),
    "prereleases",
]
# Old packages warn of each other, need more calls, are too old for OpenInference, and let a user's
# own httpx2 client lose connections to cancels.
NOT_FOR_LOWEST = (
    "--pythonwarnings=default::DeprecationWarning",
    "--ignore=tests/benchmarks",
    "--deselect=tests/faults/test_cancellation.py::test_storm_of_cancels[client-httpx2]",
    "--ignore=tests/observability/test_openinference.py",
    "--deselect=tests/docs/test_pages.py::test_programs_of_a_page_run[docs/observability.md]",
)


@nox.session(python=PYTHONS)
@nox.parametrize("versions", VERSIONS)
def tests(session: nox.Session, versions: str) -> None:
    """Run the test suite."""
    product = ["-e", f".[{','.join(EXTRAS)}]"]
    options: list[str] = []
    if versions == "lowest":
        # The lowest versions that fit together, then the tests' own packages beside them.
        session.install("uv")
        lowest = session.cache_dir / f"lowest-{session.python}.txt"
        session.run("uv", "pip", "compile", "pyproject.toml", "--quiet", "--resolution",
                    "lowest-direct", "--python", str(session.python), "--output-file", str(lowest),
                    *(f"--extra={extra}" for extra in EXTRAS))  # fmt: skip
        product += ["--constraint", str(lowest)]
        options = [*NOT_FOR_LOWEST]
    if versions == "prereleases":
        product += ["--pre", "langchain-core", "langchain", "llama-index-core"]
    session.install(*product, *_test_group(versions))
    session.install("--no-deps", "langchain-tests>=1.1.9,<2")
    session.run("python", "-m", "pytest", "--benchmark-disable", "--numprocesses=auto",
                "--maxprocesses=4", "--dist=loadfile", *options, *session.posargs)  # fmt: skip


def _test_group(versions: str) -> list[str]:
    """List the packages of the tests; the lowest core goes with the first langchain for it."""
    group = nox.project.dependency_groups(PROJECT, "test")
    if versions != "lowest":
        return [*group]
    return ["langchain==1.4.0" if Requirement(one).name == "langchain" else one for one in group]
