"""Tools through `WorkersAI`: requests, calls and refusals."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.function_calling import _supports_tool_required
from llama_index.core.tools import FunctionTool

from llamaindex_workersai import ToolCallError, WorkersAI
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted

SPOKEN = "Expected at least one tool call, but got 0 tool calls."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fail(a: int) -> int:
    """Fail."""
    raise RuntimeError("broken tool")


ADD = FunctionTool.from_defaults(add)
FAIL = FunctionTool.from_defaults(fail)
CALL = Reply(calls=[("add", {"a": 1, "b": 2})])


def model(script: Scripted, name: str = MODEL, **settings: Any) -> WorkersAI:
    return WorkersAI(name, **{**script.connection, **settings})


async def with_tools(llm: WorkersAI, entry: str, *args: Any, **kwargs: Any) -> ChatResponse:
    """Call one of the four `..._with_tools` methods and return its last response."""
    found: Any = getattr(llm, f"{entry}_with_tools")(*args, **kwargs)
    if entry.startswith("a"):
        found = await found
    if entry == "astream_chat":
        found = [response async for response in found][-1]
    elif entry == "stream_chat":
        found = list(found)[-1]
    assert isinstance(found, ChatResponse)
    return found


ENTRIES = ("chat", "achat", "stream_chat", "astream_chat")


@pytest.mark.parametrize("entry", ENTRIES)
async def test_call_comes_back_with_dict_arguments(entry: str) -> None:
    """All four methods return a tool call as a block with id, name and parsed arguments."""
    script = Scripted(CALL)
    llm = model(script)
    response = await with_tools(llm, entry, [ADD], "1 + 2?")
    calls = llm.get_tool_calls_from_response(response)
    assert [(c.tool_name, c.tool_kwargs) for c in calls] == [("add", {"a": 1, "b": 2})]
    assert calls[0].tool_id
    assert script.requests[0]["tools"][0]["function"]["name"] == "add"
    assert script.requests[0]["messages"] == [{"role": "user", "content": "1 + 2?"}]


def test_prepared_arguments_have_the_current_signature() -> None:
    """`_prepare_chat_with_tools` has the parameter `tool_required`, and LlamaIndex can pass all of
    them by name.
    """
    assert _supports_tool_required(WorkersAI, tool_required=True)
    prepared = WorkersAI(MODEL)._prepare_chat_with_tools(
        tools=[ADD],
        user_msg="?",
        chat_history=[],
        verbose=False,
        allow_parallel_tool_calls=True,
        tool_required=True,
        tool_choice=None,
        strict=None,
        temperature=0.5,
    )
    assert prepared["tool_choice"] == "required"
    assert prepared["temperature"] == 0.5
    assert [message.content for message in prepared["messages"]] == ["?"]


def test_required_survives_an_explicit_none() -> None:
    """`tool_required=True` counts beside `tool_choice=None`, as LlamaIndex's program passes
    them.
    """
    script = Scripted(CALL)
    model(script).chat_with_tools([ADD], "?", tool_required=True, tool_choice=None)
    assert script.requests[0]["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("add", {"type": "function", "function": {"name": "add"}}),
        ("any", "required"),
        ("none", "none"),
        ({"type": "function", "function": {"name": "add"}},) * 2,
    ],
)
def test_tool_choice_reaches_the_request(choice: Any, sent: Any) -> None:
    """Bare names, modes and dicts are sent in the API's form."""
    script = Scripted(CALL)
    model(script).chat_with_tools([ADD], "?", tool_choice=choice)
    assert script.requests[0]["tool_choice"] == sent


def test_nothing_of_tools_is_sent_without_tools() -> None:
    """A request without tools has no key about tools."""
    script = Scripted(Reply("Hi"))
    model(script).chat_with_tools([], "?", tool_required=True)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & script.requests[0].keys()


@pytest.mark.parametrize("message", ["And now?", ChatMessage(role="user", content="And now?")])
def test_history_given_stays_as_it_is(message: Any) -> None:
    """The user's message is added to a copy of the history."""
    history = [ChatMessage(role="user", content="Hi"), ChatMessage(role="assistant", content="Hi!")]
    before = copy.deepcopy(history)
    script = Scripted(CALL)
    model(script).chat_with_tools([ADD], message, history)
    assert history == before
    assert [m["content"] for m in script.requests[0]["messages"]] == ["Hi", "Hi!", "And now?"]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_one_call_when_parallel_calls_are_not_allowed(entry: str) -> None:
    """Without parallel calls an answer keeps its first call, in blocks and dicts."""
    llm = model(Scripted(Reply(calls=[("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})])))
    response = await with_tools(llm, entry, [ADD], "?", allow_parallel_tool_calls=False)
    assert [c.tool_kwargs["a"] for c in llm.get_tool_calls_from_response(response)] == [1]
    response = await with_tools(llm, entry, [ADD], "?", allow_parallel_tool_calls=True)
    calls = llm.get_tool_calls_from_response(response)
    assert [c.tool_kwargs["a"] for c in calls] == [1, 3]
    assert len({c.tool_id for c in calls}) == 2


@pytest.mark.parametrize(("name", "sent"), [(MODEL, None), (REASONING_MODEL, False)])
def test_parallel_flag_goes_to_models_that_list_it(name: str, sent: Any) -> None:
    """The request has `parallel_tool_calls` if the model's page lists it."""
    script = Scripted(CALL)
    model(script, name).chat_with_tools([ADD], "?", allow_parallel_tool_calls=False)
    assert script.requests[0].get("parallel_tool_calls") is sent
    assert "allow_parallel_tool_calls" not in script.requests[0]


def test_first_call_kept_from_a_foreign_response() -> None:
    """A response of another class is trimmed in a copy."""
    blocks = [ToolCallBlock(tool_call_id=i, tool_name="add", tool_kwargs={}) for i in "aa"]
    response = ChatResponse(message=ChatMessage(role="assistant", blocks=blocks))
    trimmed = WorkersAI(MODEL)._validate_chat_with_tools_response(response, [ADD])
    assert len(trimmed.message.blocks) == 1
    assert len(response.message.blocks) == 2


@pytest.mark.parametrize("entry", ENTRIES)
async def test_tool_names_that_no_model_takes_come_back(entry: str) -> None:
    """Calls have the tool's own name, even if models accept another one only."""
    tool = FunctionTool.from_defaults(add, name="math.add[int]")
    script = Scripted(Reply(calls=[("math_add_int_", {"a": 1, "b": 2})]))
    llm = model(script)
    response = await with_tools(llm, entry, [tool], "?")
    assert script.requests[0]["tools"][0]["function"]["name"] == "math_add_int_"
    assert llm.get_tool_calls_from_response(response)[0].tool_name == "math.add[int]"


def test_calls_while_streaming_grow() -> None:
    """Each response of a stream has the calls so far, with growing arguments."""
    llm = model(Scripted(Reply(calls=[("add", {"a": 12, "b": 345})], piece=3)))
    seen = [
        call.tool_kwargs
        for response in llm.stream_chat_with_tools([ADD], "?")
        for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    ]
    assert seen[0] == {}
    assert {"a": 12} in seen
    assert seen[-1] == {"a": 12, "b": 345}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("arguments", ["", "{}"])
async def test_tool_without_arguments_is_called(entry: str, arguments: str) -> None:
    """Empty arguments and `{}` call a tool without parameters."""
    llm = model(Scripted(Reply(calls=[("now", arguments)])))
    tool = FunctionTool.from_defaults(lambda: "noon", name="now", description="Time.")
    response = await with_tools(llm, entry, [tool], "?")
    assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("arguments", ['{"a": 1, "b', '"text"', "[1, 2]"])
async def test_broken_call_is_never_run(entry: str, arguments: str) -> None:
    """Arguments that are cut, or no object, raise an error even if no call is required.

    A call with `{}` could do harm, and an empty answer would hide the failure.
    """
    llm = model(Scripted(Reply(calls=[("add", arguments)])))
    response = await with_tools(llm, entry, [ADD], "?")
    for strict in (True, False):
        with pytest.raises(ToolCallError, match=r"'add' cannot be run.*use another model"):
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=strict)


def test_sound_call_beside_a_broken_one_is_run() -> None:
    """A valid call beside a malformed one is returned."""
    llm = model(Scripted(Reply(calls=[("add", {"a": 1, "b": 2}), ("add", '{"a')])))
    response = llm.chat_with_tools([ADD], "?", allow_parallel_tool_calls=True)
    assert len(llm.get_tool_calls_from_response(response)) == 1


def test_no_call_where_one_was_expected() -> None:
    """An answer without the expected call raises the ValueError that LlamaIndex's users match."""
    llm = model(Scripted(Reply("No.")))
    response = llm.chat_with_tools([ADD], "?")
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match=SPOKEN):
        llm.get_tool_calls_from_response(response)


def test_error_travels_between_processes() -> None:
    """A pickled ToolCallError keeps its attributes."""
    llm = model(Scripted(Reply("No.", finish="length")))
    with pytest.raises(ToolCallError) as caught:
        llm.get_tool_calls_from_response(llm.chat_with_tools([ADD], "?"))
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.text, copied.is_final, str(copied)) == ("No.", True, str(caught.value))


def test_text_beside_calls_is_kept() -> None:
    """A response with calls keeps its text."""
    response = model(Scripted(Reply("Let me add.", calls=CALL.calls))).chat_with_tools([ADD], "?")
    assert response.message.content == "Let me add."


# ------------------------------------------------------------------------- predict and call


async def called(llm: WorkersAI, entry: str, *args: Any, **kwargs: Any) -> Any:
    found = getattr(llm, entry)(*args, **kwargs)
    return await found if entry.startswith("a") else found


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_runs_the_tool(entry: str) -> None:
    """`predict_and_call` returns the result of the tool that the model chose."""
    found = await called(model(Scripted(CALL)), entry, [ADD], "1 + 2?")
    assert found.response == "3"
    assert found.sources[0].tool_name == "add"


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_raises_a_tool_s_error_on_request_only(entry: str) -> None:
    """A failing tool gives an error output, or a ValueError with `error_on_tool_error=True`."""
    llm = model(Scripted(Reply(calls=[("fail", {"a": 1})])))
    found = await called(llm, entry, [FAIL], "?")
    assert found.sources[0].is_error
    with pytest.raises(ValueError, match="broken tool"):
        await called(llm, entry, [FAIL], "?", error_on_tool_error=True)


@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_asks_once_where_no_call_is_required(entry: str) -> None:
    """Without a required call, text is the response or raises at once, with a single request."""
    script = Scripted(Reply("No."), CALL)
    with pytest.raises(ToolCallError, match=SPOKEN):
        await called(model(script), entry, [ADD], "1 + 2?")
    assert len(script.requests) == 1
    history = [ChatMessage(role="user", content="1 + 2?")]
    found = await called(
        model(Scripted(Reply("No."))),
        entry,
        [ADD],
        chat_history=history,
        tool_required=True,
        error_on_no_tool_call=False,
    )
    assert found.response == "No."
    assert len(history) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # agents look at pydantic's old names
@pytest.mark.parametrize("entry", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_on_a_model_without_tools(entry: str) -> None:
    """On a model without tool calling, `predict_and_call` uses the ReAct protocol."""
    text = 'Thought: I must add.\nAction: add\nAction Input: {"a": 1, "b": 2}'
    script = Scripted(Reply(text))
    llm = model(script, is_function_calling_model=False)
    found = await called(llm, entry, [ADD], "1 + 2?")
    assert found.response == "3"
    assert "tools" not in script.requests[0]
