"""The pytest plugin, with its example project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "testing"


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder without the plugins of this project's own tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    quiet = ["-p", "no:asyncio", "-p", "no:socket", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *quiet], cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )


def test_the_example_project_passes() -> None:
    """The example project's tests pass without an account."""
    process = pytest_run(EXAMPLE)
    assert process.returncode == 0, process.stdout
    assert "10 passed" in process.stdout


def test_an_unused_plugin_imports_nothing(tmp_path: Path) -> None:
    """The plugin imports neither client nor server if no test uses its fixture."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] == 'workersai'}\n"
        "    assert 'workersai.pytest_plugin' in ours\n"
        "    assert ours <= {'workersai', 'workersai._log', 'workersai._version', "
        "'workersai.pytest_plugin'}\n"
    )
    process = pytest_run(tmp_path)
    assert process.returncode == 0, process.stdout


def test_the_fixture_hides_real_credentials(tmp_path: Path) -> None:
    """The fixture removes the developer's token from the environment and restores it afterwards."""
    (tmp_path / "test_it.py").write_text(
        "import os\n\nos.environ['CF_API_TOKEN'] = 'a-real-token'\n\n\n"
        "def test_hidden(workersai_server):\n"
        "    assert 'CF_API_TOKEN' not in os.environ\n"
        "    assert os.environ['CLOUDFLARE_API_TOKEN'] == workersai_server.api_token\n\n\n"
        "def test_back():\n    assert os.environ['CF_API_TOKEN'] == 'a-real-token'\n"
    )
    process = pytest_run(tmp_path)
    assert process.returncode == 0, process.stdout
