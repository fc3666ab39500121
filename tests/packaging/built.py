"""The folders of the released distributions, and a function that builds them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = next(
    line.split('"')[1]
    for line in (ROOT / "workersai/_version.py").read_text().splitlines()
    if line.startswith("__version__")
)
THIN = {path.name: path for path in sorted((ROOT / "packaging").iterdir()) if path.is_dir()}
"""The distributions that hold names only, by their own names."""


def build(project: Path, target: Path, kind: str = "wheel") -> Path:
    """Build a wheel or an sdist of a project with the installed backend."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=project,
        check=True,
        capture_output=True,
    )
    [archive] = target.iterdir()
    return archive


def files_of(wheel: Path) -> set[str]:
    """Return every file of a wheel except its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata_of(wheel: Path) -> list[str]:
    """Return the lines of a wheel's metadata, without the description."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name).decode().split("\n\n")[0].splitlines()
