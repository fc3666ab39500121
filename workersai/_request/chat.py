"""Build the requests of chats and completions.

All errors in the arguments are found here, before a connection is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workersai._json import dump_json
from workersai._models import get_profile
from workersai._models.profile import ModelProfile
from workersai._request.messages import to_wire_messages
from workersai._request.parameters import check_extra, collect_parameters
from workersai._request.path import run_path
from workersai._request.response_format import to_wire_response_format
from workersai._request.task import check_task
from workersai._request.tools import (
    check_functions,
    rename_calls,
    to_wire_tool_choice,
    to_wire_tools,
    tool_names,
    with_wire_name,
)
from workersai._wire import Request
from workersai.errors import ConfigurationError
from workersai.types import CallOptions, EndpointName

__all__ = ["ChatOptions", "chat_body", "chat_request", "completion_body", "completion_request"]


_CAPS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Options that chats and completions share.

    Attributes:
        model: The model to ask.
        call: The parameters of the call, as the caller passed them to the client.
        endpoint: The route.
        stream: Whether to ask for a stream.
        include_usage: Whether to ask `/ai/v1` for the usage of a stream; native streams always
            carry it.
        reject_if_busy: Whether the server should refuse the request instead of queueing it.
        is_batched: Whether the request is part of a batch.
    """

    model: str
    call: CallOptions
    endpoint: EndpointName = "run"
    stream: bool = False
    include_usage: bool = False
    reject_if_busy: bool = False
    is_batched: bool = False

    def is_cut_without_cap(self, profile: ModelProfile) -> bool:
        """Return whether an answer without a cap is cut below the default of the model's page.

        `/ai/v1` and batches cut it after 256 tokens (observed); the native route does not.
        """
        return self.is_batched or (
            self.endpoint == "openai" and profile.openai_token_cap is not None
        )

    @property
    def has_cap(self) -> bool:
        """Whether the caller set a token cap."""
        call: Mapping[str, Any] = self.call
        extra = call.get("extra") or {}
        return any(call.get(name) is not None or name in extra for name in _CAPS)


def chat_request(
    messages: Sequence[Mapping[str, Any]],
    options: ChatOptions,
    *,
    tools: Sequence[Mapping[str, Any]] | None = None,
    tool_choice: str | bool | Mapping[str, Any] | None = None,
) -> Request:
    """Build the request for the next message of a conversation.

    Raises:
        ConfigurationError: If an argument does not fit the model.
    """
    path = run_path(options.model)
    if options.endpoint == "openai":
        path = "/v1/chat/completions"
    body, names = chat_body(messages, options, tools=tools, tool_choice=tool_choice)
    return _generation_request(path, body, options, names)


def chat_body(
    messages: Sequence[Mapping[str, Any]],
    options: ChatOptions,
    *,
    tools: Sequence[Mapping[str, Any]] | None = None,
    tool_choice: str | bool | Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build the body of a chat request.

    Returns:
        The body, and the tool names in it -> the caller's own names.

    Raises:
        ConfigurationError: If an argument does not fit the model.
    """
    profile = get_profile(options.model)
    wire_tools = to_wire_tools(tools, profile)
    names = tool_names(wire_tools)
    body: dict[str, Any] = {"messages": to_wire_messages(messages, profile)}
    rename_calls(body["messages"], names)
    if wire_tools:
        body["tools"] = [with_wire_name(tool, names) for tool in wire_tools]
    if (choice := to_wire_tool_choice(tool_choice, names)) is not None:
        body["tool_choice"] = choice
        if isinstance(tool_choice, Mapping) and tool_choice.get("disable_parallel_tool_use"):
            body["parallel_tool_calls"] = False  # Anthropic's name for the option
    own = {wire: name for name, wire in names.items()}
    return _generation_body(body, options, profile), own


def completion_request(prompt: str, options: ChatOptions) -> Request:
    """Build a completion request. It is always native: `/ai/v1` documents no such route.

    Raises:
        ConfigurationError: If the prompt is empty or an argument does not fit the model.
    """
    path = run_path(options.model)
    return _generation_request(path, completion_body(prompt, options), options, {})


def completion_body(prompt: str, options: ChatOptions) -> dict[str, Any]:
    """Build the body of a completion request.

    Raises:
        ConfigurationError: If the prompt is empty or an argument does not fit the model.
    """
    if not isinstance(prompt, str) or not prompt:
        raise ConfigurationError("prompt must be a non-empty string", parameter="prompt")
    native = replace(options, endpoint="run")
    return _generation_body({"prompt": prompt}, native, get_profile(options.model))


def _generation_request(
    path: str, body: dict[str, Any], options: ChatOptions, names: Mapping[str, str]
) -> Request:
    is_stream = "stream" in body
    return Request(
        path,
        dump_json(body, model=options.model),
        model=options.model,
        stream=is_stream,
        tools=names,
        is_repeatable=False,
        begins_late=not is_stream,
        has_cap=options.has_cap,
    )


def _generation_body(
    body: dict[str, Any], options: ChatOptions, profile: ModelProfile
) -> dict[str, Any]:
    check_task(profile, "text-generation")
    call = dict(options.call)
    call.pop("model", None)
    schema: Any = call.pop("response_format", None)
    extra: Any = call.pop("extra", None)
    if options.endpoint == "openai":
        body = {"model": options.model, **body}
    response_format = to_wire_response_format(schema, profile, options.endpoint)
    if response_format is not None:
        body["response_format"] = response_format
    check_extra(extra, body.keys())
    check_functions(call.get("functions"))
    body.update(collect_parameters(call, extra, profile))
    _add_page_cap(body, options, profile)
    if options.reject_if_busy:
        _merge(body, "options", {"rejectIfBusy": True})
    stream = options.stream and not _is_refused_in_stream(response_format, profile)
    if options.stream:
        _check_choices(body)
    if not stream and "stream_options" not in (extra or ()):
        body.pop("stream_options", None)
    if stream:
        body["stream"] = True
        if options.include_usage and options.endpoint == "openai":
            _merge(body, "stream_options", {"include_usage": True})
    return body


def _add_page_cap(body: dict[str, Any], options: ChatOptions, profile: ModelProfile) -> None:
    """Ask for the page's default number of tokens where the server would cut the answer before."""
    default = profile.max_tokens_default
    is_cut = default is not None and options.is_cut_without_cap(profile)
    if is_cut and body.keys().isdisjoint(_CAPS):
        body["max_tokens"] = default


def _merge(body: dict[str, Any], name: str, ours: dict[str, Any]) -> None:
    """Add options to the user's own; the user's own win."""
    present = body.setdefault(name, ours)
    if isinstance(present, Mapping):
        body[name] = {**ours, **present}


def _is_refused_in_stream(response_format: dict[str, Any] | None, profile: ModelProfile) -> bool:
    """Return whether the model answers 5023 to a JSON schema in a stream. Then do not stream."""
    return (
        response_format is not None
        and response_format.get("type") == "json_schema"
        and not profile.streams_json_schema
    )


def _check_choices(body: Mapping[str, Any]) -> None:
    if body.get("n", 1) != 1:
        raise ConfigurationError(
            f"n={body['n']!r} cannot be streamed: call without streaming to get several answers",
            parameter="n",
        )
