"""Answers from text files that Postgres keeps with pgvector: they are embedded once.

python examples/langchain_rag_postgres.py postgresql+psycopg://me@localhost/workshop
"""

from __future__ import annotations

import argparse
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_postgres import PGEngine, PGVectorStore
from langchain_postgres.v2.indexes import HNSWIndex
from langchain_text_splitters import RecursiveCharacterTextSplitter
from sqlalchemy import create_engine, inspect
from where import workers_ai

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, get_workersai_callback

TEXTS = Path(__file__).parent / "texts"
TABLE, DIMENSIONS = "notices", 1024
PROMPT = ChatPromptTemplate(
    [("system", "Answer from these notices only:\n\n{notices}"), ("user", "{question}")]
)


def passages() -> list[Document]:
    files = [
        Document(path.read_text("utf-8"), metadata={"file": path.name})
        for path in sorted(TEXTS.glob("*.txt"))
    ]
    return RecursiveCharacterTextSplitter(chunk_size=300, chunk_overlap=0).split_documents(files)


def store(database: str) -> PGVectorStore:
    """The table of passages with an index; made and filled in the first run."""
    engine = PGEngine.from_connection_string(database)
    is_new = not inspect(create_engine(database)).has_table(TABLE)
    if is_new:
        engine.init_vectorstore_table(TABLE, DIMENSIONS)
    notices = PGVectorStore.create_sync(engine, WorkersAIEmbeddings("@cf/baai/bge-m3"), TABLE)
    if is_new:
        notices.add_documents(passages())
        notices.apply_vector_index(HNSWIndex())
    return notices


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("database", help="URL of a database with the extension pgvector")
    parser.add_argument("question", nargs="?", default="Which temperature does the kiln reach?")
    options = parser.parse_args()
    with workers_ai(), get_workersai_callback() as costs:
        found = store(options.database).similarity_search_with_score(options.question, k=3)
        notices = "\n\n".join(passage.page_content for passage, _ in found)
        chain = PROMPT | ChatWorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0)
        for chunk in chain.stream({"notices": notices, "question": options.question}):
            print(chunk.text, end="", flush=True)
        print()
        for passage, distance in found:
            print(f"{distance:.2f} {passage.metadata['file']}: {passage.page_content[:50]}...")
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    main()
