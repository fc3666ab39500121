"""Generation: what can be set about text generation, and the arguments it makes for a call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW, DEFAULT_NUM_OUTPUTS
from pydantic import Field, StrictBool

from llamaindex_workersai._model.connection import Connection
from llamaindex_workersai._model.retries import report_retry
from llamaindex_workersai._model.usage import reported
from llamaindex_workersai._translate.chunks import AnswerOptions, from_wire_result
from llamaindex_workersai._translate.messages import to_wire_messages
from workersai import ChatResult, ModelProfile, get_profile
from workersai.integration import CONFIG, GenerationFields, Rounds, splits_think_tags, to_history

_log = logging.getLogger(__name__)
_OF_TOOLS = ("tools", "tool_choice", "allow_parallel_tool_calls", "tool_call_retries")
_warned_models: set[str] = set()


@dataclass(frozen=True)
class Call:
    """One call: what the client is given, and how its answer is to be read."""

    arguments: dict[str, Any]
    options: AnswerOptions
    retries: int = 0

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.options.model

    def read(self, result: ChatResult) -> ChatResponse:
        """Read the answer, and tell LlamaIndex's handlers what it cost."""
        return reported(from_wire_result(result, self.options), self.model)

    def rounds(self, **beside: Any) -> Rounds:
        """Write the requests: more than one where a tool call cannot be run."""
        arguments = {**self.arguments, "on_retry": report_retry, **beside}
        return Rounds(arguments, self.retries, think_tags=self.options.think_tags)


class Generation(Connection, GenerationFields):
    """The parameters of text generation, and what LlamaIndex asks about a model.

    Attributes:
        stream_usage: Whether streams ask for token usage.
        context_window: Tokens of prompt and answer together; from the model's page by default.
        num_output: Tokens that prompt helpers keep free for the answer. By default `max_tokens`,
            or the page's default for it, or 256.
        is_chat_model: Whether `predict` and its kin send messages; otherwise a bare prompt, as
            base models and `raw=True` want it.
        is_function_calling_model: Whether agents may give it tools; from the model's page.
        repair_history: Whether histories that strict models refuse are made acceptable: calls
            without results, results without calls, late system messages. Your messages stay as
            they are; see `workersai.integration.repair_history` for everything it does.
        reasoning_as_text: Whether reasoning stands in for an answer whose text never came, as
            some reasoning models leave it.
        think_tags: Whether text between `<think>` and `</think>`, or before the latter alone, is
            reasoning, for models that write theirs into the answer; by default as the model's
            profile says, where that is known. A stream then begins to show
            text when a tag, or the end of the answer, says that it is text.
        tool_call_retries: How often a model whose tool calls are all malformed is told so and asked
            again, within one call. A call is never run with other arguments than it came with, and
            one that the token cap cut off is not asked for again. What cannot be run in the end
            raises `ToolCallError` where its calls are read.
    """

    model_config = CONFIG

    stream_usage: StrictBool = True

    context_window: int | None = Field(default=None, gt=0)
    num_output: int | None = Field(default=None, gt=0)
    is_chat_model: StrictBool = True
    is_function_calling_model: StrictBool | None = None
    repair_history: StrictBool = True
    reasoning_as_text: StrictBool = False
    think_tags: StrictBool | None = None
    tool_call_retries: int = Field(default=2, ge=0)

    @property
    def profile(self) -> ModelProfile:
        """What is known about the model; permissive if it is none of the known ones."""
        return get_profile(self.model)

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks about the model; no request is made for it."""
        window = self.context_window or self.profile.context_window or self._assume_window()
        return LLMMetadata(
            context_window=window,
            num_output=self._num_output(window),
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self._calls_functions(),
            model_name=self.model,
        )

    def _take_facts(self, facts: ModelProfile) -> None:
        """Set what was not set, and what the model's page and the catalogue know."""
        if self.context_window is None:
            self.context_window = facts.context_window
        if self.is_function_calling_model is None:
            self.is_function_calling_model = facts.function_calling

    def to_payload(self) -> dict[str, Any]:
        """Describe the model for callbacks and traces; holds no secret and no account."""
        return {
            "class_name": self.class_name(),
            **self.metadata.model_dump(),
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def _calls_functions(self) -> bool:
        if self.is_function_calling_model is not None:
            return self.is_function_calling_model
        return self.profile.function_calling is not False

    def _num_output(self, window: int) -> int:
        """Stay below the window, as prompt helpers refuse a reserve that fills it."""
        if self.num_output is not None:
            return self.num_output
        if self.max_tokens is not None and self.max_tokens < window:
            return self.max_tokens
        return min(self.profile.max_tokens_default or DEFAULT_NUM_OUTPUTS, window // 2)

    def _assume_window(self) -> int:
        if self.model not in _warned_models:
            _warned_models.add(self.model)
            _log.warning(
                "The context window of %s is not known; assuming %d tokens. Set context_window.",
                self.model,
                DEFAULT_CONTEXT_WINDOW,
            )
        return DEFAULT_CONTEXT_WINDOW

    def _chat_call(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> Call:
        wire = to_wire_messages(messages)
        arguments = self._arguments(kwargs, but=_OF_TOOLS)
        arguments["messages"] = to_history(
            wire, model=arguments["model"], repair=self.repair_history
        )
        arguments["tools"] = kwargs.get("tools")
        arguments["tool_choice"] = kwargs.get("tool_choice")
        # Several calls are the API's default, and not every model knows the parameter: the
        # answer is cut to one call in any case.
        only_one = kwargs.get("allow_parallel_tool_calls") is False
        if only_one and "parallel_tool_calls" in get_profile(arguments["model"]).parameters:
            arguments.setdefault("parallel_tool_calls", False)
        options = AnswerOptions(
            only_first_call=only_one or arguments.get("parallel_tool_calls") is False,
            reasoning_as_text=self.reasoning_as_text,
            think_tags=splits_think_tags(self.think_tags, arguments["model"]),
            model=arguments["model"],
        )
        given = kwargs.get("tool_call_retries")
        return Call(arguments, options, self.tool_call_retries if given is None else given)

    def _completion_call(self, prompt: str, kwargs: Mapping[str, Any]) -> Call:
        arguments = self._arguments(kwargs) | {"prompt": prompt}
        options = AnswerOptions(
            reasoning_as_text=self.reasoning_as_text,
            think_tags=splits_think_tags(self.think_tags, arguments["model"]),
            model=arguments["model"],
        )
        return Call(arguments, options)

    def _arguments(self, kwargs: Mapping[str, Any], but: Sequence[str] = ()) -> dict[str, Any]:
        """Join the fields with a call's own options, but for those that are read elsewhere.

        Raises:
            ConfigurationError: An option is unknown, or a setting of the object alone.
        """
        return self._call_arguments({k: v for k, v in kwargs.items() if k not in but})
