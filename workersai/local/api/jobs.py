"""Turn a request body of either endpoint into a job for an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workersai import EndpointName
from workersai.local.api.errors import ApiFailure
from workersai.local.api.models import LocalModel
from workersai.local.engines.base import ChatJob, JsonMode, ToolSpec

__all__ = ["ChatRequest", "chat_job"]

_OPENAI_CAP = 256
"""Clients report that `/ai/v1` cuts an answer at 256 tokens when the request names no cap."""

_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
)


@dataclass(frozen=True)
class ChatRequest:
    """A text-generation request: the job, and how to send the answer."""

    model: LocalModel
    endpoint: EndpointName
    job: ChatJob
    stream: bool
    n: int

    @property
    def completes_prompt(self) -> bool:
        """Whether the answer is a `text_completion` rather than a chat completion."""
        return self.job.prompt is not None and self.model.text_completion

    @property
    def classic(self) -> bool:
        """Whether the answer has Workers AI's own shape, not OpenAI's."""
        return self.endpoint == "run" and self.model.wire == "classic"


def chat_job(model: LocalModel, endpoint: EndpointName, body: Mapping[str, Any]) -> ChatRequest:
    """Read a checked body.

    Raises:
        ApiFailure: 400 with code 8001 if a forced tool is not among the tools, or if the answer
            may have no tokens.
    """
    tools, choice = _choice_among(_tools(body), body.get("tool_choice"))
    job = ChatJob(
        messages=tuple(_message(message) for message in body.get("messages") or ()),
        prompt=body.get("prompt"),
        raw=bool(body.get("raw")),
        tools=tools,
        tool_choice=choice,
        parallel=body.get("parallel_tool_calls") is not False,
        json_mode=_json_mode(body.get("response_format") or {}),
        max_tokens=_cap(model, endpoint, body),
        stop=_stop(body.get("stop")),
        seed=body.get("seed"),
        sampling={key: body[key] for key in _SAMPLING if body.get(key) is not None},
        reasoning=model.profile.reasoning and _thinks(body),
        top_logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
    )
    return ChatRequest(model, endpoint, job, bool(body.get("stream")), body.get("n") or 1)


def _cap(model: LocalModel, endpoint: EndpointName, body: Mapping[str, Any]) -> int | None:
    names = ("max_completion_tokens", "max_tokens")
    cap = next((body[name] for name in names if body.get(name) is not None), None)
    if cap is not None and cap < 1:
        raise ApiFailure(400, 8001, f"Invalid input: max_tokens must be at least 1, got {cap}")
    if cap is not None:
        return int(cap)
    return _OPENAI_CAP if endpoint == "openai" else model.profile.max_tokens_default


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "content": _text(message.get("content"))}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)


def _tools(body: Mapping[str, Any]) -> tuple[ToolSpec, ...]:
    functions = (tool.get("function", tool) for tool in body.get("tools") or ())
    return tuple(
        ToolSpec(
            str(function["name"]),
            str(function.get("description") or ""),
            function.get("parameters") or {"type": "object", "properties": {}},
        )
        for function in functions
        if "name" in function
    )


def _choice_among(tools: tuple[ToolSpec, ...], choice: Any) -> tuple[tuple[ToolSpec, ...], str]:
    """Reduce the tools to the allowed ones, and write the choice in the job's form."""
    if choice is None or isinstance(choice, str):
        return tools, choice or "auto"
    if choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        names = {tool.get("function", tool).get("name") for tool in allowed["tools"]}
        return tuple(tool for tool in tools if tool.name in names), str(allowed["mode"])
    name = (choice.get("function") or {}).get("name")
    if name not in {tool.name for tool in tools}:
        raise ApiFailure(400, 8001, f"Invalid input: tool_choice names {name!r}, not in tools")
    return tools, f"={name}"


def _json_mode(wanted: Mapping[str, Any]) -> JsonMode | None:
    if wanted.get("type") not in {"json_object", "json_schema"}:
        return None
    described = wanted.get("json_schema")
    if not isinstance(described, Mapping):
        return JsonMode()
    # The native form is the bare schema; OpenAI's form has it beside a name.
    enveloped = isinstance(described.get("schema"), Mapping) and "properties" not in described
    return JsonMode(described["schema"] if enveloped else described)


def _stop(stop: Any) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _thinks(body: Mapping[str, Any]) -> bool:
    switches = body.get("chat_template_kwargs") or {}
    return switches.get("enable_thinking") is not False
