"""`WorkersAIEmbedding` under LlamaIndex's import path; see `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAIEmbedding

__all__ = ["WorkersAIEmbedding"]
