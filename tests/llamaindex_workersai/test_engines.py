"""Engines, evaluators, extractors and pipelines of LlamaIndex on our three classes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.async_utils import asyncio_run
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.evaluation import (
    BatchEvalRunner,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import TitleExtractor
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import Refine, ResponseMode, get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool, ToolMetadata
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from llamaindex_workersai import WorkersAI, WorkersAIEmbedding, WorkersAIRerank
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted
from workersai.local import LocalServer

EMBEDDING = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
RIVERS = [
    Document(text="The Rhine flows through Basel and Cologne to the North Sea.", doc_id="rhine"),
    Document(
        text="The Danube flows through Vienna and Budapest to the Black Sea.", doc_id="danube"
    ),
    Document(text="Bread is made of flour, water and salt.", doc_id="bread"),
]


# LlamaIndex leaves its memory's database open: it is collected here, and not in another test.
pytestmark = [
    pytest.mark.filterwarnings("ignore:<aiosqlite:ResourceWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.fixture(scope="module")
def connection(loopback: None) -> Iterator[dict[str, Any]]:
    """Start a local server and return the settings that reach it."""
    with LocalServer(engine="echo", strict=True) as server:
        yield {
            "base_url": server.base_url,
            "account_id": server.account_id,
            "api_token": server.api_token,
        }


def scripted(*replies: Any, name: str = MODEL, **settings: Any) -> tuple[WorkersAI, Scripted]:
    script = Scripted(*replies)
    return WorkersAI(name, **{**script.connection, **settings}), script


# ---------------------------------------------------------------------- retrieval and answers


async def test_question_over_documents(connection: dict[str, Any]) -> None:
    """A query engine embeds, retrieves, ranks and streams an answer with its sources."""
    llm = WorkersAI(MODEL, **connection)
    embedding = WorkersAIEmbedding(EMBEDDING, **connection)
    rerank = WorkersAIRerank(RERANKER, top_n=1, **connection)
    index = VectorStoreIndex.from_documents(RIVERS, embed_model=embedding)
    engine = index.as_query_engine(
        llm=llm, similarity_top_k=3, node_postprocessors=[rerank], streaming=True
    )
    question = "Through which cities flows the Danube?"
    streamed: Any = engine.query(question)
    text = "".join(streamed.response_gen)
    assert "Danube" in text
    assert [node.node.ref_doc_id for node in streamed.source_nodes] == ["danube"]
    answered: Any = await index.as_query_engine(llm=llm, node_postprocessors=[rerank]).aquery(
        question
    )
    assert str(answered).strip() == text.strip()


class Satisfied(BaseModel):
    query_satisfied: bool
    answer: str


def satisfied(answer: str, *, yes: bool) -> Reply:
    data = {"query_satisfied": yes, "answer": answer}
    return Reply(calls=[("StructuredRefineResponse", data)])


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("call_style", ["sync", "async"])
async def test_refine_drops_sources_without_an_answer(streaming: bool, call_style: str) -> None:
    """Refine drops sources that do not answer the question, streaming too."""
    llm, script = scripted(satisfied("Nothing.", yes=False), satisfied("The Rhine.", yes=True))
    refine = Refine(llm=llm, streaming=streaming, structured_answer_filtering=True)
    chunks = ["Bread.", "The Rhine."]
    if call_style == "sync":
        found: Any = refine.get_response("Which river?", chunks)
    else:
        found = await refine.aget_response("Which river?", chunks)
    if streaming:
        found = "".join(found) if call_style == "sync" else "".join([part async for part in found])
    assert str(found) == "The Rhine."
    assert len(script.requests) == 2
    assert {request["tool_choice"] for request in script.requests} == {"required"}


@pytest.mark.parametrize("mode", list(ResponseMode))
async def test_every_response_mode(
    connection: dict[str, Any], mode: ResponseMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each response mode of LlamaIndex works, sync and async."""
    llm = WorkersAI(MODEL, **connection)
    monkeypatch.setattr(Settings, "_llm", llm)
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode)
    nodes = [NodeWithScore(node=TextNode(text=document.text)) for document in RIVERS]
    found = synthesizer.synthesize("Which river?", nodes)
    other = await synthesizer.asynthesize("Which river?", nodes)
    assert str(found) == str(other)
    assert len(found.source_nodes) == 3


def test_answer_as_an_object() -> None:
    """A query engine with an `output_cls` returns an object of that class."""
    llm, _ = scripted(Reply('{"query_satisfied": true, "answer": "The Rhine."}'))
    synthesizer = get_response_synthesizer(
        llm=llm, response_mode=ResponseMode.COMPACT, output_cls=Satisfied
    )
    found: Any = synthesizer.synthesize("?", [NodeWithScore(node=TextNode(text="The Rhine."))])
    assert found.response == Satisfied(query_satisfied=True, answer="The Rhine.")


def test_sub_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sub-question engine splits a question, asks a tool for each part, and joins the
    answers.
    """
    questions = [
        {"sub_question": "Where does the Rhine end?", "tool_name": "rivers"},
        {"sub_question": "Where does the Danube end?", "tool_name": "rivers"},
    ]
    llm, script = scripted(
        Reply("```json\n" + json.dumps({"items": questions}) + "\n```"),
        Reply("In the North Sea."),
        Reply("In the Black Sea."),
        Reply("In two seas."),
    )
    monkeypatch.setattr(Settings, "_llm", llm)
    tool = QueryEngineTool(
        query_engine=SummaryIndex.from_documents(RIVERS).as_query_engine(llm=llm),
        metadata=ToolMetadata(name="rivers", description="Knows rivers."),
    )
    engine = SubQuestionQueryEngine.from_defaults(
        query_engine_tools=[tool],
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        response_synthesizer=get_response_synthesizer(llm=llm),
        use_async=False,
        verbose=False,
    )
    assert str(engine.query("Where do they end?")) == "In two seas."
    assert len(script.requests) == 4
    assert "In the Black Sea." in script.requests[3]["messages"][-1]["content"]


@pytest.mark.parametrize("selector", [LLMSingleSelector, PydanticSingleSelector])
def test_selectors_choose(selector: Any) -> None:
    """A router's selector reads the choice from text and from an object."""
    choice = {"index": 2, "reason": "rivers"}
    text = Reply(json.dumps([{"choice": 2, "reason": "rivers"}]))
    reply = text if selector is LLMSingleSelector else Reply(calls=[("SingleSelection", choice)])
    llm, _ = scripted(reply)
    found = selector.from_defaults(llm=llm).select(
        [
            ToolMetadata(name="a", description="Bread."),
            ToolMetadata(name="b", description="Rivers."),
        ],
        "Which river?",
    )
    assert found.ind == 1


# ----------------------------------------------------------------------------- chat engines


@pytest.mark.parametrize(
    "mode",
    [
        ChatMode.SIMPLE,
        ChatMode.CONTEXT,
        ChatMode.CONDENSE_QUESTION,
        ChatMode.CONDENSE_PLUS_CONTEXT,
    ],
)
async def test_chat_engines_remember(connection: dict[str, Any], mode: ChatMode) -> None:
    """Each chat engine answers in all four ways and stores the conversation in its memory."""
    index = VectorStoreIndex.from_documents(
        RIVERS, embed_model=WorkersAIEmbedding(EMBEDDING, **connection)
    )
    engine = index.as_chat_engine(chat_mode=mode, llm=WorkersAI(MODEL, **connection))
    texts = [
        str(engine.chat("Which river?")),
        str(await engine.achat("Where does it end?")),
        "".join(engine.stream_chat("And the other?").response_gen),
        "".join([part async for part in (await engine.astream_chat("Why?")).async_response_gen()]),
    ]
    assert all(texts)
    stored = [message.content for message in engine.chat_history if message.role == "assistant"]
    assert [str(text).strip() for text in stored] == [text.strip() for text in texts]


def test_chat_engine_streams_tool_free_answers_whole() -> None:
    """A chat engine stores the joined deltas of an answer, without the reasoning."""
    llm, script = scripted(
        Reply("The Rhine.", reasoning="Think."), Reply("Yes."), name=REASONING_MODEL
    )
    index = SummaryIndex.from_documents(RIVERS)
    engine = index.as_chat_engine(chat_mode=ChatMode.SIMPLE, llm=llm)
    assert "".join(engine.stream_chat("Which?").response_gen) == "The Rhine."
    engine.chat("Sure?")
    assert script.requests[1]["messages"][-2]["content"] == "The Rhine."


# ------------------------------------------------------------------------------- evaluators


def test_evaluators_read_the_answer_not_the_reasoning() -> None:
    """An evaluator ignores a "yes" in the reasoning, and its sync method works outside of a
    loop.
    """
    for text, passing in (("NO", False), ("YES", True)):
        llm, _ = scripted(Reply(text, reasoning="yes and no"), name=REASONING_MODEL)
        for evaluator in (FaithfulnessEvaluator(llm=llm), RelevancyEvaluator(llm=llm)):
            found = evaluator.evaluate(query="?", response="The Rhine.", contexts=["The Rhine."])
            assert found.passing is passing


async def test_evaluators_inside_a_loop() -> None:
    """An evaluator's sync and async methods work inside a running loop, as in a notebook."""
    llm, _ = scripted(Reply("4.5\nGood."))
    evaluator = CorrectnessEvaluator(llm=llm)
    for _ in range(2):
        found = evaluator.evaluate(query="?", response="a", reference="a")
        assert found.score == 4.5
    assert (await evaluator.aevaluate(query="?", response="a", reference="a")).score == 4.5


@pytest.mark.filterwarnings("ignore:asyncio_module:DeprecationWarning")  # LlamaIndex's own
async def test_batch_evaluation(connection: dict[str, Any]) -> None:
    """A batch of concurrent evaluations works against a server."""
    evaluator = FaithfulnessEvaluator(llm=WorkersAI(MODEL, **connection))
    runner = BatchEvalRunner({"faithful": evaluator}, workers=4)
    found = await runner.aevaluate_response_strs(
        queries=["?"] * 6, response_strs=["yes"] * 6, contexts_list=[["yes"]] * 6
    )
    assert len(found["faithful"]) == 6


# -------------------------------------------------------------------------- loops, processes


def test_one_object_serves_loop_after_loop(connection: dict[str, Any]) -> None:
    """The same objects work in repeated `asyncio.run` and in LlamaIndex's own sync calls
    between.
    """
    llm = WorkersAI(MODEL, **connection)
    embedding = WorkersAIEmbedding(EMBEDDING, **connection)
    rerank = WorkersAIRerank(RERANKER, **connection)
    nodes = [NodeWithScore(node=TextNode(text="The Rhine."))]

    async def use() -> None:
        assert (await llm.acomplete("Hi")).text
        assert await embedding.aget_text_embedding("Hi")
        assert await rerank.apostprocess_nodes(nodes, query_str="Rhine")

    for _ in range(3):
        asyncio.run(use())
        asyncio_run(use())


async def test_sync_wrappers_inside_a_loop(connection: dict[str, Any]) -> None:
    """The object serves LlamaIndex's sync wrappers, which run coroutines in threads with their own
    loops.
    """
    llm = WorkersAI(MODEL, **connection)
    assert (await llm.acomplete("Hi")).text
    for _ in range(3):
        assert asyncio_run(llm.acomplete("Hi")).text
    assert (await llm.acomplete("Hi")).text


INGESTION = """
import asyncio, json, sys
from llama_index.core import Document
from llama_index.core.ingestion import IngestionPipeline
from llamaindex_workersai import WorkersAIEmbedding

def vectors(workers):
    pipeline = IngestionPipeline(transformations=[WorkersAIEmbedding(**json.loads(sys.argv[1]))])
    yield pipeline.run(documents=documents, num_workers=workers)
    yield asyncio.run(pipeline.arun(documents=documents, num_workers=workers))
    yield pipeline.run(documents=documents)

if __name__ == "__main__":
    documents = [Document(text=text) for text in ("The Rhine.", "The Danube.", "Bread.")]
    found = [[node.embedding for node in nodes] for w in (None, 2) for nodes in vectors(w)]
    assert all(found[0]) and all(other == found[0] for other in found)
"""


def test_ingestion_in_worker_processes(connection: dict[str, Any], tmp_path: Path) -> None:
    """Workers of a pipeline read the token from the environment, sync and async, and the
    embedding still works afterwards.
    """
    program = tmp_path / "ingestion.py"
    program.write_text(INGESTION)
    settings = {"model": EMBEDDING, **connection}
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CLOUDFLARE_API_TOKEN": settings.pop("api_token"),
    }
    command = [sys.executable, str(program), json.dumps(settings)]
    subprocess.run(command, env=environment, check=True, timeout=50)


def test_extractor_holds_an_llm_through_its_dict() -> None:
    """An extractor that is loaded from its dict has its LLM again."""
    extractor = TitleExtractor(llm=WorkersAI(MODEL, temperature=0.3), nodes=1)
    made = TitleExtractor.from_dict(extractor.to_dict())
    assert isinstance(made.llm, WorkersAI)
    assert made.llm.temperature == 0.3


async def test_extractor_extracts(connection: dict[str, Any]) -> None:
    """The concurrent calls of an extractor fill the metadata of all nodes."""
    extractor = TitleExtractor(llm=WorkersAI(MODEL, **connection), nodes=1, show_progress=False)
    nodes = [TextNode(text=document.text) for document in RIVERS]
    found = await extractor.aprocess_nodes(nodes)
    assert all(node.metadata["document_title"] for node in found)


def test_text_program_on_a_model_without_tools() -> None:
    """`PydanticProgramMode.LLM` asks with a prompt and reads the object from the text."""
    llm, script = scripted(
        Reply('Sure: {"query_satisfied": true, "answer": "Yes."}'),
        pydantic_program_mode=PydanticProgramMode.LLM,
    )
    structured = llm.as_structured_llm(Satisfied)
    assert structured.complete("Is it?").raw == Satisfied(query_satisfied=True, answer="Yes.")
    assert "tools" not in script.requests[0]
