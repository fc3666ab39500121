"""The five classes of the table, each with the same verbs.

A class is set up as its own documentation does it for Workers AI. `OpenAILike` also gets the facts
that it cannot know: the model chats, calls tools and has a window of 131,072 tokens.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from langchain_cloudflare import (
    ChatCloudflareWorkersAI,
    CloudflareWorkersAIEmbeddings,
    CloudflareWorkersAIReranker,
)
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

import langchain_workersai
import llamaindex_workersai
from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding
from tests.comparison.wire import ACCOUNT, MODEL, TOKEN
from tests.workersai.loopback import Loopback

QUESTION = "Weather in Oslo?"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
EMBEDDING = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


@dataclass
class Answer:
    """What a user of a class reads from its answer."""

    text: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reasoning: str = ""
    tokens: tuple[int, int] | None = None
    message: Any = None


class Contestant:
    """A chat class of some package."""

    name: ClassVar[str]
    distributions: ClassVar[tuple[str, ...]]
    names: ClassVar[dict[str, str]] = {}
    """The class's own names for the settings of this table."""
    with_usage: ClassVar[dict[str, Any]] = {}
    """The setting that asks for a stream's tokens, where it has to be set."""

    def make(self, server: Loopback, **settings: Any) -> Any:
        """Make the object that is asked; settings have Cloudflare's names."""
        own = {self.names.get(name, name): value for name, value in settings.items()}
        return self.construct(server, own.pop("model", MODEL), own)

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        raise NotImplementedError

    def ask(self, model: Any) -> Answer:
        raise NotImplementedError

    async def aask(self, model: Any) -> Answer:
        raise NotImplementedError

    def stream(self, model: Any, *, tools: bool = False) -> Answer:
        raise NotImplementedError

    def go_on(self, model: Any, content: Any) -> Answer:
        """Ask once more after a tool's result, which has this content."""
        raise NotImplementedError

    def extract(self, model: Any, schema: type) -> Any:
        """Ask for an object of a schema, by the class's default method."""
        raise NotImplementedError

    def embed(self, server: Loopback, texts: list[str]) -> list[list[float]] | None:
        """Embed texts with this package's class, if it has one."""
        return None

    def rank(self, server: Loopback, texts: list[str]) -> list[str] | None:
        """Rank texts with this package's class, if it has one."""
        return None

    def queue(self, model: Any) -> list[Any]:
        """Queue one question as a batch, wait, and return the answers."""
        raise NotImplementedError

    def calls(self, model: Any) -> list[tuple[str, dict[str, Any]]]:
        """Ask with a tool, and return the calls to run."""
        raise NotImplementedError

    def picture(self) -> Any:
        """What a tool returned: a text and an image."""
        raise NotImplementedError

    def cls(self) -> Any:
        raise NotImplementedError


def at_once(asked: Callable[[], Awaitable[Any]], times: int) -> list[Any]:
    """Await so many calls together, in a loop whose executor has a single thread."""
    from concurrent.futures import ThreadPoolExecutor

    async def all_of_them() -> list[Any]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        return await asyncio.gather(*(asked() for _ in range(times)))

    return asyncio.run(all_of_them())


# --------------------------------------------------------------------------------- LangChain


class LangChain(Contestant):
    """A chat model of LangChain."""

    def ask(self, model: Any) -> Answer:
        return self._read(model.invoke(QUESTION))

    async def aask(self, model: Any) -> Answer:
        return self._read(await model.ainvoke(QUESTION))

    def stream(self, model: Any, *, tools: bool = False) -> Answer:
        asked = model.bind_tools([get_weather]) if tools else model
        return self._read(functools.reduce(lambda one, two: one + two, asked.stream(QUESTION)))

    def go_on(self, model: Any, content: Any) -> Answer:
        calls = [{"name": "get_weather", "args": {"city": "Oslo"}, "id": "c1"}]
        asked = [HumanMessage(QUESTION), AIMessage("", tool_calls=calls)]
        return self._read(model.invoke([*asked, ToolMessage(content, tool_call_id="c1")]))

    def picture(self) -> Any:
        image = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
        return [{"type": "text", "text": "a chart"}, image]

    def queue(self, model: Any) -> list[Any]:
        return list(model.batch_results(model.submit_batch([QUESTION])))

    def calls(self, model: Any) -> list[tuple[str, dict[str, Any]]]:
        return self._read(model.bind_tools([get_weather]).invoke(QUESTION)).calls

    def extract(self, model: Any, schema: type) -> Any:
        return model.with_structured_output(schema).invoke("Ada is 36.")

    def _read(self, message: AIMessage) -> Answer:
        own = message.content if isinstance(message.content, list) else []
        blocks: list[Any] = [*message.content_blocks, *own]  # LangChain's, and the class's own
        kinds = ("reasoning", "thinking")
        thought = "".join(str(one.get(kind, "")) for one in blocks for kind in kinds)
        calls = [(call["name"], call["args"]) for call in message.tool_calls]
        used = message.usage_metadata
        tokens = (used["input_tokens"], used["output_tokens"]) if used else None
        return Answer(str(message.text), calls, thought, tokens, message)


class OurLangChain(LangChain):
    name = "ChatWorkersAI"
    distributions = ("workersai",)

    def cls(self) -> Any:
        return ChatWorkersAI

    def _place(self, server: Loopback) -> dict[str, Any]:
        return {"account_id": ACCOUNT, "api_token": TOKEN, "base_url": server.base_url}

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        return ChatWorkersAI(model, **self._place(server), **settings)

    def embed(self, server: Loopback, texts: list[str]) -> list[list[float]]:
        return WorkersAIEmbeddings(EMBEDDING, **self._place(server)).embed_documents(texts)

    def rank(self, server: Loopback, texts: list[str]) -> list[str]:
        ranker = langchain_workersai.WorkersAIRerank(RERANKER, **self._place(server))
        found = ranker.compress_documents([Document(text) for text in texts], QUESTION)
        return [document.page_content for document in found]


class LangChainCloudflare(LangChain):
    name = "langchain-cloudflare"
    distributions = ("langchain-cloudflare",)
    names: ClassVar[dict[str, str]] = {"timeout": "request_timeout", "gateway": "ai_gateway"}

    def cls(self) -> Any:
        return ChatCloudflareWorkersAI

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        place = {"account_id": ACCOUNT, "api_token": TOKEN, "base_url": server.base_url}
        if settings.pop("endpoint", "run") == "openai":
            settings["endpoint_format"] = "openai_compatible"
        return ChatCloudflareWorkersAI(model=model, **place, **settings)

    def embed(self, server: Loopback, texts: list[str]) -> list[list[float]]:
        made = CloudflareWorkersAIEmbeddings(model_name=EMBEDDING, **self._elsewhere(server))
        vectors: list[list[float]] = made.embed_documents(texts)
        return vectors

    def rank(self, server: Loopback, texts: list[str]) -> list[str]:
        ranker = CloudflareWorkersAIReranker(model_name=RERANKER, **self._elsewhere(server))
        found = ranker.compress_documents([Document(text) for text in texts], QUESTION)
        return [document.page_content for document in found]

    def _elsewhere(self, server: Loopback) -> dict[str, Any]:
        where = f"{server.base_url}/accounts"
        return {"account_id": ACCOUNT, "api_token": TOKEN, "api_base_url": where}


class OpenAIChat(LangChain):
    name = "ChatOpenAI"
    distributions = ("langchain-openai", "openai")
    with_usage: ClassVar[dict[str, Any]] = {"stream_usage": True}

    def cls(self) -> Any:
        return ChatOpenAI

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        return ChatOpenAI(model=model, base_url=route(server), api_key=TOKEN, **settings)

    def embed(self, server: Loopback, texts: list[str]) -> list[list[float]]:
        made = OpenAIEmbeddings(
            model=EMBEDDING,
            base_url=route(server),
            api_key=TOKEN,
            check_embedding_ctx_length=False,  # sends texts; by default it sends OpenAI's tokens
        )
        vectors: list[list[float]] = made.embed_documents(texts)
        return vectors


def route(server: Loopback) -> str:
    """The compatible route, which these classes take as OpenAI's address."""
    return f"{server.base_url}/accounts/{ACCOUNT}/ai/v1"


# -------------------------------------------------------------------------------- LlamaIndex


class LlamaIndex(Contestant):
    """An LLM of LlamaIndex."""

    asked = (ChatMessage(role="user", content=QUESTION),)

    def ask(self, model: Any) -> Answer:
        return self._read(model, model.chat(list(self.asked)))

    async def aask(self, model: Any) -> Answer:
        return self._read(model, await model.achat(list(self.asked)))

    def stream(self, model: Any, *, tools: bool = False) -> Answer:
        tool = FunctionTool.from_defaults(get_weather)
        stream = (
            model.stream_chat_with_tools([tool], user_msg=QUESTION, allow_parallel_tool_calls=True)
            if tools
            else model.stream_chat(list(self.asked))
        )
        return self._read(model, list(stream)[-1])

    def go_on(self, model: Any, content: Any) -> Answer:
        call = ToolCallBlock(
            tool_name="get_weather", tool_kwargs={"city": "Oslo"}, tool_call_id="c1"
        )
        came = ChatMessage(role="tool", blocks=content, additional_kwargs={"tool_call_id": "c1"})
        asked = [*self.asked, ChatMessage(role="assistant", blocks=[call]), came]
        return self._read(model, model.chat(asked))

    def picture(self) -> Any:
        return [
            TextBlock(text="a chart"),
            ImageBlock(image=PIXEL.encode(), image_mimetype="image/png"),
        ]

    def queue(self, model: Any) -> list[Any]:
        return list(model.batch_results(model.submit_batch([list(self.asked)])))

    def calls(self, model: Any) -> list[tuple[str, dict[str, Any]]]:
        tool = FunctionTool.from_defaults(get_weather)
        return self._read(model, model.chat_with_tools([tool], user_msg=QUESTION)).calls

    def extract(self, model: Any, schema: type) -> Any:
        return model.structured_predict(schema, PromptTemplate("Ada is 36."))

    def _read(self, model: Any, response: ChatResponse) -> Answer:
        blocks = response.message.blocks
        thought = "".join(
            block.content or "" for block in blocks if isinstance(block, ThinkingBlock)
        )
        calls = model.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        used = response.additional_kwargs
        tokens = (
            (used["prompt_tokens"], used["completion_tokens"]) if "prompt_tokens" in used else None
        )
        pairs = [(call.tool_name, call.tool_kwargs) for call in calls]
        return Answer(response.message.content or "", pairs, thought, tokens, response)


class OurLlamaIndex(LlamaIndex):
    name = "WorkersAI"
    distributions = ("workersai",)

    def cls(self) -> Any:
        return WorkersAI

    def _place(self, server: Loopback) -> dict[str, Any]:
        return {"account_id": ACCOUNT, "api_token": TOKEN, "base_url": server.base_url}

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        return WorkersAI(model, **self._place(server), **settings)

    def embed(self, server: Loopback, texts: list[str]) -> list[list[float]]:
        made = WorkersAIEmbedding(EMBEDDING, **self._place(server))
        return made.get_text_embedding_batch(texts)

    def rank(self, server: Loopback, texts: list[str]) -> list[str]:
        ranker = llamaindex_workersai.WorkersAIRerank(RERANKER, **self._place(server))
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
        return [node.text for node in ranker.postprocess_nodes(nodes, query_str=QUESTION)]


class Like(LlamaIndex):
    name = "OpenAILike"
    with_usage: ClassVar[dict[str, Any]] = {
        "additional_kwargs": {"stream_options": {"include_usage": True}}
    }
    distributions = ("llama-index-llms-openai-like", "llama-index-llms-openai", "openai")

    def cls(self) -> Any:
        return OpenAILike

    def construct(self, server: Loopback, model: str, settings: dict[str, Any]) -> Any:
        known = {
            "is_chat_model": True,
            "is_function_calling_model": True,
            "context_window": 131_072,
        }
        place = {"api_base": route(server), "api_key": TOKEN}
        return OpenAILike(model=model, **place, **known, **settings)


CONTESTANTS: tuple[Contestant, ...] = (
    OurLangChain(),
    OurLlamaIndex(),
    LangChainCloudflare(),
    OpenAIChat(),
    Like(),
)
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
