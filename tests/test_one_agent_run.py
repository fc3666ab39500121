"""Agents of LangGraph and LlamaIndex, each in one thread against a strict server on this machine.

In each thread another provider's model answers before ours, a call is malformed, tools return an
image and a link, a tool ranks blank documents, and middleware or a memory removes calls from
messages. The server answers as a small model would, and refuses what a strict server refuses.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.content import create_file_block, create_image_block, create_text_block
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
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import NodeWithScore, TextNode

import llamaindex_workersai
from langchain_workersai import ChatWorkersAI, WorkersAIRerank
from llamaindex_workersai import WorkersAI
from tests.llamaindex_workersai.scripted import Reply, event_stream
from tests.strict import problems
from tests.workersai.loopback import Loopback, Peer, Seen

pytestmark = [
    pytest.mark.usefixtures("loopback"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # agents look at pydantic's old names
    pytest.mark.filterwarnings("ignore:<aiosqlite:ResourceWarning"),
]

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
RERANKER = "@cf/baai/bge-reranker-base"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(300)
MALFORMED = "{'what': 'figs', 'among': 3,}"


class Server:
    """Sends its replies in order, and refuses requests that a strict server refuses."""

    def __init__(self, *replies: Reply) -> None:
        self.left = list(replies)
        self.bodies: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.loopback = Loopback(self._serve)

    @property
    def connection(self) -> dict[str, Any]:
        return {
            "base_url": self.loopback.base_url,
            "account_id": "0" * 32,
            "api_token": "token",
            "max_retries": 0,
        }

    def close(self) -> None:
        self.loopback.close()

    def _serve(self, peer: Peer, seen: Seen) -> None:
        body = seen.json
        if RERANKER in seen.path:
            blank = [c for c in body["contexts"] if not c["text"].strip()]
            self._answer(peer, blank, {"response": [{"id": 0, "score": 0.8}]})
            return
        self.bodies.append(body)
        found = _problems(body)
        if found or not body.get("stream"):
            whole = None if found else self.left.pop(0).whole(GRANITE)
            self._answer(peer, found, whole)
            return
        peer.stream(event_stream(self.left.pop(0).events(GRANITE)))

    def _answer(self, peer: Peer, found: Sequence[Any], result: Any) -> None:
        if found:
            self.refused += map(str, found)
            error = {"code": 8007, "message": str(found)}
            body = {"success": False, "result": None, "errors": [error], "messages": []}
            peer.answer(json.dumps(body).encode(), "400 Bad Request")
        else:
            body = {"success": True, "result": result, "errors": [], "messages": []}
            peer.answer(json.dumps(body).encode())


def _problems(body: dict[str, Any]) -> list[str]:
    """Return what a strict server refuses: problems of the conversation, and tool names."""
    names = [entry["function"]["name"] for entry in body.get("tools", ())]
    refused = [name for name in names if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)]
    return [*problems(body["messages"]), *(f"the name {name}" for name in refused)]


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts servers; stop them after the test."""
    started: list[Server] = []

    def start(*replies: Reply) -> Server:
        started.append(Server(*replies))
        return started[-1]

    yield start
    for server in started:
        with closing(server):
            pass


def assert_was_understood(server: Server, *words: str) -> None:
    """Assert that the server refused no request and used all replies.

    The last request has all of `words`, and does not have the bytes of the image.
    """
    assert server.refused == []
    assert server.left == []
    text = json.dumps(server.bodies[-1]["messages"], ensure_ascii=False)
    for part in ("image/png, 308 bytes", *words):
        assert part in text, part
    assert base64.b64encode(PNG).decode() not in text


RAN: list[Any] = []

# ------------------------------------------------------------------------------- LangGraph


class OtherProvider(FakeMessagesListChatModel):
    """A model of another provider; its messages have blocks of that provider."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


FOREIGN = AIMessage(
    [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "I read the web."},
        {"type": "tool_use", "id": "toolu_01", "name": "find file", "input": {"of": "plan"}},
    ],
    tool_calls=[{"name": "find file", "args": {"of": "plan"}, "id": "toolu_01"}],
)


class Switch(AgentMiddleware[Any, Any]):
    """Lets another provider's model answer in the middle of a run."""

    def __init__(self) -> None:
        self._other = OtherProvider(responses=[FOREIGN])

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(self._chosen(request))

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        return await handler(self._chosen(request))

    def _chosen(self, request: Any) -> Any:
        turns = [m for m in request.messages if isinstance(m, AIMessage)]
        return request.override(model=self._other) if len(turns) == 1 else request


class Budget(AgentMiddleware[Any, Any]):
    """Removes the calls from a message after three results, and asks the model again."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        results = sum(isinstance(message, ToolMessage) for message in state["messages"])
        if results < 3 or not last.tool_calls:
            return None
        return {"messages": [last.model_copy(update={"tool_calls": []})], "jump_to": "model"}


def langchain_tools(server: Server) -> list[Any]:
    rerank = WorkersAIRerank(RERANKER, top_n=None, **server.connection)

    @tool
    def shoot(of: str) -> list[Any]:
        """Take a picture."""
        RAN.append(("shoot", of))
        image = create_image_block(base64=base64.b64encode(PNG).decode(), mime_type="image/png")
        return [create_text_block(f"A picture of a {of}."), image]

    @tool("find file")
    def find(of: str) -> list[Any]:
        """Find a file."""
        RAN.append(("find", of))
        return [create_file_block(url=f"docs://{of}/1", mime_type="application/pdf")]

    @tool
    def rank(what: str, among: int) -> list[str]:
        """Rank documents."""
        RAN.append(("rank", what, among))
        documents = [Document("About figs."), Document(" \n"), Document("")][:among]
        return [found.page_content for found in rerank.compress_documents(documents, what)]

    return [shoot, find, rank]


@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("version", [None, "v1"])
async def test_each_turn_of_a_langgraph_thread_ends_with_the_models_answer(
    serve: Callable[..., Server], version: str | None, is_async: bool, streaming: bool | None
) -> None:
    """A LangGraph agent ends two turns of a thread with the model's answer.

    The agent runs each tool once, with the arguments of the model.
    """
    RAN.clear()
    server = serve(
        Reply(calls=[("shoot", {"of": "door"})]),
        Reply("Let me rank.", calls=[("rank", MALFORMED)]),
        Reply(calls=[("rank", {"what": "figs", "among": 3})]),
        Reply("Once more.", calls=[("shoot", {"of": "door"})]),
        Reply("A door, a plan, and figs."),
        Reply("The same."),
    )
    agent: Any = create_agent(
        ChatWorkersAI(GRANITE, streaming=streaming, output_version=version, **server.connection),
        langchain_tools(server),
        system_prompt="Look.",
        middleware=[Switch(), Budget()],
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "1"}}
    for question, answer in (
        ("What is there?", "A door, a plan, and figs."),
        ("And now?", "The same."),
    ):
        turn: Any = {"messages": [("user", question)]}
        state = await agent.ainvoke(turn, config) if is_async else agent.invoke(turn, config)
        assert state["messages"][-1].text == answer
    assert RAN == [("shoot", "door"), ("find", "plan"), ("rank", "figs", 3)]
    assert_was_understood(
        server, "A picture of a door.", "I read the web.", "docs://plan/1", "About figs.",
        "Let me rank.", "Once more.", json.dumps({"input": MALFORMED})[1:-1].replace('"', '\\"'),
    )  # fmt: skip
    assert "srvtoolu_1" not in json.dumps(server.bodies[-1])


# ------------------------------------------------------------------------------ LlamaIndex


class Forgetful(ChatMemoryBuffer):
    """A memory that returns messages without their tool calls, but with the results."""

    def get(self, *args: Any, **kwargs: Any) -> list[ChatMessage]:
        return [_without_calls(message) for message in super().get(*args, **kwargs)]


def _without_calls(message: ChatMessage) -> ChatMessage:
    blocks = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    kept = {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"}
    return message.model_copy(update={"blocks": blocks, "additional_kwargs": kept})


def other_provider() -> MockFunctionCallingLLM:
    """Return another provider's model; its messages have blocks and fields of that provider."""
    call = {"to_agent": "looker", "reason": "It looks."}
    turn = ChatMessage(
        role="assistant",
        blocks=[
            ThinkingBlock(content="Hm.", additional_information={"signature": "EqQBCgIYAhIM"}),
            TextBlock(text="Somebody has to look."),
            ToolCallBlock(tool_call_id="fc_1", tool_name="handoff", tool_kwargs=call),
        ],
        additional_kwargs={"annotations": [object()], "refusal": None},
    )
    return MockFunctionCallingLLM(response_generator=lambda *_, **__: turn, is_chat_model=True)


def llamaindex_tools(server: Server) -> list[Any]:
    rerank = llamaindex_workersai.WorkersAIRerank(RERANKER, top_n=3, **server.connection)

    def shoot(of: str) -> list[Any]:
        """Take a picture."""
        RAN.append(("shoot", of))
        return [TextBlock(text=f"A picture of a {of}."), ImageBlock(image=PNG)]

    def find(of: str) -> list[Any]:
        """Find a file."""
        RAN.append(("find", of))
        return [DocumentBlock(url=f"docs://{of}/1", document_mimetype="application/pdf")]

    def rank(what: str, among: int) -> list[str]:
        """Rank documents."""
        RAN.append(("rank", what, among))
        texts = ["About figs.", " \n", ""][:among]
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
        return [node.text for node in rerank.postprocess_nodes(nodes, query_str=what)]

    return [shoot, find, rank]


@pytest.mark.parametrize("streaming", [True, False])
async def test_each_run_of_an_agent_workflow_ends_with_the_models_answer(
    serve: Callable[..., Server], streaming: bool
) -> None:
    """An `AgentWorkflow` ends two runs on one memory with the answer of our agent's model.

    An agent with another provider's model begins each run. The memory has a citation of another
    provider, and returns messages without their calls.
    """
    RAN.clear()
    server = serve(
        Reply("Let me look.", calls=[("shoot", "door")]),
        Reply(calls=[("shoot", {"of": "door"})]),
        Reply(calls=[("find", {"of": "plan"}), ("rank", {"what": "figs", "among": 3})]),
        Reply("A door, a plan, and figs."),
        Reply("The same."),
    )
    planner = FunctionAgent(
        name="planner",
        description="Plans.",
        llm=other_provider(),
        can_handoff_to=["looker"],
        streaming=streaming,
    )
    looker = FunctionAgent(
        name="looker",
        description="Looks.",
        system_prompt="Look.",
        tools=llamaindex_tools(server),
        llm=WorkersAI(GRANITE, **server.connection),
        streaming=streaming,
    )
    citation = CitationBlock(
        cited_content=TextBlock(text="x"), source="s", title="t", additional_location_info={}
    )
    memory = Forgetful.from_defaults(
        chat_history=[
            ChatMessage(role="user", content="Is it cold?"),
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_call_id="t", tool_name="thermometer", tool_kwargs={})],
            ),
            ChatMessage(role="tool", content="3 degrees", additional_kwargs={"tool_call_id": "t"}),
            ChatMessage(role="assistant", blocks=[TextBlock(text="Rather."), citation]),
        ],
        token_limit=9000,
    )
    workflow = AgentWorkflow(agents=[planner, looker], root_agent="planner")
    assert str(await workflow.run("What is there?", memory=memory)) == "A door, a plan, and figs."
    assert str(await workflow.run("And now?", memory=memory)) == "The same."
    assert sorted(RAN) == [("find", "plan"), ("rank", "figs", 3), ("shoot", "door")]
    assert_was_understood(
        server, "3 degrees", "Somebody has to look.", "A picture of a door.", "docs://plan/1",
        "About figs.", "Let me look.",
    )  # fmt: skip
