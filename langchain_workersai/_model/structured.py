"""A schema -> a chat model whose answers are that schema's objects."""

from __future__ import annotations

from operator import itemgetter
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough

from langchain_workersai._model.parsers import json_parser, tool_call_parser
from langchain_workersai._translate.tools import to_wire_response_format, to_wire_tool
from workersai import ModelProfile as WireProfile

Method: TypeAlias = Literal["function_calling", "json_schema", "json_mode"]
Bound: TypeAlias = tuple[Runnable[LanguageModelInput, AIMessage], Runnable[Any, Any]]
"""A model that is told the form of its answer, and the parser for that form."""


def default_method(profile: WireProfile) -> Method:
    """Choose how to get structured output from a model by what its page says."""
    if profile.function_calling:
        return "function_calling"
    if profile.structured_output:
        return "json_schema"
    return "json_mode" if profile.function_calling is False else "function_calling"


def parsed_by(
    model: Runnable[LanguageModelInput, AIMessage],
    parser: Runnable[Any, Any],
    *,
    include_raw: bool,
) -> Runnable[LanguageModelInput, Any]:
    """Join model and parser; with `include_raw`, errors become a value beside the message."""
    if not include_raw:
        return model | parser
    parse = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    nothing = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | parse.with_fallbacks([nothing], exception_key="parsing_error")


def by_function(
    model: BaseChatModel, schema: Any, strict: bool | None, kwargs: dict[str, Any]
) -> Bound:
    """The schema as a tool that the model must call."""
    tool = to_wire_tool(schema, strict=strict)
    name = tool["function"]["name"]
    bound = model.bind(
        **kwargs,
        tools=[tool],
        tool_choice={"type": "function", "function": {"name": name}},
        ls_structured_output_format=_traced("function_calling", schema, strict),
    )
    return bound, tool_call_parser(schema, name)


def by_schema(
    model: BaseChatModel, schema: Any, strict: bool | None, kwargs: dict[str, Any]
) -> Bound:
    """The schema as the form that the server holds the answer to."""
    bound = model.bind(
        **kwargs,
        response_format=to_wire_response_format(schema, strict=strict),
        ls_structured_output_format=_traced("json_schema", schema, strict),
    )
    return bound, json_parser(schema)


def by_json(
    model: BaseChatModel, schema: Any, strict: bool | None, kwargs: dict[str, Any]
) -> Bound:
    """Any JSON; the prompt has to say which."""
    traced = {} if schema is None else _traced("json_mode", schema, strict)
    bound = model.bind(
        **kwargs,
        response_format={"type": "json_object"},
        ls_structured_output_format=traced or None,
    )
    return bound, json_parser(schema)


def _traced(method: Method, schema: Any, strict: bool | None) -> dict[str, Any]:
    """What LangSmith is told about the form of the answer."""
    return {"kwargs": {"method": method, "strict": strict}, "schema": schema}


METHODS = MappingProxyType(
    {"function_calling": by_function, "json_schema": by_schema, "json_mode": by_json}
)

_FORMAT = frozenset({"response_format", "ls_structured_output_format"})
DECIDED = MappingProxyType(
    {
        "function_calling": frozenset({"tools", "tool_choice", "ls_structured_output_format"}),
        "json_schema": _FORMAT,
        "json_mode": _FORMAT,
    }
)
"""Options of a call that each method sets itself."""
