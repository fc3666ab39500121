"""`ChatWorkersAI` and `WorkersAIEmbeddings`."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.langchain_chat import LangChainVectors
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL
from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings


class LangChainFace(LangChainVectors):
    """This project's LangChain classes."""

    name = "langchain_workersai"
    distributions = ("workersai", "langchain-core")

    def make(self) -> BaseChatModel:
        return ChatWorkersAI(
            MODEL, account_id=self.place.account_id, api_token=TOKEN, base_url=self.place.root
        )

    def make_embeddings(self) -> Embeddings:
        return WorkersAIEmbeddings(
            EMBEDDING_MODEL,
            account_id=self.place.account_id,
            api_token=TOKEN,
            base_url=self.place.root,
        )
