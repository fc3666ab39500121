"""Forced tool calls that a model wrote as text, through both faces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.llamaindex_workersai.scripted import Reply, Scripted
from tests.test_asking_again import FACES, FORECAST, GOOD, WAYS, ask, calls_of, make, text_of

ARGUMENTS = '{"city": "Oslo", "days": 2}'
CALL = f'{{"name": "forecast", "arguments": {ARGUMENTS}}}'
NEWS = {"type": "function", "function": {"name": "the news", "parameters": {"type": "object"}}}
WRITTEN = [
    CALL,
    f"```json\n{CALL}\n```",
    f"<tool_call>\n{CALL}\n</tool_call>",
    f'[{{"name": "forecast", "parameters": {ARGUMENTS}}}]',
    '{"name": "forecast", "city": "Oslo", "days": 2}',
    json.dumps({"type": "function", "function": {"name": "forecast", "arguments": ARGUMENTS}}),
]
OTHER = [
    "It will rain.",
    f"I call {CALL}",
    '{"name": "another", "arguments": {}}',
    '{"name": "forecast", "arguments": [1]}',
    '{"name": "forecast", "arguments": {"days": NaN}}',
    f"[{CALL}, 5]",
    CALL[:-2],
    "[see the map]",
    "```\nrain\n```",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_written_call_is_a_call(face: str, way: str) -> None:
    """If the request forces a call, a text that is a call of a tool of the request is that call."""
    choices = ["required", "any", True, "forecast", {"type": "any"}]
    for text in WRITTEN:
        for choice in choices if text is CALL else choices[:1]:
            script = Scripted(Reply(text))
            answer = await ask(make(face, script), way, tools=[FORECAST, NEWS], tool_choice=choice)
            assert (calls_of(answer), text_of(answer)) == ([("forecast", GOOD)], ""), (text, choice)
            assert len(script.requests) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_call_after_a_thought(face: str, way: str) -> None:
    """With `think_tags`, the reasoning before a written call is taken out first."""
    script = Scripted(Reply(f"<think>It is needed.</think>\n{CALL}"))
    llm = make(face, script, think_tags=True)
    answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
    assert (calls_of(answer), text_of(answer)) == ([("forecast", GOOD)], "")
    assert "It is needed." in repr(answer)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_other_text_stays_text(face: str, way: str) -> None:
    """Nothing is guessed: prose, broken JSON and unknown tools are the answer's text."""
    for text in OTHER:
        llm = make(face, Scripted(Reply(text)))
        answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
        assert (calls_of(answer), text_of(answer)) == ([], text)
    free = await ask(make(face, Scripted(Reply(CALL))), way, tools=[FORECAST])
    auto = {"tools": [FORECAST], "tool_choice": {"type": "auto"}}
    freed = await ask(make(face, Scripted(Reply(CALL))), way, **auto)
    cut = Scripted(Reply(CALL, finish="length"))
    cut_off = await ask(make(face, cut), way, tools=[FORECAST], tool_choice="required")
    for answer in (free, freed, cut_off):
        assert (calls_of(answer), text_of(answer)) == ([], CALL)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_arguments_without_a_name(face: str, way: str) -> None:
    """They are a call if only one tool may be called and they have its properties."""
    one = [FORECAST]
    cases: list[tuple[str, Any, Any, bool]] = [
        (ARGUMENTS, one, "required", True),
        (ARGUMENTS, [FORECAST, NEWS], "forecast", True),
        (ARGUMENTS, [FORECAST, NEWS], "required", False),
        ('{"city": "Oslo", "rain": true}', one, "required", False),
        ("{}", one, "required", False),
    ]
    for text, tools, choice, is_call in cases:
        llm = make(face, Scripted(Reply(text)))
        answer = await ask(llm, way, tools=tools, tool_choice=choice)
        assert calls_of(answer) == ([("forecast", GOOD)] if is_call else [])
        assert text_of(answer) == ("" if is_call else text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_a_real_call_beside_such_text_wins(face: str, way: str) -> None:
    """Then the text is text; the written name of a renamed tool is its own name again."""
    script = Scripted(Reply("{...}", calls=[("forecast", GOOD)]), Reply('{"name": "the_news"}'))
    llm = make(face, script)
    answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
    assert (calls_of(answer), text_of(answer)) == ([("forecast", GOOD)], "{...}")
    answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
    assert calls_of(answer) == [("the news", {})]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_of_prose_is_not_held_back(way: str) -> None:
    """Only a text that begins as a call waits for its end."""
    llm = make("langchain", Scripted(Reply("It will rain.", piece=3)))
    bound = llm.bind_tools([FORECAST], tool_choice="any")
    if way == "stream":
        chunks = list(bound.stream("Weather?"))
    else:
        chunks = [chunk async for chunk in bound.astream("Weather?")]
    assert [chunk.text for chunk in chunks if chunk.text][:2] == ["It ", "wil"]


@pytest.mark.parametrize("text", ["<tool_call>", "```", "[", "<tool_call>{}</tool_call>", "\n"])
@pytest.mark.parametrize("face", FACES)
async def test_a_text_that_repeats_itself_takes_no_time(face: str, text: str) -> None:
    """Models may repeat themselves up to the token cap; a quadratic search would take minutes."""
    repeated = text * 30_000
    llm = make(face, Scripted(Reply(repeated, piece=1000)))
    for way in ("plain", "stream"):
        answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
        assert (calls_of(answer), text_of(answer)) == ([], repeated)


class Weather(BaseModel):
    """The weather."""

    sky: str


@tool
def place(name: str) -> str:
    """Find a place."""
    return name


async def test_an_agent_reads_its_structured_response() -> None:
    """LangChain's `ToolStrategy` forces a call; an agent ends without an answer if it gets text."""
    text = '{"name": "Weather", "arguments": {"sky": "grey"}}'
    agent = create_agent(
        make("langchain", Scripted(Reply(text))), [place], response_format=ToolStrategy(Weather)
    )
    asked: Any = {"messages": [("user", "Weather?")]}
    assert agent.invoke(asked)["structured_response"] == Weather(sky="grey")
    assert (await agent.ainvoke(asked))["structured_response"] == Weather(sky="grey")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_arguments_named_like_parts_of_a_call_are_kept(face: str, way: str) -> None:
    """A parameter `id` or `type` of the tool, written beside the name, is an argument."""
    properties = {"id": {"type": "integer"}, "type": {"type": "string"}}
    close = {
        "type": "function",
        "function": {
            "name": "close",
            "description": "Close a ticket.",
            "parameters": {"type": "object", "properties": properties},
        },
    }
    llm = make(face, Scripted(Reply('{"name": "close", "id": 5, "type": "done"}')))
    answer = await ask(llm, way, tools=[close, NEWS], tool_choice="required")
    assert calls_of(answer) == [("close", {"id": 5, "type": "done"})]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_null_arguments_are_none(face: str, way: str) -> None:
    """A written call with `null` arguments is a call without arguments, as on the wire."""
    for key in ("arguments", "parameters"):
        llm = make(face, Scripted(Reply(f'{{"name": "the news", "{key}": null}}')))
        answer = await ask(llm, way, tools=[FORECAST, NEWS], tool_choice="required")
        assert calls_of(answer) == [("the news", {})]
