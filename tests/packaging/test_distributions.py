"""The wheels: `workersai` has the code, the thin ones have names only, all have one version."""

from __future__ import annotations

import importlib
import importlib.util
import tarfile
from pathlib import Path

import pytest

import llamaindex_workersai
from tests.packaging.built import ROOT, THIN, VERSION, build, files_of, metadata_of

PLACES = {
    "llama-index-llms-workersai": ("llama_index.llms.workersai", "WorkersAI"),
    "llama-index-embeddings-workersai": ("llama_index.embeddings.workersai", "WorkersAIEmbedding"),
    "llama-index-postprocessor-workersai-rerank": (
        "llama_index.postprocessor.workersai_rerank",
        "WorkersAIRerank",
    ),
}
REQUIRES = dict.fromkeys(PLACES, f"workersai[llamaindex]=={VERSION}") | {
    "langchain-workersai": f"workersai[langchain]=={VERSION}"
}


def test_every_thin_distribution_is_known() -> None:
    """These tests cover every distribution under `packaging`."""
    assert set(THIN) == set(REQUIRES)


def test_the_wheel_holds_no_part_of_a_framework(tmp_path: Path) -> None:
    """`workersai` installs only its three packages, so `import llama_index` still fails."""
    files = files_of(build(ROOT, tmp_path))

    assert {name.split("/")[0] for name in files} == {
        "workersai",
        "langchain_workersai",
        "llamaindex_workersai",
    }


@pytest.mark.parametrize("name", REQUIRES)
def test_thin_wheels_have_names_only(name: str, tmp_path: Path) -> None:
    """A thin wheel has at most one module in its framework's namespace and keeps that open."""
    files = files_of(build(THIN[name], tmp_path))

    folder = PLACES[name][0].replace(".", "/") if name in PLACES else None
    assert files == ({f"{folder}/__init__.py", f"{folder}/py.typed"} if folder else set())


@pytest.mark.parametrize("name", REQUIRES)
def test_thin_wheels_require_their_own_version(name: str, tmp_path: Path) -> None:
    """A thin wheel has the version of `workersai` and requires exactly that version."""
    metadata = metadata_of(build(THIN[name], tmp_path))

    assert f"Version: {VERSION}" in metadata
    required = [line for line in metadata if line.startswith("Requires-Dist")]
    assert required == [f"Requires-Dist: {REQUIRES[name]}"]


@pytest.mark.parametrize("name", REQUIRES)
def test_thin_sdists_build_the_same_wheel(name: str, tmp_path: Path) -> None:
    """A thin sdist builds the same wheel outside of the repository."""
    sdist = build(THIN[name], tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # not in the first releases of Python 3.11
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(tmp_path / "alone")
    [project] = (tmp_path / "alone").iterdir()

    again = build(project, tmp_path / "again")
    direct = build(THIN[name], tmp_path / "direct")
    assert files_of(again) == files_of(direct)
    assert metadata_of(again) == metadata_of(direct)


def test_thin_distributions_have_one_build_hook() -> None:
    """All thin distributions have the same build hook."""
    assert len({(path / "hatch_build.py").read_bytes() for path in THIN.values()}) == 1


@pytest.mark.parametrize("name", PLACES)
def test_names_are_the_faces_classes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LlamaIndex's namespace has the face's class and stays open for other packages."""
    monkeypatch.syspath_prepend(str(THIN[name]))
    place, cls = PLACES[name]

    module = importlib.import_module(place)

    assert getattr(module, cls) is getattr(llamaindex_workersai, cls)
    assert module.__all__ == [cls]
    spaces = ["llama_index", place.rpartition(".")[0]]
    specs = [importlib.util.find_spec(space) for space in spaces]
    assert [spec and spec.origin for spec in specs] == [None, None]
