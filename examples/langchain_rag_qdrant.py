"""Answers from files with LangChain and Qdrant, reranked; their citations are checked.

python examples/langchain_rag_qdrant.py "Which temperature does the kiln reach?"
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from where import workers_ai

from langchain_workersai import (
    ChatWorkersAI,
    WorkersAIEmbeddings,
    WorkersAIRerank,
    get_workersai_callback,
)

TEXTS = Path(__file__).parent / "texts"
TASK = (
    "Answer from the numbered sources only. Put the number of the source behind each sentence, "
    "as in [1]. Say so if no source has the answer."
)
PROMPT = ChatPromptTemplate([("system", TASK), ("user", "{sources}\n\nQuestion: {question}")])


def retriever() -> ContextualCompressionRetriever:
    """Embed the files into Qdrant, in this process; keep the best two of six passages found."""
    files = [
        Document(path.read_text("utf-8"), metadata={"file": path.name})
        for path in sorted(TEXTS.glob("*.txt"))
    ]
    splitter = RecursiveCharacterTextSplitter(chunk_size=300, chunk_overlap=0)
    store = QdrantVectorStore.from_documents(
        splitter.split_documents(files),
        WorkersAIEmbeddings("@cf/baai/bge-m3"),
        location=":memory:",
        collection_name="workshop",
    )
    return ContextualCompressionRetriever(
        base_compressor=WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=2),
        base_retriever=store.as_retriever(search_kwargs={"k": 6}),
    )


def cited(answer: str, sources: list[Document]) -> list[tuple[int, str]]:
    """Return the sources that an answer names; report a number without a source as made up."""
    numbers = sorted({int(number) for number in re.findall(r"\[(\d+)\]", answer)})
    known = {number: source.metadata["file"] for number, source in enumerate(sources, 1)}
    return [(number, known.get(number, "made up: there is no such source")) for number in numbers]


def main(question: str) -> None:
    with workers_ai(), get_workersai_callback() as costs:
        sources = retriever().invoke(question)
        numbered = "\n".join(f"[{n}] {source.page_content}" for n, source in enumerate(sources, 1))
        chain = PROMPT | ChatWorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0)
        answer = ""
        for chunk in chain.stream({"sources": numbered, "question": question}):
            print(chunk.text, end="", flush=True)
            answer += chunk.text
        print()
        for number, file in cited(answer, sources):
            print(f"[{number}] {file}")
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "Which temperature does the kiln reach?")
