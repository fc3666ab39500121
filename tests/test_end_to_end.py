"""Agents and RAG through both faces on the local server, over real HTTP.

The engine is `echo`; `make test-smol` runs the same tests on real models. They check what any model
must do (call the tool, answer from the document, count its tokens), and not its words.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document as LlamaDocument
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from pydantic import BaseModel, Field

import langchain_workersai
import llamaindex_workersai
from workersai import ChatFinish, TextDelta, get_profile
from workersai import Client as WorkersAIClient
from workersai.local import LocalServer

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
SMALL = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
TEXTS = [
    "The lighthouse of Brest was built in 1848 and is painted red.",
    "Bread dough must rest for two hours before it is baked.",
    "The bicycle was invented in Mannheim by Karl Drais.",
]


@pytest.fixture(scope="module")
def server(loopback: None) -> Iterator[LocalServer]:
    engine: Any = os.environ.get("WORKERSAI_TEST_ENGINE", "echo")
    with LocalServer(engine=engine, strict=True) as running:
        yield running


@pytest.fixture(params=["run", "openai"])
def connection(request: pytest.FixtureRequest, server: LocalServer) -> dict[str, Any]:
    endpoint: Literal["run", "openai"] = request.param
    return {
        "account_id": server.account_id,
        "api_token": server.api_token,
        "base_url": server.base_url,
        "endpoint": endpoint,
    }


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"It is sunny in {city}, 21 degrees."


def convert_currency(amount: float, currency: str) -> str:
    """Convert an amount of money from euros to another currency."""
    return f"{amount} euros are {amount * 1.1:.2f} {currency}."


class City(BaseModel):
    """A city and the country it is in."""

    name: str = Field(description="The name of the city")
    country: str = Field(description="The country the city is in")


def test_a_langchain_agent_calls_its_tool_and_answers(connection: dict[str, Any]) -> None:
    """`create_agent` runs the tool that fits the question and ends with an answer."""
    agent: Any = create_agent(
        langchain_workersai.ChatWorkersAI(GRANITE, **connection), [get_weather, convert_currency]
    )

    messages = agent.invoke({"messages": [("user", "What is the weather in Paris?")]})["messages"]

    results = [message for message in messages if isinstance(message, ToolMessage)]
    assert [result.name for result in results] == ["get_weather"]
    assert "Paris" in results[0].text
    assert isinstance(messages[-1], AIMessage)
    assert messages[-1].text
    assert messages[-1].usage_metadata
    assert messages[-1].usage_metadata["input_tokens"] > 0


def test_a_langchain_agent_streams_calls_and_tokens(connection: dict[str, Any]) -> None:
    """`create_agent` with `stream_mode="messages"` streams the tool call, then the answer."""
    agent: Any = create_agent(
        langchain_workersai.ChatWorkersAI(GRANITE, **connection), [get_weather]
    )
    question = {"messages": [("user", "What is the weather in Paris?")]}

    pieces = [piece for piece, _ in agent.stream(question, stream_mode="messages")]

    chunks = [piece for piece in pieces if isinstance(piece, AIMessageChunk)]
    assert any(chunk.tool_call_chunks for chunk in chunks)
    assert sum(bool(chunk.text) for chunk in chunks) > 1
    assert any(isinstance(piece, ToolMessage) for piece in pieces)


async def test_a_llamaindex_agent_calls_its_tool_and_answers(connection: dict[str, Any]) -> None:
    """`FunctionAgent` runs the tool that fits the question and streams its answer."""
    agent = FunctionAgent(
        tools=[get_weather, convert_currency],
        llm=llamaindex_workersai.WorkersAI(GRANITE, **connection),
    )

    handler = agent.run("What is the weather in Paris?")
    events = [event async for event in handler.stream_events()]
    answer = await handler

    results = [event for event in events if isinstance(event, ToolCallResult)]
    assert [result.tool_name for result in results] == ["get_weather"]
    assert "Paris" in str(results[0].tool_output)
    assert sum(bool(event.delta) for event in events if isinstance(event, AgentStream)) > 1
    assert str(answer)


def test_langchain_retrieval_finds_ranks_and_answers(connection: dict[str, Any]) -> None:
    """Embeddings find the passage, the reranker puts it first, the model answers from it."""
    embeddings = langchain_workersai.WorkersAIEmbeddings(SMALL, **connection)
    store = InMemoryVectorStore.from_texts(TEXTS, embeddings)
    reranker = langchain_workersai.WorkersAIRerank(RERANKER, top_n=1, **connection)
    question = "When was the lighthouse of Brest built?"

    found = reranker.compress_documents(store.similarity_search(question, k=3), question)
    prompt = f"{found[0].page_content}\n\n{question}"
    answer = langchain_workersai.ChatWorkersAI(GRANITE, **connection).invoke(prompt)

    assert isinstance(found[0], Document)
    assert [document.page_content for document in found] == [TEXTS[0]]
    assert found[0].metadata["relevance_score"] > 0
    assert answer.text


def test_llamaindex_retrieval_finds_ranks_and_streams(connection: dict[str, Any]) -> None:
    """A LlamaIndex query engine finds and ranks passages, and streams an answer with its source."""
    index = VectorStoreIndex.from_documents(
        [LlamaDocument(text=text) for text in TEXTS],
        embed_model=llamaindex_workersai.WorkersAIEmbedding(SMALL, **connection),
    )
    engine = index.as_query_engine(
        llm=llamaindex_workersai.WorkersAI(GRANITE, **connection),
        similarity_top_k=3,
        node_postprocessors=[llamaindex_workersai.WorkersAIRerank(RERANKER, top_n=1, **connection)],
        streaming=True,
    )

    response: Any = engine.query("When was the lighthouse of Brest built?")

    assert "".join(response.response_gen)
    assert [node.text for node in response.source_nodes] == [TEXTS[0]]


def test_structured_output_by_function_calling(connection: dict[str, Any]) -> None:
    """Both faces return an object of a pydantic class by a forced tool call."""
    question = "The city is Paris and the country is France."
    chat = langchain_workersai.ChatWorkersAI(GRANITE, **connection)
    llm = llamaindex_workersai.WorkersAI(GRANITE, **connection)

    by_langchain = chat.with_structured_output(City, method="function_calling").invoke(question)
    by_llamaindex = llm.as_structured_llm(City).complete(question).raw

    assert isinstance(by_langchain, City)
    assert isinstance(by_llamaindex, City)
    assert by_langchain.name
    assert by_llamaindex.name


async def test_the_client_streams_and_prices_a_completion(connection: dict[str, Any]) -> None:
    """`Client` streams an answer up to its finish event, and prices a completion by its usage."""
    client = WorkersAIClient(GRANITE, **connection)

    events = list(client.stream_chat([{"role": "user", "content": "Name a river."}]))
    result = client.complete("Once upon a time", max_tokens=8)

    assert any(isinstance(event, TextDelta) for event in events)
    assert isinstance(events[-1], ChatFinish)
    assert result.usage is not None
    assert (get_profile(GRANITE).cost(result.usage) or 0) > 0
