"""`WorkersAI` under LlamaIndex's import path; see `llamaindex_workersai`."""

from llamaindex_workersai import WorkersAI

__all__ = ["WorkersAI"]
