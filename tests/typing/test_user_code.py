"""Typical code of a user, under the type checkers that users run.

The files of `user_code` are checked and never run. They say what an expression's type is with
`assert_type`, and what a checker must refuse with `# type: ignore[...]`: a comment that hides no
error is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CODE = HERE / "user_code"
ROOT = HERE.parent.parent
PYRIGHT = HERE / "node_modules" / ".bin" / "pyright"
PROJECT = ["--project", str(HERE / "pyrightconfig.json"), "--pythonpath", sys.executable]

pytestmark = [pytest.mark.types, pytest.mark.timeout(600)]


def check(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_accepts_the_code_of_users() -> None:
    """`mypy --strict` accepts the user's code, without a plugin or other settings."""
    cache = ROOT / ".mypy_cache" / "user_code"
    check(
        *(sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"),
        *("--explicit-package-bases", str(CODE)),
    )


def test_basedpyright_accepts_the_code_of_users() -> None:
    """The checker basedpyright accepts the user's code with pyright's strict rules."""
    command = shutil.which("basedpyright", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("basedpyright is missing: `make test-types` installs it")
    check(command, *PROJECT)


def test_pyright_accepts_the_code_of_users() -> None:
    """Pyright, which npm installs, accepts the user's code with its strict rules."""
    if not PYRIGHT.exists() or shutil.which("node") is None:
        pytest.skip("node or pyright is missing: `make test-types` installs pyright with npm")
    check(str(PYRIGHT), *PROJECT)
