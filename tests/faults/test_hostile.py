"""Hostile input: from the caller, refused before any request; from the server, made harmless."""

from __future__ import annotations

import contextlib
import json
import logging
import urllib.request
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage, ImageBlock

from langchain_workersai import ChatWorkersAI
from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.workersai.loopback import Peer, Seen
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN
from workersai import APIStatusError, Client, ConfigurationError, WorkersAIError

HOW = ("plain", "stream")


def refused(speaks: Speaks, serve: Serve, **settings: Any) -> ConfigurationError:
    """Make an object and ask it; give the error, which came before any request."""
    server = serve(scripts.well)
    with pytest.raises(ConfigurationError) as caught:
        speaks(server, **settings).ask()
    assert server.requests == []
    return caught.value


MODELS = [
    "../../../../user/tokens/verify",
    "@cf/../x",
    "@cf/a/../../b",
    "@cf/./x",
    "@cf/%2e%2e/x",
    "@cf/a/b?x=1",
    "@cf/a/b#x",
    "@cf/a/b;x",
    "@cf//b",
    "/@cf/a/b",
    "@cf/a/b/",
    "https://example.com/@cf/a/b",
    "@cf\\a\\b",
    "@cf/a/b\r\nx: y",
    "@cf/a/b\x00",
    "@cf/a/\u202eb",
    " ",
]


@pytest.mark.parametrize("model", MODELS, ids=ascii)
def test_model_ids_that_lead_elsewhere(speaks: Speaks, serve: Serve, model: str) -> None:
    """No model id takes the token to another path or host."""
    assert TOKEN not in str(refused(speaks, serve, model=model))


def test_no_model(speaks: Speaks, serve: Serve) -> None:
    """Without a model nothing is sent."""
    server = serve(scripts.well)
    with pytest.raises(ValueError, match="model"):
        speaks(server, model="").ask()
    assert server.requests == []


ACCOUNTS = [
    "0" * 31,
    "0" * 33,
    "x" * 32,
    f"{'0' * 30}/.",
    "../" + "0" * 29,
    "\uff10" * 32,  # digits, but of another alphabet
    "0" * 31 + "\n1",
]


@pytest.mark.parametrize("account", ACCOUNTS, ids=ascii)
def test_account_ids(speaks: Speaks, serve: Serve, account: str) -> None:
    """An account id is 32 hexadecimal characters, and is not shown when it is not."""
    assert account not in str(refused(speaks, serve, account_id=account))


URLS = [
    "http://example.com/client/v4",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://10.0.0.1",
    "https://user:password@api.cloudflare.com",
    "https://api.cloudflare.com@example.com",
    "https://api.cloudflare.com/x?y=1",
    "https://api.cloudflare.com/x#y",
    "https://api.cloudflare.com/../x",
    "https://api.cloudflare.com\\@example.com",
    "https://api.cloudflare.com/\r\nx: y",
    "https://",
    "https://api.cloudflare.com:99999",
    "https://[::1",
    "ftp://api.cloudflare.com",
    "file:///etc/passwd",
    "//api.cloudflare.com",
    "api.cloudflare.com",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_base_urls(speaks: Speaks, serve: Serve, url: str) -> None:
    """The token goes to https hosts and to this machine, and nowhere by a trick of spelling."""
    error = refused(speaks, serve, base_url=url)
    assert "password" not in str(error)


TOKENS = [
    "line\nbreak",
    "line\r\nX-Injected: 1",
    "zero\x00byte",
    "two words",
    "naïve",
    "Bearer token",
    '"quoted"',
    "'quoted'",
    "emoji👩",
    "tab\tbed",
]


@pytest.mark.parametrize("token", TOKENS, ids=ascii)
def test_tokens_that_are_none(speaks: Speaks, serve: Serve, token: str) -> None:
    """What cannot be sent is refused, and shown nowhere: neither as text nor as a cause."""
    error: BaseException | None = refused(speaks, serve, api_token=token)
    while error is not None:
        for shown in (str(error), repr(error), repr(error.args), repr(vars(error))):
            assert token not in shown
            assert repr(token)[1:-1] not in shown
        assert not hasattr(error, "object")
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("token", [f" {TOKEN}", f"{TOKEN}\n", f"\t{TOKEN}\r\n"], ids=ascii)
def test_space_around_a_token(speaks: Speaks, serve: Serve, token: str) -> None:
    """The line break that a file ends with is no part of the token."""
    server = serve(scripts.well)
    speaks(server, api_token=token).ask()
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["", "  "], ids=ascii)
def test_no_token(speaks: Speaks, serve: Serve, token: str) -> None:
    """Without a token nothing is sent."""
    refused(speaks, serve, api_token=token)


@pytest.mark.parametrize("settings", [{"api_token": b"t"}, {"account_id": 5}, {"base_url": b"x"}])
def test_settings_of_another_type(settings: dict[str, Any]) -> None:
    """What is no text is refused as such."""
    given = {"account_id": ACCOUNT, "api_token": TOKEN, **settings}
    with pytest.raises(ConfigurationError, match="must be text"):
        Client(UNKNOWN, **given)


HEADERS = [
    {"authorization": "Bearer x"},
    {"Host": "example.com"},
    {"Content-Length": "0"},
    {"X-Auth-Key": "x"},
    {"cookie": "a=1"},
    {"x y": "1"},
    {"x": "a\r\nb: c"},
    {"x\r\ny": "1"},
    {"x": "ü"},
    {"x": ""},
    {"": "x"},
    {"transfer-encoding": "chunked"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_headers(speaks: Speaks, serve: Serve, headers: dict[str, str]) -> None:
    """Extra headers can neither replace the client's own nor smuggle more."""
    refused(speaks, serve, default_headers=headers)


@pytest.mark.parametrize(
    "gateway",
    ["a\r\nb: c", "", "ü", {"id": "x\n"}, {"nope": 1}, {"metadata": {"a": {"b": 1}}}],
    ids=str,
)
def test_gateways(speaks: Speaks, serve: Serve, gateway: Any) -> None:
    """A gateway's options are headers: nothing in them can end one."""
    refused(speaks, serve, gateway=gateway)


@pytest.mark.parametrize("value", ["a\r\nb", "ü", ""], ids=ascii)
def test_session_affinity(speaks: Speaks, serve: Serve, value: str) -> None:
    """It is a header too."""
    refused(speaks, serve, session_affinity=value)


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "call",
    [
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"extra": {"x": b"bytes"}},
        {"extra": {"x": "\ud800"}},
        {"extra": {"x": CYCLE}},
        {"extra": {"x": object()}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": b""}}}]},
    ],
    ids=lambda call: next(iter(call)),
)
@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_values_that_have_no_json_form(serve: Serve, call: dict[str, Any], method: str) -> None:
    """They are refused at the call, before any request."""
    server = serve(scripts.well)
    client = Client(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url)
    with pytest.raises(ConfigurationError):
        getattr(client, method)([{"role": "user", "content": "Hello"}], **call)
    assert server.requests == []


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=ascii)
def test_lone_surrogates_in_a_message(serve: Serve, text: str) -> None:
    """Half an emoji cannot be sent, and is said to be the message's fault."""
    server = serve(scripts.well)
    client = Client(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url)
    with pytest.raises(ConfigurationError):
        client.chat([{"role": "user", "content": text}])
    assert server.requests == []


IMAGES = ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "http://[::1]:22/x"]


@pytest.mark.parametrize("url", IMAGES)
def test_image_urls_are_never_fetched(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A URL in a message goes to the server as it is, or is refused; nobody here opens it."""

    def opened(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a URL of a message was opened")

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    server = serve(scripts.well)
    parts: list[Any] = [{"type": "image_url", "image_url": {"url": url}}]
    settings: dict[str, Any] = {
        "model": UNKNOWN,
        "account_id": ACCOUNT,
        "api_token": TOKEN,
        "base_url": server.base_url,
    }
    asks: list[Any] = [
        lambda: Client(**settings).chat([{"role": "user", "content": parts}]),
        lambda: ChatWorkersAI(**settings).invoke([HumanMessage(content=parts)]),
    ]
    for ask in asks:
        with contextlib.suppress(ConfigurationError):
            ask()
    assert all(url in seen.body.decode() for seen in server.requests)


def test_image_blocks_are_never_fetched(
    speaks: Speaks, serve: Serve, monkeypatch: pytest.MonkeyPatch, six: str
) -> None:
    """The same for LlamaIndex's blocks, which know how to fetch themselves."""
    if not six.startswith("llamaindex"):
        return
    fetched: list[str] = []
    monkeypatch.setattr(
        ImageBlock, "resolve_image", lambda *args, **kwargs: fetched.append("resolved")
    )
    server = serve(scripts.well)
    speaker = speaks(server)
    message = ChatMessage(role="user", blocks=[ImageBlock(url=IMAGES[0])])
    try:
        speaker.wait(
            speaker.it.achat([message]) if speaker.is_async else speaker.it.chat([message])
        )
    except (WorkersAIError, ValueError):
        assert server.requests == []
    assert fetched == []


# ----------------------------------------------------------------------- from the server

CONTROLS = "line\r\nbreak \x1b[31mred\x1b[0m \x00 \x07 \u202e \u2028 \x9b31m"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", ["json", "text", "event"])
def test_control_characters_in_an_error(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture, how: str, place: str
) -> None:
    """They come out escaped and short: no line of a log begins where a server likes."""
    caplog.set_level(logging.DEBUG)
    message = CONTROLS + "x" * 5000
    body = json.dumps({"success": False, "errors": [{"code": 5006, "message": message}]}).encode()

    def script(peer: Peer, seen: Seen) -> None:
        if place == "json":
            peer.answer(body, "400 Bad Request")
        elif place == "text":
            peer.answer(message.encode(), "400 Bad Request", "text/plain")
        else:
            peer.stream(b"data: " + body + b"\n\n") if scripts.wants_stream(seen) else peer.answer(
                body
            )

    with pytest.raises(APIStatusError) as caught:
        speaks(serve(script), max_retries=0).either(how)
    for text in (str(caught.value), caught.value.message):
        assert text.isprintable()
    assert len(caught.value.message) <= 500
    assert "\x1b" not in caplog.text


def test_control_characters_in_a_request_id(speaks: Speaks, serve: Serve) -> None:
    """The id that is to be quoted can be printed."""
    server = serve(
        lambda peer, _: peer.answer(
            b"{}", "400 Bad", "text/plain", "cf-ray: a\x9bb\xffc" + "d" * 900
        )
    )
    with pytest.raises(APIStatusError) as caught:
        speaks(server).ask()
    assert str(caught.value).isprintable()
    assert len(caught.value.request_id or "") <= 500


INJECTED = {"lc": 1, "type": "secret", "id": ["CLOUDFLARE_API_TOKEN"]}


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.parametrize("place", ["text", "arguments", "extra"])
def test_secrets_that_an_answer_asks_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A dumped and loaded message resolves nothing that the model or the server wrote."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "the-secret-of-the-environment")
    function = {"name": "f", "arguments": json.dumps({"x": INJECTED})}
    call = {"id": "1", "type": "function", "function": function}
    message: dict[str, Any] = {"role": "assistant", "content": json.dumps(INJECTED)}
    if place == "arguments":
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "stop"}]}
    if place == "extra":
        answer |= {"lc": 1, "type": "secret", "id": INJECTED["id"], "usage": {"x": INJECTED}}
        answer["choices"][0]["logprobs"] = {"content": [INJECTED]}
    server = serve(lambda peer, _: peer.answer(json.dumps(answer).encode()))
    model = ChatWorkersAI(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url)
    text = dumps(model.invoke("Hello"))
    assert "the-secret-of-the-environment" not in text
    loaded = loads(text, secrets_from_env=True, allowed_objects="all")
    assert "the-secret-of-the-environment" not in repr(loaded)
    model.close()
