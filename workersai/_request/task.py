"""A model's task -> whether a call is for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from workersai._models.profile import ModelProfile, Task
from workersai.errors import ConfigurationError

__all__ = ["check_task"]


class _Use(NamedTuple):
    """What a model of a task is, what it does, and who asks it."""

    kind: str
    does: str
    by: str


_USES: Mapping[Task, _Use] = {
    "text-generation": _Use(
        "a chat model",
        "generate text",
        "chat or complete of a client, ChatWorkersAI or WorkersAILLM (LangChain) or WorkersAI "
        "(LlamaIndex)",
    ),
    "embeddings": _Use(
        "an embedding model",
        "make embeddings",
        "embed of a client, WorkersAIEmbeddings (LangChain) or WorkersAIEmbedding (LlamaIndex)",
    ),
    "rerank": _Use(
        "a reranker",
        "rank documents",
        "rerank of a client, or WorkersAIRerank (LangChain and LlamaIndex)",
    ),
}


def check_task(profile: ModelProfile, wanted: Task) -> None:
    """Refuse a model that is known to be for something else.

    The page of bge-m3 takes a query and documents too: it makes embeddings, and it ranks.

    Raises:
        ConfigurationError: Naming the model, its task and what to call instead.
    """
    also_ranks = wanted == "rerank" and "query" in profile.inputs
    if not profile.known or profile.task == wanted or also_ranks:
        return
    use = _USES[profile.task]
    raise ConfigurationError(
        f"{profile.name} is {use.kind} and does not {_USES[wanted].does}: ask it with {use.by}, or "
        "choose another model",
        parameter="model",
    )
