"""Typical code of a user of the LlamaIndex face."""

# LlamaIndex's own types leave what a workflow answers, and the models that it takes, unknown.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportDeprecated=false

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from llama_index.core import Document, PromptTemplate, VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.schema import NodeWithScore
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel
from typing_extensions import assert_type

from llamaindex_workersai import (
    CostTotals,
    RateLimitError,
    Timeout,
    ToolCallError,
    WorkersAI,
    WorkersAICostHandler,
    WorkersAIEmbedding,
    WorkersAIRerank,
    count_workersai_costs,
)

MODEL = "@cf/ibm-granite/granite-4.0-h-micro"


class Album(BaseModel):
    """A music album."""

    name: str
    songs: list[str]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


# --------------------------------------------------------------------------------- one model


def make() -> WorkersAI:
    llm = WorkersAI(
        MODEL,
        temperature=0,
        max_completion_tokens=100,
        timeout=Timeout(total=60),
        max_retries=3,
        gateway={"id": "gate", "metadata": {"team": "a"}},
        default_headers={"x-team": "a"},
        additional_kwargs={"guided_json": {}},
        request_metadata={"team": "a"},
        system_prompt="Be brief.",
    )
    WorkersAI(MODEL, temprature=0)  # type: ignore[call-arg]
    WorkersAI(MODEL, temperature="warm")  # type: ignore[arg-type]
    model: FunctionCallingLLM = llm
    assert_type(llm.temperature, float | None)
    assert_type(llm.metadata, LLMMetadata)
    return llm if model is llm else WorkersAI.from_catalogue(MODEL)


def ask(llm: WorkersAI) -> str | None:
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage("Hi")]
    response = llm.chat(messages)
    assert_type(response, ChatResponse)
    llm.chat(messages, timeout=5, session_affinity="conversation-7")
    assert_type(llm.complete("Once", timeout=5), CompletionResponse)
    return response.message.content


def stream(llm: WorkersAI) -> Iterator[str]:
    for response in llm.stream_chat([ChatMessage("Count.")]):
        assert_type(response, ChatResponse)
        yield response.delta or ""


async def stream_async(llm: WorkersAI) -> AsyncIterator[str]:
    assert_type(await llm.achat([ChatMessage("Hi")]), ChatResponse)
    async for response in await llm.astream_complete("Count."):
        assert_type(response, CompletionResponse)
        yield response.delta or ""


def handle(llm: WorkersAI) -> float | None:
    try:
        llm.complete("Hi")
    except RateLimitError as error:
        assert_type(error.status_code, int)
        return error.retry_after
    return None


# ----------------------------------------------------------------------- tools and structure


def call_tools(llm: WorkersAI) -> list[ToolSelection]:
    tools = [FunctionTool.from_defaults(add)]
    response = llm.chat_with_tools(tools, user_msg="1 + 2?", tool_required=True)
    assert_type(response, ChatResponse)
    try:
        return llm.get_tool_calls_from_response(response)
    except ToolCallError as error:
        assert_type(error.text, str)
        return []


def structure(llm: WorkersAI) -> str:
    album = llm.structured_predict(Album, PromptTemplate("An album about {topic}."), topic="rivers")
    assert_type(album, Album)
    return album.name.upper()


async def structure_async(llm: WorkersAI) -> list[str]:
    prompt = PromptTemplate("An album about {topic}.")
    options = {"strict": True}
    album = await llm.astructured_predict(Album, prompt, llm_kwargs=options, topic="rivers")
    assert_type(album, Album)
    songs = album.songs
    for part in llm.stream_structured_predict(Album, prompt, topic="rivers"):
        if isinstance(part, Album):  # until it is whole, it may be a class with optional fields
            songs = part.songs
    return songs


def structured_llm(llm: WorkersAI) -> object:
    return llm.as_structured_llm(Album).complete("An album about rivers.").raw


async def run_agent(llm: WorkersAI) -> str:
    agent = FunctionAgent(name="adder", description="Adds.", tools=[add], llm=llm)
    return str(await AgentWorkflow(agents=[agent]).run(user_msg="1 + 2?"))


# ----------------------------------------------------------------------------------- retrieval


def retrieve(llm: WorkersAI, documents: list[Document]) -> str:
    embedding = WorkersAIEmbedding("@cf/baai/bge-m3", blank_text="(blank)")
    assert_type(embedding.get_text_embedding("a"), list[float])
    assert_type(embedding.get_text_embedding_batch(["a"], timeout=5), list[list[float]])
    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=3)
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding)
    engine = index.as_query_engine(llm=llm, node_postprocessors=[rerank])
    return str(engine.query("Which?"))


def order(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base")
    return rerank.postprocess_nodes([*nodes], query_str="Which?")


# --------------------------------------------------------------------------------------- costs


def count(llm: WorkersAI) -> float | None:
    handler = WorkersAICostHandler()
    with count_workersai_costs() as costs:
        llm.complete("Hi")
    assert_type(costs.by_model, dict[str, CostTotals])
    copied = llm.model_copy(update={"temperature": 1})
    assert_type(copied, WorkersAI)
    return (costs.total + handler.total).cost_usd
