"""The layout and its rules, read from the code's own imports."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("workersai", "langchain_workersai", "llamaindex_workersai")
FACES = PACKAGES[1:]
HTTP_LIBRARIES = {"aiohttp", "httpcore", "httpx", "httpx_aiohttp"}
FRAMEWORKS = {"langchain", "langchain_core", "langgraph", "llama_index"}
TRANSLATORS = {"_chunks", "_connection", "_errors", "_messages", "_tools"}
PURE = {
    "_answers", "_batch_answers", "_batch_requests", "_batches", "_conform", "_conform_tools",
    "_events", "_exchange", "_failures", "_json", "_parameters", "_profiles", "_progress",
    "_replay", "_requests", "_responses", "_results", "_retrieval", "_secrets", "_settings", "_sse",
    "_stream", "_thinking", "_tool_calls", "_tool_stream", "_types", "_usage", "_waiting", "errors",
}  # fmt: skip


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module a file imports, at its top or in a function; `from a import b` is a.b too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


CORE = [path for path in modules("workersai") if "local" not in path.relative_to(ROOT).parts]


@pytest.mark.parametrize("path", modules("workersai"), ids=name_of)
def test_the_core_knows_no_framework(path: Path) -> None:
    """`workersai` imports no framework and no face."""
    assert not roots(path) & (FRAMEWORKS | set(FACES))


@pytest.mark.parametrize("path", [*CORE, *modules(FACES[0]), *modules(FACES[1])], ids=name_of)
def test_only_the_engines_import_an_http_library(path: Path) -> None:
    """HTTP libraries are imported in `workersai._http` alone."""
    if path.parent.name != "_http":
        assert not roots(path) & HTTP_LIBRARIES


@pytest.mark.parametrize(
    "path", [p for p in CORE if p.stem in PURE or p.parent.name == "_models"], ids=name_of
)
def test_pure_modules_do_not_reach_the_network(path: Path) -> None:
    """What builds requests and reads answers imports neither the client nor an engine."""
    network = ("_async_client", "_batch_client", "_body", "_client", "_http", "_sending",
               "_streaming", "client")  # fmt: skip
    forbidden = {f"workersai.{name}" for name in network}
    assert not {name for name in imports(path) if name.startswith(tuple(forbidden))}


@pytest.mark.parametrize("face", FACES)
def test_a_face_imports_public_names_only(face: str) -> None:
    """A face takes from `workersai` what its `__all__` lists, and nothing from the other face."""
    public = set(importlib.import_module("workersai").__all__)
    other = next(name for name in FACES if name != face)
    for path in modules(face):
        used = {name for name in imports(path) if name.split(".")[0] == "workersai"}
        assert used <= {"workersai", *(f"workersai.{name}" for name in public)}, path
        assert other not in roots(path), path


@pytest.mark.parametrize("face", FACES)
def test_translators_do_not_import_one_another(face: str) -> None:
    """Each of the five translators stands alone; only `_errors` may serve the others."""
    for path in modules(face):
        if path.stem in TRANSLATORS:
            used = {name.removeprefix(f"{face}.").split(".")[0] for name in imports(path)}
            assert not (used & TRANSLATORS) - {"_errors", path.stem}, path


def test_nothing_imports_the_local_server() -> None:
    """`workersai.local` serves its own command and the tests, never the packages."""
    for path in [*CORE, *modules(FACES[0]), *modules(FACES[1])]:
        assert not {n for n in imports(path) if n.startswith("workersai.local")}, path


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_complete(package: str) -> None:
    """`__all__` is sorted, and lists just what the package makes visible."""
    module = importlib.import_module(package)
    exported = module.__all__
    visible = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, type(sys)) and name != "annotations"
    }

    assert list(exported) == sorted(exported)
    assert visible <= set(exported)
    assert all(hasattr(module, name) for name in exported)


def test_the_core_imports_without_the_frameworks() -> None:
    """`import workersai` loads no framework and none of the extras."""
    extras = [*FRAMEWORKS, "starlette", "uvicorn", "typer", "jsonschema"]
    script = (
        f"import sys, workersai; found = set({extras!r}) & set(sys.modules); sys.exit(str(found) "
        "if found else 0)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("face", "framework", "extra"),
    [
        ("langchain_workersai", "langchain_core", "workersai[langchain]"),
        ("llamaindex_workersai", "llama_index.core", "workersai[llamaindex]"),
    ],
)
def test_a_face_without_its_framework_names_the_extra(
    face: str, framework: str, extra: str
) -> None:
    """Importing a face where its framework is missing says which extra to install."""
    script = f"import sys; sys.modules[{framework!r}] = None; import {face}"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert f"pip install '{extra}'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is(package: str) -> None:
    """Each module begins with a docstring, and each package ships its types."""
    assert (ROOT / package / "py.typed").exists()
    for path in modules(package):
        assert ast.get_docstring(ast.parse(path.read_text())), path


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_small(package: str) -> None:
    """No file is above 300 lines but the tables of types and facts, no function above 40."""
    tables = {"_types.py", "_profiles.py"}
    for path in modules(package):
        text = path.read_text()
        assert path.name in tables or text.count("\n") <= 310, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]  # set by the parser
                assert length <= 40, f"{path}: {node.name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_broad_except(package: str) -> None:
    """Nothing catches `Exception`, `BaseException` or everything."""
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"}, (
                    f"{path}:{node.lineno}"
                )


def test_the_faces_mirror_each_other() -> None:
    """Both faces have the same translators; who knows one knows where to look in the other."""
    for face in FACES:
        found = {module.name for module in pkgutil.iter_modules([str(ROOT / face)])}
        assert found >= TRANSLATORS | {"embeddings", "rerank"}
