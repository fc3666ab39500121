"""Pydantic fields for the parameters of text generation, shared by an adapter's classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    Strict,
    StrictBool,
    ValidationInfo,
)
from pydantic_core import PydanticKnownError

from workersai._arguments import check_no_credentials
from workersai._checks import plain_number
from workersai._models.profile import ModelProfile
from workersai.errors import ConfigurationError
from workersai.integration.calls import HEADERS, REQUEST_OPTIONS, CallFields
from workersai.integration.checked import Count
from workersai.types import ChatParameters

__all__ = ["BodyFields", "GenerationFields"]


def _number(value: Any) -> Any:
    """Refuse what only converts to a number, such as an array: pydantic would convert it."""
    value = plain_number(value)
    if isinstance(value, (int, float)):
        return value
    raise PydanticKnownError("float_type")


Number = Annotated[float, Strict(), BeforeValidator(_number)]


def _stop(value: Any) -> str | list[str] | None:
    if value is None or isinstance(value, str):
        return value
    words = list(value) if isinstance(value, Iterable) else [value]
    if isinstance(value, (bytes, Mapping)) or not all(isinstance(word, str) for word in words):
        raise ConfigurationError(
            f"stop must be text or a list of texts, not {type(value).__name__}", parameter="stop"
        )
    return words


def _text_keys(value: Any) -> Any:
    """Convert token ids to strings, as JSON requires."""
    if not isinstance(value, Mapping):
        return value
    return {str(key) if type(key) is int else key: bias for key, bias in value.items()}


def _without_credentials(value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    check_no_credentials(info.field_name or "", value)
    return value


BodyFields = Annotated[dict[str, Any], AfterValidator(_without_credentials)]
"""The type of a field for further keys of a request's body; credentials are rejected."""


class GenerationFields(CallFields):
    """The parameters of text generation, by the API's own names; `None` is not sent.

    Meanings and ranges are on each model's page in Cloudflare's catalogue. A value outside the
    page's range raises `ConfigurationError` at the call, before anything is sent. Every parameter
    can also be passed to a single call.
    """

    ALIASES: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"max_completion_tokens": "max_tokens", "stop_sequences": "stop"}
    )

    temperature: Number | None = Field(default=None, description="Randomness.")
    max_tokens: Count | None = Field(
        default=None, description="The greatest number of tokens to write, reasoning included."
    )
    top_p: Number | None = Field(default=None, description="Nucleus sampling.")
    top_k: Count | None = Field(default=None, description="Sample from this many tokens.")
    seed: Count | None = Field(default=None, description="A seed for repeatable answers.")
    repetition_penalty: Number | None = Field(
        default=None, description="Penalty for repeated tokens, as a factor."
    )
    frequency_penalty: Number | None = Field(
        default=None, description="Penalty for repeated tokens, by their count."
    )
    presence_penalty: Number | None = Field(
        default=None, description="Penalty for tokens that have occurred."
    )
    stop: Annotated[str | list[str] | None, PlainValidator(_stop)] = Field(
        default=None, description="Text that ends the answer."
    )
    n: Count | None = Field(default=None, description="How many answers.")
    logprobs: StrictBool | None = Field(
        default=None, description="Whether to report log probabilities."
    )
    top_logprobs: Count | None = Field(
        default=None, description="How many alternatives to report for each token."
    )
    logit_bias: Annotated[dict[str, Number] | None, BeforeValidator(_text_keys)] = Field(
        default=None, description="The id of a token and its bias."
    )
    reasoning_effort: str | None = Field(
        default=None, description="`low`, `medium`, `high`, or what the model's page lists."
    )
    chat_template_kwargs: dict[str, Any] | None = Field(
        default=None, description="Options of the model's chat template."
    )
    lora: str | None = Field(default=None, description="The name or id of a LoRA adapter.")
    raw: StrictBool | None = Field(
        default=None, description="Send the prompt without the model's chat template."
    )
    parallel_tool_calls: StrictBool | None = Field(
        default=None, description="Whether one answer may call several tools."
    )
    user: str | None = Field(default=None, description="An id of the end user.")
    functions: list[dict[str, Any]] | None = Field(
        default=None, description="What `tools` are called in an older form; sent as they are."
    )
    function_call: str | dict[str, Any] | None = Field(
        default=None, description="`none`, `auto` or `{'name': ...}`, beside `functions`."
    )
    modalities: list[str] | None = Field(
        default=None, description="The kinds of output; answers are read as text."
    )
    audio: dict[str, Any] | None = Field(default=None, description="The form of spoken output.")
    prediction: dict[str, Any] | None = Field(
        default=None, description="Text that much of the answer is expected to be."
    )
    service_tier: str | None = Field(default=None, description="How the request is processed.")
    store: StrictBool | None = Field(
        default=None, description="Whether the server shall keep the answer."
    )
    stream_options: dict[str, Any] | None = Field(
        default=None, description="Options of streams; sent with streams only."
    )
    web_search_options: dict[str, Any] | None = Field(
        default=None, description="Options of a search that the server makes."
    )
    request_metadata: dict[str, Any] | None = Field(
        default=None,
        description="The API's `metadata`, a name that frameworks have for something else.",
    )
    response_format: dict[str, Any] | None = Field(
        default=None,
        description="The form of the answer: `{'type': 'json_object'}` or a `json_schema` form.",
    )

    _facts: ModelProfile | None = PrivateAttr(default=None)
    """What the account's catalogue says about the model; `None` before the catalogue is read."""

    def _set_parameters(self) -> dict[str, Any]:
        """Return the parameters that are not `None`, by name."""
        fields = vars(self)
        values = {name: fields[field] for name, field in PARAMETERS.items()}
        values["stop"] = values["stop"] or None
        return {name: value for name, value in values.items() if value is not None}

    def _call_arguments(
        self, options: Mapping[str, Any], *, beside: Collection[str] = ()
    ) -> dict[str, Any]:
        """Join the fields with the options of one call, which win.

        Args:
            options: The call's options, by the names of fields or their aliases: parameters,
                `model`, further keys of the body, and the options about sending, which are those of
                `workersai.types.RequestOptions`.
            beside: Names of further options that the core accepts.

        Returns:
            Arguments for the core's calls.

        Raises:
            ConfigurationError: An option is unknown, can only be set on the object, or is a secret
                that traces of the call would show.
        """
        self._check_public(options)
        fields = vars(self)
        own = {name: fields[field] for name, field in PARAMETERS.items()}
        extra = self._extra()
        model = None
        for name, value in self._by_field(options).items():
            if name in _NAMES or name in beside or name in REQUEST_OPTIONS:
                own[_NAMES.get(name, name)] = value
            elif name in HEADERS:
                own["headers"] = value
            elif name == self.OTHERS_IN:
                extra.update(self._mapping(value))
            elif name == "model":
                model = value
            else:
                raise self._no_option(name, options)
        arguments = {name: value for name, value in own.items() if value is not None}
        if not arguments.get("stop", True):
            del arguments["stop"]
        arguments["model"] = getattr(self, "model", None) if model is None else model
        return {**arguments, "extra": extra}

    def _mapping(self, value: Any) -> Mapping[str, Any]:
        if value is None or isinstance(value, Mapping):
            return value or {}
        text = f"{self.OTHERS_IN} must be a dict, not {type(value).__name__}"
        raise self._named_error(ConfigurationError(text, parameter=self.OTHERS_IN))


PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        name: "request_metadata" if name == "metadata" else name
        for name in (*ChatParameters.__annotations__, "response_format")
    }
)
"""The core's arguments, in their order -> the fields of `GenerationFields`."""

_NAMES = MappingProxyType({field: name for name, field in PARAMETERS.items()})
