"""Typical code of a user of the LangChain face."""

# LangGraph's own types leave the context of an agent unknown.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, Runnable, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import BaseModel
from typing_extensions import TypedDict, assert_type

from langchain_workersai import (
    ChatWorkersAI,
    CostTotals,
    RateLimitError,
    StructuredAnswer,
    Timeout,
    WorkersAICostCallbackHandler,
    WorkersAIEmbeddings,
    WorkersAILLM,
    WorkersAIRerank,
    get_workersai_callback,
)

MODEL = "@cf/ibm-granite/granite-4.0-h-micro"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class City(TypedDict):
    """A city."""

    name: str


@dataclass
class River:
    """A river."""

    name: str


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


# --------------------------------------------------------------------------------- one model


def make() -> ChatWorkersAI:
    llm = ChatWorkersAI(
        MODEL,
        temperature=0,
        max_tokens=100,
        timeout=Timeout(total=60),
        max_retries=3,
        gateway={"id": "gate", "metadata": {"team": "a"}},
        default_headers={"x-team": "a"},
        model_kwargs={"guided_json": {}},
    )
    ChatWorkersAI(MODEL, temprature=0)  # type: ignore[call-arg]
    ChatWorkersAI(MODEL, temperature="warm")  # type: ignore[arg-type]
    model: BaseChatModel = llm
    assert_type(llm.temperature, float | None)
    return llm if model is llm else ChatWorkersAI.from_catalogue(MODEL)


def ask(llm: ChatWorkersAI) -> str:
    answer = llm.invoke([SystemMessage("Be brief."), HumanMessage("Hi")])
    assert_type(answer, AIMessage)
    llm.invoke("Hi", timeout=5, session_affinity="conversation-7")
    assert_type(llm.batch(["a", "b"]), list[AIMessage])
    if answer.usage_metadata is not None:
        assert_type(answer.usage_metadata["input_tokens"], int)
    return answer.text


def stream(llm: ChatWorkersAI) -> Iterator[str]:
    total: AIMessageChunk | None = None
    for chunk in llm.stream("Count."):
        assert_type(chunk, AIMessageChunk)
        total = chunk if total is None else total + chunk
        yield chunk.text


async def stream_async(llm: ChatWorkersAI) -> AsyncIterator[str]:
    assert_type(await llm.ainvoke("Hi"), AIMessage)
    async for chunk in llm.astream("Count."):
        yield chunk.text


def complete() -> str:
    llm = WorkersAILLM(MODEL, lora="mine", raw=True)
    assert_type(llm.batch(["One:", "Two:"]), list[str])
    return llm.invoke("Once", timeout=5)


def handle(llm: ChatWorkersAI) -> float | None:
    try:
        llm.invoke("Hi")
    except RateLimitError as error:
        assert_type(error.status_code, int)
        return error.retry_after
    return None


# ----------------------------------------------------------------------- tools and structure


def call_tools(llm: ChatWorkersAI) -> list[str]:
    bound = llm.bind_tools([weather, multiply, Person], tool_choice="any", strict=True)
    assert_type(bound, Runnable[LanguageModelInput, AIMessage])
    also = llm.bind(temperature=0).bind_tools([weather])
    assert_type(also.invoke("Rain?"), AIMessage)
    return [call["name"] for call in bound.invoke("Rain?").tool_calls]


def structure(llm: ChatWorkersAI) -> str:
    person = llm.with_structured_output(Person).invoke("Ada is 36.")
    assert_type(person, Person)
    assert_type(llm.with_structured_output(River, method="json_schema").invoke("a"), River)
    assert_type(llm.with_structured_output(City).invoke("Bern"), City)
    assert_type(llm.with_structured_output({"title": "x"}).invoke("a"), dict[str, Any])
    bound = llm.bind(temperature=0).with_structured_output(Person)
    assert_type(bound.invoke("Ada is 36."), Person)
    return person.name.upper()


def structure_with_raw(llm: ChatWorkersAI) -> str:
    found = llm.with_structured_output(Person, include_raw=True).invoke("Ada is 36.")
    assert_type(found, StructuredAnswer[Person])
    if found["parsed"] is None:
        return str(found["parsing_error"])
    assert_type(found["raw"], AIMessage)
    return found["parsed"].name


def structure_by_flag(llm: ChatWorkersAI, include_raw: bool) -> Any:
    """Pass a flag whose value is known only at run time, which decides the type of the answer."""
    return llm.with_structured_output(Person, include_raw=include_raw).invoke("Ada is 36.")


async def structure_stream(llm: ChatWorkersAI) -> None:
    async for person in llm.with_structured_output(Person).astream("Ada is 36."):
        assert_type(person, Person)


def run_agent(llm: ChatWorkersAI) -> Any:
    agent = create_agent(llm, [weather, multiply], system_prompt="Be brief.")
    state = agent.invoke({"messages": [HumanMessage("Rain?")]})
    return state["messages"][-1].text


# ----------------------------------------------------------------------------------- retrieval


def retrieve(llm: ChatWorkersAI, documents: list[Document]) -> str:
    embeddings = WorkersAIEmbeddings("@cf/baai/bge-m3", blank_text="(blank)")
    assert_type(embeddings.embed_documents(["a"]), list[list[float]])
    assert_type(embeddings.embed_query("a", timeout=5), list[float])
    store = InMemoryVectorStore.from_documents(documents, embeddings)
    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=3)
    retriever = ContextualCompressionRetriever(
        base_compressor=rerank, base_retriever=store.as_retriever()
    )
    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    found = {"context": retriever, "question": RunnablePassthrough[str]()}
    chain: Runnable[str, str] = found | prompt | llm | StrOutputParser()
    return chain.invoke("Which?")


# --------------------------------------------------------------------------------------- costs


def count(llm: ChatWorkersAI) -> float | None:
    handler = WorkersAICostCallbackHandler()
    llm.invoke("Hi", config={"callbacks": [handler]})
    with get_workersai_callback() as costs:
        llm.invoke("Hi")
    assert_type(costs.by_model, dict[str, CostTotals])
    return (costs.total + handler.total).cost_usd


def configure(llm: ChatWorkersAI) -> str:
    configurable = llm.configurable_fields(
        model=ConfigurableField(id="model"), temperature=ConfigurableField(id="temperature")
    )
    chosen = configurable.with_config(configurable={"model": MODEL})
    copied = llm.model_copy(update={"temperature": 1})
    assert_type(copied, ChatWorkersAI)
    return str(chosen.invoke("Hi"))
