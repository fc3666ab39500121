"""The package: its names, its import, its types."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import llamaindex_workersai


def test_public_names_exist_and_are_sorted() -> None:
    """Every name in `__all__` exists, and the list is sorted."""
    names = llamaindex_workersai.__all__
    assert list(names) == sorted(names)
    assert all(hasattr(llamaindex_workersai, name) for name in names)


def test_import_without_llamaindex_says_what_to_install() -> None:
    """Without LlamaIndex, the import raises an error with the extra to install."""
    program = (
        "import sys; sys.modules['llama_index'] = None; sys.modules['llama_index.core'] = None\n"
        "try:\n    import llamaindex_workersai\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'workersai[llamaindex]'" in done.stdout


def test_package_is_typed() -> None:
    """The package has the marker that makes type checkers read its annotations."""
    assert resources.files(llamaindex_workersai).joinpath("py.typed").is_file()
