"""Bind tools, schemas and parameters to a chat model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from pydantic import PrivateAttr

from langchain_workersai._model.identity import TextModel
from langchain_workersai._model.structured import (
    DECIDED,
    METHODS,
    Method,
    StructuredChat,
    wish,
)
from langchain_workersai._model.structuring import Structuring
from langchain_workersai._translate.schemas import ToolLike
from langchain_workersai._translate.tools import (
    to_wire_response_format,
    to_wire_tool_choice,
    to_wire_tools,
)
from workersai import BatchJob
from workersai.integration import MethodMemory

_OF_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})


class BindableChat(TextModel, Structuring, BaseChatModel):
    """A chat model whose bindings keep everything that was bound before."""

    _method_memory: MethodMemory = PrivateAttr(default_factory=MethodMemory)

    def bind(self, **kwargs: Any) -> BoundChat:  # type: ignore[override]  # core's is private
        """Bind options to each call, including `submit_batch`."""
        return BoundChat(bound=self, kwargs=kwargs, config={})

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> BoundChat:
        """Bind a config to each call; options can be bound afterwards."""
        joined = cast("RunnableConfig", {**(config or {}), **kwargs})
        return BoundChat(bound=self, kwargs={}, config=joined)

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: ToolLike | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: ToolLike | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: LangChain tools, functions, pydantic classes, TypedDicts, JSON schemas, or
                dicts in OpenAI's or Anthropic's shape; they are not modified. A name that models do
                not accept is replaced in the request; calls come back with your own name.
            tool_choice: `auto`, `none`, `required`; `any` or `True` for `required`; a tool or
                its name; or a dict in OpenAI's or Anthropic's form.
            strict: Ask for arguments, and an answer, that fit their schema exactly.
            parallel_tool_calls: Whether one answer may call several tools.
            response_format: The form of the answer beside the calls: a schema, or a dict as
                in the OpenAI API.
            **kwargs: Options to bind to each call.

        Raises:
            ConfigurationError: If a tool, the choice or the response format has none of these
                forms.
        """
        bound = {
            "tool_choice": to_wire_tool_choice(tool_choice),
            "parallel_tool_calls": parallel_tool_calls,
        }
        if response_format is not None:
            bound["response_format"] = to_wire_response_format(response_format, strict=strict)
        call_options = {name: value for name, value in bound.items() if value is not None}
        return self.bind(tools=to_wire_tools(tools, strict=strict), **call_options, **kwargs)

    def _structured(
        self,
        schema: Any,
        method: Method | None,
        *,
        include_raw: bool,
        strict: bool | None,
        options: dict[str, Any],
    ) -> Runnable[LanguageModelInput, Any]:
        asked = wish(schema, method, strict=strict, include_raw=include_raw, options=options)
        if method is None:
            return StructuredChat(self, asked, self._method_memory)
        if method == "json_mode":
            return asked.json_mode(self)
        return asked.chain(self, METHODS[method])


class BoundChat(Structuring, RunnableBinding[LanguageModelInput, AIMessage]):  # type: ignore[no-redef,unused-ignore]  # to pydantic's plugin, whose field is called kwargs
    """A chat model with bound options: LangChain's binding, with methods that use what is bound.

    LangChain's plain binding calls methods such as `bind_tools` or `submit_batch` on the model
    itself, so that bound options would silently be lost.
    """

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the path of LangChain's own class, which is restored when a dump is loaded."""
        return RunnableBinding.lc_id()

    def bind_tools(
        self, tools: Sequence[ToolLike], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As `BindableChat.bind_tools`; keeps what is bound."""
        return self.bind(**self.bound.bind_tools(tools, **kwargs).kwargs)  # type: ignore[attr-defined]  # of a chat model

    def _structured(
        self,
        schema: Any,
        method: Method | None,
        *,
        include_raw: bool,
        strict: bool | None,
        options: dict[str, Any],
    ) -> Runnable[LanguageModelInput, Any]:
        """As that of `BindableChat`; keeps bound options except tools and formats."""
        replaced = _OF_TOOLS.union(*DECIDED.values())
        kept = {name: value for name, value in self.kwargs.items() if name not in replaced}
        chain = cast("Structuring", self.bound)._structured(  # noqa: SLF001 - of a chat model
            schema, method, include_raw=include_raw, strict=strict, options={**kept, **options}
        )
        return chain.with_config(self.config) if self.config else chain

    def submit_batch(
        self, inputs: Sequence[LanguageModelInput], *, stop: list[str] | None = None, **kwargs: Any
    ) -> BatchJob:
        """As `BatchedChat.submit_batch`, with what is bound."""
        options = {**self.kwargs, **kwargs, **_stop_option(stop)}
        return cast("Any", self.bound).submit_batch(inputs, **options)  # type: ignore[no-any-return]  # the model's

    async def asubmit_batch(
        self, inputs: Sequence[LanguageModelInput], *, stop: list[str] | None = None, **kwargs: Any
    ) -> BatchJob:
        """As `submit_batch`, asynchronously."""
        options = {**self.kwargs, **kwargs, **_stop_option(stop)}
        return await cast("Any", self.bound).asubmit_batch(inputs, **options)  # type: ignore[no-any-return]  # the model's


def _stop_option(stop: list[str] | None) -> dict[str, Any]:
    return {} if stop is None else {"stop": stop}
