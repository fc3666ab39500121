"""Prediction: LlamaIndex's structured-predict family, run on `_structured`'s dialogues."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, closing
from typing import Any, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from llamaindex_workersai._model.structured import (
    Method,
    PartialObjects,
    Task,
    schema_format,
    with_schema,
)
from llamaindex_workersai._model.tools_binding import ToolCalling

ModelT = TypeVar("ModelT", bound=BaseModel)

_dispatcher = get_dispatcher(__name__)
_FORCED = frozenset({"tool_required", "tool_choice", "allow_parallel_tool_calls"})
_METHODS: dict[PydanticProgramMode, Method] = {
    PydanticProgramMode.FUNCTION: "tool",
    PydanticProgramMode.LLM: "prompt",
}


class StructuredPrediction(ToolCalling):
    """Objects of a pydantic class instead of text.

    Attributes:
        structured_output_method: `json_schema` (the model's own), `tool` (a forced call) or
            `prompt`. By default what the model can do, in this order. It goes before
            `pydantic_program_mode`, whose `FUNCTION` and `LLM` mean `tool` and `prompt`.
    """

    structured_output_method: Method | None = None

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
            prompt: What to ask.
            llm_kwargs: Arguments of the chat calls.
            prompt_args: The prompt's variables.

        Raises:
            StructuredOutputError: No answer fits the class.
        """
        method = self._structured_method()
        if method is None:
            found = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("ModelT", found)
        _tell_start(output_cls, prompt, prompt_args)
        task, kwargs = self._task(method, output_cls, prompt, llm_kwargs, prompt_args)
        result = _run(task, lambda messages: self.chat(messages, **kwargs))
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
        method = self._structured_method()
        if method is None:
            found = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast("ModelT", found)
        _tell_start(output_cls, prompt, prompt_args)
        task, kwargs = self._task(method, output_cls, prompt, llm_kwargs, prompt_args)
        result = await _arun(task, lambda messages: self.achat(messages, **kwargs))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        method = self._structured_method()
        if method is None:
            narrow = cast("PromptTemplate", prompt)
            return super()._structured_stream_call(output_cls, narrow, llm_kwargs, **prompt_args)
        task, kwargs = self._task(method, output_cls, prompt, llm_kwargs, prompt_args)
        return _stream(task, lambda messages: self.stream_chat(messages, **kwargs))

    async def _structured_astream_call(
        self,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        method = self._structured_method()
        if method is None:
            narrow = cast("PromptTemplate", prompt)
            return await super()._structured_astream_call(
                output_cls, narrow, llm_kwargs, **prompt_args
            )
        task, kwargs = self._task(method, output_cls, prompt, llm_kwargs, prompt_args)
        return _astream(task, lambda messages: self.astream_chat(messages, **kwargs))

    def _structured_method(self) -> Method | None:
        """`None` leaves the work to the program that `pydantic_program_mode` names."""
        if self.structured_output_method is not None:
            return self.structured_output_method
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return _METHODS.get(self.pydantic_program_mode)
        if self.profile.structured_output:
            return "json_schema"
        return "tool" if self._calls_functions() else "prompt"

    def _task(
        self,
        method: Method,
        output_cls: type[ModelT],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> tuple[Task[ModelT], dict[str, Any]]:
        """Write the task, and the arguments of its chat calls beside the messages."""
        kwargs = {k: value for k, value in (llm_kwargs or {}).items() if k not in _FORCED}
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        if method == "prompt":
            messages = with_schema(messages, output_cls)
        elif method == "json_schema":
            kwargs = {"response_format": schema_format(output_cls), **kwargs}
        else:
            tools = [_output_tool(output_cls)]
            kwargs = self._prepare_chat_with_tools(tools, tool_required=True, **kwargs)
            del kwargs["messages"]
        return Task(output_cls, messages, self.structured_output_retries), kwargs


def _output_tool(output_cls: type[BaseModel]) -> FunctionTool:
    """Make the class a tool, described by its own docstring and not by a helper's signature."""
    tool = get_function_tool(output_cls)
    about = output_cls.model_json_schema().get("description")
    tool.metadata.description = about or "Give the answer by calling this."
    return tool


def _tell_start(output_cls: type[BaseModel], prompt: BasePromptTemplate, args: Any) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=args)
    )


def _run(task: Task[ModelT], chat: Callable[[Sequence[ChatMessage]], ChatResponse]) -> ModelT:
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        response = chat(messages)
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            return cast("ModelT", stop.value)


async def _arun(
    task: Task[ModelT], achat: Callable[[Sequence[ChatMessage]], Awaitable[ChatResponse]]
) -> ModelT:
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        response = await achat(messages)
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            return cast("ModelT", stop.value)


def _stream(
    task: Task[ModelT], stream_chat: Callable[[Sequence[ChatMessage]], ChatResponseGen]
) -> Generator[ModelT | FlexibleModel, None, None]:
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        partial = PartialObjects(task.output_cls)
        with closing(stream_chat(messages)) as responses:
            for response in responses:
                if (found := partial.feed(response)) is not None:
                    yield found
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            yield stop.value
            return


async def _astream(
    task: Task[ModelT],
    astream_chat: Callable[[Sequence[ChatMessage]], Awaitable[ChatResponseAsyncGen]],
) -> AsyncGenerator[ModelT | FlexibleModel, None]:
    dialogue = task.dialogue()
    messages = next(dialogue)
    while True:
        partial = PartialObjects(task.output_cls)
        async with aclosing(await astream_chat(messages)) as responses:
            async for response in responses:
                if (found := partial.feed(response)) is not None:
                    yield found
        try:
            messages = dialogue.send(response)
        except StopIteration as stop:
            yield stop.value
            return
