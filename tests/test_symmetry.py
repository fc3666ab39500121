"""Both faces, sync and async, send the same request and return the same outcome per scenario."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI
from tests.scenarios import SCENARIOS, Call, Outcome, Scenario, Turn
from workersai import get_profile

CONNECTION = {"account_id": "0" * 32, "api_token": "test-token", "max_retries": 0}


class Wire:
    """A server in this process that sends a scenario's answer and collects the requests."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.requests.append(body)
        if not body.get("stream") or self.scenario.status != 200:
            headers = {"content-type": "application/json", **self.scenario.headers}
            return httpx.Response(
                self.scenario.status, headers=headers, content=self.scenario.body()
            )
        headers = {"content-type": "text/event-stream", **self.scenario.headers}
        return httpx.Response(200, headers=headers, content=self.scenario.stream_body())

    async def asynchronous(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments for an object that talks to this wire."""
        return {
            **CONNECTION,
            **self.scenario.options,
            "http_client": httpx.Client(transport=httpx.MockTransport(self)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(self.asynchronous)
            ),
        }


def gateway_of(facts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in facts.items() if k.startswith("cf_aig_")))


# ------------------------------------------------------------------------------ LangChain


def to_langchain(turn: Turn) -> BaseMessage:
    if turn.role == "system":
        return SystemMessage(turn.text)
    if turn.role == "user":
        return HumanMessage(turn.text)
    if turn.role == "tool":
        return ToolMessage(turn.text, tool_call_id=turn.answers)
    kwargs = {"reasoning_content": turn.reasoning} if turn.reasoning else {}
    calls = [
        {"type": "tool_call", "id": c.id, "name": c.name, "args": c.arguments} for c in turn.calls
    ]
    return AIMessage(turn.text, additional_kwargs=kwargs, tool_calls=calls)


def from_langchain(message: AIMessage) -> Outcome:
    usage = message.usage_metadata
    return Outcome(
        text=message.text,
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        calls=tuple(Call(c["id"], c["name"], c["args"]) for c in message.tool_calls),
        invalid=tuple(str(c["name"]) for c in message.invalid_tool_calls),
        finish_reason=message.response_metadata.get("finish_reason"),
        usage=(usage["input_tokens"], usage["output_tokens"]) if usage else None,
        gateway=gateway_of(message.response_metadata),
    )


def langchain_model(wire: Wire) -> Any:
    scenario = wire.scenario
    model: Any = ChatWorkersAI(scenario.model, **wire.settings())
    if scenario.tools:
        model = model.bind_tools(list(scenario.tools), tool_choice=scenario.tool_choice)
    if scenario.response_format:
        model = model.bind(response_format=scenario.response_format)
    return model


async def langchain_sync(wire: Wire, *, stream: bool) -> Outcome:
    model, messages = langchain_model(wire), [to_langchain(turn) for turn in wire.scenario.turns]
    if not stream:
        return from_langchain(model.invoke(messages))
    chunks = list(model.stream(messages))
    return from_langchain(sum(chunks[1:], chunks[0]))


async def langchain_async(wire: Wire, *, stream: bool) -> Outcome:
    model, messages = langchain_model(wire), [to_langchain(turn) for turn in wire.scenario.turns]
    if not stream:
        return from_langchain(await model.ainvoke(messages))
    chunks = [chunk async for chunk in model.astream(messages)]
    return from_langchain(sum(chunks[1:], chunks[0]))


# ----------------------------------------------------------------------------- LlamaIndex


def to_llamaindex(turn: Turn) -> ChatMessage:
    blocks: list[Any] = [ThinkingBlock(content=turn.reasoning)] if turn.reasoning else []
    blocks += [TextBlock(text=turn.text)] if turn.text else []
    blocks += [
        ToolCallBlock(tool_call_id=c.id, tool_name=c.name, tool_kwargs=c.arguments)
        for c in turn.calls
    ]
    kwargs = {"tool_call_id": turn.answers} if turn.answers else {}
    return ChatMessage(role=turn.role, blocks=blocks, additional_kwargs=kwargs)


def from_llamaindex(response: ChatResponse) -> Outcome:
    blocks = response.message.blocks
    usage = response.raw.get("usage") if isinstance(response.raw, dict) else None
    calls: list[Any] = [block for block in blocks if isinstance(block, ToolCallBlock)]
    return Outcome(
        text="".join(block.text for block in blocks if isinstance(block, TextBlock)),
        reasoning="".join(b.content or "" for b in blocks if isinstance(b, ThinkingBlock)),
        calls=tuple(Call(b.tool_call_id, b.tool_name, b.tool_kwargs) for b in calls),
        invalid=tuple(
            call["name"]
            for call in response.message.additional_kwargs.get("invalid_tool_calls", [])
        ),
        finish_reason=response.additional_kwargs.get("finish_reason"),
        usage=(usage["prompt_tokens"], usage["completion_tokens"]) if usage else None,
        gateway=gateway_of(response.additional_kwargs),
    )


def llamaindex_call(wire: Wire) -> tuple[Any, list[ChatMessage], dict[str, Any]]:
    scenario = wire.scenario
    options = {
        "tools": list(scenario.tools) or None,
        "tool_choice": scenario.tool_choice,
        "response_format": scenario.response_format,
    }
    messages = [to_llamaindex(turn) for turn in scenario.turns]
    present = {name: value for name, value in options.items() if value is not None}
    return WorkersAI(scenario.model, **wire.settings()), messages, present


async def llamaindex_sync(wire: Wire, *, stream: bool) -> Outcome:
    model, messages, options = llamaindex_call(wire)
    if not stream:
        return from_llamaindex(model.chat(messages, **options))
    return from_llamaindex(list(model.stream_chat(messages, **options))[-1])


async def llamaindex_async(wire: Wire, *, stream: bool) -> Outcome:
    model, messages, options = llamaindex_call(wire)
    if not stream:
        return from_llamaindex(await model.achat(messages, **options))
    responses = [response async for response in await model.astream_chat(messages, **options)]
    return from_llamaindex(responses[-1])


Face = Callable[..., Awaitable[Outcome]]
FACES = [langchain_sync, langchain_async, llamaindex_sync, llamaindex_async]


def assert_outcome(found: Outcome, expected: Outcome) -> None:
    """Assert equal outcomes; where the wire has no call id, any id is right."""
    calls = tuple(
        Call(None if wanted.id is None else call.id, call.name, call.arguments)
        for call, wanted in zip(found.calls, expected.calls, strict=False)
    )
    assert all(call.id for call in found.calls)
    assert Outcome(**{**vars(found), "calls": calls or found.calls}) == expected


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_scenario_has_the_same_request_and_outcome_in_both_faces(
    scenario: Scenario, face: Face, stream: bool
) -> None:
    """Both faces send the body of a scenario and return its outcome, plain and streamed."""
    wire = Wire(scenario)
    error = scenario.stream_error if stream else scenario.error
    if error is not None:
        with pytest.raises(error):
            await face(wire, stream=stream)
    else:
        expected = (stream and scenario.stream_outcome) or scenario.outcome
        assert_outcome(await face(wire, stream=stream), expected)

    body = {**scenario.request, **({"stream": True, **scenario.stream_request} if stream else {})}
    assert wire.requests == [body]


# -------------------------------------------------------------------------------- batches


class Queue(Wire):
    """A server like `Wire` that sends the scenario's answer as the only one of a batch."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["queueRequest"] == "true"
        self.requests.append(json.loads(request.content))
        if len(self.requests) == 1:
            queued = {"status": "queued", "request_id": "batch-1", "model": self.scenario.model}
            return httpx.Response(200, json={"result": queued, "success": True})
        # An item of the list is a plain answer in its envelope, with an id.
        row = b'{"id":0,' + self.scenario.body().removeprefix(b"{")
        body = b'{"result":{"responses":[' + row + b']},"success":true}'
        return httpx.Response(200, headers=self.scenario.headers, content=body)


async def langchain_batch_sync(wire: Wire) -> Outcome:
    model, messages = langchain_model(wire), [to_langchain(turn) for turn in wire.scenario.turns]
    (found,) = model.batch_results(model.submit_batch([messages]))
    return from_langchain(found)


async def langchain_batch_async(wire: Wire) -> Outcome:
    model, messages = langchain_model(wire), [to_langchain(turn) for turn in wire.scenario.turns]
    (found,) = await model.abatch_results(await model.asubmit_batch([messages]))
    return from_langchain(found)


async def llamaindex_batch_sync(wire: Wire) -> Outcome:
    model, messages, options = llamaindex_call(wire)
    (found,) = model.batch_results(model.submit_batch([messages], **options))
    return from_llamaindex(found)


async def llamaindex_batch_async(wire: Wire) -> Outcome:
    model, messages, options = llamaindex_call(wire)
    (found,) = await model.abatch_results(await model.asubmit_batch([messages], **options))
    return from_llamaindex(found)


BATCH_FACES = [
    langchain_batch_sync,
    langchain_batch_async,
    llamaindex_batch_sync,
    llamaindex_batch_async,
]
QUEUED = [
    scenario
    for scenario in SCENARIOS
    if scenario.error is None
    and scenario.options.get("endpoint") != "openai"
    and "requests" in (get_profile(scenario.model).inputs or ("requests",))
]


@pytest.mark.parametrize("face", BATCH_FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("scenario", QUEUED, ids=lambda scenario: scenario.name)
async def test_a_scenario_has_the_same_request_and_outcome_in_a_batch(
    scenario: Scenario, face: Callable[[Wire], Awaitable[Outcome]]
) -> None:
    """Both faces send the body of a scenario in a batch, and return its outcome.

    They add the default token cap of the model's page, because a batch without a cap is cut below
    that default.
    """
    wire = Queue(scenario)
    default = get_profile(scenario.model).max_tokens_default
    cap = {} if default is None else {"max_tokens": default}

    assert_outcome(await face(wire), scenario.outcome)

    item = {**cap, **scenario.request}
    assert wire.requests == [{"requests": [item]}, {"request_id": "batch-1"}]


def test_at_least_eight_scenarios_run_in_a_batch() -> None:
    """`QUEUED` has the scenarios of the models that take batches."""
    assert len(QUEUED) >= 8
