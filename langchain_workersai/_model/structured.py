"""Make a chat model that answers with objects of a schema."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnablePassthrough,
    RunnableSerializable,
)
from langchain_core.runnables.utils import AddableDict
from pydantic import ConfigDict, PrivateAttr
from typing_extensions import override

from langchain_workersai._errors import ConfigurationError
from langchain_workersai._model.many import THREADS, ainvoke_each, invoke_each
from langchain_workersai._model.parsers import StructuredParser, joined
from langchain_workersai._translate.schemas import (
    Described,
    describe,
    has_own_objects,
    output_schema,
)
from langchain_workersai._translate.tools import check_strict, to_wire_tools
from workersai import APIStatusError, get_profile
from workersai.integration import (
    MethodMemory,
    MethodTrial,
    OutputSchema,
    StructuredMethod,
    structured_methods,
)

Method: TypeAlias = Literal["function_calling", "json_schema", "json_mode"]

METHODS: Mapping[str, StructuredMethod] = MappingProxyType(
    {"function_calling": "tool", "json_schema": "json_schema", "json_mode": "prompt"}
)
"""LangChain's names of the methods -> the core's."""

READS_TEXT = "reads_text"
"""An option of this package's own calls: the parser, and not the model, reads a call in a text."""

_NAMES = {method: name for name, method in METHODS.items()}
_FORMAT = frozenset({"response_format", "ls_structured_output_format"})
DECIDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "function_calling": frozenset({"tools", "tool_choice", "ls_structured_output_format"}),
        "json_schema": _FORMAT,
        "json_mode": _FORMAT,
    }
)
"""Options of a call that each method sets, so that a user must not."""


@dataclass(frozen=True)
class Wish:
    """The arguments of `with_structured_output`.

    Attributes:
        schema: As passed; `None` for any JSON.
        strict: As passed, else the value in the schema's envelope.
        include_raw: Whether to return the message and the error with the object.
        options: Options of the call, with tools in wire form.
    """

    schema: Any
    strict: bool | None = None
    include_raw: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def chain(self, model: BaseChatModel, method: StructuredMethod) -> Runnable[Any, Any]:
        """Bind the method's options to the model, and add the parser after it."""
        output = self._output()
        if method == "tool":
            return self._join(self._by_tool(model, output), output, checks_keys=True)
        if method == "json_schema":
            return self._join(self._by_schema(model, output), output)
        return self._join(self._by_prompt(model, output), output, checks_keys=True)

    def json_mode(self, model: BaseChatModel) -> Runnable[Any, Any]:
        """Ask for any JSON; the user's own prompt has to describe it."""
        output = None if self.schema is None else self._output()
        bound = model.bind(
            **self.options,
            response_format={"type": "json_object"},
            ls_structured_output_format=None if output is None else self._traced("prompt", output),
        )
        return self._join(bound, output)

    def _output(self) -> OutputSchema:
        return output_schema(self._described())

    def _described(self) -> Described:
        return describe(self.schema)

    def _by_tool(self, model: BaseChatModel, output: OutputSchema) -> Runnable[Any, AIMessage]:
        return model.bind(
            **self.options,
            tools=[output.tool(strict=self.strict)],
            tool_choice=output.tool_choice(),
            ls_structured_output_format=self._traced("tool", output),
            **{READS_TEXT: False},
        )

    def _by_schema(self, model: BaseChatModel, output: OutputSchema) -> Runnable[Any, AIMessage]:
        return model.bind(
            **self.options,
            response_format=output.response_format(strict=self.strict),
            ls_structured_output_format=self._traced("json_schema", output),
        )

    def _by_prompt(self, model: BaseChatModel, output: OutputSchema) -> Runnable[Any, AIMessage]:
        """Ask in an extra message after the conversation."""

        def extended(model_input: LanguageModelInput) -> list[BaseMessage]:
            messages = model._convert_input(model_input).to_messages()  # noqa: SLF001 - a chat model's
            return [*messages, HumanMessage(output.instruction())]

        traced = self._traced("prompt", output)
        bound = model.bind(**self.options, ls_structured_output_format=traced)
        return RunnableLambda(extended) | bound

    def _traced(self, method: StructuredMethod, output: OutputSchema) -> dict[str, Any]:
        """Describe the form of the answer for LangSmith."""
        schema = {"title": output.name, **output.schema}
        return {"kwargs": {"method": _NAMES[method], "strict": self.strict}, "schema": schema}

    def _join(
        self,
        model: Runnable[Any, AIMessage],
        output: OutputSchema | None,
        *,
        checks_keys: bool = False,
    ) -> Runnable[Any, Any]:
        parser = StructuredParser(
            wanted=self.schema,
            output=output,
            checks_keys=checks_keys and not has_own_objects(self.schema),
            has_tools="tools" in self.options,
        )
        return model | (with_raw(parser) if self.include_raw else parser)


def wish(
    schema: Any,
    method: str | None,
    *,
    strict: bool | None,
    include_raw: bool,
    options: Mapping[str, Any],
) -> Wish:
    """Check the arguments of `with_structured_output`.

    Raises:
        ConfigurationError: As described there.
    """
    if method is not None and (not isinstance(method, str) or method not in METHODS):
        raise ConfigurationError(
            f"method must be 'function_calling', 'json_schema' or 'json_mode', not {method!r}",
            parameter="method",
        )
    if schema is None and method != "json_mode":
        raise ConfigurationError(
            "schema is missing: pass a pydantic class, a TypedDict or a JSON schema, or "
            "method='json_mode' for any JSON",
            parameter="schema",
        )
    check_strict(strict)
    _check_options(method, options)
    own = None if schema is None else describe(schema).strict
    call_options = dict(options)
    if call_options.get("tools"):
        call_options["tools"] = to_wire_tools(call_options["tools"])
    else:
        call_options.pop("tools", None)
    return Wish(schema, own if strict is None else strict, include_raw, call_options)


def _check_options(method: str | None, options: Mapping[str, Any]) -> None:
    decided = DECIDED[method] if method is not None else _FORMAT | {"tool_choice"}
    taken = sorted(decided & options.keys())
    if taken and not (taken == ["tools"] and options["tools"] is None):
        raise ConfigurationError(
            f"{taken[0]} is set by with_structured_output itself: leave it out"
            + (", or pass method='json_schema', which takes tools" if "tools" in taken else ""),
            parameter=taken[0],
        )


# ----------------------------------------------------------------------- the method by itself


class StructuredChat(RunnableSerializable[LanguageModelInput, Any]):
    """A chat model that answers with objects, by the best method for the model that is asked.

    It chooses the method when it is called, because a call may name another model. If a model
    refuses a method, it uses the next one. As a chain of LangChain's own, it can be one of several
    `configurable_alternatives`.

    Attributes:
        model: The chat model.
        asked: The arguments of `with_structured_output`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    model: Any
    asked: Any
    _memory: MethodMemory = PrivateAttr()

    def __init__(self, model: Any, asked: Wish, memory: MethodMemory) -> None:
        super().__init__(model=model, asked=asked)
        self._memory = memory

    def __repr__(self) -> str:
        return f"StructuredChat({self.model!r}, {self.asked.schema!r})"

    @override
    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Answer once; keyword arguments are options of the call."""
        trial = self._trial(kwargs)
        while True:
            try:
                found = self._chain(trial, kwargs).invoke(input, config)
            except APIStatusError as error:  # noqa: PERF203 - a request costs far more
                trial.refuse(error)
            else:
                trial.accept()
                return found

    @override
    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """As `invoke`, asynchronously."""
        trial = self._trial(kwargs)
        while True:
            try:
                found = await self._chain(trial, kwargs).ainvoke(input, config)
            except APIStatusError as error:  # noqa: PERF203 - a request costs far more
                trial.refuse(error)
            else:
                trial.accept()
                return found

    @override
    def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Stream the answer; if the model refuses a method, it does so before the first chunk."""
        trial = self._trial(kwargs)
        while True:
            with closing(self._chain(trial, kwargs).stream(input, config)) as chunks:  # type: ignore[type-var]  # a generator
                try:
                    first = next(chunks)
                except APIStatusError as error:
                    trial.refuse(error)
                    continue
                trial.accept()
                yield first
                yield from chunks
                return

    @override
    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """As `stream`, asynchronously."""
        trial = self._trial(kwargs)
        while True:
            found = self._chain(trial, kwargs).astream(input, config)
            async with aclosing(cast("Any", found)) as chunks:
                try:
                    first = await anext(chunks)
                except APIStatusError as error:
                    trial.refuse(error)
                    continue
                trial.accept()
                yield first
                async for chunk in chunks:
                    yield chunk
                return

    @override
    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer several inputs at once; as `ChatWorkersAI.batch`."""
        kwargs["return_exceptions"] = return_exceptions
        return invoke_each(self, inputs, config, THREADS, **kwargs)

    @override
    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """As `batch`, asynchronously; as `ChatWorkersAI.abatch`."""
        kwargs["return_exceptions"] = return_exceptions
        return await ainvoke_each(self, inputs, config, len(inputs), **kwargs)

    def _trial(self, kwargs: Mapping[str, Any]) -> MethodTrial:
        model_id = kwargs.get("model") or self.asked.options.get("model") or self.model.model
        key = (model_id, self.model.endpoint, self.model.base_url or "")
        return MethodTrial(self._memory, key, self._methods(model_id))

    def _methods(self, model_id: str) -> tuple[StructuredMethod, ...]:
        if "tools" in self.asked.options:
            return ("json_schema",)  # the only method that can be combined with tools
        own = self.model.profile if model_id == self.model.model else None
        calls = own.get("tool_calling") if own else None
        return structured_methods(get_profile(model_id), calls_tools=calls)

    def _chain(self, trial: MethodTrial, kwargs: Mapping[str, Any]) -> Runnable[Any, Any]:
        options = {**self.asked.options, **kwargs}
        wish = Wish(self.asked.schema, self.asked.strict, self.asked.include_raw, options)
        return wish.chain(self.model, trial.method)


# ------------------------------------------------------------------------- the message beside


def with_raw(parser: StructuredParser) -> Runnable[Any, dict[str, Any]]:
    """Return the message, the object and the error, instead of raising it."""
    read = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    nothing = RunnablePassthrough.assign(parsed=lambda _: None)
    judge = read.with_fallbacks([nothing], exception_key="parsing_error")

    def stream(chunks: Iterator[BaseMessage]) -> Iterator[dict[str, Any]]:
        message: AIMessage | None = None
        for chunk in chunks:
            message = joined(message, chunk)
            yield AddableDict(raw=chunk)
        yield AddableDict(_without_raw(judge.invoke({"raw": message})))

    async def astream(chunks: AsyncIterator[BaseMessage]) -> AsyncIterator[dict[str, Any]]:
        message: AIMessage | None = None
        async for chunk in chunks:
            message = joined(message, chunk)
            yield AddableDict(raw=chunk)
        yield AddableDict(_without_raw(await judge.ainvoke({"raw": message})))

    return RunnableGenerator(stream, astream)


def _without_raw(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "raw"}
