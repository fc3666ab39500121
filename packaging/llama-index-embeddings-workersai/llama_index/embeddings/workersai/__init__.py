"""`WorkersAIEmbedding` where LlamaIndex keeps its embeddings; see `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAIEmbedding

__all__ = ["WorkersAIEmbedding"]
