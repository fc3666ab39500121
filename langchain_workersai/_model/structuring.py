"""Typed overloads of `with_structured_output`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar, overload

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from typing_extensions import TypedDict

from langchain_workersai._model.structured import Method

ObjectT = TypeVar("ObjectT")


class StructuredAnswer(TypedDict, Generic[ObjectT]):
    """The answer of `with_structured_output(..., include_raw=True)`.

    Attributes:
        raw: The message.
        parsed: The object, `None` if the message contains no readable one.
        parsing_error: Why it cannot be read.
    """

    raw: AIMessage
    parsed: ObjectT | None
    parsing_error: BaseException | None


class Structuring:
    """A chat model that answers with objects."""

    @abstractmethod
    def _structured(
        self,
        schema: Any,
        method: Method | None,
        *,
        include_raw: bool,
        strict: bool | None,
        options: dict[str, Any],
    ) -> Runnable[LanguageModelInput, Any]:
        """Build the chain."""

    @overload
    def with_structured_output(
        self,
        schema: type[ObjectT],
        *,
        method: Method | None = ...,
        include_raw: Literal[False] = ...,
        strict: bool | None = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, ObjectT]: ...

    @overload
    def with_structured_output(
        self,
        schema: type[ObjectT],
        *,
        method: Method | None = ...,
        include_raw: Literal[True],
        strict: bool | None = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, StructuredAnswer[ObjectT]]: ...

    @overload
    def with_structured_output(
        self,
        schema: Mapping[str, Any],
        *,
        method: Method | None = ...,
        include_raw: Literal[False] = ...,
        strict: bool | None = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any]]: ...

    @overload
    def with_structured_output(
        self,
        schema: Mapping[str, Any],
        *,
        method: Method | None = ...,
        include_raw: Literal[True],
        strict: bool | None = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, StructuredAnswer[dict[str, Any]]]: ...

    @overload
    def with_structured_output(
        self,
        schema: Any = ...,
        *,
        method: Method | None = ...,
        include_raw: bool = ...,
        strict: bool | None = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]: ...

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answer with objects of a schema.

        Args:
            schema: A pydantic class, dataclass, union or other type (answers are its objects), or
                a TypedDict, JSON schema, OpenAI envelope, function or tool (answers are dicts).
                Optional only for `json_mode`.
            method: `json_schema` (the server enforces the schema), `function_calling` (one forced
                call of the schema as a tool) or `json_mode` (any JSON; the prompt has to describe
                it). The default is the best method that is known to work with the model that is
                asked: its JSON schema, else a forced call, else the schema in a message of the
                prompt. If the model refuses a method, this object and its copies do not try it
                again.
            include_raw: Answer with `{"raw", "parsed", "parsing_error"}` instead of raising an
                error for an answer that cannot be parsed.
            strict: As in `bind_tools`, and for the schema of `json_schema`.
            **kwargs: Options to bind to each call. `tools` can be combined with a JSON schema; if
                the model calls one of them, the object is `None`.

        Raises:
            ConfigurationError: If the schema is missing or is not a schema, if the method is
                unknown, or if `kwargs` has an option that the method sets itself.
            OutputParserException: When run, for an answer that is not the object, with any
                method; if the token cap cut it off, the error names `max_tokens`. A stream ends
                with the object or raises the same error.
        """
        return self._structured(
            schema, method, include_raw=include_raw, strict=strict, options=kwargs
        )
