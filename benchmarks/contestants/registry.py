"""All contestants by name and module; a contestant is imported when a run needs it."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import NamedTuple

from benchmarks.contestants.base import Contestant


class Entry(NamedTuple):
    """A contestant that may not be installed."""

    name: str
    place: str
    needs: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        return all(_version(name) for name in self.needs)

    def load(self) -> type[Contestant]:
        """Import the contestant's class and its dependencies."""
        module, _, name = self.place.partition(":")
        found: type[Contestant] = getattr(importlib.import_module(module), name)
        return found


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions of all installed contestants and their dependencies."""
    also = ("langchain-core", "langchain", "llama-index-core", "pydantic", "pydantic-core")
    names = sorted({name for entry in ENTRIES for name in entry.needs} | set(also))
    return {name: version for name in names if (version := _version(name))}


HTTPX = "httpx"
AIOHTTP = "aiohttp"
LANGCHAIN_FLOOR = "LangChain's base class"
LLAMAINDEX_FLOOR = "LlamaIndex's base class"
CLIENT = "workersai"
LANGCHAIN = "langchain_workersai"
LLAMAINDEX = "llamaindex_workersai"
LANGCHAIN_CLOUDFLARE = "langchain-cloudflare"
CHAT_OPENAI = "ChatOpenAI"
OPENAI_LIKE = "OpenAILike"
CLOUDFLARE_EMBEDDING = "CloudflareEmbedding"
OPENAI = "openai"

_HERE = "benchmarks.contestants."
ENTRIES = (
    Entry(HTTPX, _HERE + "raw:Httpx", ("httpx",)),
    Entry(AIOHTTP, _HERE + "raw_aiohttp:Aiohttp", ("aiohttp",)),
    Entry(
        LANGCHAIN_FLOOR, _HERE + "langchain_floor:LangChainFloor", ("langchain-core", "langchain")
    ),
    Entry(LLAMAINDEX_FLOOR, _HERE + "llamaindex_floor:LlamaIndexFloor", ("llama-index-core",)),
    Entry(CLIENT, _HERE + "client:BareClient", ("workersai",)),
    Entry(LANGCHAIN, _HERE + "langchain_face:LangChainFace", ("workersai", "langchain-core")),
    Entry(LLAMAINDEX, _HERE + "llamaindex_face:LlamaIndexFace", ("workersai", "llama-index-core")),
    Entry(
        LANGCHAIN_CLOUDFLARE,
        _HERE + "peer_langchain_cloudflare:LangChainCloudflare",
        ("langchain-cloudflare", "langchain"),
    ),
    Entry(
        CHAT_OPENAI, _HERE + "peer_chat_openai:ChatOpenAIAtV1", ("langchain-openai", "langchain")
    ),
    Entry(
        OPENAI_LIKE, _HERE + "peer_openai_like:OpenAILikeAtV1", ("llama-index-llms-openai-like",)
    ),
    Entry(
        CLOUDFLARE_EMBEDDING,
        _HERE + "peer_cloudflare_embedding:PublishedEmbedding",
        ("llama-index-embeddings-cloudflare-workersai",),
    ),
    Entry(OPENAI, _HERE + "peer_openai:OpenAIPackage", ("openai",)),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}
OURS = (CLIENT, LANGCHAIN, LLAMAINDEX)
