"""`ChatCloudflareWorkersAI` and `CloudflareWorkersAIEmbeddings` of langchain-cloudflare."""

from __future__ import annotations

from langchain_cloudflare import ChatCloudflareWorkersAI, CloudflareWorkersAIEmbeddings
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.langchain_chat import LangChainVectors
from benchmarks.server.answers import EMBEDDING_MODEL, MODEL


class LangChainCloudflare(LangChainVectors):
    """On the native route, as by default."""

    name = "langchain-cloudflare"
    distributions = ("langchain-cloudflare",)

    def make(self) -> BaseChatModel:
        return ChatCloudflareWorkersAI(
            model=MODEL, account_id=self.place.account_id, api_token=TOKEN, base_url=self.place.root
        )

    def make_embeddings(self) -> Embeddings:
        return CloudflareWorkersAIEmbeddings(
            model_name=EMBEDDING_MODEL,
            account_id=self.place.account_id,
            api_token=TOKEN,
            api_base_url=f"{self.place.root}/accounts",
        )
