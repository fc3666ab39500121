"""LlamaIndex's structured-predict methods, built on the dialogues of `structured`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, PrivateAttr

from llamaindex_workersai._model.dialogues import arun, astream, run, stream
from llamaindex_workersai._model.prompts import MessagesOrPrompt
from llamaindex_workersai._model.structured import (
    Method,
    Task,
    output_schema,
    with_instruction,
)
from workersai import APIStatusError, ConfigurationError, get_profile
from workersai.integration import CONFIG, MethodMemory, MethodTrial, structured_methods

ModelT = TypeVar("ModelT", bound=BaseModel)

_dispatcher = get_dispatcher(__name__)
_FORCED = frozenset({"tool_required", "tool_choice", "allow_parallel_tool_calls"})
_METHODS: Mapping[PydanticProgramMode, Method] = {
    PydanticProgramMode.FUNCTION: "tool",
    PydanticProgramMode.LLM: "prompt",
}


Prepared: TypeAlias = tuple[Task[ModelT], dict[str, Any]]
"""A task, and the arguments of its calls beside the messages."""


@dataclass(frozen=True)
class Asked(Generic[ModelT]):
    """The checked arguments of one structured-predict call."""

    output_cls: type[ModelT]
    prompt: BasePromptTemplate
    kwargs: Mapping[str, Any]
    prompt_args: Mapping[str, Any]

    @classmethod
    def of(
        cls, output_cls: Any, prompt: Any, kwargs: Any, prompt_args: Mapping[str, Any]
    ) -> Asked[Any]:
        """Check the arguments of a call.

        Raises:
            ConfigurationError: An argument has a wrong type.
        """
        check_output_class(output_cls)
        if not isinstance(prompt, BasePromptTemplate):
            raise ConfigurationError(
                f"prompt must be a prompt template, not {type(prompt).__name__}: pass "
                "PromptTemplate('...')",
                parameter="prompt",
            )
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise ConfigurationError(
                f"llm_kwargs must be a dict of arguments, not {type(kwargs).__name__}",
                parameter="llm_kwargs",
            )
        call_options = {
            name: value for name, value in (kwargs or {}).items() if name not in _FORCED
        }
        return cls(output_cls, prompt, call_options, prompt_args)


def check_output_class(output_cls: Any) -> None:
    """Check that objects can be created from a class.

    Raises:
        ConfigurationError: It is not a pydantic class.
    """
    if not isinstance(output_cls, type) or not issubclass(output_cls, BaseModel):
        raise ConfigurationError(
            f"output_cls must be a pydantic class, not {output_cls!r}: pass a subclass of "
            "BaseModel, or of RootModel for a list or a union",
            parameter="output_cls",
        )


class StructuredPrediction(MessagesOrPrompt):
    """Objects of a pydantic class instead of text.

    Attributes:
        structured_output_method: `json_schema` (the model's own), `tool` (a forced call) or
            `prompt`. The default is the first of these that is known to work with the model that
            is asked. If the model refuses a method, the next one is used, and this object and its
            copies do not try the refused one again. It overrides `pydantic_program_mode`, whose
            `FUNCTION` and `LLM` mean `tool` and `prompt`.
    """

    model_config = CONFIG

    structured_output_method: Method | None = None

    _method_memory: MethodMemory = PrivateAttr(default_factory=MethodMemory)

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """Create an LLM whose answers are objects of a class.

        Args:
            output_cls: The class.
            kwargs: Settings of LlamaIndex's `StructuredLLM`.

        Raises:
            ConfigurationError: It is not a pydantic class.
        """
        check_output_class(output_cls)
        return super().as_structured_llm(output_cls, **kwargs)

    def structured_predict(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> ModelT:
        """Get an object of a class.

        Args:
            output_cls: The class.
            prompt: The prompt template.
            llm_kwargs: Arguments of the chat calls, and `strict` for the schema.
            prompt_args: The prompt's variables.

        Raises:
            ConfigurationError: An argument has a wrong type.
            StructuredOutputError: No answer fits the class.
        """
        asked = Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        if (methods := self._structured_methods(asked.kwargs)) is None:
            found = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("ModelT", found)
        _tell_start(asked)
        trial = self._trial(methods, asked)
        while True:
            task, kwargs = self._task(trial.method, asked)
            try:
                result: ModelT = run(task, lambda m: self._asks(m, kwargs))  # noqa: B023 - run at once
            except APIStatusError as error:
                trial.refuse(error)
                continue
            trial.accept()
            _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
            return result

    async def astructured_predict(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> ModelT:
        """Get an object of a class; see `structured_predict`."""
        asked = Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        if (methods := self._structured_methods(asked.kwargs)) is None:
            found = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("ModelT", found)
        _tell_start(asked)
        trial = self._trial(methods, asked)
        while True:
            task, kwargs = self._task(trial.method, asked)
            try:
                result: ModelT = await arun(task, lambda m: self._aasks(m, kwargs))  # noqa: B023 - run at once
            except APIStatusError as error:
                trial.refuse(error)
                continue
            trial.accept()
            _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
            return result

    def stream_structured_predict(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[ModelT | FlexibleModel, None, None]:
        """Get an object of a class as it grows, complete at the end; see `structured_predict`."""
        Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        narrow = cast("PromptTemplate", prompt)
        return super().stream_structured_predict(output_cls, narrow, llm_kwargs, **prompt_args)

    async def astream_structured_predict(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[ModelT | FlexibleModel, None]:
        """As `stream_structured_predict`, asynchronously."""
        Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        narrow = cast("PromptTemplate", prompt)
        found = await super().astream_structured_predict(
            output_cls, narrow, llm_kwargs, **prompt_args
        )
        return cast("AsyncGenerator[ModelT | FlexibleModel, None]", found)

    def _structured_stream_call(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        asked = Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        if (methods := self._structured_methods(asked.kwargs)) is None:
            narrow = cast("PromptTemplate", prompt)
            return super()._structured_stream_call(output_cls, narrow, llm_kwargs, **prompt_args)
        trial = self._trial(methods, asked)
        return self._stream_objects(trial, asked, self._task(trial.method, asked))

    def _stream_objects(
        self, trial: MethodTrial, asked: Asked[ModelT], prepared: Prepared[ModelT]
    ) -> Generator[Any, None, None]:
        """Stream the objects by the first method that the model does not refuse."""
        while True:
            task, kwargs = prepared
            found = stream(task, lambda m: self._asks_streaming(m, kwargs))  # noqa: B023 - its own
            with closing(found) as objects:
                try:
                    first = next(objects)
                except APIStatusError as error:
                    trial.refuse(error)
                    prepared = self._task(trial.method, asked)
                    continue
                trial.accept()
                yield first
                yield from objects
                return

    async def _structured_astream_call(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        asked = Asked.of(output_cls, prompt, llm_kwargs, prompt_args)
        if (methods := self._structured_methods(asked.kwargs)) is None:
            narrow = cast("PromptTemplate", prompt)
            return await super()._structured_astream_call(
                output_cls, narrow, llm_kwargs, **prompt_args
            )
        trial = self._trial(methods, asked)
        return self._astream_objects(trial, asked, self._task(trial.method, asked))

    async def _astream_objects(
        self, trial: MethodTrial, asked: Asked[ModelT], prepared: Prepared[ModelT]
    ) -> AsyncGenerator[Any, None]:
        """As `_stream_objects`, asynchronously."""
        while True:
            task, kwargs = prepared
            found = astream(task, lambda m: self._aasks_streaming(m, kwargs))  # noqa: B023 - its own
            async with aclosing(found) as objects:
                try:
                    first = await anext(objects)
                except APIStatusError as error:
                    trial.refuse(error)
                    prepared = self._task(trial.method, asked)
                    continue
                trial.accept()
                yield first
                async for item in objects:
                    yield item
                return

    # ------------------------------------------------------------------------ the method

    def _structured_methods(self, kwargs: Mapping[str, Any]) -> tuple[Method, ...] | None:
        """List the methods to try.

        Returns:
            The best first; `None` to use the program that `pydantic_program_mode` names.

        Raises:
            ConfigurationError: A forced call is required of a model that accepts no messages.
        """
        chosen = self.structured_output_method
        if chosen is None and self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            chosen = _METHODS.get(self.pydantic_program_mode)
            if chosen is None:
                return None
        if chosen == "tool" and not self.is_chat_model:
            raise ConfigurationError(
                "structured_output_method='tool' needs messages, and is_chat_model=False sends a "
                "bare prompt: use 'json_schema' or 'prompt', or is_chat_model=True",
                parameter="structured_output_method",
            )
        if chosen is not None:
            return (chosen,)
        known = structured_methods(
            get_profile(self._model_of(kwargs)), calls_tools=self.is_function_calling_model
        )
        return tuple(method for method in known if method != "tool" or self.is_chat_model)

    def _model_of(self, kwargs: Mapping[str, Any]) -> str:
        return kwargs.get("model") or self.model

    def _trial(self, methods: tuple[Method, ...], asked: Asked[Any]) -> MethodTrial:
        key = (self._model_of(asked.kwargs), self.endpoint, self.base_url or "")
        return MethodTrial(self._method_memory, key, methods)

    def _task(self, method: Method, asked: Asked[ModelT]) -> Prepared[ModelT]:
        """Prepare the task, and the arguments of its calls beside the messages."""
        kwargs = dict(asked.kwargs)
        strict = kwargs.pop("strict", None)
        output = output_schema(asked.output_cls)
        messages = asked.prompt.format_messages(llm=self, **asked.prompt_args)
        messages = self._extend_messages(messages) if self.is_chat_model else messages
        if method == "prompt":
            messages = with_instruction(messages, output)
        elif method == "json_schema":
            kwargs = {"response_format": output.response_format(strict=strict), **kwargs}
        else:
            kwargs["tools"] = [output.tool(strict=strict)]
            kwargs["tool_choice"] = output.tool_choice()
            kwargs["allow_parallel_tool_calls"] = False
            kwargs["tool_call_retries"] = 0  # the dialogue itself asks again
        return Task(asked.output_cls, output, messages, self.structured_output_retries), kwargs


def _tell_start(asked: Asked[Any]) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=asked.output_cls,
            template=asked.prompt,
            template_args=dict(asked.prompt_args),
        )
    )
