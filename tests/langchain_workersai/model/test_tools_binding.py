"""Chat models with bound options keep every option that was bound."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import StructuredTool
from pydantic import BaseModel

import langchain_workersai as face
from tests.langchain_workersai.scripted import Scripted


class Person(BaseModel):
    """A person."""

    name: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    return city


class TagRecorder(BaseCallbackHandler):
    """Keeps the tags of the models that ran."""

    def __init__(self) -> None:
        self.tags: list[str] = []

    def on_chat_model_start(self, *_: Any, tags: list[str] | None = None, **__: Any) -> None:
        self.tags += tags or []


async def test_tools_are_bound_beside_options(scripted: Scripted, wire: Any) -> None:
    """`bind(...).bind_tools(...)` sends the options and the tools, and keeps the config."""
    llm, server = scripted(wire.answer("a"))
    recorder = TagRecorder()
    bound: Any = llm.with_config(tags=["mine"], callbacks=[recorder]).bind(temperature=0.5, seed=1)
    bound.bind_tools([get_weather], seed=2).invoke("hi")
    await bound.bind_tools([get_weather], seed=2).ainvoke("hi")
    for body in server.bodies:
        assert body["tools"][0]["function"]["name"] == "get_weather"
        assert (body["temperature"], body["seed"]) == (0.5, 2)
    assert recorder.tags == ["mine", "mine"]


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
async def test_a_schema_is_requested_beside_options(
    scripted: Scripted, wire: Any, method: str
) -> None:
    """`bind(...).with_structured_output(...)` keeps bound parameters and config, not the tools."""
    text = '{"name": "Ada"}'
    call = {"tool_calls": [wire.call("Person", text)]} if method == "function_calling" else {}
    llm, server = scripted(wire.answer(text, **call))
    recorder = TagRecorder()
    bound: Any = llm.bind_tools([get_weather], tool_choice="any").bind(temperature=0.5)
    bound = bound.with_config(tags=["mine"], callbacks=[recorder])
    chain = bound.with_structured_output(Person, method=method)
    assert chain.invoke("hi") == Person(name="Ada")
    assert await chain.ainvoke("hi") == Person(name="Ada")
    for body in server.bodies:
        assert body["temperature"] == 0.5
        names = [sent["function"]["name"] for sent in body.get("tools", [])]
        assert names == (["Person"] if call else [])
    assert recorder.tags.count("mine") == 2


def test_an_agent_keeps_bound_options(scripted: Scripted, wire: Any) -> None:
    """An agent sends the bound options of its model beside the agent's tools."""
    llm, server = scripted(wire.answer("a"))
    agent: Any = create_agent(llm.bind(temperature=0.5), [get_weather])
    agent.invoke({"messages": [("user", "hi")]})
    assert server.body["temperature"] == 0.5
    assert server.body["tools"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize(
    ("method", "option"),
    [
        ("function_calling", {"tools": [get_weather]}),
        ("function_calling", {"tool_choice": "auto"}),
        ("json_schema", {"response_format": {"type": "text"}}),
        ("json_mode", {"response_format": {"type": "text"}}),
    ],
    ids=["tools", "tool_choice", "response_format", "response_format of json_mode"],
)
def test_options_that_a_method_sets_are_refused(
    scripted: Scripted, wire: Any, method: str, option: dict[str, Any]
) -> None:
    """`with_structured_output` refuses an option that its method sets, and names the option."""
    llm, _ = scripted(wire.answer("a"))
    with pytest.raises(face.ConfigurationError) as caught:
        llm.with_structured_output(Person, method=method, **option)
    assert caught.value.parameter == next(iter(option))


def test_tools_beside_a_schema(scripted: Scripted, wire: Any) -> None:
    """With `json_schema` the caller's tools are sent, and `include_raw` shows the tool call."""
    call = [wire.call("get_weather", '{"city": "Oslo"}')]
    llm, server = scripted(wire.answer("", tool_calls=call))
    chain = llm.with_structured_output(
        Person, method="json_schema", include_raw=True, tools=[get_weather]
    )
    result: Any = chain.invoke("hi")
    assert result["raw"].tool_calls[0]["name"] == "get_weather"
    assert server.body["tools"][0]["function"]["name"] == "get_weather"


async def test_options_bound_after_a_config_are_in_batches(scripted: Scripted) -> None:
    """A binding made after `with_config` sends its options in batches too."""
    queued = {"status": "queued", "request_id": "r", "model": "m"}
    llm, server = scripted(queued)
    bound: Any = llm.with_config(tags=["x"]).bind(seed=2)
    bound.submit_batch(["Hi"])
    await bound.asubmit_batch(["Hi"])
    assert [body["requests"][0]["seed"] for body in server.bodies] == [2, 2]


def test_wrappers_around_a_binding(scripted: Scripted, wire: Any) -> None:
    """Retries, fallbacks and copies of a binding send its options."""
    llm, server = scripted(wire.answer("a"))
    failing, _ = scripted(wire.error(500, 3043), max_retries=0)
    bound = llm.bind(seed=1)
    assert isinstance(bound, RunnableBinding)
    bound.with_retry().invoke("hi")
    failing.bind(seed=3).with_fallbacks([bound]).invoke("hi")
    copy.copy(bound).invoke("hi")
    assert [body["seed"] for body in server.bodies] == [1, 1, 1]


@pytest.mark.parametrize("streaming", [None, True])
async def test_an_agent_calls_tools_with_names_that_models_reject(
    scripted: Scripted, wire: Any, streaming: bool | None
) -> None:
    """ChatWorkersAI sends valid tool names to the model and gives the agent the original ones."""
    ran: list[str] = []

    def make_tool(name: str) -> StructuredTool:
        def run(city: str) -> str:
            ran.append(name)
            return city

        return StructuredTool.from_function(run, name=name, description="Runs.")

    def reply(body: dict[str, Any]) -> Any:
        names = [sent["function"]["name"] for sent in body["tools"]]
        results = sum(message["role"] == "tool" for message in body["messages"])
        if results == len(names):
            return wire.stream("done") if streaming else wire.answer("done")
        call = wire.call(names[results], '{"city": "Oslo"}', f"c{results}")
        return (
            wire.stream({"tool_calls": [call]}) if streaming else wire.answer("", tool_calls=[call])
        )

    tools = [make_tool(name) for name in ("city search", "city.search", "поиск города", "plain")]
    llm, server = scripted(reply, streaming=streaming)
    agent: Any = create_agent(llm, tools)
    for result in (
        agent.invoke({"messages": [("user", "hi")]}),
        await agent.ainvoke({"messages": [("user", "hi")]}),
    ):
        assert result["messages"][-1].text == "done"
    assert ran == [tool.name for tool in tools] * 2
    history = server.bodies[4]["messages"]
    calls = [call for message in history for call in message.get("tool_calls", ())]
    assert [call["function"]["name"] for call in calls] == [
        "city_search",
        "city_search_2",
        "tool",
        "plain",
    ]


def test_arguments_that_are_not_tools(scripted: Scripted, wire: Any) -> None:
    """Wrong tools, tool choices and formats raise ConfigurationError before any request."""
    llm, server = scripted(wire.answer("a"))
    wrong: list[tuple[str, Any]] = [
        ("tools", lambda: llm.bind_tools(get_weather)),
        ("tools", lambda: llm.bind_tools([5])),
        ("tools", lambda: llm.invoke("hi", tools=get_weather)),
        ("tools", lambda: llm.bind(tools=["get_weather"]).invoke("hi")),
        ("tool_choice", lambda: llm.bind_tools([get_weather], tool_choice=5)),
        ("tool_choice", lambda: llm.bind_tools([get_weather], tool_choice="other").invoke("hi")),
        ("tool_choice", lambda: llm.invoke("hi", tools=[get_weather], tool_choice=["x"])),
        ("tool_choice", lambda: llm.invoke("hi", tool_choice="any")),
        ("strict", lambda: llm.bind_tools([get_weather], strict="yes")),
        ("strict", lambda: llm.with_structured_output(Person, strict=1)),
        ("response_format", lambda: llm.bind_tools([], response_format=5)),
        ("response_format", lambda: llm.invoke("hi", response_format="json")),
    ]
    for parameter, call in wrong:
        with pytest.raises(face.ConfigurationError) as caught:
            call()
        assert caught.value.parameter == parameter
    assert not server.requests
