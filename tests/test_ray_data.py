"""The callable classes for `map_batches`, both faces', as a worker calls them; no Ray here."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from langchain_core.output_parsers import StrOutputParser

import langchain_workersai
import langchain_workersai.ray_data
import llamaindex_workersai
import llamaindex_workersai.ray_data
from tests.test_symmetry_of_retrieval import BGE_M3, RERANKER, Server
from workersai import ConfigurationError

ACCOUNT, TOKEN = "0" * 32, "cfut_not-a-real-token-1234567890"
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
FACES: dict[str, tuple[Any, Any, Any, Any]] = {
    "langchain": (
        langchain_workersai.ray_data,
        langchain_workersai.WorkersAIEmbeddings,
        langchain_workersai.ChatWorkersAI,
        langchain_workersai.WorkersAIRerank,
    ),
    "llamaindex": (
        llamaindex_workersai.ray_data,
        llamaindex_workersai.WorkersAIEmbedding,
        llamaindex_workersai.WorkersAI,
        llamaindex_workersai.WorkersAIRerank,
    ),
}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> tuple[Any, Any, Any, Any]:
    return FACES[request.param]


def texts(*values: Any) -> Any:
    return np.array(values, dtype=object)


def test_vectors_are_added(face: tuple[Any, Any, Any, Any]) -> None:
    """A batch of numpy columns keeps its columns and gets a vector a row."""
    classes, embeddings, _, _ = face
    rows = classes.WorkersAIEmbedder(embeddings(BGE_M3, **Server().settings()))
    found = rows({"text": texts("a", "bbb"), "id": np.array([1, 2])})
    assert found["embedding"] == [[1.0], [3.0]]
    assert list(found["id"]) == [1, 2]
    assert set(found) == {"text", "id", "embedding"}


def test_a_row_that_fails_is_raised_or_recorded(face: tuple[Any, Any, Any, Any]) -> None:
    """By default a bad row raises; with `record` it has an error, and the others their vectors."""
    classes, embeddings, _, _ = face
    made = embeddings(BGE_M3, **Server().settings())
    batch = {"body": texts("a", " ")}
    with pytest.raises(ConfigurationError, match="blank"):
        classes.WorkersAIEmbedder(made, column="body")(batch)
    found = classes.WorkersAIEmbedder(made, column="body", on_error="record")(batch)
    assert found["embedding"] == [[1.0], []]
    assert found["error"][0] == ""
    assert "blank" in found["error"][1]


def test_answers_are_added(face: tuple[Any, Any, Any, Any]) -> None:
    """A prompt with columns is asked about each row."""
    classes, _, chat, _ = face
    server = Server()
    rows = classes.WorkersAIAnswerer(chat(GRANITE, **server.settings()), "Sum up: {text}")
    found = rows({"text": texts("one", "two")})
    assert found["answer"] == ["hi", "hi"]
    asked = {body["messages"][-1]["content"] for body in server.bodies}
    assert asked == {"Sum up: one", "Sum up: two"}


def test_a_row_without_its_column_has_an_error(face: tuple[Any, Any, Any, Any]) -> None:
    """A missing value costs its own row alone, and no request."""
    classes, _, chat, _ = face
    server = Server()
    made = chat(GRANITE, **server.settings())
    found = classes.WorkersAIAnswerer(made, "{text}", on_error="record")({"text": texts("x", None)})
    assert found["answer"] == ["hi", ""]
    assert "text" in found["error"][1]
    assert len(server.bodies) == 1


def test_rankings_are_added(face: tuple[Any, Any, Any, Any]) -> None:
    """Each row's documents are ranked for its query, best first, by index."""
    classes, _, _, rerank = face
    rows = classes.WorkersAIRanker(rerank(RERANKER, top_n=2, **Server().settings()))
    documents = np.empty(2, dtype=object)
    documents[:] = [["a", "ccc", "bb"], ["dd", "e"]]
    found = rows({"query": texts("q", "r"), "documents": documents})
    assert found["ranking"] == [[1, 2], [0, 1]]
    assert found["scores"] == [[3.0, 2.0], [2.0, 1.0]]


def test_a_chain_answers_too() -> None:
    """LangChain's class takes any runnable."""
    chat = langchain_workersai.ChatWorkersAI(GRANITE, **Server().settings())
    rows = langchain_workersai.ray_data.WorkersAIAnswerer(chat | StrOutputParser(), "{text}")
    assert rows({"text": ["x"]})["answer"] == ["hi"]


def test_settings_travel_without_the_token(
    face: tuple[Any, Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent to a worker holds no token; there, the environment's is read."""
    _, embeddings, _, _ = face
    limits = {"requests_per_minute": 300, "share": 1 / 8}
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    sent = pickle.dumps(embeddings(BGE_M3, account_id=ACCOUNT, limits=limits))
    assert TOKEN.encode() not in sent
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "another-token")
    made = pickle.loads(sent)
    assert made.api_token.get_secret_value() == "another-token"
    assert made.limits.share == 1 / 8


@pytest.mark.parametrize(
    ("batch", "match"), [([1], "columns by name"), ({"other": [1]}, "no column 'text'")]
)
def test_a_wrong_batch_is_refused(face: tuple[Any, Any, Any, Any], batch: Any, match: str) -> None:
    """Another batch format, or a missing column, raises an error that names it."""
    classes, embeddings, _, _ = face
    rows = classes.WorkersAIEmbedder(embeddings(BGE_M3, **Server().settings()))
    with pytest.raises(ConfigurationError, match=match):
        rows(batch)


@pytest.mark.parametrize("name", FACES)
def test_nothing_imports_ray(name: str) -> None:
    """The classes can be imported where Ray is missing, and bring it nowhere."""
    script = f"import sys, {name}_workersai.ray_data; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
