"""Types that describe a model. The data is in the other modules of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from workersai.results import Usage

__all__ = ["ModelParameter", "ModelProfile", "Task"]

Task: TypeAlias = Literal["text-generation", "embeddings", "rerank"]


@dataclass(frozen=True, slots=True)
class ModelParameter:
    """A parameter as the model's page lists it.

    Attributes:
        type: The JSON type.
        minimum: The least value, inclusive; `None` if the page gives none.
        maximum: The greatest value, inclusive.
        default: What the page says the server uses when the parameter is not sent.
        choices: The values an enumeration allows.
        aliases: Other values that the page says it takes for one of them.
        max_items: The most entries a list may have.
    """

    type: Literal["number", "integer", "boolean", "string", "array", "object"]
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    choices: tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
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
        cached_price: USD per million prompt tokens that the prefix cache answers; `None` if they
            cost what the others do.
        output_price: USD per million answer tokens.
        inputs: The request variants its page documents: `prompt`, `messages`, `requests` (a
            batch), ...; empty if no source here lists them.
        parameters: The parameters its page lists, by name.
        function_calling: Whether its page or the catalogue says that it calls tools.
        forces_tools: Whether it calls a tool that `tool_choice` names where it would call none;
            `None` if that is not known.
        structured_output: Whether it was seen, or is listed, to honour `response_format` with a
            JSON schema.
        schema_beside_tools: Whether it was seen to call tools where a request holds both tools and
            a JSON schema. vLLM and SGLang are known to hold the whole answer to the schema then,
            so that no call can be made.
        streams_json_schema: Whether it does so in a stream too (else error 5023).
        schema_envelope: Whether its schema wants `{"name", "schema"}` around a JSON schema
            natively; the others take the bare schema.
        text_only_content: Whether its page's schema takes message content as a string only.
        describes_properties: Whether its page requires a type and a description on every property
            of a tool.
        one_system_message: Whether it refuses a system message that is not the first message.
        openai_token_cap: Tokens after which `/ai/v1` cuts an answer whose request names no cap;
            `None` if the default of the model's page holds there.
        think_tags: Whether its text has the reasoning between `<think>` and `</think>`; `None` if
            that is not known.
        alternating_roles: Whether its chat template refuses two messages of users or assistants
            in a row.
        images_in_text: Whether it takes `data:image/...` inside of a text for an image, and refuses
            what is none (code 8006).
        reasoning: Whether it answers with its reasoning beside the text.
        vision: Whether it takes images.
        image_urls: Whether an image may be given by its address; `False`: as a data URI alone.
        audio: Whether it takes audio.
        lora: Whether its page lists `lora`, as a parameter or as a property.
        batch: Whether its page says that it takes requests by the queue (`async_queue`).
        paid_plan: Whether it is kept for the Workers Paid plan (else 403 with code 5035).
        deprecated: The day, as `2026-05-30`, from which Cloudflare no longer promises it;
            afterwards it answers 410 with code 5028, or another model answers for it.
        dimensions: The length of its vectors.
        max_input_tokens: Tokens a text may have, for embeddings.
        max_request_tokens: Tokens a request may have, for embeddings: the number of its texts
            times the tokens of the longest one.
        cuts_input: Whether it embeds the beginning of a longer text without an error; `None` if
            that is not known.
        max_batch: Texts a request may have, for embeddings.
        query_field: The request field that marks texts as queries, for embeddings.
        sources: Where the facts come from, a sentence each.
    """

    name: str
    task: Task = "text-generation"
    known: bool = True
    context_window: int | None = None
    input_price: float | None = None
    cached_price: float | None = None
    output_price: float | None = None
    inputs: tuple[str, ...] = ()
    parameters: Mapping[str, ModelParameter] = field(default_factory=lambda: MappingProxyType({}))
    function_calling: bool | None = None
    forces_tools: bool | None = None
    structured_output: bool | None = None
    schema_beside_tools: bool | None = None
    streams_json_schema: bool = True
    schema_envelope: bool = False
    text_only_content: bool = False
    describes_properties: bool = False
    one_system_message: bool = False
    openai_token_cap: int | None = 256
    think_tags: bool | None = None
    alternating_roles: bool = False
    images_in_text: bool = False
    reasoning: bool = False
    vision: bool | None = None
    image_urls: bool | None = None
    audio: bool | None = None
    lora: bool = False
    batch: bool | None = None
    paid_plan: bool | None = None
    deprecated: str | None = None
    dimensions: int | None = None
    max_input_tokens: int | None = None
    max_request_tokens: int | None = None
    cuts_input: bool | None = None
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
        cached = 0 if self.cached_price is None else usage.cached_tokens or 0
        paid = (usage.prompt_tokens - cached) * self.input_price
        paid += cached * (self.cached_price or 0.0)
        paid += usage.completion_tokens * (self.output_price or 0.0)
        return paid / 1_000_000
