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
HELPERS = {"annotations", "Any", "TYPE_CHECKING", "import_module"}
HTTP_LIBRARIES = {"aiohttp", "httpcore", "httpx", "httpx_aiohttp"}
SOCKETS = {"aiohappyeyeballs", "certifi", "http.client", "httptools", "socket", "ssl",
           "urllib.request"}  # fmt: skip
FRAMEWORKS = {"langchain", "langchain_core", "langgraph", "llama_index"}
SKELETONS = {FACES[0]: "langchain_core", FACES[1]: "llama_index.core"}
TRANSLATORS = {"chunks", "content", "messages", "metadata", "tools"}
SHARED = {"arguments", "batches", "connection", "parameters", "structured", "tools_binding"}
GROUND = {"errors", "types", "results", "events", "thinking", "_json", "_jsonable", "_secrets",
          "_wire", "_checks", "_log", "_connection", "_arguments", "_concurrency", "_names",
          "_progress", "_schemas", "_version", "_clocks", "_outgoing", "_engine"}  # fmt: skip
MAY_IMPORT = {
    "_models": GROUND,
    "_request": GROUND | {"_models"},
    "_response": GROUND,
    "_stream": GROUND | {"_response"},
    "_http": GROUND,
    "_binding": GROUND | {"_response"},
    "integration": GROUND | {"_models"},
    "bulk": GROUND | {"_models", "_request", "client", "integration"},
    "client": GROUND | {"_models", "_request", "_response", "_stream", "_http", "_binding"},
    **dict.fromkeys(GROUND, GROUND),
}
LOCAL_MAY_IMPORT = {"engines": set(), "api": {"engines"}, "run": {"api", "engines"}}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return every module that a file imports, at its top or in a function.

    `from a import b` counts as `a` and as `a.b`.
    """
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


LOCAL = modules("workersai/local")
COMMANDS = {"cli", "local", "probe", "testing", "observability.py", "pytest_plugin.py"}
CORE = [p for p in modules("workersai") if not COMMANDS & set(p.relative_to(ROOT).parts)]


@pytest.mark.parametrize("path", modules("workersai"), ids=name_of)
def test_the_core_imports_no_framework(path: Path) -> None:
    """`workersai` imports no framework and no face."""
    assert not roots(path) & (FRAMEWORKS | set(FACES))


@pytest.mark.parametrize("path", [*CORE, *modules(FACES[0]), *modules(FACES[1])], ids=name_of)
def test_only_the_http_folder_imports_an_http_library(path: Path) -> None:
    """No folder except `workersai._http` imports HTTP libraries, sockets or TLS."""
    if path.parent.name != "_http":
        assert not roots(path) & HTTP_LIBRARIES
        assert not imports(path) & SOCKETS


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_no_http_engine(package: str) -> None:
    """Neither the core nor a face imports an HTTP engine; a client does so when it is created.

    asyncio imports `socket` and `ssl`, and the frameworks import HTTP libraries, so the test counts
    only modules that the package itself adds. For a face, it looks for `httptools` only.
    """
    before = "asyncio, pydantic" if package == "workersai" else f"asyncio, {SKELETONS[package]}"
    script = (
        f"import sys, {before}; before = set(sys.modules); import {package} as p; "
        "[getattr(p, name) for name in p.__all__]; "
        "new = set(sys.modules) - before; "
        f"unwanted = {(SOCKETS | HTTP_LIBRARIES) if package == 'workersai' else {'httptools'}!r}; "
        "found = {n for n in new if n in unwanted or n.startswith(('workersai._http', "
        "'workersai._binding'))}; sys.exit(str(found) if found else 0)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", [p for p in CORE if p.parent.name != "workersai" or p.stem != "__init__"], ids=name_of
)
def test_the_core_imports_in_one_direction(path: Path) -> None:
    """Each folder of the core imports only the folders that `MAY_IMPORT` lists for it."""
    place = path.relative_to(ROOT / "workersai").with_suffix("").parts[0]
    used = {name.split(".")[1] for name in imports(path) if name.startswith("workersai.")}
    assert used <= MAY_IMPORT[place] | {place}


@pytest.mark.parametrize("face", FACES)
def test_a_face_imports_public_names_only(face: str) -> None:
    """A face imports what `workersai` and `workersai.integration` export, nothing else."""
    core = importlib.import_module("workersai").__all__
    shared = importlib.import_module("workersai.integration").__all__
    public = {f"workersai.{name}" for name in core}
    public |= {
        "workersai",
        "workersai.integration",
        *(f"workersai.integration.{n}" for n in shared),
    }
    other = next(name for name in FACES if name != face)
    for path in modules(face):
        used = {name for name in imports(path) if name.split(".")[0] == "workersai"}
        assert used <= public, path
        assert other not in roots(path), path


@pytest.mark.parametrize("face", FACES)
def test_translators_import_no_other_folder_of_their_face(face: str) -> None:
    """A file in `_translate` imports neither the classes of its face nor the files they share."""
    for path in modules(face):
        if path.parent.name == "_translate":
            used = {
                n.removeprefix(f"{face}.").split(".")[0]
                for n in imports(path)
                if n.startswith(face + ".")
            }
            assert used <= {"_translate", "_errors", "_provider"}, path


def test_nothing_imports_the_local_server() -> None:
    """Outside its own folder, the commands and the tests, no module imports `workersai.local`."""
    for path in [*CORE, *modules(FACES[0]), *modules(FACES[1])]:
        assert not {n for n in imports(path) if n.startswith("workersai.local")}, path


@pytest.mark.parametrize(
    "path",
    [p for p in modules("workersai/local") if p.parent.name in LOCAL_MAY_IMPORT],
    ids=name_of,
)
def test_the_local_server_imports_in_one_direction(path: Path) -> None:
    """In the local server, `run` may import `api`, and `api` may import `engines`."""
    place = path.parent.name
    used = {name.split(".")[2] for name in imports(path) if name.startswith("workersai.local.")}
    assert used <= LOCAL_MAY_IMPORT[place] | {place}


@pytest.mark.parametrize("path", LOCAL, ids=name_of)
def test_the_local_server_imports_public_names_only(path: Path) -> None:
    """The local server imports only the names that `workersai` exports."""
    public = {f"workersai.{name}" for name in importlib.import_module("workersai").__all__}
    used = {name for name in imports(path) if name.split(".")[0] == "workersai"}
    others = {name for name in used if not name.startswith("workersai.local")}
    assert others <= public | {"workersai"}


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_complete(package: str) -> None:
    """Each package sorts `__all__`, and lists every public name of its module in it."""
    module = importlib.import_module(package)
    exported = module.__all__
    visible = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, type(sys)) and name not in HELPERS
    }

    assert list(exported) == sorted(exported)
    assert visible <= set(exported)
    assert all(hasattr(module, name) for name in exported)


def test_names_imported_at_first_use_have_the_module_that_type_checkers_see() -> None:
    """`workersai` imports each name at first use from the module that type checkers see."""
    module = importlib.import_module("workersai")
    typed = {
        alias.name: (node.module or "").removeprefix("workersai.")
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workersai.")
        for alias in node.names
    }
    assert typed.pop("__version__") == "_version"
    assert typed == module._HOMES
    assert {*typed, "__version__"} == set(module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_importing_workersai_loads_three_modules() -> None:
    """`import workersai` loads three small modules, and the others at first use."""
    code = (
        "import sys, pytest, logging; before = set(sys.modules); import workersai\n"
        "assert set(sys.modules) - before <= "
        "{'workersai', 'workersai._log', 'workersai._version'}, set(sys.modules) - before\n"
        "from workersai import *; import workersai; workersai.errors; workersai.Client"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_names_for_adapters_are_in_integration_only() -> None:
    """`workersai.integration` exports the names for adapters, and `workersai` does not."""
    core = set(importlib.import_module("workersai").__all__)
    for_adapters = set(importlib.import_module("workersai.integration").__all__)

    assert not core & for_adapters
    assert {"WireMessage", "WireToolCall", "WireFunctionCall"} <= for_adapters
    assert {"hidden_setting", "hides_arguments"} <= for_adapters


def test_the_core_imports_without_the_frameworks() -> None:
    """`import workersai` loads no framework, no HTTP library and none of the extras."""
    extras = [
        *FRAMEWORKS,
        *HTTP_LIBRARIES,
        "starlette",
        "uvicorn",
        "typer",
        "jsonschema",
        "pyarrow",
    ]
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
    """A face without its framework raises an import error that names the extra to install."""
    script = f"import sys; sys.modules[{framework!r}] = None; import {face}"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert f"pip install '{extra}'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_a_docstring(package: str) -> None:
    """Each module has a docstring, and each package has the marker file for types."""
    assert (ROOT / package / "py.typed").exists()
    for path in modules(package):
        assert ast.get_docstring(ast.parse(path.read_text())), path


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_stay_small(package: str) -> None:
    """No function of the packages has more than 40 lines, docstring excluded."""
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]  # set by the parser
                assert length <= 40, f"{path}: {node.name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_broad_except(package: str) -> None:
    """No package has an `except` without a type, with `Exception` or with `BaseException`."""
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"}, (
                    f"{path}:{node.lineno}"
                )


def test_the_faces_mirror_each_other() -> None:
    """Both faces have the same folders and files."""
    for face in FACES:
        for folder, files in (("_translate", TRANSLATORS), ("_model", SHARED)):
            found = {module.name for module in pkgutil.iter_modules([str(ROOT / face / folder)])}
            assert found >= files, (face, folder)
        found = {module.name for module in pkgutil.iter_modules([str(ROOT / face)])}
        assert found >= {"embeddings", "rerank", "_errors", "_register"}


def test_contributing_shows_the_tree() -> None:
    """The tree in CONTRIBUTING.md has every folder of code, and no folder that does not exist."""
    blocks = (ROOT / "CONTRIBUTING.md").read_text().split("```")[1::2]
    (tree,) = (block for block in blocks if block.startswith("\nworkersai/ "))
    shown: list[str] = []
    for line in tree.strip().splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*shown[-1].split("/")[:depth]] if depth else []
        shown.append("/".join([*parents, name.rstrip("/")]))

    code = {str(path.parent.relative_to(ROOT)) for package in PACKAGES for path in modules(package)}
    assert {path for path in shown if not (ROOT / path).is_dir()} == set()
    assert code <= set(shown)


def lines_of(face: str) -> dict[str, list[str]]:
    """Return the lines of each file that are not blank, with the name of the face replaced."""
    return {
        str(path.relative_to(ROOT)): [
            line.replace(face, "face") for line in path.read_text().splitlines() if line.strip()
        ]
        for path in modules(face)
    }


def longest_common_block(one: list[str], other: list[str]) -> int:
    longest, above = 0, [0] * (len(other) + 1)
    for line in one:
        row = [0] * (len(other) + 1)
        for at, theirs in enumerate(other):
            if line == theirs:
                row[at + 1] = above[at] + 1
        longest, above = max(longest, *row), row
    return longest


def test_the_faces_share_no_code_by_copy() -> None:
    """The faces have no common block of more than 15 lines; `workersai.integration` has it."""
    ours, theirs = map(lines_of, FACES)
    blocks = {
        (name, other): longest_common_block(lines, others)
        for name, lines in ours.items()
        for other, others in theirs.items()
    }
    assert {pair: length for pair, length in blocks.items() if length > 15} == {}
