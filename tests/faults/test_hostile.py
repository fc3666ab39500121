"""The client refuses hostile arguments before any request, and disarms hostile answers."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from llama_index.core.base.llms.types import AudioBlock, DocumentBlock
from llama_index.core.llms import ChatMessage, ImageBlock

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN
from workersai import APIStatusError, Client, ConfigurationError

HOW = ("plain", "stream")


Refused = Callable[..., ConfigurationError]


@pytest.fixture
def refused(speaks: Speaks, idle_server: Loopback) -> Refused:
    """Make an object and call it; return the error, which comes before any request."""

    def make_and_ask(**settings: Any) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as caught:
            speaks(idle_server, **settings).ask()
        assert idle_server.requests == []
        return caught.value

    return make_and_ask


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
def test_model_ids_that_lead_elsewhere(refused: Refused, model: str) -> None:
    """No model id leads the token to another path or host."""
    assert TOKEN not in str(refused(model=model))


def test_no_model(speaks: Speaks, serve: Serve) -> None:
    """Without a model the client sends nothing."""
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
    "\uff10" * 32,  # digits of another script
    "0" * 31 + "\n1",
]


@pytest.mark.parametrize("account", ACCOUNTS, ids=ascii)
def test_account_ids(refused: Refused, account: str) -> None:
    """An account that is not 32 hexadecimal characters raises, and the error does not show it."""
    assert account not in str(refused(account_id=account))


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
def test_base_urls(refused: Refused, url: str) -> None:
    """The token goes to https hosts and to this machine, however a URL is spelled."""
    error = refused(base_url=url)
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
def test_invalid_tokens(refused: Refused, token: str) -> None:
    """An invalid token raises, and neither the error nor its cause shows it."""
    error: BaseException | None = refused(api_token=token)
    while error is not None:
        for shown in (str(error), repr(error), repr(error.args), repr(vars(error))):
            assert token not in shown
            assert repr(token)[1:-1] not in shown
        assert not hasattr(error, "object")
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("token", [f" {TOKEN}", f"{TOKEN}\n", f"\t{TOKEN}\r\n"], ids=ascii)
def test_space_around_a_token(speaks: Speaks, serve: Serve, token: str) -> None:
    """The client strips a token, for example of the line end of a file."""
    server = serve(scripts.well)
    speaks(server, api_token=token).ask()
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["", "  "], ids=ascii)
def test_no_token(refused: Refused, token: str) -> None:
    """Without a token the client sends nothing."""
    refused(api_token=token)


@pytest.mark.parametrize("settings", [{"api_token": b"t"}, {"account_id": 5}, {"base_url": b"x"}])
def test_settings_of_another_type(settings: dict[str, Any]) -> None:
    """The client refuses a setting that must be text and is not."""
    arguments = {"account_id": ACCOUNT, "api_token": TOKEN, **settings}
    with pytest.raises(ConfigurationError, match="must be text"):
        Client(UNKNOWN, **arguments)


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
def test_headers(refused: Refused, headers: dict[str, str]) -> None:
    """Extra headers can neither replace the client's own nor add a second one."""
    refused(default_headers=headers)


@pytest.mark.parametrize(
    "gateway",
    ["a\r\nb: c", "", "ü", {"id": "x\n"}, {"nope": 1}, {"metadata": {"a": {"b": 1}}}],
    ids=str,
)
def test_gateways(refused: Refused, gateway: Any) -> None:
    """No gateway option can end its header."""
    refused(gateway=gateway)


@pytest.mark.parametrize("value", ["a\r\nb", "ü", ""], ids=ascii)
def test_session_affinity(refused: Refused, value: str) -> None:
    """No session affinity can end its header."""
    refused(session_affinity=value)


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


VALUES: dict[str, dict[str, Any]] = {
    "NaN": {"temperature": float("nan")},
    "infinity": {"temperature": float("inf")},
    "bytes in a tool": {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": b""}}}]
    },
    "a cycle in a tool": {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": CYCLE}}}]
    },
    "half an emoji in a tool": {
        "tools": [{"type": "function", "function": {"name": "f", "description": "\ud800"}}]
    },
}
EXTRAS: dict[str, Any] = {
    "bytes": b"bytes",
    "half an emoji": "\ud800",
    "a cycle": CYCLE,
    "an object": object(),
    "NaN": [float("nan")],
    "a key that is no text": {(1, 2): 3},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("value", VALUES)
def test_values_that_have_no_json_form(speaks: Speaks, serve: Serve, value: str, how: str) -> None:
    """The client refuses such a value before any request."""
    server = serve(scripts.well)
    with pytest.raises(ConfigurationError):
        speaks(server).whole(how, **VALUES[value])
    assert server.requests == []


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("value", EXTRAS)
def test_other_keys_that_have_no_json_form(
    speaks: Speaks, serve: Serve, value: str, how: str
) -> None:
    """The client checks that fields it does not know have a JSON form."""
    server = serve(scripts.well)
    extra = {"x": EXTRAS[value]}
    speaker = speaks(server)
    name = {"client": "extra", "langchain": "model_kwargs"}.get(speaker.face)
    with pytest.raises(ConfigurationError):
        speaker.whole(how, **({name: extra} if name else extra))
    assert server.requests == []


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=ascii)
def test_lone_surrogates_in_a_message(speaks: Speaks, serve: Serve, text: str, how: str) -> None:
    """Half an emoji raises an error that names the message."""
    server = serve(scripts.well)
    speaker = speaks(server)
    with pytest.raises(ConfigurationError):
        speaker.whole(how, speaker.say(text))
    assert server.requests == []


def test_lone_surrogates_in_a_text_to_embed(speaks: Speaks, serve: Serve) -> None:
    """Half an emoji raises an error that names the text."""
    server = serve(scripts.well)
    with pytest.raises(ConfigurationError):
        speaks(server, task="embed").embed(["fine", "\ud800"])
    assert server.requests == []


IMAGES = [
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::1]:22/x",
    "file:///etc/passwd",
]


class Watch:
    """Records the names, addresses and files that this process opens; audit hooks are permanent."""

    def __init__(self) -> None:
        self.opened: list[str] | None = None
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.opened is not None and event in ("socket.connect", "socket.getaddrinfo", "open"):
            self.opened.append(f"{event} {args[:2]}")


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def opened(watch: Watch) -> Iterator[list[str]]:
    """Record what the process opens during the test."""
    watch.opened = []
    yield watch.opened
    watch.opened = None


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("url", IMAGES)
def test_image_urls_are_never_fetched(
    speaks: Speaks, serve: Serve, opened: list[str], url: str, how: str
) -> None:
    """The client sends a URL unchanged or refuses it, and never opens it."""
    server = serve(scripts.well)
    speaker = speaks(server)
    try:
        speaker.whole(how, speaker.say("What is this?", url))
    except (ConfigurationError, ValueError):
        assert server.requests == []
    else:
        (request,) = server.requests
        assert request.json["messages"][0]["content"][-1]["image_url"]["url"] == url
    assert any(f"{server.port}" in found for found in opened) == bool(server.requests)
    names = ("169.254", "a9fe", "::1", "passwd")
    assert [found for found in opened if any(name in found for name in names)] == []


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", [ImageBlock, AudioBlock, DocumentBlock])
@pytest.mark.parametrize("speaker_name", ["llamaindex-sync", "llamaindex-async"])
def test_links_of_blocks_are_never_fetched(
    speaks: Speaks, serve: Serve, kind: Callable[..., Any], how: str
) -> None:
    """The client does not fetch the links of LlamaIndex's blocks, which can fetch themselves."""
    server, inner = serve(scripts.well), serve(scripts.well)
    links = [inner.base_url, f"ftp://127.0.0.1:{inner.port}/x", "file:///etc/passwd"]
    speaker = speaks(server)
    for link in links:
        block = kind(url=link, **({"format": "wav"} if kind is AudioBlock else {}))
        message = ChatMessage(role="user", blocks=[block])
        if kind is ImageBlock and link.startswith("http"):
            speaker.whole(how, [message])
            continue
        with pytest.raises(ConfigurationError, match="not fetched"):
            speaker.whole(how, [message])
    assert inner.connections == 0


# ----------------------------------------------------------------------- from the server

CONTROLS = "line\r\nbreak \x1b[31mred\x1b[0m \x00 \x07 \u202e \u2028 \x9b31m"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", ["json", "text", "event"])
def test_control_characters_in_an_error(
    speaks: Speaks, serve: Serve, caplog: pytest.LogCaptureFixture, how: str, place: str
) -> None:
    """The error shows them escaped and short, so that a server cannot begin a log line."""
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
    """The request id has no control characters."""
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


def injecting(place: str) -> dict[str, Any]:
    """Send an answer that asks for a secret of the environment."""
    function = {"name": "f", "arguments": json.dumps({"x": INJECTED})}
    call = {"index": 0, "id": "1", "type": "function", "function": function}
    message: dict[str, Any] = {"role": "assistant", "content": json.dumps(INJECTED)}
    if place == "arguments":
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    if place == "broken arguments":
        function["arguments"] = json.dumps({"x": INJECTED})[:-1]
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    if place == "reasoning":
        message["reasoning_content"] = json.dumps(INJECTED)
    answer: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "stop"}]}
    if place == "extra":
        answer |= {"lc": 1, "type": "secret", "id": INJECTED["id"], "usage": {"x": INJECTED}}
        answer["choices"][0]["logprobs"] = {"content": [INJECTED]}
    return answer


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    "place", ["text", "reasoning", "arguments", "broken arguments", "extra", "header"]
)
@pytest.mark.parametrize("speaker_name", ["langchain-sync", "langchain-async"])
def test_secrets_that_an_answer_asks_for(
    speaks: Speaks, serve: Serve, monkeypatch: pytest.MonkeyPatch, place: str, how: str
) -> None:
    """A dumped and loaded message resolves no reference that a model or server wrote."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "the-secret-of-the-environment")
    answer = injecting(place)
    plain = json.dumps(answer).encode()
    chunk = {**answer["choices"][0], "delta": answer["choices"][0]["message"]}
    del chunk["message"]
    streamed = scripts.event(**{**answer, "choices": [chunk]}) + scripts.DONE
    header = f"cf-aig-step: {json.dumps(INJECTED)}" if place == "header" else "x: y"

    def script(peer: Peer, seen: Seen) -> None:
        if scripts.wants_stream(seen):
            peer.begin(scripts.SSE, header)
            peer.chunk(streamed)
            peer.end()
        else:
            peer.answer(plain, "200 OK", scripts.JSON, header)

    message = speaks(serve(script)).whole(how)
    text = dumps(message)
    assert "the-secret-of-the-environment" not in text
    loaded = loads(text, secrets_from_env=True, allowed_objects="all")
    assert "the-secret-of-the-environment" not in repr(loaded)
    assert loaded.text == message.text
