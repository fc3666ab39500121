"""Tools and validators that change their arguments change copies, and not the answer."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, model_validator

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI
from tests.llamaindex_workersai.scripted import ENTRIES, MODEL, Reply, Scripted, run
from workersai import Client

ARGUMENTS: dict[str, Any] = {"names": ["c", "a", "b"], "limits": {"most": [3]}}


class Guests(BaseModel):
    """Guests of a party. Its validator sorts and shortens the lists of its input in place."""

    names: list[str]
    limits: dict[str, list[int]]

    @model_validator(mode="before")
    @classmethod
    def keep_one(cls, data: Any) -> Any:
        for names in (data.get("names"), data.get("limits", {}).get("most")):
            if names:
                names.sort()
                del names[1:]
                names.append(names[0])
        return data


SHORTENED = Guests.model_construct(names=["a", "a"], limits={"most": [3, 3]})


def seat(names: list[str], limits: dict[str, Any]) -> str:
    """Clear the arguments in place."""
    names.clear()
    limits["most"].clear()
    return "seated"


def arguments_sent(script: Scripted) -> list[Any]:
    """Return the arguments of every call in the last request."""
    return [
        json.loads(call["function"]["arguments"])
        for message in script.requests[-1]["messages"]
        for call in message.get("tool_calls", ())
    ]


# ------------------------------------------------------------------------------ LlamaIndex


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_tool_of_a_function_agent_cannot_change_its_call(streaming: bool) -> None:
    """A LlamaIndex agent sends the model's call back unchanged after a tool cleared the lists."""
    script = Scripted(Reply(calls=[("seat", ARGUMENTS)]), Reply("Done."))
    llm = WorkersAI(MODEL, **script.connection)
    await FunctionAgent(tools=[seat], llm=llm, streaming=streaming).run("Seat them.")
    assert arguments_sent(script) == [ARGUMENTS]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_tool_selections_have_copies_of_the_arguments(entry: str) -> None:
    """`get_tool_calls_from_response` copies the arguments, for each chunk of a stream too."""
    script = Scripted(Reply(calls=[("seat", ARGUMENTS)]))
    llm = WorkersAI(MODEL, **script.connection)
    responses = await run(llm, entry, [ChatMessage(role="user", content="Seat them.")])
    for response in responses:
        before = copy.deepcopy(response.message)
        for selection in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False):
            for value in selection.tool_kwargs.values():
                value.clear()
        assert response.message == before
    (block,) = [b for b in responses[-1].message.blocks if isinstance(b, ToolCallBlock)]
    assert block.tool_kwargs == ARGUMENTS


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_validator_cannot_change_the_answer_that_is_sent_back(is_async: bool) -> None:
    """`WorkersAI` sends the model's own answer back with the validation error."""
    wrong = {**ARGUMENTS, "limits": {"most": ["x"]}}
    script = Scripted(Reply(calls=[("Guests", wrong)]), Reply(calls=[("Guests", ARGUMENTS)]))
    llm = WorkersAI(MODEL, structured_output_method="tool", **script.connection)
    prompt = PromptTemplate("Seat them.")
    if is_async:
        found = await llm.astructured_predict(Guests, prompt)
    else:
        found = llm.structured_predict(Guests, prompt)
    assert found == SHORTENED
    assert arguments_sent(script) == [wrong]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_validator_cannot_change_the_chunks_of_a_stream(is_async: bool) -> None:
    """`WorkersAI` validates a copy of each state of a stream."""
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    llm = WorkersAI(MODEL, structured_output_method="tool", **script.connection)
    prompt = PromptTemplate("Seat them.")
    if is_async:
        stream = await llm.astream_structured_predict(Guests, prompt)
        found = [part async for part in stream]
    else:
        found = list(llm.stream_structured_predict(Guests, prompt))
    assert found[-1] == SHORTENED


async def test_predict_and_call_passes_copies_to_the_tool() -> None:
    """`WorkersAI.predict_and_call` runs a tool that clears its arguments, and the call succeeds."""
    script = Scripted(Reply(calls=[("seat", ARGUMENTS)]))
    llm = WorkersAI(MODEL, **script.connection)
    answer = llm.predict_and_call([FunctionTool.from_defaults(seat)], user_msg="Seat them.")
    assert answer.response == "seated"


# ------------------------------------------------------------------------------- LangChain


async def answers(model: Any, way: str) -> dict[str, Any]:
    """Return the whole output of a chain with `include_raw`."""
    if way == "invoke":
        return dict(model.invoke("Seat them."))
    if way == "ainvoke":
        return dict(await model.ainvoke("Seat them."))
    if way == "stream":
        parts = list(model.stream("Seat them."))
    else:
        parts = [part async for part in model.astream("Seat them.")]
    found: dict[str, Any] = {}
    for part in parts:
        found.update(
            {k: v if k != "raw" or k not in found else found[k] + v for k, v in part.items()}
        )
    return found


WAYS = ["invoke", "ainvoke", "stream", "astream"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_validator_cannot_change_the_raw_message(way: str) -> None:
    """`ChatWorkersAI` validates a copy of the call, so that `raw` has the model's arguments."""
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    model = ChatWorkersAI(MODEL, **script.connection)
    chain = model.with_structured_output(Guests, method="function_calling", include_raw=True)
    found = await answers(chain, way)
    assert found["parsed"] == SHORTENED
    assert isinstance(found["raw"], AIMessage)
    assert found["raw"].tool_calls[0]["args"] == ARGUMENTS


@pytest.mark.parametrize("way", WAYS)
async def test_a_parsed_dict_is_a_copy_of_the_arguments(way: str) -> None:
    """`ChatWorkersAI` returns a dict as `parsed` that shares nothing with `raw`."""
    schema = {"title": "Guests", "type": "object", "properties": {"names": {"type": "array"}}}
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    model = ChatWorkersAI(MODEL, **script.connection)
    chain = model.with_structured_output(schema, method="function_calling", include_raw=True)
    found = await answers(chain, way)
    found["parsed"]["names"].clear()
    assert found["raw"].tool_calls[0]["args"] == ARGUMENTS


# -------------------------------------------------------------------------------- the core


@pytest.mark.parametrize("as_text", [True, False])
def test_a_call_of_a_result_shares_nothing_with_raw(as_text: bool) -> None:
    """`Client` copies the arguments of a call that the answer has as an object."""
    arguments: Any = json.dumps(ARGUMENTS) if as_text else ARGUMENTS
    call = {"name": "seat", "arguments": arguments}
    script = Scripted({"response": None, "tool_calls": [call]})
    connection = {k: v for k, v in script.connection.items() if k != "http_async_client"}
    result = Client(MODEL, **connection).chat([{"role": "user", "content": "Seat them."}])
    before = copy.deepcopy(result.raw)
    result.tool_calls[0].arguments["names"].clear()
    assert result.raw == before
