"""`WorkersAIRerank` where LlamaIndex keeps its postprocessors; see `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAIRerank

__all__ = ["WorkersAIRerank"]
