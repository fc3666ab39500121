"""Register the classes under their names where LlamaIndex looks them up.

Components that contain a model (extractors, parsers) store its dict, and find its class again by
the name in it.
"""

from __future__ import annotations

from llama_index.core.embeddings.loading import RECOGNIZED_EMBEDDINGS
from llama_index.core.llms.loading import RECOGNIZED_LLMS

from llamaindex_workersai.embeddings import WorkersAIEmbedding
from llamaindex_workersai.llm import WorkersAI


def register() -> None:
    """Make `load_llm` and `load_embed_model` know the classes of this package."""
    RECOGNIZED_LLMS[WorkersAI.class_name()] = WorkersAI
    RECOGNIZED_EMBEDDINGS[WorkersAIEmbedding.class_name()] = WorkersAIEmbedding
