"""WorkersAIEmbedding: a Workers AI embedding model as a LlamaIndex embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self, Unpack

from llamaindex_workersai._model.connection import Connection, ConnectionSettings
from workersai import ConfigurationError, EmbeddingResult
from workersai.integration import hides_arguments


class WorkersAIEmbeddingSettings(ConnectionSettings, total=False):
    """What `WorkersAIEmbedding` takes besides the model."""

    auth_token: str | SecretStr | None
    query_instruction: str | None
    text_instruction: str | None
    pooling: Literal["mean", "cls"] | None
    dimensions: int | None
    truncate: bool | None
    max_concurrency: int
    additional_kwargs: Mapping[str, Any]
    embed_batch_size: int
    num_workers: int | None
    embeddings_cache: Any
    rate_limiter: Any


class WorkersAIEmbedding(Connection, BaseEmbedding):
    """Vectors from a Workers AI model.

    Texts go out in batches no larger than the model's page allows, whatever `embed_batch_size`
    is; every answer is checked for count and order. Parameter names of `CloudflareEmbedding`
    (`account_id`, `auth_token`, `model`, `embed_batch_size`) are understood.

    Attributes:
        query_instruction: What to put before a query; by default what the model's page says.
        text_instruction: What to put before a text; by default what the model's page says.
        pooling: `mean` or `cls`, for models that take it; their vectors do not compare.
        dimensions: Length of the vectors, for models that take it.
        truncate: Whether texts that are too long are cut instead of refused, for models that
            take it.
        max_concurrency: How many async requests of this object run at once.
        additional_kwargs: Anything else the request's body shall hold.

    Examples:
        `pip install 'workersai[llamaindex]'`

        ```python
        from llamaindex_workersai import WorkersAIEmbedding

        embedding = WorkersAIEmbedding("@cf/baai/bge-small-en-v1.5")
        vector = embedding.get_text_embedding("A river.")
        ```
    """

    ALIASES: ClassVar[Mapping[str, str]] = {
        **Connection.ALIASES,
        "auth_token": "api_token",
    }

    query_instruction: str | None = None
    text_instruction: str | None = None
    pooling: Literal["mean", "cls"] | None = None
    dimensions: int | None = Field(default=None, gt=0)
    truncate: bool | None = None
    max_concurrency: int = Field(default=4, gt=0)
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)
    # The documented limit of most embedding models; larger batches are split again.
    embed_batch_size: int = Field(default=100, gt=0, le=2048)

    # LlamaIndex's own field, but for its place in dicts: a cache is neither JSON nor a setting.
    embeddings_cache: Any | None = Field(default=None, exclude=True)

    _gates: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = PrivateAttr(default_factory=dict)

    @hides_arguments
    def __init__(
        self,
        model: str | None = None,
        *,
        model_name: str | None = None,
        **settings: Unpack[WorkersAIEmbeddingSettings],
    ) -> None:
        name = model_name if model is None else model
        if model_name not in (None, name):
            raise ConfigurationError(
                f"model {model!r} and model_name {model_name!r} differ: give one of them",
                parameter="model_name",
            )
        names = {} if name is None else {"model": name, "model_name": name}
        super().__init__(**{**names, **settings})

    @model_validator(mode="after")
    def _name_once(self) -> Self:
        """`model_name` is what LlamaIndex reads; it is always the model."""
        self.model_name = self.model
        return self

    @classmethod
    def class_name(cls) -> str:
        """Name the class for serialised objects."""
        return "WorkersAIEmbedding"

    def to_payload(self) -> dict[str, Any]:
        """Describe the model for callbacks and traces; holds no secret and no account."""
        return {
            "class_name": self.class_name(),
            "model_name": self.model_name,
            "embed_batch_size": self.embed_batch_size,
        }

    def _texts(self, texts: list[str]) -> dict[str, Any]:
        return self._embed("document", texts, self.text_instruction)

    def _query(self, query: str) -> dict[str, Any]:
        return self._embed("query", [query], self.query_instruction)

    def _embed(
        self, input_type: Literal["document", "query"], texts: list[str], instruction: str | None
    ) -> dict[str, Any]:
        return {
            "texts": texts,
            "model": self.model,
            "input_type": input_type,
            "instruction": instruction,
            "pooling": self.pooling,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "extra": self.additional_kwargs or None,
        }

    def _send(self, arguments: dict[str, Any]) -> list[list[float]]:
        return self._client().embed(**arguments).vectors

    async def _asend(self, arguments: dict[str, Any]) -> list[list[float]]:
        async with self._gate():
            # One request after the other in here: the gate counts requests.
            result: EmbeddingResult = await self._async_client().embed(
                **arguments, max_concurrency=1
            )
        return result.vectors

    def _gate(self) -> asyncio.Semaphore:
        """One semaphore a loop; those of closed loops go, as they keep their loop alive."""
        loop = asyncio.get_running_loop()
        if loop not in self._gates:
            # Loops of other threads come and go meanwhile.
            for old in list(self._gates):
                if old.is_closed():
                    self._gates.pop(old, None)
            self._gates[loop] = asyncio.Semaphore(self.max_concurrency)
        return self._gates[loop]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._send(self._query(query))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._asend(self._query(query)))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._send(self._texts([text]))[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._asend(self._texts([text])))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._send(self._texts(texts))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._asend(self._texts(texts))
