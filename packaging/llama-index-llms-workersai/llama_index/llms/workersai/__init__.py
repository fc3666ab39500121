"""`WorkersAI` where LlamaIndex keeps its LLMs; all of it is in `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAI

__all__ = ["WorkersAI"]
