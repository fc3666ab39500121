"""`WorkersAI` and `WorkersAIEmbedding`."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms.function_calling import FunctionCallingLLM

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.llamaindex_chat import LlamaIndexVectors
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding


class LlamaIndexFace(LlamaIndexVectors):
    """This project's LlamaIndex classes."""

    name = "llamaindex_workersai"
    distributions = ("workersai", "llama-index-core")

    def make(self) -> FunctionCallingLLM:
        return WorkersAI(
            MODEL, account_id=self.place.account_id, api_token=TOKEN, base_url=self.place.root
        )

    def make_embedding(self) -> BaseEmbedding:
        return WorkersAIEmbedding(
            EMBEDDING_MODEL,
            account_id=self.place.account_id,
            api_token=TOKEN,
            base_url=self.place.root,
        )
