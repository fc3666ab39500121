"""Generation settings, and the arguments that they make for a call."""

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
    """One call: its arguments for the client, and how to read its answer."""

    arguments: dict[str, Any]
    options: AnswerOptions
    retries: int = 0

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.options.model

    def read(self, result: ChatResult) -> ChatResponse:
        """Read the answer, and report its cost to LlamaIndex's handlers."""
        return reported(from_wire_result(result, self.options), self.model)

    def rounds(self, **beside: Any) -> Rounds:
        """Prepare the requests: more than one if a tool call cannot be run."""
        arguments = {**self.arguments, "on_retry": report_retry, **beside}
        return Rounds(arguments, self.retries, think_tags=self.options.think_tags)


class Generation(Connection, GenerationFields):
    """The parameters of text generation, and facts about the model for LlamaIndex.

    Attributes:
        stream_usage: Whether streams ask for token usage.
        context_window: Tokens of prompt and answer together; from the model's page by default.
        num_output: Tokens that prompt helpers reserve for the answer. By default `max_tokens`,
            or the page's default for it, or 256.
        is_chat_model: Whether `predict` and the like send messages; set `False` to send a bare
            prompt, for base models and with `raw=True`.
        is_function_calling_model: Whether agents may pass tools to it; from the model's page.
        repair_history: Whether to repair histories that strict models refuse: calls without
            results, results without calls, late system messages. Your messages are not modified;
            see `workersai.integration.repair_history` for the details.
        reasoning_as_text: Whether to use reasoning as the text of an answer that has none; some
            reasoning models leave the text empty.
        think_tags: Whether text between `<think>` and `</think>`, or before `</think>` alone, is
            reasoning. For models that write it into their answer; by default the model's profile
            decides; if it has no such fact, tags stay in the text. If tags are read, a stream shows
            text only after a tag, or at the end of the answer.
        tool_call_retries: How often to ask a model again within one call if all its tool calls are
            malformed; the model gets the reasons. Arguments are never repaired by guessing, and a
            call that the token cap cut off is not asked for again. If a call cannot be run in the
            end, reading the calls raises `ToolCallError`.
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
        """Facts about the model; permissive for an unknown model."""
        known = self._facts
        return known if known and known.name == self.model else get_profile(self.model)

    @property
    def metadata(self) -> LLMMetadata:
        """Facts about the model in LlamaIndex's form; no request is made for them."""
        window = self.context_window or self.profile.context_window or self._assume_window()
        return LLMMetadata(
            context_window=window,
            num_output=self._num_output(window),
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self._calls_functions(),
            model_name=self.model,
        )

    def _take_facts(self, facts: ModelProfile) -> None:
        """Fill settings that the user left open from the model's page and the catalogue."""
        self._facts = facts
        if self.context_window is None:
            self.context_window = facts.context_window
        if self.is_function_calling_model is None:
            self.is_function_calling_model = facts.function_calling

    def to_payload(self) -> dict[str, Any]:
        """Describe the model for callbacks and traces, without secrets and the account."""
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
        """Stay below the window, because prompt helpers reject a reserve that fills it."""
        if self.num_output is not None:
            return self.num_output
        if self.max_tokens is not None and self.max_tokens < window:
            return self.max_tokens
        return min(self.profile.max_tokens_default or DEFAULT_NUM_OUTPUTS, window // 2)

    def _assume_window(self) -> int:
        if self.model not in _warned_models:
            _warned_models.add(self.model)
            _log.warning(
                "The context window of %s is unknown; assuming %d tokens. Set context_window.",
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
        # Several calls are the API's default, and some models refuse the parameter: the answer is
        # cut to one call in any case.
        only_one = kwargs.get("allow_parallel_tool_calls") is False
        if only_one and "parallel_tool_calls" in get_profile(arguments["model"]).parameters:
            arguments.setdefault("parallel_tool_calls", False)
        options = AnswerOptions(
            only_first_call=only_one or arguments.get("parallel_tool_calls") is False,
            reasoning_as_text=self.reasoning_as_text,
            think_tags=splits_think_tags(self.think_tags, arguments["model"]),
            model=arguments["model"],
            facts=self._facts,
        )
        of_call = kwargs.get("tool_call_retries")
        return Call(arguments, options, self.tool_call_retries if of_call is None else of_call)

    def _completion_call(self, prompt: str, kwargs: Mapping[str, Any]) -> Call:
        arguments = self._arguments(kwargs) | {"prompt": prompt}
        options = AnswerOptions(
            reasoning_as_text=self.reasoning_as_text,
            think_tags=splits_think_tags(self.think_tags, arguments["model"]),
            model=arguments["model"],
            facts=self._facts,
        )
        return Call(arguments, options)

    def _arguments(self, kwargs: Mapping[str, Any], but: Sequence[str] = ()) -> dict[str, Any]:
        """Join the fields with a call's options, except those that other code reads.

        Raises:
            ConfigurationError: An option is unknown, or can only be set on the object.
        """
        return self._call_arguments({k: v for k, v in kwargs.items() if k not in but})
