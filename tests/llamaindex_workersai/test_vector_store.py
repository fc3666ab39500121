"""An index in a real vector store: FAISS, over the local server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.vector_stores.faiss import FaissVectorStore

from llamaindex_workersai import WorkersAI, WorkersAIEmbedding, WorkersAIRerank
from workersai.local import LocalServer

TEXTS = [
    "The lighthouse of Brest was built in 1848 and is painted red.",
    "Bread dough must rest for two hours before it is baked.",
    "The bicycle was invented in Mannheim by Karl Drais.",
]


@pytest.fixture
def connection(loopback: None) -> Iterator[dict[str, Any]]:
    with LocalServer(engine="echo") as server:
        yield {
            "account_id": server.account_id,
            "api_token": server.api_token,
            "base_url": server.base_url,
        }


async def test_faiss_index_answers_with_its_source(connection: dict[str, Any]) -> None:
    """An index in FAISS retrieves, ranks and answers with its source, sync and async."""
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(384))
    index = VectorStoreIndex.from_documents(
        [Document(text=text) for text in TEXTS],
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=WorkersAIEmbedding("@cf/baai/bge-small-en-v1.5", **connection),
    )
    engine = index.as_query_engine(
        llm=WorkersAI("@cf/ibm-granite/granite-4.0-h-micro", **connection),
        similarity_top_k=3,
        node_postprocessors=[WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=1, **connection)],
    )
    question = "When was the lighthouse of Brest built?"

    answers = [engine.query(question), await engine.aquery(question)]

    assert store.client.ntotal == len(TEXTS)
    for answer in answers:
        assert str(answer)
        assert [node.text for node in answer.source_nodes] == [TEXTS[0]]
