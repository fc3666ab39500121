"""The classes of both faces for Ray's `map_batches`, called as a worker calls them, without Ray."""

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


def test_the_embedder_adds_a_column_of_vectors(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIEmbedder` keeps the columns of a batch and adds a vector for each row."""
    classes, embeddings, _, _ = face
    rows = classes.WorkersAIEmbedder(embeddings(BGE_M3, **Server().settings()))
    found = rows({"text": texts("a", "bbb"), "id": np.array([1, 2])})
    assert found["embedding"] == [[1.0], [3.0]]
    assert list(found["id"]) == [1, 2]
    assert set(found) == {"text", "id", "embedding"}


def test_a_row_that_fails_is_raised_or_recorded(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIEmbedder` raises for a bad row; with `on_error="record"` it adds its error."""
    classes, embeddings, _, _ = face
    made = embeddings(BGE_M3, **Server().settings())
    batch = {"body": texts("a", " ")}
    with pytest.raises(ConfigurationError, match="blank"):
        classes.WorkersAIEmbedder(made, column="body")(batch)
    found = classes.WorkersAIEmbedder(made, column="body", on_error="record")(batch)
    assert found["embedding"] == [[1.0], []]
    assert found["error"][0] == ""
    assert "blank" in found["error"][1]


def test_the_answerer_adds_a_column_of_answers(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIAnswerer` fills the prompt with the columns of each row, and adds the answer."""
    classes, _, chat, _ = face
    server = Server()
    rows = classes.WorkersAIAnswerer(chat(GRANITE, **server.settings()), "Sum up: {text}")
    found = rows({"text": texts("one", "two")})
    assert found["answer"] == ["hi", "hi"]
    prompts = {body["messages"][-1]["content"] for body in server.bodies}
    assert prompts == {"Sum up: one", "Sum up: two"}


def test_a_row_without_its_column_has_an_error(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIAnswerer` records an error for a row without a value, and does not send it."""
    classes, _, chat, _ = face
    server = Server()
    made = chat(GRANITE, **server.settings())
    found = classes.WorkersAIAnswerer(made, "{text}", on_error="record")({"text": texts("x", None)})
    assert found["answer"] == ["hi", ""]
    assert "text" in found["error"][1]
    assert len(server.bodies) == 1


def test_the_ranker_adds_rankings_and_scores(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIRanker` adds the indexes of each row's documents, best first, and their scores."""
    classes, _, _, rerank = face
    rows = classes.WorkersAIRanker(rerank(RERANKER, top_n=2, **Server().settings()))
    documents = np.empty(2, dtype=object)
    documents[:] = [["a", "ccc", "bb"], ["dd", "e"]]
    found = rows({"query": texts("q", "r"), "documents": documents})
    assert found["ranking"] == [[1, 2], [0, 1]]
    assert found["scores"] == [[3.0, 2.0], [2.0, 1.0]]


def test_langchains_answerer_takes_a_chain() -> None:
    """LangChain's `WorkersAIAnswerer` takes any runnable."""
    chat = langchain_workersai.ChatWorkersAI(GRANITE, **Server().settings())
    rows = langchain_workersai.ray_data.WorkersAIAnswerer(chat | StrOutputParser(), "{text}")
    assert rows({"text": ["x"]})["answer"] == ["hi"]


def test_the_pickle_for_a_worker_holds_no_token(
    face: tuple[Any, Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pickled embeddings hold no token; a worker reads that of its environment."""
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
    """`WorkersAIEmbedder` raises an error that names a missing column or the format it needs."""
    classes, embeddings, _, _ = face
    rows = classes.WorkersAIEmbedder(embeddings(BGE_M3, **Server().settings()))
    with pytest.raises(ConfigurationError, match=match):
        rows(batch)


def test_a_column_of_the_input_is_not_overwritten(face: tuple[Any, Any, Any, Any]) -> None:
    """`WorkersAIEmbedder` refuses a batch with a column of the output's name before any request."""
    classes, embeddings, _, _ = face
    server = Server()
    made = embeddings(BGE_M3, **server.settings())
    with pytest.raises(ConfigurationError, match="already has a column 'embedding'"):
        classes.WorkersAIEmbedder(made)({"text": ["a"], "embedding": [1]})
    with pytest.raises(ConfigurationError, match="already has a column 'error'"):
        classes.WorkersAIEmbedder(made, on_error="record")({"text": ["a"], "error": [1]})
    assert server.bodies == []


@pytest.mark.parametrize("limit", [0, "8", None])
def test_a_wrong_max_concurrency_is_refused(face: tuple[Any, Any, Any, Any], limit: Any) -> None:
    """`WorkersAIAnswerer` and `WorkersAIRanker` refuse such a limit when they are created."""
    classes, _, chat, rerank = face
    settings = Server().settings()
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        classes.WorkersAIAnswerer(chat(GRANITE, **settings), "{text}", max_concurrency=limit)
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        classes.WorkersAIRanker(rerank(RERANKER, **settings), max_concurrency=limit)


@pytest.mark.parametrize("name", FACES)
def test_ray_data_does_not_import_ray(name: str) -> None:
    """Each face's `ray_data` can be imported without Ray, and does not import it."""
    script = f"import sys, {name}_workersai.ray_data; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
