"""What can be known about a model; `_models` has what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from workersai._types import Usage

__all__ = ["ModelProfile", "Parameter"]

Task: TypeAlias = Literal["text-generation", "embeddings", "rerank"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as the model's page lists it.

    Attributes:
        type: The JSON type.
        minimum: The least value, inclusive; `None` if the page gives none.
        maximum: The greatest value, inclusive.
        default: What the page says the server uses when the parameter is not sent.
        choices: The values an enumeration allows.
        max_items: The most entries a list may have.
    """

    type: Literal["number", "integer", "boolean", "string", "array", "object"]
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    choices: tuple[str, ...] | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What is known about a model.

    Attributes:
        name: The model id.
        task: What it is for.
        known: Whether this table lists it; if not, everything else is permissive.
        context_window: Tokens of prompt and answer together.
        input_price: USD per million prompt tokens.
        output_price: USD per million answer tokens.
        inputs: The request variants its page documents: `prompt`, `messages`, `requests`.
        parameters: The parameters its page lists, by name.
        function_calling: Whether its page or the catalogue says that it calls tools.
        structured_output: Whether it was seen to honour `response_format` with a JSON schema.
        streams_json_schema: Whether it does so in a stream too (else error 5023).
        schema_envelope: Whether its schema wants `{"name", "schema"}` around a JSON schema
            natively; the others take the bare schema.
        text_only_content: Whether its page's schema takes message content as a string only.
        describes_properties: Whether its page wants a type and a description on every property
            of a tool.
        reasoning: Whether it answers with its reasoning beside the text.
        vision: Whether it takes images.
        audio: Whether it takes audio.
        lora: Whether its page lists `lora`.
        dimensions: The length of its vectors.
        max_input_tokens: Tokens a text may have, for embeddings.
        max_batch: Texts a request may have, for embeddings.
        query_field: The request field that marks texts as queries, for embeddings.
        sources: Where the facts come from, a sentence each.
    """

    name: str
    task: Task = "text-generation"
    known: bool = True
    context_window: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    inputs: tuple[str, ...] = ("prompt", "messages")
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    function_calling: bool | None = None
    structured_output: bool | None = None
    streams_json_schema: bool = True
    schema_envelope: bool = False
    text_only_content: bool = False
    describes_properties: bool = False
    reasoning: bool = False
    vision: bool | None = None
    audio: bool | None = None
    lora: bool = False
    dimensions: int | None = None
    max_input_tokens: int | None = None
    max_batch: int | None = None
    query_field: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def max_tokens_default(self) -> int | None:
        """The token cap its page says applies when none is sent."""
        listed = self.parameters.get("max_tokens")
        return listed.default if listed else None

    def cost(self, usage: Usage) -> float | None:
        """Return what *usage* costs in USD by the page's prices; `None` if they are unknown."""
        if self.input_price is None:
            return None
        paid = usage.prompt_tokens * self.input_price
        paid += usage.completion_tokens * (self.output_price or 0.0)
        return paid / 1_000_000
