"""Send the chat of a cassette through each face, and return its outcome.

The functions of `test_symmetry` call the two frameworks; the functions here call the clients in the
same way.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from tests.cassettes.scenarios import Case
from tests.scenarios import Call, Outcome, Turn, wire_call
from tests.test_symmetry import (
    CONNECTION,
    Wire,
    langchain_async,
    langchain_sync,
    llamaindex_async,
    llamaindex_sync,
)
from workersai import (
    AsyncClient,
    ChatEvent,
    ChatFinish,
    ChatResult,
    Client,
    ReasoningDelta,
    TextDelta,
    UsageUpdate,
)

CLIENT_OPTIONS = {*CONNECTION, "endpoint", "base_url", "http_client"}


class Caller(Wire):
    """The settings of a recorded call; vcrpy handles its requests and answers."""

    def __init__(self, case: Case, **connection: Any) -> None:
        super().__init__(case.scenario)
        self.case = case
        self.interval = connection.pop("interval", 1e-6)
        self._connection = connection

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments of a class; its HTTP stays unchanged."""
        return {**CONNECTION, **self._connection, **self.scenario.options}

    def client_settings(self) -> dict[str, Any]:
        """Return the settings that a client's constructor takes."""
        return {key: value for key, value in self.settings().items() if key in CLIENT_OPTIONS}

    def parameters(self) -> dict[str, Any]:
        """Return the settings that a client takes with each call."""
        return {key: value for key, value in self.settings().items() if key not in CLIENT_OPTIONS}


Face: TypeAlias = Callable[[Caller], Awaitable[Any]]
ChatFace: TypeAlias = Callable[..., Awaitable[Outcome]]

# ------------------------------------------------------------------------ the bare clients


def to_wire(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.answers:
        message["tool_call_id"] = turn.answers
    if turn.calls:
        message["tool_calls"] = [
            wire_call(call.id, call.name, json.dumps(call.arguments, ensure_ascii=False))
            for call in turn.calls
        ]
    if turn.reasoning:
        message["reasoning"] = turn.reasoning
    return message


def client_call(wire: Wire) -> tuple[list[Any], dict[str, Any]]:
    assert isinstance(wire, Caller)
    scenario = wire.scenario
    options = {
        "tools": list(scenario.tools) or None,
        "tool_choice": scenario.tool_choice,
        "response_format": scenario.response_format,
        **wire.parameters(),
    }
    return [to_wire(turn) for turn in scenario.turns], options


def from_result(result: ChatResult) -> Outcome:
    (choice, *_), usage = result.choices, result.usage
    return Outcome(
        choice.text,
        choice.reasoning,
        tuple(Call(call.id, call.name, call.arguments) for call in choice.tool_calls),
        tuple(call.name for call in choice.invalid_tool_calls),
        choice.finish_reason,
        (usage.prompt_tokens, usage.completion_tokens) if usage else None,
    )


def conversations(caller: Caller) -> list[tuple[Turn, ...]]:
    """Return the conversations of a batch: the scenario's turns, with one text each."""
    texts = caller.case.arguments["texts"]
    return [(*caller.scenario.turns, Turn("user", text)) for text in texts]


def from_events(events: list[ChatEvent]) -> Outcome:
    finish = events[-1]
    assert isinstance(finish, ChatFinish)
    usage = [event.usage for event in events if isinstance(event, UsageUpdate)]
    return Outcome(
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        tuple(Call(call.id, call.name, call.arguments) for call in finish.tool_calls),
        tuple(call.name for call in finish.invalid_tool_calls),
        finish.finish_reason,
        (usage[0].prompt_tokens, usage[0].completion_tokens) if usage else None,
    )


def make_client(caller: Wire) -> Client:
    assert isinstance(caller, Caller)
    return Client(caller.scenario.model, **caller.client_settings())


def make_async_client(caller: Wire) -> AsyncClient:
    assert isinstance(caller, Caller)
    return AsyncClient(caller.scenario.model, **caller.client_settings())


async def client_sync(wire: Wire, *, stream: bool) -> Outcome:
    messages, options = client_call(wire)
    with make_client(wire) as client:
        if not stream:
            return from_result(client.chat(messages, **options))
        return from_events(list(client.stream_chat(messages, include_usage=True, **options)))


async def client_async(wire: Wire, *, stream: bool) -> Outcome:
    messages, options = client_call(wire)
    async with make_async_client(wire) as client:
        if not stream:
            return from_result(await client.chat(messages, **options))
        events = client.stream_chat(messages, include_usage=True, **options)
        return from_events([event async for event in events])


# ---------------------------------------------------------------------------------- chats


def chat(face: ChatFace) -> Face:
    """Send a chat; if tools have results, send them in a second request."""

    async def ask(caller: Caller) -> Outcome:
        case = caller.case
        outcome = await face(caller, stream=case.stream)
        if not case.results:
            return outcome
        calls = zip(outcome.calls, case.results, strict=True)
        turns = (
            *caller.scenario.turns,
            Turn("assistant", outcome.text, outcome.calls, reasoning=outcome.reasoning),
            *(Turn("tool", result, answers=call.id) for call, result in calls),
        )
        caller.scenario = replace(caller.scenario, turns=turns)
        return await face(caller, stream=case.stream)

    return ask


CHATS: Mapping[str, ChatFace] = {
    "client_sync": client_sync,
    "client_async": client_async,
    "langchain_sync": langchain_sync,
    "langchain_async": langchain_async,
    "llamaindex_sync": llamaindex_sync,
    "llamaindex_async": llamaindex_async,
}
