"""Tool names that no model accepts are rewritten for the wire and restored in answers."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tests.workersai.conftest import Mocked
from tests.workersai.talking import HELLO, event_stream, json_answer, tool
from workersai import BatchJob, ChatFinish, ToolCallDelta

OWN = ["files/read all", "files.read all", "поиск", "plain"]
WIRE = ["files_read_all", "files_read_all_2", "tool", "plain"]
TOOLS = [tool(name) for name in OWN]


def calls(names: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for at, name in enumerate(names)
    ]


def plain(names: list[str]) -> Any:
    message = {"role": "assistant", "content": None, "tool_calls": calls(names)}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    return json_answer(json.dumps(body).encode())


def streamed(names: list[str]) -> Any:
    pieces = [{**call, "index": at} for at, call in enumerate(calls(names))]
    deltas: list[tuple[dict[str, Any], Any]] = [({"tool_calls": [piece]}, None) for piece in pieces]
    # Some servers repeat the name with every fragment of the arguments.
    again = {"index": 0, "id": None, "function": {"name": names[0], "arguments": " "}}
    deltas += [({"tool_calls": [again]}, None), ({}, "tool_calls")]
    events = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return event_stream(body.encode())


def test_tools_have_acceptable_names_on_the_wire_alone(mocked: Mocked) -> None:
    """Definitions, choice and history are sent with rewritten names; answers have the own ones."""
    client, recorder = mocked(plain([*WIRE, "unheard_of"]))
    history = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": calls([OWN[1], "long gone!"])},
        {"role": "tool", "tool_call_id": "c0", "name": OWN[1], "content": "1"},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    result = client.call("chat", history, tools=TOOLS, tool_choice=OWN[2])
    assert [call.name for call in result.tool_calls] == [*OWN, "unheard_of"]
    (sent,) = recorder.bodies
    assert [made["function"]["name"] for made in sent["tools"]] == WIRE
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "tool"}}
    _, turn, first, _ = sent["messages"]
    assert [call["function"]["name"] for call in turn["tool_calls"]] == [WIRE[1], "long_gone_"]
    assert first["name"] == WIRE[1]
    assert history[1]["tool_calls"][0]["function"]["name"] == OWN[1]


def test_streamed_calls_have_the_tools_own_names(mocked: Mocked) -> None:
    """Deltas and the finish of a stream name the tools as the caller does."""
    client, _ = mocked(streamed(WIRE))
    *deltas, finish = list(client.open("stream_chat", HELLO, tools=TOOLS))
    names = [delta.name for delta in deltas if isinstance(delta, ToolCallDelta) and delta.name]
    assert isinstance(finish, ChatFinish)
    assert names == [call.name for call in finish.tool_calls] == OWN


def test_a_call_by_the_own_name_is_that_tool_s(mocked: Mocked) -> None:
    """A call by the tool's own name counts too: a model may have read it in the conversation."""
    client, _ = mocked(plain([OWN[0]]))
    assert client.chat(tools=TOOLS).tool_calls[0].name == OWN[0]


def test_the_calls_of_a_batch_have_the_tools_own_names(mocked: Mocked) -> None:
    """A batch restores the names of its tools in any process that reads it.

    The batch object keeps the rewritten names; a reader that has only the id does not know them.
    """
    queued = json_answer(b'{"status": "queued", "request_id": "r", "model": "m"}')
    rows = [
        {"id": at, "success": True, "result": {"response": None, "tool_calls": [made]}}
        for at, made in enumerate(
            [{"name": "plain", "arguments": {}}, {"name": "files_read_all_2", "arguments": {}}]
        )
    ]
    done = json_answer(json.dumps({"responses": rows[::-1]}).encode())
    client, recorder = mocked(queued, done)
    requests = [{"messages": HELLO, "tools": [tool("plain")]}, {"messages": HELLO, "tools": TOOLS}]
    batch = client.call("batches.submit", requests)
    sent = recorder.bodies[0]["requests"][1]["tools"]
    assert [made["function"]["name"] for made in sent] == WIRE
    written = BatchJob(**json.loads(json.dumps(dataclasses.asdict(batch))))
    assert written == batch
    for known, names in ((batch, ["plain", OWN[1]]), (written, ["plain", OWN[1]]),
                         ("r", ["plain", WIRE[1]])):  # fmt: skip
        found = client.call("batches.get", known)
        assert [result.chat.tool_calls[0].name for result in found.results] == names
