"""The requests of a probe, as data: one entry for each, small and cheap.

Bodies are written out literally, because the code that builds requests adapts them to the known
facts about a model, and a probe checks these facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from workersai._json import dump_json
from workersai._models.profile import ModelProfile
from workersai._request.path import run_path
from workersai._wire import Request

__all__ = ["ASKS", "BATCH_ID", "SEED_MODELS", "TOOL", "TOOL_SENTENCE", "Ask", "asks_for"]

Body: TypeAlias = Mapping[str, Any]
Route: TypeAlias = Literal["run", "chat/completions", "embeddings"]

SEED_MODELS = (
    "@cf/ibm-granite/granite-4.0-h-micro",
    "@cf/zai-org/glm-4.7-flash",
    "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
)
"""The models that are probed by default."""

TOOL = "get_weather"
TOOL_SENTENCE = "What is the weather in Paris? Use the tool get_weather."
BATCH_ID = "$request_id"
"""A placeholder in a body for the id of a batch from an earlier answer."""

_ROOM = 512
"""Tokens an answer may have: a reasoning model thinks before it answers one word."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        id: Its name in reports.
        body: The body, without the model.
        route: `run`, the native route, or the path of an OpenAI-compatible one below `/ai/v1`.
        is_queued: Whether it submits a batch.
        after: The ask whose answer has the id of the batch for this one.
        task: The task of the models that it is for.
        model: A fixed model to ask in place of the probed one; the request is sent once in a run.
        applies: Whether to send it to a model of that task.
        tokens: The greatest expected number of tokens in its answer.
        may_be_cut: Whether an answer that its token cap cut off can be used.
    """

    id: str
    body: Body
    route: Route = "run"
    is_queued: bool = False
    after: str | None = None
    task: str = "text-generation"
    model: str | None = None
    applies: Callable[[ModelProfile], bool] = lambda _: True
    tokens: int = _ROOM
    may_be_cut: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it asks for a stream."""
        return bool(self.body.get("stream"))

    def request(self, model: str, batch_id: str | None = None) -> Request:
        """Build the request to a model.

        Args:
            model: The model that is probed.
            batch_id: The id to put in place of `BATCH_ID`.
        """
        asked = self.model or model
        body = {k: batch_id if v == BATCH_ID else v for k, v in self.body.items()}
        if self.route != "run":
            body = {"model": asked, **body}
        return Request(
            run_path(asked) if self.route == "run" else f"/v1/{self.route}",
            dump_json(body, model=asked),
            params={"queueRequest": "true"} if self.is_queued else {},
            model=asked,
            stream=self.is_stream,
            is_repeatable=False,
            begins_late=not self.is_stream,
        )


def asks_for(profile: ModelProfile) -> tuple[Ask, ...]:
    """List the requests for a model of this kind, in order."""
    return tuple(ask for ask in ASKS if ask.task == profile.task and ask.applies(profile))


def _user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


_HELLO = [_user("Reply with the one word: ok")]
_WEATHER = [_user(TOOL_SENTENCE)]
_COUNT = [_user("Count from 1 to 9. Write only the numbers, separated by spaces.")]
_LONG = [_user("Write all whole numbers from 1 to 900, separated by spaces, and nothing else.")]
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"],
}
_CITY = [_user("Name one city and its country.")]
_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city"}},
    "required": ["city"],
}
_FUNCTION = {"name": TOOL, "description": "Look up the weather", "parameters": _PARAMETERS}
_TOOLS = [{"type": "function", "function": _FUNCTION}]
_NAMED = {"type": "function", "function": {"name": TOOL}}
_BARE = {"type": "json_schema", "json_schema": _SCHEMA}
_ENVELOPE = {"type": "json_schema", "json_schema": {"name": "place", "schema": _SCHEMA}}
_CALL = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": "{}"}}
_CALLED = [
    *_WEATHER,
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny, 20 C"},
]


def _undescribed() -> list[dict[str, Any]]:
    bare = {"type": "object", "properties": {"city": {}}}
    return [{"type": "function", "function": {"name": TOOL, "parameters": bare}}]


def _chat(
    id_: str, messages: Sequence[Body], *, cap: int | None = _ROOM, v1: bool = False, **fields: Any
) -> Ask:
    """Make a chat's ask; *cap* `None` sends no token cap."""
    body: dict[str, Any] = {"messages": messages, **fields}
    if cap is not None:
        body["max_tokens"] = cap
    route: Route = "chat/completions" if v1 else "run"
    is_short = cap is None or cap < _ROOM
    return Ask(id_, MappingProxyType(body), route, tokens=cap or 4096, may_be_cut=is_short)


def _reasons(profile: ModelProfile) -> bool:
    return profile.reasoning


def _only_where(applies: Callable[[ModelProfile], bool], *asks: Ask) -> tuple[Ask, ...]:
    return tuple(
        Ask(ask.id, ask.body, ask.route, applies=applies, tokens=ask.tokens) for ask in asks
    )


_THINKING_OFF = {"enable_thinking": False}

_CHATS = (
    _chat("hello", _HELLO),
    _chat("hello-stream", _HELLO, stream=True),
    _chat("hello-v1", _HELLO, v1=True),
    _chat("hello-v1-stream", _HELLO, v1=True, stream=True),
    _chat("usage-v1-stream", _HELLO, v1=True, stream=True, stream_options={"include_usage": True}),
    Ask(
        "prompt",
        {"prompt": "The capital of France is", "max_tokens": 16},
        tokens=16,
        may_be_cut=True,
    ),
    _chat("tool", _WEATHER, tools=_TOOLS),
    _chat("tool-stream", _WEATHER, tools=_TOOLS, stream=True),
    _chat("tool-v1", _WEATHER, v1=True, tools=_TOOLS),
    _chat("tool-named", _HELLO, tools=_TOOLS, tool_choice=_NAMED),
    _chat("tool-required", _HELLO, tools=_TOOLS, tool_choice="required"),
    _chat("tool-none", _WEATHER, tools=_TOOLS, tool_choice="none"),
    _chat("tool-flat", _WEATHER, tools=[_FUNCTION]),
    _chat("tool-undescribed", _WEATHER, tools=_undescribed()),
    _chat(
        "tool-strict",
        _WEATHER,
        tools=[{"type": "function", "function": {**_FUNCTION, "strict": True}}],
    ),
    _chat("schema-bare", _CITY, response_format=_BARE),
    _chat("schema-named", _CITY, response_format=_ENVELOPE),
    _chat("schema-bare-stream", _CITY, response_format=_BARE, stream=True),
    _chat("schema-named-stream", _CITY, response_format=_ENVELOPE, stream=True),
    _chat("schema-v1", _CITY, v1=True, response_format=_ENVELOPE),
    _chat("schema-and-tools", _WEATHER, v1=True, tools=_TOOLS, response_format=_ENVELOPE),
    _chat("parts", [_user([{"type": "text", "text": "Reply with the one word: ok"}])]),
    _chat("null-content", _CALLED, tools=_TOOLS),
    _chat("null-content-v1", _CALLED, v1=True, tools=_TOOLS),
    _chat("late-system", [_user("Hello"), {"role": "system", "content": "Be brief."}, *_HELLO]),
    _chat("two-users", [_user("Hello"), *_HELLO]),
    _chat("cap", _COUNT, cap=4),
    _chat("no-cap-v1", _LONG, cap=None, v1=True),
    _chat("stop", _COUNT, stop=["5"]),
    _chat("n-v1", _HELLO, v1=True, n=2),
    _chat("logprobs-v1", _HELLO, v1=True, logprobs=True, top_logprobs=2),
    *_only_where(
        _reasons,
        _chat("thinking-off", _HELLO, chat_template_kwargs=_THINKING_OFF),
        _chat("thinking-off-v1", _HELLO, v1=True, chat_template_kwargs=_THINKING_OFF),
    ),
    Ask(
        "batch",
        {"requests": [{"messages": _HELLO, "max_tokens": _ROOM}]},
        is_queued=True,
    ),
    Ask("batch-result", {"request_id": BATCH_ID}, is_queued=True, after="batch", tokens=0),
    Ask("unknown-model", {"messages": _HELLO}, model="@cf/workersai/no-such-model", tokens=0),
)

_TEXTS = ["The cat sleeps.", "A market opens."]


def _vectors(id_: str, route: Route = "run", **body: Any) -> Ask:
    return Ask(id_, MappingProxyType(body), route, task="embeddings", tokens=0)


_VECTORS = (
    _vectors("vectors", text=_TEXTS),
    _vectors("vectors-v1", "embeddings", input=_TEXTS),
    _vectors("vectors-base64-v1", "embeddings", input=_TEXTS, encoding_format="base64"),
    _vectors("vectors-short-v1", "embeddings", input=_TEXTS, dimensions=64),
    _vectors("vectors-of-newlines", text=["\n\n"]),
)

_RANKINGS = (
    Ask(
        "ranking",
        {"query": "Where do cats sleep?", "contexts": [{"text": text} for text in _TEXTS]},
        task="rerank",
        tokens=0,
    ),
)

ASKS: tuple[Ask, ...] = (*_CHATS, *_VECTORS, *_RANKINGS)
"""All requests, in the order in which they are sent."""
