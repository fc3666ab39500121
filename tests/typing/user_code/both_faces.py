"""Code that users of both faces write alike: own HTTP clients, options of a call, batches."""

from __future__ import annotations

import httpx
import httpx2
from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage, ChatResponse
from typing_extensions import assert_type

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAIError, WorkersAIRerank
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding
from workersai import BatchJob

MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
BGE = "@cf/baai/bge-m3"


def clients_of_ones_own() -> None:
    """Pass clients of httpx and httpx2; the checker refuses one of the wrong kind."""
    ChatWorkersAI(MODEL, http_client=httpx.Client(), http_async_client=httpx.AsyncClient())
    ChatWorkersAI(MODEL, http_client=httpx2.Client(), http_async_client=httpx2.AsyncClient())
    WorkersAIEmbeddings(BGE, http_client=httpx2.Client())
    WorkersAI(MODEL, http_client=httpx.Client(), async_http_client=httpx.AsyncClient())
    WorkersAI(MODEL, http_client=httpx2.Client(), async_http_client=httpx2.AsyncClient())
    WorkersAIEmbedding(BGE, http_client=httpx2.Client())
    ChatWorkersAI(MODEL, http_client=httpx2.AsyncClient())  # type: ignore[arg-type]
    WorkersAI(MODEL, http_async_client=httpx.Client())  # type: ignore[arg-type]


def options_of_a_call(
    llm: ChatWorkersAI, embeddings: WorkersAIEmbeddings, rerank: WorkersAIRerank
) -> None:
    """Pass the options of each method that has keywords of its own."""
    assert_type(llm.invoke("Hi", timeout=5, session_affinity="me"), AIMessage)
    embeddings.embed_documents(["a"], timeout=5, max_retries=0, gateway={"cache_ttl": 60})
    embeddings.embed_query("a", headers={"x-team": "rivers"})
    rerank.rerank(["a"], "q", top_n=1, session_affinity="me")
    embeddings.embed_query("a", timeout="soon")  # type: ignore[arg-type]
    embeddings.embed_query("a", tiemout=5)  # type: ignore[call-arg]


def batches(llm: ChatWorkersAI) -> list[str]:
    """Use a batch of any status as one type."""
    job = llm.submit_batch(["Name a prime.", "Name a river."], session_affinity="me")
    assert_type(job, BatchJob)
    assert_type(llm.poll_batch(job, timeout=5), BatchJob)
    answers = llm.batch_results(job, timeout=3600)
    assert_type(answers, list[AIMessage | WorkersAIError])
    return [answer.text for answer in answers if isinstance(answer, AIMessage)]


async def batches_of_llamaindex(llm: WorkersAI) -> list[str | None]:
    job = await llm.asubmit_batch([[ChatMessage("Name a prime.")]])
    job = await llm.apoll_batch(job.request_id)
    answers = await llm.abatch_results(job)
    assert_type(answers, list[ChatResponse | WorkersAIError])
    return [answer.message.content for answer in answers if isinstance(answer, ChatResponse)]
