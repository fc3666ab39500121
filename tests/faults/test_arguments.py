"""Arguments of any type either give a request or raise a `ConfigurationError` before it."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic import SecretStr

from tests.faults.speakers import CLASSES
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN
from workersai import Client, ConfigurationError, ResponseError
from workersai.client.setup import ConnectionOptions
from workersai.types import CallOptions, EmbeddingOptions

GIVEN = {"model": UNKNOWN, "account_id": ACCOUNT, "api_token": TOKEN}


class Text(str):
    """A string subclass."""

    __slots__ = ()


def anything() -> list[Any]:
    """Draw values of many types, most of which fit no argument."""
    numbers = [5, -1, 0, 1.5, -0.0, float("nan"), float("inf"), 10**400, 2**63, complex(1, 2)]
    texts = ["", " ", "x", "\n", "é", "\ud800", "1" * 5000, Text("abc"), b"", b"x", bytearray(b"x")]
    lists: list[Any] = [[], ["a"], [1], [[]], [None], (), (1, 2), {1}, range(3), iter([1])]
    dicts = [{}, {"a": 1}, {1: 2}, {(1, 2): 3}, {"a": {}}, {"id": 5}, {"id": []}, {5: 1, "id": 2}]
    gateways: list[Any] = [{"metadata": {key: 1}} for key in (1, None, (1,))]
    gateways += [{"metadata": [1]}, {"authorization": b"x"}, {"id": "x", "cache_ttl": float("nan")}]
    secrets = [SecretStr("a b"), SecretStr("")]
    others = [None, True, False, object(), object, lambda: 1, Exception("x"), decimal.Decimal(1)]
    times = [dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)]
    return [*numbers, *texts, *lists, *dicts, *gateways, *secrets, *others, *times]


SETTINGS = ("model", *ConnectionOptions.__annotations__, "http_client")
THEIRS = {"embeddings_cache"}  # LlamaIndex checks this field itself


def settings_of(made: type[Any]) -> list[str]:
    fields: dict[str, Any] = getattr(made, "model_fields", {})
    return sorted({*SETTINGS, *fields} - THEIRS)


PAIRS = [(name, setting) for name, made in CLASSES.items() for setting in settings_of(made)]


def refusal(
    call: Callable[..., Any], keywords: Mapping[str, Any], *arguments: Any
) -> ConfigurationError | None:
    """Call a function; return the error with which it refused its arguments, if any."""
    try:
        call(*arguments, **keywords)
    except ConfigurationError as error:
        return error
    return None


@pytest.mark.parametrize(("name", "setting"), PAIRS)
def test_settings_of_any_type(name: str, setting: str) -> None:
    """The constructor makes an object or refuses the setting by its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain warns of unknown keys in a profile
        refused = [refusal(CLASSES[name], {**GIVEN, setting: value}) for value in anything()]
    assert all(error.parameter or setting in str(error) for error in refused if error)


# --------------------------------------------------------------------------------- calls

ANSWER = json.dumps({"result": {"response": "hi", "data": [[1.0]]}, "success": True}).encode()


class Asked:
    """A client, and the requests that it sends."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        own = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.client = Client(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, http_client=own)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=ANSWER, headers={"content-type": "application/json"})

    def body(self) -> Any:
        return json.loads(self.requests[-1].content)


@pytest.fixture
def recorded() -> Iterator[Asked]:
    made = Asked()
    yield made
    made.client.close()


def _message(part: Any) -> list[Any]:
    return [{"role": "user", "content": [part]}]


def _called(call: Any) -> list[Any]:
    return [{"role": "assistant", "content": "", "tool_calls": call}]


def _function(**fields: Any) -> list[Any]:
    return [{"id": "1", "function": {"name": "f", "arguments": "{}", **fields}}]


Call = Callable[[Any, Any], Any]


def _chat(option: str) -> Call:
    return lambda it, value: it.chat(HELLO, **{option: value})


def _stream(option: str) -> Call:
    return lambda it, value: list(it.stream_chat(HELLO, **{option: value}))


def _embed(option: str) -> Call:
    return lambda it, value: it.embed(["x"], **{option: value})


CALLS: dict[str, Call] = {
    "messages": lambda it, value: it.chat(value),
    "a message": lambda it, value: it.chat([value]),
    "role": lambda it, value: it.chat([{"role": value, "content": "x"}]),
    "content": lambda it, value: it.chat([{"role": "user", "content": value}]),
    "name": lambda it, value: it.chat([{"role": "user", "content": "x", "name": value}]),
    "part": lambda it, value: it.chat(_message(value)),
    "part's type": lambda it, value: it.chat(_message({"type": value})),
    "part's text": lambda it, value: it.chat(_message({"type": "text", "text": value})),
    "picture": lambda it, value: it.chat(_message({"type": "image_url", "image_url": value})),
    "sound": lambda it, value: it.chat(_message({"type": "input_audio", "input_audio": value})),
    "tool_calls": lambda it, value: it.chat(_called(value)),
    "tool call": lambda it, value: it.chat(_called([value])),
    "function called": lambda it, value: it.chat(_called([{"id": "1", "function": value}])),
    "name called": lambda it, value: it.chat(_called(_function(name=value))),
    "arguments": lambda it, value: it.chat(_called(_function(arguments=value))),
    "arguments deep": lambda it, value: it.chat(_called(_function(arguments={"a": value}))),
    "tools": lambda it, value: it.chat(HELLO, tools=value),
    "tool": lambda it, value: it.chat(HELLO, tools=[value]),
    "function": lambda it, value: it.chat(HELLO, tools=[{"function": value}]),
    "tool's name": lambda it, value: it.chat(HELLO, tools=[{"name": value}]),
    "schema": lambda it, value: it.chat(HELLO, tools=[{"name": "f", "parameters": value}]),
    "tool_choice": lambda it, value: it.chat(HELLO, tool_choice=value),
    "stream": lambda it, value: it.chat(HELLO, stream=value),
    "prompt": lambda it, value: it.complete(value),
    "texts": lambda it, value: it.embed(value),
    "text": lambda it, value: it.embed([value]),
    "query": lambda it, value: it.rerank(value, ["a"]),
    "documents": lambda it, value: it.rerank("a", value),
    "document": lambda it, value: it.rerank("a", [value]),
    "top_k": lambda it, value: it.rerank("a", ["a"], top_k=value),
    "batch": lambda it, value: it.batches.submit(value),
    "request of a batch": lambda it, value: it.batches.submit([value]),
    "messages of a batch": lambda it, value: it.batches.submit([{"messages": value}]),
    "prompt of a batch": lambda it, value: it.batches.submit([{"prompt": value}]),
    "texts of a batch": lambda it, value: it.batches.submit([{"texts": value}]),
    "batch's id": lambda it, value: it.batches.get(value),
    "search": lambda it, value: it.list_models(search=value),
    **{f"chat's {name}": _chat(name) for name in get_type_hints(CallOptions)},
    **{f"stream's {name}": _stream(name) for name in get_type_hints(CallOptions)},
    **{f"embed's {name}": _embed(name) for name in get_type_hints(EmbeddingOptions)},
}


@pytest.mark.parametrize("call", CALLS)
def test_arguments_of_any_type(recorded: Asked, call: str) -> None:
    """The client sends a request, or refuses the argument before it sends one."""
    for value in anything():
        before = len(recorded.requests)
        # The server's answer does not fit each of these calls.
        with contextlib.suppress(ResponseError):
            if (error := refusal(CALLS[call], {}, recorded.client, value)) is not None:
                assert error.parameter
                assert len(recorded.requests) == before


def test_an_iterator_is_read_once_and_whole(recorded: Asked) -> None:
    """The client reads an iterator once, and loses none of its items."""
    recorded.client.chat(iter(HELLO))  # type: ignore[call-overload]  # what the test is about
    assert recorded.body()["messages"] == [dict(message) for message in HELLO]
    recorded.client.embed(iter(["a"]))  # type: ignore[arg-type]  # as above
    assert recorded.body() == {"text": ["a"]}
    with pytest.raises(ResponseError):  # the answer holds vectors, not a ranking
        recorded.client.rerank("q", iter(["a", "b"]))  # type: ignore[arg-type]  # as above
    assert recorded.body()["contexts"] == [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": b"x"}, float("inf"), object()])
def test_tool_calls_whose_arguments_have_no_json_form(recorded: Asked, value: Any) -> None:
    """The client refuses them by their index instead of sending text that is no JSON."""
    with pytest.raises(ConfigurationError, match=r"messages\[0\]"):
        recorded.client.chat(_called(_function(arguments=value)))
    assert recorded.requests == []
