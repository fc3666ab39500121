"""Retrieval with embeddings and reranker in vector stores, and caches."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAIRerank
from tests.langchain_workersai.scripted import GRANITE

with warnings.catch_warnings():
    # The package warns at import that it will be split up; it does not yet say where FAISS goes.
    warnings.simplefilter("ignore", DeprecationWarning)
    from langchain_community.vectorstores import FAISS

TEXTS = [
    "The lighthouse of Alexandria stood on the island of Pharos.",
    "Bees dance to tell other bees where the flowers are.",
    "The violin has four strings tuned in fifths.",
    "Volcanic ash makes soil fertile for vines.",
]
QUESTION = "How do bees tell each other where flowers are?"


@pytest.fixture(params=[FAISS, InMemoryVectorStore], ids=["FAISS", "in memory"])
def store(request: pytest.FixtureRequest, local: dict[str, Any]) -> VectorStore:
    """A vector store that holds the texts."""
    embeddings = WorkersAIEmbeddings("@cf/baai/bge-m3", **local)
    kind: type[VectorStore] = request.param
    metadatas = [{"source": str(n)} for n in range(len(TEXTS))]
    return kind.from_texts(TEXTS, embeddings, metadatas=metadatas)


def reranked(store: VectorStore, local: dict[str, Any], top_n: int = 2) -> Any:
    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=top_n, **local)
    return ContextualCompressionRetriever(
        base_compressor=rerank, base_retriever=store.as_retriever(search_kwargs={"k": 4})
    )


async def test_a_store_finds_the_nearest_text(store: VectorStore) -> None:
    """A vector store finds the text that shares the question's words, sync and async."""
    assert store.similarity_search(QUESTION, k=1)[0].page_content == TEXTS[1]
    assert (await store.asimilarity_search(QUESTION, k=1))[0].page_content == TEXTS[1]


async def test_a_compression_retriever_ranks(store: VectorStore, local: dict[str, Any]) -> None:
    """LangChain's compression retriever returns the reranker's best documents in order."""
    retriever = reranked(store, local)
    documents: list[Document] = retriever.invoke(QUESTION)
    assert documents[0].page_content == TEXTS[1]
    assert len(documents) == 2
    scores = [d.metadata["relevance_score"] for d in documents]
    assert scores == sorted(scores, reverse=True)
    assert documents[0].metadata["source"] == "1"
    assert await retriever.ainvoke(QUESTION) == documents


def test_a_chain_answers_from_found_documents(store: VectorStore, local: dict[str, Any]) -> None:
    """A chain of retriever, prompt, model and parser answers alike, plain and streamed."""
    prompt = ChatPromptTemplate.from_template("Answer from:\n{context}\n\nQuestion: {question}")
    retriever = reranked(store, local, top_n=1) | (lambda documents: documents[0].page_content)
    llm = ChatWorkersAI(GRANITE, **local)
    inputs = {"context": retriever, "question": RunnablePassthrough()}
    chain = inputs | prompt | llm | StrOutputParser()
    answer = chain.invoke(QUESTION)
    assert answer
    assert "".join(chain.stream(QUESTION)) == answer
    llm.close()


async def test_an_llm_cache_answers_again(scripted: Any, wire: Any) -> None:
    """A cached answer needs no request in sync and async calls and keeps its metadata."""
    llm, server = scripted(wire.answer("Hello"), cache=InMemoryCache())
    first = llm.invoke("hi")
    second = await llm.ainvoke("hi")
    assert second.content == first.content
    assert second.response_metadata["model_name"] == GRANITE
    assert len(server.requests) == 1
