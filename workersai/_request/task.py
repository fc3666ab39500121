"""Check that a call fits the model's task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from workersai._models.profile import ModelProfile, Task
from workersai.errors import ConfigurationError

__all__ = ["check_task"]


class _Use(NamedTuple):
    """What a model of a task is called, what it does, and which calls use it."""

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


def check_task(profile: ModelProfile, task: Task) -> None:
    """Reject a model that is known to have another task.

    bge-m3 has two tasks: its page accepts texts to embed, and a query with documents to rank.

    Raises:
        ConfigurationError: With the model, its task and what to call instead.
    """
    also_ranks = task == "rerank" and "query" in profile.inputs
    if not profile.known or profile.task == task or also_ranks:
        return
    use = _USES[profile.task]
    raise ConfigurationError(
        f"{profile.name} is {use.kind} and does not {_USES[task].does}: use it with {use.by}, or "
        "choose another model",
        parameter="model",
    )
