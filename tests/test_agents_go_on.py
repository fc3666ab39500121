"""Real agents through everything that ends runs elsewhere, in one thread.

A server that is as strict as any answers. The conversation begins with another provider's answers;
tools return an image, a link and a ranking with a blank document; one call is malformed; calls are
taken off messages.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import NodeWithScore, TextNode

from langchain_workersai import ChatWorkersAI, WorkersAIRerank
from llamaindex_workersai import WorkersAI
from llamaindex_workersai import WorkersAIRerank as LlamaRerank
from tests.llamaindex_workersai.scripted import MODEL, Reply, Scripted
from tests.strict import problems

DATA = b"\x89PNG\r\n\x1a\n" + bytes(5000)
RANKED = {"response": [{"id": 0, "score": 0.9}]}
MALFORMED = '{"of": "the "big" door"'


def strictly(reply: Reply) -> Callable[[dict[str, Any]], Reply | httpx.Response]:
    """Answer a conversation that has no problems, and refuse any other."""

    def answer(body: dict[str, Any]) -> Reply | httpx.Response:
        if not (found := problems(body["messages"])):
            return reply
        error = {"code": 8007, "message": "; ".join(found)}
        envelope = {"success": False, "errors": [error], "result": None, "messages": []}
        return httpx.Response(400, json=envelope)

    return answer


def script(*replies: Reply) -> Scripted:
    return Scripted(*map(strictly, replies))


ANSWERS = (
    Reply(calls=[("shoot", {"of": "door"})]),
    Reply(calls=[("find", {"of": "plan"}), ("rank", {"of": "figs"})]),
    Reply("Let me look again.", calls=[("shoot", MALFORMED)]),
    Reply("I will look.", calls=[("shoot", {"of": "window"})]),
    Reply("All seen."),
)
"""The third answer is malformed and asked for again; of what comes the calls are taken off."""


# ------------------------------------------------------------------------------- LangGraph


class NoMoreCalls(AgentMiddleware[Any, Any]):
    """Takes the calls off a message, once the thread has had its fill of them."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        had = sum(isinstance(m, AIMessage) and bool(m.tool_calls) for m in state["messages"])
        if not last.tool_calls or had < 3:
            return None
        return {"messages": [last.model_copy(update={"tool_calls": []})]}


def before() -> list[BaseMessage]:
    """What another provider's model, with a search of its own, has answered."""
    content: list[Any] = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "It is a house.", "citations": []},
    ]
    return [HumanMessage("What is it?"), AIMessage(content), HumanMessage("Look at it.")]


def langchain_tools(ranking: Scripted) -> list[Any]:
    rerank = WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=None, **ranking.connection)

    @tool
    def shoot(of: str) -> list[Any]:
        """Take a picture."""
        image = {"base64": base64.b64encode(DATA).decode(), "mime_type": "image/png"}
        return [{"type": "text", "text": f"A {of}."}, {"type": "image", **image}]

    @tool
    def find(of: str) -> list[Any]:
        """Find a file."""
        return [{"type": "file", "url": f"docs://{of}", "mime_type": "application/pdf"}]

    @tool
    def rank(of: str) -> list[Any]:
        """Rank documents."""
        documents = [Document("A fig."), Document(" \n")]
        return [doc.page_content for doc in rerank.compress_documents(documents, of)]

    return [shoot, find, rank]


@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("version", [None, "v1"])
async def test_a_langgraph_thread_goes_on(
    version: str | None, is_async: bool, streaming: bool | None
) -> None:
    """Three turns of one thread end with an answer, whatever tools and models leave in it."""
    server, ranking = script(*ANSWERS), Scripted(RANKED)
    llm = ChatWorkersAI(MODEL, streaming=streaming, output_version=version, **server.connection)
    agent = create_agent(
        llm,
        langchain_tools(ranking),
        system_prompt="Be brief.",
        middleware=[NoMoreCalls()],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    for turn in (before(), [HumanMessage("Once more.")], [HumanMessage("And now?")]):
        asked: Any = {"messages": turn}
        state = await (agent.ainvoke(asked, config) if is_async else _invoke(agent, asked, config))
    assert state["messages"][-1].text == "All seen."
    sent = server.requests[-1]["messages"]
    assert_all_of_it_was_sent(sent)
    assert "Let me look again.\n\nI will look." in [message["content"] for message in sent]
    assert json.dumps(json.dumps({"input": MALFORMED})) in json.dumps(sent)
    assert len([m for m in sent if m.get("tool_calls")]) == 3


async def _invoke(agent: Any, asked: Any, config: Any) -> Any:
    return agent.invoke(asked, config)


# ------------------------------------------------------------------------------ LlamaIndex


def llamaindex_tools(ranking: Scripted) -> list[Any]:
    rerank = LlamaRerank("@cf/baai/bge-reranker-base", top_n=2, **ranking.connection)

    def shoot(of: str) -> list[Any]:
        """Take a picture."""
        return [TextBlock(text=f"A {of}."), ImageBlock(image=DATA)]

    def find(of: str) -> list[Any]:
        """Find a file."""
        return [DocumentBlock(url=f"docs://{of}", document_mimetype="application/pdf")]

    def rank(of: str) -> list[str]:
        """Rank documents."""
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("A fig.", " \n")]
        return [node.text for node in rerank.postprocess_nodes(nodes, query_str=of)]

    return [shoot, find, rank]


def before_llamaindex() -> list[ChatMessage]:
    """The same as `before`."""
    thought = ThinkingBlock(content="Hm.", additional_information={"signature": "EqQB"})
    cited = CitationBlock(
        cited_content=TextBlock(text="x"), source="s", title="t", additional_location_info={}
    )
    answer = [thought, TextBlock(text="It is a house."), cited]
    return [
        ChatMessage(role="user", content="What is it?"),
        ChatMessage(role="assistant", blocks=answer),
    ]


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_workflow_goes_on(streaming: bool) -> None:
    """Two runs on one memory end with an answer, whatever tools, models and edits leave in it."""
    server, ranking = script(*ANSWERS[:3], ANSWERS[4], ANSWERS[4]), Scripted(RANKED)
    agent = FunctionAgent(
        name="looker",
        description="Looks.",
        tools=llamaindex_tools(ranking),
        llm=WorkersAI(MODEL, **server.connection),
        system_prompt="Be brief.",
        streaming=streaming,
    )
    memory = ChatMemoryBuffer.from_defaults(chat_history=before_llamaindex(), token_limit=9000)
    workflow = AgentWorkflow(agents=[agent])
    answer = str(await workflow.run("Look at it.", memory=memory))
    assert answer == "Let me look again.\n\nAll seen."
    assert len(server.requests) == 4
    assert_all_of_it_was_sent(server.requests[-1]["messages"])
    memory.set([without_calls(message) for message in memory.get_all()])
    assert str(await workflow.run("And now?", memory=memory)) == "All seen."
    sent = server.requests[-1]["messages"]
    assert not any(message.get("tool_calls") for message in sent)
    assert "A door." in json.dumps(sent)


def without_calls(message: ChatMessage) -> ChatMessage:
    """A message as somebody leaves it who takes all calls off it, and no results."""
    kept = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    return ChatMessage(
        role=message.role,
        blocks=kept,
        additional_kwargs={
            k: v for k, v in message.additional_kwargs.items() if k == "tool_call_id"
        },
    )


def assert_all_of_it_was_sent(sent: list[Any]) -> None:
    """The model saw what was there to see, and no megabytes."""
    text = json.dumps(sent)
    for words in ("It is a house.", "A door.", "image/png, 5,008 bytes", "docs://plan", "A fig."):
        assert words in text
    assert len(text) < 5000
