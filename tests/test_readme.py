"""The README's programs run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from workersai.local import LocalServer

PAGE = Path(__file__).parent.parent / "README.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # agents look at pydantic's old names
@pytest.mark.usefixtures("loopback")
def test_every_example_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From first to last, against a local server; both sums of costs have what was asked."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "lighthouse.txt").write_text("The lighthouse was built in 1883.")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    sums = []
    with LocalServer(engine="echo") as server:
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
        monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
        for program in programs:
            exec(compile(program, str(PAGE), "exec"), names)
            if "costs" in program:
                sums.append(names["costs"].total)
    assert len(programs) == 6
    assert [total.cost_usd > 0 for total in sums] == [True, True]
