"""The exact paths and bodies of chat and completion requests."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.workersai.talking import (
    ADD,
    BGE,
    GLM,
    GRANITE,
    HELLO,
    LLAMA,
    SEA_LION,
    UNKNOWN,
    call_options,
    chat_request_for,
)
from workersai import CallOptions, ChatParameters, ConfigurationError, EndpointName
from workersai._request.catalogue import models_request
from workersai._request.chat import ChatOptions, chat_request, completion_request
from workersai._request.embeddings import EmbeddingRequests
from workersai._request.rerank import ranking
from workersai._wire import Request

ENDPOINTS: list[EndpointName] = ["run", "openai"]


def body(request: Request) -> Any:
    return json.loads(request.content)


def chat(model: str = UNKNOWN, endpoint: EndpointName = "run", **options: Any) -> Request:
    tools, choice = options.pop("tools", None), options.pop("tool_choice", None)
    flags = {
        name: options.pop(name)
        for name in ("stream", "include_usage", "reject_if_busy")
        if name in options
    }
    made = ChatOptions(model, call_options(options), endpoint=endpoint, **flags)
    return chat_request(HELLO, made, tools=tools, tool_choice=choice)


def complete(prompt: Any = "Once", model: str = GRANITE, **options: Any) -> Request:
    return completion_request(prompt, ChatOptions(model, call_options(options)))


# ----------------------------------------------------------------------------------- chat


def test_a_native_chat() -> None:
    """The path holds the model, unescaped; the body holds only messages."""
    request = chat()
    assert (request.method, request.path) == ("POST", f"/run/{UNKNOWN}")
    assert body(request) == {"messages": HELLO}


def test_an_openai_chat() -> None:
    """The body of `/ai/v1` holds the model."""
    request = chat(endpoint="openai")
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert body(request) == {"model": UNKNOWN, "messages": HELLO}


@pytest.mark.parametrize(("model", "cap"), [(GRANITE, 2000), (SEA_LION, 2000), (LLAMA, 256)])
def test_a_cap_is_sent_unasked_only_where_the_route_would_cut(model: str, cap: int) -> None:
    """`/ai/v1` stops at 256 tokens without a cap, so the client sends the page's default there."""
    assert body(chat(model, "openai"))["max_tokens"] == cap
    assert "max_tokens" not in body(chat(model, "run"))
    assert "max_tokens" not in body(complete(model=model))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_cap_that_was_set_is_sent(endpoint: EndpointName) -> None:
    """The client sends the caller's cap by either name, and no second one."""
    assert body(chat(GRANITE, endpoint, max_tokens=7))["max_tokens"] == 7
    extra = {"max_completion_tokens": 9}
    assert body(chat(GRANITE, endpoint, extra=extra)).get("max_tokens") is None
    assert body(complete(model=GRANITE, max_tokens=8))["max_tokens"] == 8


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("model", [GLM, UNKNOWN])
def test_no_cap_is_made_up(model: str, endpoint: EndpointName) -> None:
    """If the page documents no default, the client sends no cap."""
    assert "max_tokens" not in body(chat(model, endpoint))


def test_one_cap_is_enough() -> None:
    """A cap under the newer name gets no second cap beside it."""
    found = body(chat(GRANITE, extra={"max_completion_tokens": 9}))
    assert found["max_completion_tokens"] == 9
    assert "max_tokens" not in found


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_only_what_was_set_is_sent(endpoint: EndpointName) -> None:
    """The client sends no None, and every other value unchanged."""
    found = body(chat(GLM, endpoint, temperature=0, top_p=None, seed=1, stop=["."], user=""))
    found.pop("model", None)
    assert found == {"messages": HELLO, "temperature": 0, "seed": 1, "stop": ["."], "user": ""}


def test_every_documented_parameter_reaches_the_wire() -> None:
    """Each parameter of text generation is a field of the same name in the body."""
    parameters: dict[str, Any] = {
        "temperature": 0.5, "max_tokens": 5, "top_p": 0.5, "top_k": 5, "seed": 5,
        "repetition_penalty": 1.5, "frequency_penalty": 1.5, "presence_penalty": 1.5,
        "stop": ["."], "n": 2, "logprobs": True, "top_logprobs": 5, "logit_bias": {"1": 5},
        "reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False},
        "lora": "x", "raw": True, "parallel_tool_calls": False, "user": "u",
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": {"name": "f"}, "modalities": ["text"], "audio": {"voice": "x"},
        "prediction": {"type": "content", "content": "a"}, "service_tier": "flex", "store": True,
        "stream_options": {"include_obfuscation": False},
        "web_search_options": {"search_context_size": "low"}, "metadata": {"team": "a"},
    }  # fmt: skip
    assert set(parameters) == set(ChatParameters.__annotations__)
    streamed = body(chat(**{**parameters, "n": 1}, stream=True))
    assert streamed == {"messages": HELLO, **parameters, "n": 1, "stream": True}
    plain = body(chat(**parameters))
    del parameters["stream_options"]  # options of streams
    assert plain == {"messages": HELLO, **parameters}


@pytest.mark.parametrize("functions", ["f", {"name": "f"}, 5, [5], [{}], [{"name": ""}]], ids=repr)
def test_functions_are_dicts_with_a_name(functions: Any) -> None:
    """Anything else raises before a request, and says what to pass."""
    with pytest.raises(ConfigurationError, match=r"pass \[\{'name'") as caught:
        chat(functions=functions)
    assert caught.value.parameter == "functions"


def test_a_body_is_utf8_unescaped() -> None:
    """The body has non-ASCII characters unescaped."""
    request = chat_request_for(messages=[{"role": "user", "content": "Zürich 上 🙂"}], tools=())
    assert "Zürich 上 🙂".encode() in request.content


@pytest.mark.parametrize("name", ["tools", "tool_choice", "response_format"])
def test_an_extra_field_replaces_no_argument(name: str) -> None:
    """An extra field with the name of an argument raises."""
    given: dict[str, Any] = {"response_format": {"type": "json_object"}}
    given |= {"tools": [ADD], "tool_choice": "add"}
    with pytest.raises(ConfigurationError, match="passed twice") as caught:
        chat(**given, extra={name: "other"})
    assert caught.value.parameter == name


@pytest.mark.parametrize("where", ["content", "role", "extra", "tool", "prompt", "text"])
def test_a_lone_surrogate_is_refused(where: str) -> None:
    """Half an emoji has no UTF-8 form: it raises, naming the parameter and the model."""
    half = "Hi \ud83d"
    makers: dict[str, Callable[[], Any]] = {
        "content": lambda: chat_request_for(messages=[{"role": "user", "content": half}]),
        "role": lambda: chat_request_for(messages=[{"role": half, "content": "x"}]),
        "extra": lambda: chat(extra={"x": half}),
        "tool": lambda: chat(tools=[{"name": "f", "description": half}]),
        "prompt": lambda: complete(half),
        "text": lambda: list(EmbeddingRequests([half], BGE, "run", {})),
    }
    with pytest.raises(ConfigurationError, match="lone surrogate") as caught:
        makers[where]()
    names = {"content": "messages", "role": "messages", "extra": "x", "tool": "tools"}
    assert caught.value.parameter == names.get(where, where)
    assert "@cf/" in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": b"x"}], ids=repr)
def test_a_value_without_a_json_form_is_refused(value: Any) -> None:
    """The client refuses it in extra fields too."""
    with pytest.raises(ConfigurationError) as caught:
        chat(extra={"x": value})
    assert caught.value.parameter == "x"


def test_tools_are_sent_nested_with_their_choice() -> None:
    """A tool name as the choice is sent in the named form."""
    request = chat(tools=[{"name": "f"}], tool_choice="f")
    assert body(request) == {
        "messages": HELLO,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }
    assert request.tools == {"f": "f"}


@pytest.mark.parametrize("tools", [None, [], ()], ids=repr)
def test_no_empty_list_of_tools_is_sent(tools: Any) -> None:
    """The client drops an empty list of tools, which servers were seen to refuse."""
    assert "tools" not in body(chat(tools=tools))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_schema_is_sent_as_the_endpoint_wants_it(endpoint: EndpointName) -> None:
    """A JSON schema is sent bare to the native route, and named to `/ai/v1`."""
    schema = {"type": "object", "properties": {}}
    given = {"type": "json_schema", "json_schema": schema}
    found = body(chat(GRANITE, endpoint, response_format=given))["response_format"]["json_schema"]
    assert found == (schema if endpoint == "run" else {"name": "response", "schema": schema})


# -------------------------------------------------------------------------------- streams


def test_a_native_stream() -> None:
    """A native stream needs `stream` alone, because it reports usage by default."""
    request = chat(stream=True, include_usage=True)
    assert request.stream
    assert body(request) == {"messages": HELLO, "stream": True}


def test_an_openai_stream_with_usage() -> None:
    """The client asks `/ai/v1` for the usage."""
    request = chat(endpoint="openai", stream=True, include_usage=True)
    assert body(request)["stream_options"] == {"include_usage": True}


def test_an_openai_stream_without_usage() -> None:
    """Without `include_usage` the client does not ask for usage."""
    assert "stream_options" not in body(chat(endpoint="openai", stream=True))


def test_stream_options_of_the_users_are_kept() -> None:
    """Asking for usage keeps the user's own stream options."""
    extra = {"stream_options": {"include_obfuscation": False}}
    request = chat(endpoint="openai", stream=True, include_usage=True, extra=extra)
    assert body(request)["stream_options"] == {"include_usage": True, "include_obfuscation": False}


def test_several_answers_cannot_be_streamed() -> None:
    """`n` above 1 raises for a stream, and only for a stream."""
    assert body(chat(n=2))["n"] == 2
    assert body(chat(n=1, stream=True))["n"] == 1
    with pytest.raises(ConfigurationError) as caught:
        chat(n=2, stream=True)
    assert caught.value.parameter == "n"


SCHEMA_FORMAT = {"type": "json_schema", "json_schema": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    ("model", "given", "stream"),
    [
        (LLAMA, SCHEMA_FORMAT, False),
        (LLAMA, {"type": "json_object"}, True),
        (LLAMA, None, True),
        (GRANITE, SCHEMA_FORMAT, True),
        (GLM, SCHEMA_FORMAT, True),
        (UNKNOWN, SCHEMA_FORMAT, True),
    ],
)
def test_a_schema_that_is_refused_in_a_stream_is_sent_without_one(
    model: str, given: Any, stream: bool
) -> None:
    """For models that answer 5023 to a schema in a stream, the client sends a plain request."""
    request = chat(model, response_format=given, stream=True)
    assert request.stream is stream
    assert ("stream" in body(request)) is stream


def test_fail_fast_at_capacity() -> None:
    """`options.rejectIfBusy` is at the top level of the body, on both endpoints."""
    for endpoint in ENDPOINTS:
        assert body(chat(endpoint=endpoint, reject_if_busy=True))["options"] == {
            "rejectIfBusy": True
        }


def test_options_of_the_users_are_kept() -> None:
    """Failing fast keeps the user's own options."""
    found = body(chat(reject_if_busy=True, extra={"options": {"x": 1}}))["options"]
    assert found == {"rejectIfBusy": True, "x": 1}


def test_what_the_caller_passed_stays_as_it_was() -> None:
    """The client does not modify the caller's arguments."""
    extra = {"options": {"x": 1}, "stream_options": {"y": 1}}
    chat(
        endpoint="openai",
        stream=True,
        include_usage=True,
        reject_if_busy=True,
        extra=extra,
        tools=[ADD],
    )
    assert extra == {"options": {"x": 1}, "stream_options": {"y": 1}}


# ----------------------------------------------------------------------------- completion


def test_a_completion() -> None:
    """A completion sends a prompt with an adapter and no template to the native route."""
    request = complete(lora="my-adapter", raw=True)
    assert request.path == f"/run/{GRANITE}"
    assert body(request) == {"prompt": "Once", "lora": "my-adapter", "raw": True}


def test_a_completion_is_native_whatever_the_endpoint() -> None:
    """Completions always use the native route: `/ai/v1` documents none for prompts."""
    options = ChatOptions(GLM, CallOptions(), endpoint="openai", stream=True, include_usage=True)
    request = completion_request("Once", options)
    assert request.path == f"/run/{GLM}"
    assert body(request) == {"prompt": "Once", "stream": True}


@pytest.mark.parametrize("prompt", ["", None, 5, ["a"]], ids=repr)
def test_a_prompt_is_a_string(prompt: Any) -> None:
    """The client refuses an empty prompt and other types."""
    with pytest.raises(ConfigurationError) as caught:
        complete(prompt)
    assert caught.value.parameter == "prompt"


# ------------------------------------------------------------------------------ model ids

WRONG_IDS = [
    "", " ", "..", "../../../../user/tokens/verify", "@cf/../x", "@cf/a/..", "@cf//x", "/@cf/a/b",
    "@cf/a/b/", "@cf/a/b?x=1", "@cf/a/b#x", "@cf/a b", "@cf/a/b\n", "@cf/a\\b", "@cf/%2e%2e/x",
    "@cf/a/\x00", "@cf/ä/b", "https://evil.example/x", "@cf/a/b;x", "@cf/./b", ".", None, 5,
]  # fmt: skip


@pytest.mark.parametrize("model", WRONG_IDS, ids=repr)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_model_id_stays_one_path_below_run(model: Any, endpoint: EndpointName) -> None:
    """No model id can lead to another route, host or query, whatever the operation."""
    makers: list[Callable[[], Any]] = [
        lambda: chat(model, endpoint),
        lambda: complete(model=model),
        lambda: EmbeddingRequests(["a"], model, endpoint, {}),
        lambda: ranking("q", ["a"], model),
    ]
    for make in makers:
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert caught.value.parameter == "model"


@pytest.mark.parametrize(
    "model",
    ["@cf/a/b", "@hf/nousresearch/hermes-2-pro-mistral-7b", "a", "dynamic/route", "@cf/a/b:c"],
)
def test_ids_of_every_kind_pass(model: str) -> None:
    """The client accepts ids that are in no list."""
    assert chat(model).path == f"/run/{model}"


# -------------------------------------------------------------------------------- models


def test_the_catalogue() -> None:
    """The catalogue is a GET with the caller's filters as its query."""
    request = models_request(search="granite", task="Text Generation", hide_experimental=True)
    assert (request.method, request.path, request.content) == ("GET", "/models/search", b"")
    assert request.params == {
        "search": "granite",
        "task": "Text Generation",
        "hide_experimental": "true",
    }
    assert models_request().params == {}
    assert models_request(author="ibm").params == {"author": "ibm"}


def test_the_seed_of_tool_call_ids_is_the_requests() -> None:
    """The same request has the same ids of calls; another turn has others."""
    assert chat().call_seed() == chat().call_seed()
    assert chat().call_seed() != chat(seed=1).call_seed()
