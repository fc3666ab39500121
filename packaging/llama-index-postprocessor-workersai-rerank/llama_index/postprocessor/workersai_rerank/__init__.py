"""`WorkersAIRerank` under LlamaIndex's import path; see `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAIRerank

__all__ = ["WorkersAIRerank"]
