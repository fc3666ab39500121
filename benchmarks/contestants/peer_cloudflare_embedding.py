"""`CloudflareEmbedding` of llama-index-embeddings-cloudflare-workersai."""

from __future__ import annotations

import functools

from llama_index.embeddings.cloudflare_workersai import CloudflareEmbedding, base

from benchmarks.contestants.base import TOKEN, Contestant, Place
from benchmarks.server.answers import EMBEDDING_MODEL


class PublishedEmbedding(Contestant):
    """As its documentation makes it. Its URL is a constant, which is set to the server's."""

    name = "CloudflareEmbedding"
    family = "llamaindex"
    distributions = ("llama-index-embeddings-cloudflare-workersai",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        base.API_URL_TEMPLATE = f"{place.root}/accounts/{{}}/ai/run/{{}}"

    @functools.cached_property
    def embedding(self) -> CloudflareEmbedding:
        return CloudflareEmbedding(
            account_id=self.place.account_id, auth_token=TOKEN, model=EMBEDDING_MODEL
        )

    def embed(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.embedding.get_text_embedding_batch(texts)
        return vectors

    def embed_many(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.wait_for(self.embedding.aget_text_embedding_batch(texts))
        return vectors
