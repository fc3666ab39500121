"""The page on architecture names files that exist, and follows a call in the right order."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from langchain_workersai import ChatWorkersAI
from workersai.testing import ScriptedServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "architecture.md").read_text()
PATH = re.compile(r"`((?:workersai|langchain_workersai|llamaindex_workersai|tests)/[\w./]+)`")
STEP = re.compile(r"^\d+\. `([\w/]+\.py)`, `(\w+)`", re.MULTILINE)
WHOLE, STREAMED = (STEP.findall(part) for part in PAGE.split("`stream` goes the same way"))


def test_files_that_the_page_names_exist() -> None:
    """Each file or folder that the page names is in the repository."""
    named = PATH.findall(PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("steps", "call"),
    [
        (WHOLE, lambda llm: llm.invoke("Name a prime.")),
        (STREAMED, lambda llm: list(llm.stream("Name a prime."))),
    ],
    ids=["whole", "streamed"],
)
def test_a_call_goes_through_the_functions_in_the_pages_order(
    server: ScriptedServer, steps: list[tuple[str, str]], call: Callable[[ChatWorkersAI], Any]
) -> None:
    """A call first enters the functions of the page's list in the order of that list."""
    llm = ChatWorkersAI("@cf/ibm-granite/granite-4.0-h-micro")
    entered = functions_entered(lambda: call(llm))
    assert len(steps) > 4
    assert [function for function in entered if function in steps] == steps


def functions_entered(run: Callable[[], Any]) -> list[tuple[str, str]]:
    """List the functions of the repository that a call enters, by file and name, once each."""
    entered: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.setdefault((frame.f_code.co_filename, frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    found = [(Path(file), name) for file, name in entered]
    return [(str(file.relative_to(ROOT)), name) for file, name in found if ROOT in file.parents]
