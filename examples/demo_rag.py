"""A LlamaIndex RAG on Workers AI: embed files, retrieve, rerank, stream an answer with sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from demo_parts import Clock, Connection, Models, Outcome
from demo_screen import Growing, Screen
from llama_index.core import (
    ChatPromptTemplate,
    SimpleDirectoryReader,
    VectorStoreIndex,
    get_response_synthesizer,
)
from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import NodeWithScore
from llama_index_instrumentation import get_dispatcher
from pydantic import Field

from llamaindex_workersai import WorkersAI, WorkersAIEmbedding, WorkersAIRerank
from workersai import Usage

TEXTS = Path(__file__).parent / "texts"
QUESTIONS = (
    "Which temperature does the kiln reach?",
    "What colour are the first-aid boxes?",
)
# A chunk is about one paragraph: short contexts keep a small model on the question.
CHUNK_TOKENS = 64
QUOTED = 44
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You answer questions about a text in one short sentence."),
        ("user", "Context:\n{context_str}\n\nQuestion: {query_str}\nAnswer:"),
    ]
)


class UsageCounter(BaseEventHandler):
    """Adds up the tokens of every chat call of LlamaIndex."""

    seen: list[dict[str, Any]] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "UsageCounter"

    def handle(self, event: BaseEvent, **_: Any) -> None:
        if isinstance(event, LLMChatEndEvent) and event.response is not None:
            self.seen.append((event.response.raw or {}).get("usage") or {})

    def total(self) -> Usage:
        kinds = ("prompt_tokens", "completion_tokens", "total_tokens")
        return Usage(*(sum(usage.get(kind, 0) for usage in self.seen) for kind in kinds))


def run(screen: Screen, models: Models, connection: Connection) -> Outcome:
    """Index the files, then answer each question from them."""
    outcome = Outcome("rag")
    llm = WorkersAI(models.chat, temperature=0, **connection)
    rerank = WorkersAIRerank(models.rerank, top_n=2, **connection)
    retriever = indexed(screen, models, connection).as_retriever(similarity_top_k=4)
    answering = get_response_synthesizer(llm=llm, text_qa_template=PROMPT, streaming=True)
    with counted() as counter:
        for question in QUESTIONS:
            screen.say("question", question)
            found = retriever.retrieve(question)
            screen.say("found", scored(found))
            sources = rerank.postprocess_nodes(found, query_str=question)
            screen.say("reranked", scored(sources))
            clock = Clock()
            with screen.growing() as lines:
                answer = cast("StreamingResponse", answering.synthesize(question, sources))
                text = "".join(shown(token, lines, clock) for token in answer.response_gen)
            screen.say("sources", quoted(answer.source_nodes))
            screen.say("note", clock.summary())
            outcome.require(text.strip(), f"no answer to: {question}")
            outcome.require(answer.source_nodes, f"no sources for: {question}")
    outcome.usage = counter.total()
    return outcome


@contextmanager
def counted() -> Iterator[UsageCounter]:
    """Count the tokens of all LlamaIndex calls in the block."""
    counter, dispatcher = UsageCounter(), get_dispatcher()
    dispatcher.add_event_handler(counter)
    try:
        yield counter
    finally:
        dispatcher.event_handlers.remove(counter)


def indexed(screen: Screen, models: Models, connection: Connection) -> VectorStoreIndex:
    """Read, split and embed the text files."""
    documents = SimpleDirectoryReader(
        TEXTS, file_metadata=lambda path: {"file_name": Path(path).name}
    ).load_data()
    splitter = SentenceSplitter(chunk_size=CHUNK_TOKENS, chunk_overlap=0)
    nodes = splitter.get_nodes_from_documents(documents)
    embedding = WorkersAIEmbedding(models.embedding, **connection)
    index = VectorStoreIndex(nodes, embed_model=embedding)
    screen.say("note", f"{len(documents)} files, {len(nodes)} passages embedded")
    return index


def shown(token: str, lines: Growing, clock: Clock) -> str:
    clock.tick()
    lines.feed("answer", token)
    return token


def scored(nodes: list[NodeWithScore]) -> str:
    """Return the files of some nodes with their scores, best first."""
    return ", ".join(f"{node.metadata['file_name']} {node.get_score():.2f}" for node in nodes)


def quoted(nodes: list[NodeWithScore]) -> str:
    """Return each source's file and the beginning of its text."""
    begun = ((node.metadata["file_name"], " ".join(node.text.split())) for node in nodes)
    return "\n".join(f"{name}: {text[:QUOTED]}..." for name, text in begun)
