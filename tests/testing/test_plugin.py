"""The pytest plugin: its example project, and that it costs nothing where it is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "testing"


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    quiet = ["-p", "no:asyncio", "-p", "no:socket", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *quiet], cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )


def test_the_example_project_passes() -> None:
    """Tests of an app with a tool, errors, a stall and a cut stream pass without an account."""
    done = pytest_run(EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_an_unused_plugin_imports_nothing(tmp_path: Path) -> None:
    """Where no test asks for the fixture, neither client nor server is imported."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] == 'workersai'}\n"
        "    assert 'workersai.pytest_plugin' in ours\n"
        "    assert ours <= {'workersai', 'workersai._log', 'workersai._version', "
        "'workersai.pytest_plugin'}\n"
    )
    done = pytest_run(tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_fixture_hides_real_credentials(tmp_path: Path) -> None:
    """A token of the developer's environment is not sent, and comes back after the test."""
    (tmp_path / "test_it.py").write_text(
        "import os\n\nos.environ['CF_API_TOKEN'] = 'a-real-token'\n\n\n"
        "def test_hidden(workersai_server):\n"
        "    assert 'CF_API_TOKEN' not in os.environ\n"
        "    assert os.environ['CLOUDFLARE_API_TOKEN'] == workersai_server.api_token\n\n\n"
        "def test_back():\n    assert os.environ['CF_API_TOKEN'] == 'a-real-token'\n"
    )
    done = pytest_run(tmp_path)
    assert done.returncode == 0, done.stdout
