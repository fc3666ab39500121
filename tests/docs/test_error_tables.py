"""The guides' tables of error codes say what the client raises for each code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workersai
from workersai.testing import ScriptedServer

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
ROW = re.compile(r"^\| `(\w+Error)` \| ([^|]*) \| (yes|no) \|", re.MULTILINE)
GATEWAY = re.compile(r"`(\w+Error)`, codes? ([\d, ]+)(; retried|; not retried)?")


def codes_of_errors() -> list[tuple[str, int, bool | None]]:
    """Read class, code and whether it is retried from the table of `errors-and-retries.md`."""
    rows = ROW.findall((GUIDES / "errors-and-retries.md").read_text())
    return [
        (name, int(code), retried == "yes")
        for name, codes, retried in rows
        for code in re.findall(r"\b\d{4,5}\b", codes)
    ]


def codes_of_gateways() -> list[tuple[str, int, bool | None]]:
    """Read the same from `ai-gateway.md`; `None` where the table does not say it."""
    meanings = {"; retried": True, "; not retried": False, "": None}
    rows = GATEWAY.findall((GUIDES / "ai-gateway.md").read_text())
    return [
        (name, int(code), meanings[retried])
        for name, codes, retried in rows
        for code in re.findall(r"\d+", codes)
    ]


def test_each_code_of_the_guides_has_its_class(server: ScriptedServer) -> None:
    """The client raises the class that a guide names for a code, and can retry it as it says."""
    rows = codes_of_errors() + codes_of_gateways()
    assert len(rows) > 25
    with workersai.Client("@cf/ibm-granite/granite-4.0-h-micro", max_retries=0) as client:
        for name, code, is_retried in rows:
            server.fails(code)
            with pytest.raises(getattr(workersai, name)) as caught:
                client.chat([{"role": "user", "content": "Name a prime."}])
            assert caught.value.code == code
            assert is_retried in {None, caught.value.is_retryable}, code


def test_each_public_error_is_in_the_table() -> None:
    """The table of the guide has a row for each error of `workersai` but the base classes."""
    text = (GUIDES / "errors-and-retries.md").read_text()
    named = {name for name in workersai.__all__ if name.endswith("Error")}
    listed = set(re.findall(r"^\| `(\w+Error)` \|", text, re.MULTILINE))
    assert named - listed == {"WorkersAIError", "APIStatusError"}
