"""What an answer holds is its own: tools and validators that change arguments change copies."""

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
    """Guests of a party, of whom a validator keeps one, and which it writes into its input."""

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


KEPT = Guests.model_construct(names=["a", "a"], limits={"most": [3, 3]})


def seat(names: list[str], limits: dict[str, Any]) -> str:
    """Seat guests, and forget them."""
    names.clear()
    limits["most"].clear()
    return "seated"


def arguments_sent(script: Scripted) -> list[Any]:
    """The arguments of every call in the last request."""
    return [
        json.loads(call["function"]["arguments"])
        for message in script.requests[-1]["messages"]
        for call in message.get("tool_calls", ())
    ]


# ------------------------------------------------------------------------------ LlamaIndex


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_tool_does_not_rewrite_the_call_that_ran_it(streaming: bool) -> None:
    """The model is shown its call as it made it, whatever the tool did with the arguments."""
    script = Scripted(Reply(calls=[("seat", ARGUMENTS)]), Reply("Done."))
    llm = WorkersAI(MODEL, **script.connection)
    await FunctionAgent(tools=[seat], llm=llm, streaming=streaming).run("Seat them.")
    assert arguments_sent(script) == [ARGUMENTS]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_selections_are_copies(entry: str) -> None:
    """What runs a tool has a copy of each call, of the last chunk and of those before it."""
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
async def test_a_validator_does_not_rewrite_the_answer_that_it_read(is_async: bool) -> None:
    """An answer that goes back with a complaint is what the model answered."""
    wrong = {**ARGUMENTS, "limits": {"most": ["x"]}}
    script = Scripted(Reply(calls=[("Guests", wrong)]), Reply(calls=[("Guests", ARGUMENTS)]))
    llm = WorkersAI(MODEL, structured_output_method="tool", **script.connection)
    prompt = PromptTemplate("Seat them.")
    if is_async:
        found = await llm.astructured_predict(Guests, prompt)
    else:
        found = llm.structured_predict(Guests, prompt)
    assert found == KEPT
    assert arguments_sent(script) == [wrong]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_validator_reads_each_chunk_of_a_stream_anew(is_async: bool) -> None:
    """A validator that changes its input sees every state of a stream as it came."""
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    llm = WorkersAI(MODEL, structured_output_method="tool", **script.connection)
    prompt = PromptTemplate("Seat them.")
    if is_async:
        stream = await llm.astream_structured_predict(Guests, prompt)
        found = [part async for part in stream]
    else:
        found = list(llm.stream_structured_predict(Guests, prompt))
    assert found[-1] == KEPT


async def test_a_tool_that_is_run_by_a_prediction_has_its_own() -> None:
    """`predict_and_call` runs the tool itself."""
    script = Scripted(Reply(calls=[("seat", ARGUMENTS)]))
    llm = WorkersAI(MODEL, **script.connection)
    answer = llm.predict_and_call([FunctionTool.from_defaults(seat)], user_msg="Seat them.")
    assert answer.response == "seated"


# ------------------------------------------------------------------------------- LangChain


async def answers(model: Any, way: str) -> dict[str, Any]:
    """The whole of what a chain with `include_raw` gives."""
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
async def test_a_parser_leaves_the_raw_answer_as_it_was(way: str) -> None:
    """A validator of the schema changes a copy of the call, not the message."""
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    model = ChatWorkersAI(MODEL, **script.connection)
    chain = model.with_structured_output(Guests, method="function_calling", include_raw=True)
    found = await answers(chain, way)
    assert found["parsed"] == KEPT
    assert isinstance(found["raw"], AIMessage)
    assert found["raw"].tool_calls[0]["args"] == ARGUMENTS


@pytest.mark.parametrize("way", WAYS)
async def test_a_parsed_dict_is_a_copy(way: str) -> None:
    """A change of a parsed dict does not change the message."""
    schema = {"title": "Guests", "type": "object", "properties": {"names": {"type": "array"}}}
    script = Scripted(Reply(calls=[("Guests", ARGUMENTS)]))
    model = ChatWorkersAI(MODEL, **script.connection)
    chain = model.with_structured_output(schema, method="function_calling", include_raw=True)
    found = await answers(chain, way)
    found["parsed"]["names"].clear()
    assert found["raw"].tool_calls[0]["args"] == ARGUMENTS


# -------------------------------------------------------------------------------- the core


@pytest.mark.parametrize("as_text", [True, False])
def test_a_call_shares_nothing_with_the_raw_answer(as_text: bool) -> None:
    """Native answers have arguments as objects; those of a call are its own."""
    arguments: Any = json.dumps(ARGUMENTS) if as_text else ARGUMENTS
    call = {"name": "seat", "arguments": arguments}
    script = Scripted({"response": None, "tool_calls": [call]})
    connection = {k: v for k, v in script.connection.items() if k != "http_async_client"}
    result = Client(MODEL, **connection).chat([{"role": "user", "content": "Seat them."}])
    before = copy.deepcopy(result.raw)
    result.tool_calls[0].arguments["names"].clear()
    assert result.raw == before
