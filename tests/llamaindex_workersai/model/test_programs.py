"""LlamaIndex's programs and selectors, and calls of unknown tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.selectors import PydanticSingleSelector
from llama_index.core.tools import FunctionTool, ToolMetadata
from pydantic import BaseModel

from llamaindex_workersai import ToolCallError, WorkersAI
from tests.llamaindex_workersai.scripted import Reply, Scripted

MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


class Boat(BaseModel):
    """A boat."""

    name: str
    crew: list[str]


FITS = {"name": "Ada", "crew": ["Bo"]}
BOAT = Boat(name="Ada", crew=["Bo"])
TEXT = '{"name": "Ada", "crew": ["Bo"]}'
ENTRIES = ("call", "acall", "stream", "astream")


def model(script: Scripted, **settings: Any) -> WorkersAI:
    return WorkersAI(MODEL, **{**script.connection, **settings})


async def ask(script: Scripted, entry: str, **settings: Any) -> Any:
    """Run a program and return its object, or the last one of its stream."""
    program = FunctionCallingProgram.from_defaults(
        output_cls=Boat, prompt_template_str="A boat.", llm=model(script, **settings)
    )
    if entry == "call":
        return program()
    if entry == "acall":
        return await program.acall()
    if entry == "stream":
        return list(program.stream_call())[-1]
    return [found async for found in await program.astream_call()][-1]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "reply",
    [
        Reply(calls=[("boat", FITS)]),
        Reply(calls=[("give_boat", FITS)]),
        Reply(TEXT),
        Reply(f"Here it is:\n```json\n{TEXT}\n```\nAnything else?"),
        Reply(f'{{"name": "Boat", "arguments": {TEXT}}}'),
    ],
    ids=["other case", "other name", "text", "fence", "written call"],
)
async def test_a_program_accepts_odd_calls(entry: str, reply: Reply) -> None:
    """A program accepts its call under another name, and with arguments as text."""
    script = Scripted(reply)
    assert await ask(script, entry) == BOAT
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", ["call", "acall"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(calls=[("Boat", {"name": "Ada"})]), "crew: Field required"),
        (Reply(calls=[("ship", {"crew": "Bo"})]), "name: Field required"),
        (Reply('{"name": "Ada"}'), "0 tool calls"),
    ],
    ids=["call", "other name", "text"],
)
async def test_a_program_asks_again_for_an_invalid_object(
    entry: str, reply: Reply, reason: str
) -> None:
    """A program returns an invalid object to the model once; then it raises an error."""
    script = Scripted(reply, Reply(calls=[("Boat", FITS)]))
    assert await ask(script, entry) == BOAT
    assert reason in script.requests[1]["messages"][-1]["content"]
    script = Scripted(reply)
    with pytest.raises(ToolCallError, match=reason):
        await ask(script, entry)
    assert len(script.requests) == 2


@pytest.mark.parametrize("entry", ["stream", "astream"])
@pytest.mark.parametrize(
    "reply", [Reply("No boat."), Reply(None), Reply(calls=[("Boat", '{"name": }')])]
)
async def test_a_program_s_stream_without_an_object_raises(entry: str, reply: Reply) -> None:
    """A program's stream without an object raises an error and yields no blank object."""
    with pytest.raises(ToolCallError):
        await ask(Scripted(reply), entry)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "reply",
    [Reply(calls=[("select", {"index": 2, "reason": "r"})]), Reply('{"index": 2, "reason": "r"}')],
)
async def test_selectors_take_a_choice_in_any_of_these_forms(is_async: bool, reply: Reply) -> None:
    """A router's selector reads a choice in each of the forms that models write."""
    selector = PydanticSingleSelector.from_defaults(llm=model(Scripted(reply)))
    choices = [ToolMetadata("a river", name="river"), ToolMetadata("a town", name="town")]
    if is_async:
        found = await selector.aselect(choices, "Which?")
    else:
        found = selector.select(choices, "Which?")
    assert found.ind == 1


# --------------------------------------------------------------------------- the user's tools


def double(a: int) -> int:
    """Double a number."""
    return 2 * a


DOUBLE = FunctionTool.from_defaults(double)


async def called(llm: WorkersAI, entry: str, **kwargs: Any) -> Any:
    run: Callable[..., Any] = getattr(llm, entry)
    found = run([DOUBLE], "?", **kwargs)
    return await found if entry.startswith("a") else found


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize(
    "wrong", [Reply(calls=[("twice", {"a": 4})]), Reply(calls=[("double", "[4]")])]
)
async def test_a_call_that_cannot_be_run_is_asked_for_again(
    entry: str, is_required: bool, wrong: Reply
) -> None:
    """The model receives the reason why its call cannot run, required or not."""
    script = Scripted(wrong, Reply(calls=[("double", {"a": 4})]))
    found = await called(model(script), entry, tool_required=is_required)
    assert found.response == "8"
    assert "double" in script.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_a_call_of_no_tool_is_a_typed_error_in_the_end(entry: str) -> None:
    """Repeated calls of an unknown tool raise ToolCallError with the called and the existing names,
    and run nothing.
    """
    calls = [("double", {"a": 4}), ("twice", {"a": 4})]
    script = Scripted(Reply(calls=calls))
    with pytest.raises(ToolCallError, match="'twice', which is not a tool"):
        await called(
            model(script, structured_output_retries=0), entry, allow_parallel_tool_calls=True
        )
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_several_results_are_joined(entry: str) -> None:
    """The results of parallel calls become one response, in their order."""
    script = Scripted(Reply(calls=[("double", {"a": 4}), ("double", {"a": 5})]))
    found = await called(model(script), entry, allow_parallel_tool_calls=True)
    assert found.response == "8\n\n10"
    assert [output.raw_output for output in found.sources] == [8, 10]
