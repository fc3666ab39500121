"""What a request for text may say: the fields of the chat model and of the completion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from langchain_workersai._errors import ConfigurationError
from workersai import ChatParameters

PARAMETERS = tuple(ChatParameters.__annotations__)
"""The names of the core's text-generation parameters."""

EXTRA = ("model_kwargs", "extra")
"""Options of a call that hold other keys of the request: LangChain's name and the core's."""


class GenerationParameters(BaseModel):
    """Text-generation parameters; `None` means "not sent".

    Meanings and ranges are on each model's page in Cloudflare's catalogue; the core checks
    those that the page publishes before anything is sent.

    Attributes:
        temperature: Randomness.
        max_tokens: Most tokens to write, reasoning included.
        top_p: Nucleus sampling.
        top_k: Sample from this many tokens.
        seed: For repeatable answers.
        repetition_penalty: Against repeated tokens, multiplying.
        frequency_penalty: Against repeated tokens, by count.
        presence_penalty: Against tokens that have occurred.
        stop: Text that ends the answer; alias `stop_sequences`.
        n: How many answers.
        logprobs: Whether to report log probabilities.
        top_logprobs: How many alternatives a token.
        logit_bias: Token id -> bias.
        reasoning_effort: `low`, `medium`, `high`, or what the model's page lists.
        chat_template_kwargs: Options of the model's chat template.
        response_format: The form of the answer, as in the OpenAI API.
        lora: Name or id of a LoRA adapter.
        raw: Send the prompt without the model's chat template.
        parallel_tool_calls: Whether one answer may call several tools.
        user: An id of the end user.
        model_kwargs: Any other key of the request.
    """

    model_config = ConfigDict(protected_namespaces=())

    temperature: float | None = None
    max_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = Field(
        default=None, validation_alias=AliasChoices("stop", "stop_sequences")
    )
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    lora: str | None = None
    raw: bool | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    model_kwargs: dict[str, Any] = Field(default_factory=dict)

    def _set_parameters(self) -> dict[str, Any]:
        """The parameters that have a value, by name."""
        values = {name: getattr(self, name) for name in (*PARAMETERS, "response_format")}
        values["stop"] = values["stop"] or None
        return {name: value for name, value in values.items() if value is not None}

    def _arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join the fields with what this call says instead.

        Args:
            stop: This call's stop words; `None` leaves the field's.
            options: This call's keyword arguments, bound ones included.

        Returns:
            Keyword arguments for the core; it refuses names that it does not know.

        Raises:
            ConfigurationError: If further fields of the request have no names.
        """
        arguments = self._set_parameters()
        arguments.update({k: v for k, v in options.items() if k not in EXTRA})
        if stop is not None:
            arguments["stop"] = stop or None
        extra = dict(self.model_kwargs)
        for name in EXTRA:
            given = options.get(name) or {}
            if not isinstance(given, Mapping):
                raise ConfigurationError(
                    f"{name} must be a mapping, not {type(given).__name__}", parameter=name
                )
            extra.update(given)
        model = options.get("model") or getattr(self, "model", None)
        return {**arguments, "model": model, "extra": extra or None}
