"""The package: its names, its import, its types."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from typing import get_type_hints

import pytest

import llamaindex_workersai
from llamaindex_workersai._model.connection import Connection, ConnectionSettings
from llamaindex_workersai.embeddings import WorkersAIEmbedding, WorkersAIEmbeddingSettings
from llamaindex_workersai.llm import WorkersAI, WorkersAISettings
from llamaindex_workersai.rerank import WorkersAIRerank, WorkersAIRerankSettings


def test_public_names_exist_and_are_sorted() -> None:
    """`__all__` is what there is."""
    names = llamaindex_workersai.__all__
    assert list(names) == sorted(names)
    assert all(hasattr(llamaindex_workersai, name) for name in names)


def test_import_without_llamaindex_says_what_to_install() -> None:
    """Without the framework the import names the extra."""
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
    """Type checkers read the annotations."""
    assert resources.files(llamaindex_workersai).joinpath("py.typed").is_file()


@pytest.mark.parametrize(
    ("component", "settings"),
    [
        (Connection, ConnectionSettings),
        (WorkersAI, WorkersAISettings),
        (WorkersAIEmbedding, WorkersAIEmbeddingSettings),
        (WorkersAIRerank, WorkersAIRerankSettings),
    ],
)
def test_constructor_s_settings_are_the_fields(
    component: type[Connection], settings: type[ConnectionSettings]
) -> None:
    """What editors offer is what the class takes: every field, and every other name for one."""
    named = set(get_type_hints(settings))
    assert named == (component.model_fields.keys() - {"model", "model_name"}) | set(
        component.ALIASES
    ) | {"callback_manager"}
