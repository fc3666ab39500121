"""Requests of `ChatWorkersAI`."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

import langchain_workersai as face
from tests.langchain_workersai.scripted import GLM, GRANITE, merged


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


def test_only_parameters_that_are_set_are_sent(scripted: Any, wire: Any) -> None:
    """A request has only parameters that the user set."""
    llm, server = scripted(wire.answer("a"))
    llm.invoke("hi")
    assert server.body == {"messages": [{"role": "user", "content": "hi"}]}


def test_parameters_reach_the_wire_under_their_names(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI sends each field under its own name, the value 0 included."""
    parameters: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": 9,
        "top_p": 0.5,
        "top_k": 4,
        "seed": 7,
        "repetition_penalty": 1.1,
        "frequency_penalty": 0.2,
        "presence_penalty": 0.3,
        "stop": ["END"],
        "user": "u",
    }
    llm, server = scripted(wire.answer("a"), **parameters, model_kwargs={"custom": 1})
    llm.invoke("hi")
    body = server.body
    assert {k: body[k] for k in parameters} == parameters
    assert body["custom"] == 1


def test_options_of_a_call_replace_fields(scripted: Any, wire: Any) -> None:
    """Options of a call and bound options replace fields, and are merged into `model_kwargs`."""
    llm, server = scripted(wire.answer("a"), temperature=1, stop=["A"], model_kwargs={"x": 1})
    llm.bind(temperature=0.5).invoke("hi", stop=["B"], model_kwargs={"y": 2}, top_k=3)
    body = server.body
    assert (body["temperature"], body["stop"], body["top_k"]) == (0.5, ["B"], 3)
    assert (body["x"], body["y"]) == (1, 2)


def test_empty_stop_is_not_sent(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI leaves out `stop` when the list is empty."""
    llm, server = scripted(wire.answer("a"), stop=[])
    llm.invoke("hi", stop=[])
    assert "stop" not in server.body


def test_an_unknown_option_is_refused(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI raises ConfigurationError for an unknown option, in constructor and call."""
    with pytest.raises(face.ConfigurationError, match="temprature"):
        scripted(wire.answer("a"), temprature=1)
    llm, server = scripted(wire.answer("a"))
    with pytest.raises(face.ConfigurationError, match="temprature"):
        llm.invoke("hi", temprature=1)
    assert server.requests == []


@pytest.mark.parametrize("endpoint", ["run", "openai"])
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_the_model_of_a_call_is_used(
    scripted: Any, wire: Any, endpoint: str, streamed: bool
) -> None:
    """`model=` of a call changes the request and the model that LangSmith receives."""
    answer = wire.stream("a", model=GLM) if streamed else {**wire.answer("a"), "model": GLM}
    llm, server = scripted(answer, endpoint=endpoint)
    message = merged(list(llm.stream("hi", model=GLM))) if streamed else llm.invoke("hi", model=GLM)
    request = server.requests[0]
    assert GLM in request.url.path or server.body["model"] == GLM
    assert GRANITE not in request.url.path
    assert message.response_metadata["model_name"] == GLM
    assert llm._get_ls_params(model=GLM)["ls_model_name"] == GLM


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_a_model_of_none_means_the_object_s_model(scripted: Any, streamed: bool) -> None:
    """With `model=None` ChatWorkersAI uses the object's model and names it in the answer."""
    llm, _ = scripted([{"response": "a"}, "[DONE]"] if streamed else {"response": "a"})
    message = (
        merged(list(llm.stream("hi", model=None))) if streamed else llm.invoke("hi", model=None)
    )
    assert message.response_metadata["model_name"] == GRANITE


def test_the_openai_endpoint_requests_stream_usage(scripted: Any, wire: Any) -> None:
    """A stream on the OpenAI endpoint requests usage unless `stream_usage` is False."""
    llm, server = scripted(wire.stream("a"), endpoint="openai")
    list(llm.stream("hi"))
    list(llm.stream("hi", stream_usage=False))
    assert server.bodies[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in server.bodies[1]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        (True, "required"),
        ("required", "required"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
    ],
    ids=str,
)
def test_tool_choice_in_every_form(scripted: Any, wire: Any, choice: Any, expected: Any) -> None:
    """`bind_tools` translates LangChain's tool choices into those of Workers AI."""
    llm, server = scripted(wire.answer("a"))
    llm.bind_tools([weather], tool_choice=choice).invoke("hi")
    assert server.body.get("tool_choice") == expected
    assert server.body["tools"][0]["function"]["name"] == "weather"


def test_no_tools_are_not_sent(scripted: Any, wire: Any) -> None:
    """`bind_tools([])` sends no `tools` key."""
    llm, server = scripted(wire.answer("a"))
    llm.bind_tools([]).invoke("hi")
    assert "tools" not in server.body


def test_strict_and_parallel_calls_are_sent(scripted: Any, wire: Any) -> None:
    """`bind_tools` sends `strict` in the function and `parallel_tool_calls` in the request."""
    llm, server = scripted(wire.answer("a"))
    llm.bind_tools([weather], strict=True, parallel_tool_calls=False).invoke("hi")
    assert server.body["tools"][0]["function"]["strict"] is True
    assert server.body["parallel_tool_calls"] is False


def test_history_is_sent_complete(scripted: Any, wire: Any) -> None:
    """A history is sent with calls, results and, to models that reason, the reasoning."""
    history = [
        HumanMessage("weather?"),
        AIMessage(
            "Looking.",
            tool_calls=[{"name": "weather", "args": {"city": "Zürich"}, "id": "c"}],
            additional_kwargs={"reasoning_content": "hm"},
        ),
        ToolMessage("sunny", tool_call_id="c"),
    ]
    llm, server = scripted(wire.answer("a"), model=GLM)
    llm.invoke(history)
    assistant = server.body["messages"][1]
    assert assistant["content"] == "Looking."
    assert assistant["reasoning"] == "hm"
    assert assistant["tool_calls"][0]["function"]["arguments"] == '{"city": "Zürich"}'
    granite, server = scripted(wire.answer("a"))
    granite.invoke(history)
    assert "reasoning" not in server.body["messages"][1]


@pytest.mark.parametrize("name", ["streaming", "stream_usage", "repair_history", "think_tags"])
def test_switches_must_be_true_or_false(scripted: Any, wire: Any, name: str) -> None:
    """Constructor and assignment raise ConfigurationError for a switch that is not a bool."""
    llm, _ = scripted(wire.answer("a"), **{name: True})
    for wrong in ("off", 1):
        with pytest.raises(face.ConfigurationError, match=f"{name} must be True or False"):
            scripted(wire.answer("a"), **{name: wrong})
        with pytest.raises(face.ConfigurationError, match=f"{name} must be True or False"):
            setattr(llm, name, wrong)
    assert getattr(llm, name) is True
