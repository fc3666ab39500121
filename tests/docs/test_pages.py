"""Every Python block of the documentation runs, in the order of its page, on the local server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.examples import LEFT_OUT, PREPARATIONS
from tests.docs.pages import Page, Step, pages_of_docstrings, pages_of_files, steps_of
from tests.docs.running import Run
from workersai.testing import ScriptedServer

BLOCK = re.compile(r"^\s*```py", re.MULTILINE)
FILES = pages_of_files()
DOCSTRINGS = [page for page in pages_of_docstrings() if page.name not in LEFT_OUT]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # frameworks look at their old names
@pytest.mark.parametrize("page", FILES, ids=lambda page: page.name)
def test_programs_of_a_page_run(
    page: Page, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The programs of a page run one after the other and print what the page says."""
    Run(page, server, capsys).all_steps()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("page", DOCSTRINGS, ids=lambda page: page.name)
def test_examples_of_a_docstring_run(
    page: Page, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples in a docstring run one after the other."""
    package = page.name.split("/")[0]
    source = f"from {package} import *\n{PREPARATIONS.get(page.name, '')}"
    prepared = Page(page.name, (Step("before", source, 0), *page.steps))
    Run(prepared, server, capsys).all_steps()


def test_tables_of_examples_name_docstrings() -> None:
    """Each entry of the tables in examples.py belongs to a docstring that has an example."""
    names = {page.name for page in pages_of_docstrings()}
    assert LEFT_OUT.keys() | PREPARATIONS.keys() <= names


def test_readme_links_every_guide() -> None:
    """A reader of README finds every page of docs/guides there."""
    root = Path(__file__).parents[2]
    readme = (root / "README.md").read_text()
    guides = [f"(docs/guides/{guide.name})" for guide in (root / "docs" / "guides").glob("*.md")]
    assert [guide for guide in guides if guide not in readme] == []


def test_each_python_block_is_found() -> None:
    """The reader of pages misses no Python block of a file, wherever it stands on the page."""
    root = Path(__file__).parents[2]
    for page in FILES:
        blocks = BLOCK.findall((root / page.name).read_text())
        assert len(page.programs) + _left_out(page) == len(blocks), page.name
    assert sum(len(page.programs) for page in FILES) > 40


def test_each_example_of_a_docstring_is_found() -> None:
    """The reader misses no Python block of a docstring, in whatever section it stands."""
    root = Path(__file__).parents[2]
    files = {page.name.split(":")[0] for page in pages_of_docstrings()}
    blocks = sum(len(BLOCK.findall((root / file).read_text())) for file in files)
    found = sum(len(page.programs) for page in pages_of_docstrings())
    assert found == blocks > 12


def _left_out(page: Page) -> int:
    return sum(step.kind == "left out" for step in page.steps)


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("<!-- not run: no GPU -->\n\ntext", "no Python block follows"),
        ("<!-- not run: no GPU -->\n```bash\nls\n```", "no Python block follows"),
        ("<!-- not run: -->\n```python\nx\n```", "say why"),
        ("```py\nx = 1\n```", "mark the block `python`"),
    ],
)
def test_reader_refuses_a_block_that_would_escape(markdown: str, message: str) -> None:
    """The reader raises for a comment without a block, without a reason, or another language."""
    with pytest.raises(ValueError, match=message):
        steps_of(markdown)
