"""Pages of the documentation as steps: the programs, and the comments that steer how they run.

A comment in the Markdown stands directly before the block that it steers:

- `<!-- not run: REASON -->`: the test leaves the next program out.
- `<!-- before: PYTHON -->`: the test runs this first; `server` is the scripted server.
- `<!-- after: PYTHON -->`: stands behind a program; the test runs it then, mostly assertions.
- `<!-- output -->`: the next block is what the program above must have printed.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PACKAGES = ("workersai", "langchain_workersai", "llamaindex_workersai")

_COMMENT = re.compile(r"<!--\s*(not run|before|after|output)\b:?(.*?)-->", re.DOTALL)

_INDENTED = re.compile(r"^( +)```.*?^\1```", re.DOTALL | re.MULTILINE)

Kind = Literal["program", "left out", "before", "after", "output"]


@dataclass(frozen=True)
class Step:
    """One thing to do with a page.

    Attributes:
        kind: What to do with the text.
        text: A program, the reason why one is left out, or the expected output.
        line: The line of the file before the first line of the text.
    """

    kind: Kind
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """A file, or the docstring of a public object, with its steps in order."""

    name: str
    steps: tuple[Step, ...]

    @property
    def programs(self) -> list[Step]:
        """The programs that the test runs."""
        return [step for step in self.steps if step.kind == "program"]


def pages_of_files() -> list[Page]:
    """Read README.md, the documentation and the descriptions of all distributions."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    files += [*sorted((ROOT / "packaging").glob("*/README.md")), ROOT / "examples" / "README.md"]
    files += [ROOT / name for name in ("SECURITY.md", "CONTRIBUTING.md", "RELEASING.md")]
    found = [Page(str(file.relative_to(ROOT)), tuple(steps_of(file.read_text()))) for file in files]
    return [page for page in found if page.steps]


def pages_of_docstrings() -> list[Page]:
    """Read the docstrings of all modules, classes and functions of the packages."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            found += list(_docstrings(file))
    return [page for page in found if page.steps]


def _docstrings(file: Path) -> Iterator[Page]:
    module = str(file.relative_to(ROOT))
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False) or ""
            name = getattr(node, "name", "")
            if "```" in text:
                first = node.body[0].lineno - 1
                text = _INDENTED.sub(_dedented, inspect.cleandoc(text))
                yield Page(f"{module}:{name}", tuple(steps_of(text, first)))


def _dedented(block: re.Match[str]) -> str:
    """Take out the indentation of a block in a docstring's section, which is not Markdown's."""
    return textwrap.dedent(block[0])


def steps_of(markdown: str, first_line: int = 0) -> list[Step]:
    """List the steps of a page.

    Args:
        markdown: The page.
        first_line: How many lines of the file stand before it.

    Raises:
        ValueError: If a comment steers no block, or a Python block is not marked `python`.
    """
    steps: list[Step] = []
    pending: Step | None = None
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type == "html_block":
            for step in _steps_of_comment(token, first_line):
                if step.kind in {"before", "after"}:
                    steps.append(step)
                else:
                    pending = step
        elif token.type == "fence":
            block = _step_of_block(token, first_line, pending)
            steps += [block] if block else []
            pending = None
    if pending:
        raise ValueError(f"line {pending.line}: no Python block follows '{pending.kind}'")
    return steps


def _steps_of_comment(token: Token, first_line: int) -> Iterator[Step]:
    line = first_line + (token.map[0] if token.map else 0)
    for found in _COMMENT.finditer(token.content):
        name, text = found.groups()
        before = token.content[: found.start(2)].count("\n")
        kind: Kind = "left out" if name == "not run" else name  # type: ignore[assignment]
        yield Step(kind, inspect.cleandoc(text), line + before)


def _step_of_block(token: Token, first_line: int, pending: Step | None) -> Step | None:
    line = first_line + (token.map[0] + 1 if token.map else 0)
    language = token.info.split(" ")[0]
    if pending and pending.kind == "output":
        return Step("output", token.content, line)
    if language in {"py", "python3", "pycon"}:
        raise ValueError(f"line {line}: mark the block `python`, so that a test runs it")
    if pending and language != "python":
        raise ValueError(f"line {pending.line}: no Python block follows '{pending.kind}'")
    if language != "python":
        return None
    if pending and not pending.text:
        raise ValueError(f"line {pending.line}: say why the test leaves the block out")
    return pending or Step("program", token.content, line)
