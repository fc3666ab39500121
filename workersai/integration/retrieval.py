"""Pydantic fields for embeddings and reranking, shared by an adapter's classes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool

from workersai.integration.checked import CheckedFields, Count

__all__ = ["EmbeddingFields", "RerankFields"]


class EmbeddingFields(CheckedFields):
    """The options of embeddings; `None` is not sent."""

    ALIASES: ClassVar[Mapping[str, str]] = MappingProxyType({"instruction": "query_instruction"})

    query_instruction: str | None = Field(
        default=None,
        description="The task that queries are embedded for; the page's default if omitted.",
    )
    text_instruction: str | None = Field(
        default=None,
        description="The text to put before a document; none by default.",
    )
    pooling: Literal["mean", "cls"] | None = Field(
        default=None,
        description="`mean` or `cls`, for models that offer both; do not compare their vectors.",
    )
    dimensions: Count | None = Field(
        default=None, ge=1, description="Length of the vectors, for models that can shorten them."
    )
    truncate: StrictBool | None = Field(
        default=None,
        description=(
            "Whether the model cuts texts that are too long instead of refusing them, if it can."
        ),
    )
    blank_text: str | None = Field(
        default=None,
        description=(
            "The text to embed in place of a blank one (empty or white space), for which models "
            "have no vector; by default a blank text raises an error."
        ),
    )
    max_concurrency: Count = Field(
        default=4, ge=1, description="How many requests of one call may run at once."
    )

    def _embedding_options(self, input_type: Literal["document", "query"]) -> dict[str, Any]:
        """Return the core's options for embedding queries or documents."""
        is_query = input_type == "query"
        return {
            "input_type": input_type,
            "instruction": self.query_instruction if is_query else self.text_instruction,
            "pooling": self.pooling,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "blank_text": self.blank_text,
            "extra": self._extra(),
        }


class RerankFields(CheckedFields):
    """The options of rerankers."""

    top_n: Count | None = Field(
        default=3, ge=1, description="How many documents to keep; `None` keeps all."
    )
