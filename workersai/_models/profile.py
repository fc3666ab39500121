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
        default: The value that the server uses if the parameter is not sent, by the page.
        choices: The allowed values of an enumeration.
        aliases: Other values that the page accepts in place of one of the choices.
        max_items: The greatest length of a list.
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
        task: What the model is for.
        known: Whether the tables list it; if not, all other values are permissive.
        context_window: Tokens of prompt and answer together.
        input_price: USD per million prompt tokens.
        cached_price: USD per million prompt tokens read from the prefix cache; `None` if they cost
            the same as other prompt tokens.
        output_price: USD per million answer tokens.
        inputs: The request variants that the page documents: `prompt`, `messages`, `requests` (a
            batch), ...; empty if no source lists them.
        parameters: The parameters that the page lists, by name.
        function_calling: Whether the page or the catalogue says that the model calls tools.
        forces_tools: Whether it calls the tool that `tool_choice` names even if it would call none
            on its own; `None` if unknown.
        structured_output: Whether the model honours `response_format` with a JSON schema (observed,
            or listed).
        schema_beside_tools: Whether the model calls tools when a request has both tools and a JSON
            schema (observed). vLLM and SGLang force the whole answer into the schema then, so that
            the model cannot call a tool.
        streams_json_schema: Whether it honours a JSON schema in a stream too (else error 5023).
        schema_envelope: Whether its native route requires `{"name", "schema"}` around a JSON
            schema; other models take the bare schema.
        text_only_content: Whether the page's schema allows only a string as message content.
        describes_properties: Whether the page requires a type and a description on every property
            of a tool.
        one_system_message: Whether it refuses a system message that is not the first message.
        openai_token_cap: Tokens after which `/ai/v1` cuts the answer to a request without a cap;
            `None` if the default of the model's page applies there.
        think_tags: Whether its text has the reasoning between `<think>` and `</think>`; `None` if
            unknown.
        alternating_roles: Whether its chat template refuses two successive messages of users or
            assistants.
        images_in_text: Whether it reads `data:image/...` inside a text as an image, and refuses
            the text if that is not a valid image (code 8006).
        reasoning: Whether it returns its reasoning beside the text.
        vision: Whether it accepts images.
        image_urls: Whether it accepts the URL of an image; `False`: data URIs only.
        audio: Whether it accepts audio.
        files: Whether it accepts files, such as PDFs.
        lora: Whether the page lists `lora`, as a parameter or as a property.
        batch: Whether the page says that it accepts queued requests (`async_queue`).
        paid_plan: Whether it needs the Workers Paid plan (else 403 with code 5035).
        deprecated: The day, such as `2026-05-30`, from which Cloudflare no longer promises the
            model; afterwards it answers 410 with code 5028, or another model answers in its place.
        dimensions: The length of its vectors.
        max_input_tokens: For embeddings, the tokens allowed in a text.
        max_request_tokens: For embeddings, the tokens allowed in a request: the number of texts
            times the tokens of the longest one.
        cuts_input: Whether it embeds only the beginning of a longer text, without an error; `None`
            if unknown.
        max_batch: For embeddings, the texts allowed in a request.
        query_field: For embeddings, the request field that marks texts as queries.
        sources: Where the facts come from, one sentence for each.
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
    files: bool | None = None
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
        """The token cap that applies if the request has none, by the page."""
        listed = self.parameters.get("max_tokens")
        return listed.default if listed else None

    def cost(self, usage: Usage) -> float | None:
        """Return the price of a call in USD by the page's prices; `None` if they are unknown.

        Args:
            usage: What the call used.
        """
        if self.input_price is None:
            return None
        if self.output_price is None and usage.completion_tokens:
            return None
        cached = 0 if self.cached_price is None else usage.cached_tokens or 0
        paid = (usage.prompt_tokens - cached) * self.input_price
        paid += cached * (self.cached_price or 0.0)
        paid += usage.completion_tokens * (self.output_price or 0.0)
        return paid / 1_000_000
