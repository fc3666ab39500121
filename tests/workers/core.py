"""The shared table through the clients of the core; it needs nothing but `workersai`.

It runs on CPython over HTTP, and inside of Pyodide on a binding.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.scenarios import SCENARIOS, Call, Outcome, Scenario
from workersai import AsyncClient, ChatResult, Client, WorkersAIError, without_think_tags

OF_CLIENTS = {"endpoint", "gateway", "session_affinity", "max_retries"}
"""The options of a scenario that a client takes; a call takes the others."""


def is_native(scenario: Scenario) -> bool:
    """Return whether a binding has the scenario's endpoint."""
    return scenario.options.get("endpoint") != "openai"


NATIVE = [scenario for scenario in SCENARIOS if is_native(scenario)]


def settings_of(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario's settings of a client."""
    return {name: value for name, value in scenario.options.items() if name in OF_CLIENTS}


def call_of(scenario: Scenario) -> tuple[Any, dict[str, Any]]:
    """Return the messages and the arguments of a scenario's call."""
    named = {"tools", "tool_choice", "response_format"}
    given = {name: getattr(scenario, name) or None for name in named}
    call = {**scenario.options, **given}
    dropped = OF_CLIENTS | {"think_tags"}
    arguments = {n: v for n, v in call.items() if n not in dropped and v is not None}
    return scenario.request["messages"], arguments


def outcome_of(found: ChatResult, scenario: Scenario) -> Outcome:
    """Return the result or the error in the form of the table."""
    if scenario.options.get("think_tags"):
        found = without_think_tags(found)
    usage = found.usage
    return Outcome(
        text=found.text,
        reasoning=found.reasoning,
        calls=tuple(Call(call.id, call.name, call.arguments) for call in found.tool_calls),
        invalid=tuple(call.name for call in found.invalid_tool_calls),
        finish_reason=found.finish_reason,
        usage=(usage.prompt_tokens, usage.completion_tokens) if usage else None,
        gateway=tuple(sorted((f"cf_aig_{name}", text) for name, text in found.gateway.items())),
    )


def wanted_of(scenario: Scenario, *, stream: bool) -> Outcome | type[WorkersAIError]:
    """Return the outcome that the table expects."""
    if stream:
        return scenario.stream_error or scenario.stream_outcome or scenario.outcome
    return scenario.error or scenario.outcome


def body_of(scenario: Scenario, *, stream: bool) -> dict[str, Any]:
    """Return the request's body that the table expects."""
    if not stream:
        return scenario.request
    return {**scenario.request, "stream": True, **scenario.stream_request}


def reply_to(scenario: Scenario, *, stream: bool) -> tuple[int, dict[str, str], bytes]:
    """Return the server's answer: status, headers and body."""
    if stream and scenario.status == 200:
        headers = {"content-type": "text/event-stream", **scenario.headers}
        return 200, headers, scenario.stream_body()
    headers = {"content-type": "application/json", **scenario.headers}
    return scenario.status, headers, scenario.body()


def same(found: Outcome, wanted: Outcome) -> bool:
    """Compare two outcomes; an id that the wire did not have only has to exist."""
    calls = tuple(
        Call(None if other.id is None else call.id, call.name, call.arguments)
        for call, other in zip(found.calls, wanted.calls, strict=False)
    )
    has_ids = all(call.id for call in found.calls)
    return has_ids and Outcome(**{**vars(found), "calls": calls or found.calls}) == wanted


async def ask_sync(scenario: Scenario, stream: bool, **connection: Any) -> ChatResult:
    """Ask with a `Client`."""
    messages, arguments = call_of(scenario)
    client = Client(scenario.model, **settings_of(scenario), **connection)
    if not stream:
        plain: ChatResult = client.chat(messages, **arguments)
        return plain
    with client.stream_chat(messages, **arguments) as events:
        for _ in events:
            pass
        return events.result()


async def ask_async(scenario: Scenario, stream: bool, **connection: Any) -> ChatResult:
    """Ask with an `AsyncClient`."""
    messages, arguments = call_of(scenario)
    client = AsyncClient(scenario.model, **settings_of(scenario), **connection)
    if not stream:
        plain: ChatResult = await client.chat(messages, **arguments)
        return plain
    async with client.stream_chat(messages, **arguments) as events:
        async for _ in events:
            pass
        return await events.result()


Ask = Callable[..., Awaitable[ChatResult]]
FORMS: dict[str, tuple[Ask, bool]] = {
    "sync": (ask_sync, False),
    "sync_stream": (ask_sync, True),
    "async": (ask_async, False),
    "async_stream": (ask_async, True),
}


async def problem_of(form: str, scenario: Scenario, **connection: Any) -> str | None:
    """Run a scenario in one form and return the difference, if there is one."""
    ask, stream = FORMS[form]
    wanted = wanted_of(scenario, stream=stream)
    try:
        found = outcome_of(await ask(scenario, stream, max_retries=0, **connection), scenario)
    except WorkersAIError as error:
        is_wanted = isinstance(wanted, type) and isinstance(error, wanted)
        return None if is_wanted else f"{type(error).__name__}: {error}"
    if isinstance(wanted, type):
        return f"{found} in the place of {wanted.__name__}"
    return None if same(found, wanted) else f"{found} in the place of {wanted}"
