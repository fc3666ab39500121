"""Answers from text files with LlamaIndex: Chroma finds, a reranker sorts, the answer streams.

python examples/llamaindex_rag_chroma.py "Which temperature does the kiln reach?"
"""

from __future__ import annotations

import sys
from pathlib import Path

import chromadb
from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.vector_stores.chroma import ChromaVectorStore
from where import workers_ai

from llamaindex_workersai import (
    WorkersAI,
    WorkersAIEmbedding,
    WorkersAIRerank,
    count_workersai_costs,
)

TEXTS = Path(__file__).parent / "texts"


def file_name(path: str) -> dict[str, str]:
    return {"file_name": Path(path).name}


def index() -> VectorStoreIndex:
    """Split the files into passages and embed them into Chroma, in this process."""
    collection = chromadb.EphemeralClient().create_collection("workshop")
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(collection))
    return VectorStoreIndex.from_documents(
        SimpleDirectoryReader(TEXTS, file_metadata=file_name).load_data(),
        storage_context=storage,
        transformations=[SentenceSplitter(chunk_size=100, chunk_overlap=0)],
        embed_model=WorkersAIEmbedding("@cf/baai/bge-m3"),
    )


def main(question: str) -> None:
    with workers_ai(), count_workersai_costs() as costs:
        engine = index().as_query_engine(
            llm=WorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0),
            similarity_top_k=6,
            node_postprocessors=[WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=2)],
            streaming=True,
        )
        answer = engine.query(question)
        for token in answer.response_gen:
            print(token, end="", flush=True)
        print()
        for source in answer.source_nodes:
            print(f"{source.get_score():.2f} {source.metadata['file_name']}: {source.text[:50]}...")
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "Which temperature does the kiln reach?")
