"""What the local server and the helpers of tests say where the extra `serve` is missing."""

from __future__ import annotations

import subprocess
import sys

MISSING = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ("uvicorn", "opentelemetry"):
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
sys.meta_path.insert(0, Gone())
for statement in (
    "from workersai.local import LocalServer",
    "from workersai.testing import ScriptedServer",
    "import workersai.observability",
):
    try:
        exec(statement)
    except ImportError as error:
        print(error)
"""


def test_importing_without_a_package_says_what_to_install() -> None:
    """The message names the extra, or the package where no extra has it."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", MISSING], capture_output=True, text=True, check=True
    )
    needs = "the local server needs uvicorn: pip install 'workersai[serve]'"
    assert process.stdout.splitlines() == [
        needs,
        needs,
        "workersai.observability needs opentelemetry-sdk: pip install opentelemetry-sdk",
    ]
