"""What a user's HTTP client adds to a request, and that a call leaves nothing in it.

The tests run through the seven ways to pass one: httpx and httpx2, sync and async, httpx over
aiohttp, and both faces.
"""

from __future__ import annotations

import gc
import importlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.faults import scripts
from tests.faults.conftest import Serve
from tests.faults.scripts import TEXT
from tests.faults.speakers import SIX, Speaker, make_http_client
from tests.faults.test_proxies import FakeProxy
from tests.faults.test_secrets import family, leaks, with_locals
from tests.workersai.loopback import WAIT, Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN
from workersai import APIConnectionError, ConfigurationError, WorkersAIError

LIBRARIES = {"sync": ("httpx", "httpx2"), "async": ("httpx", "aiohttp", "httpx2")}
PAIRS = [(name, library) for name in SIX for library in LIBRARIES[name.split("-")[1]]]
BARE = [pair for pair in PAIRS if pair[0].startswith("client")]
TRACED = [pair for pair in BARE if pair[1] != "aiohttp"]
OURS = f"Bearer {TOKEN}"


class Own:
    """A user's HTTP client, and a speaker that uses it."""

    def __init__(self, pair: tuple[str, str], stack: ExitStack) -> None:
        self.name, self.library = pair
        self.is_async = "async" in self.name
        module = "httpx2" if self.library == "httpx2" else "httpx"
        self.module: Any = importlib.import_module(module)
        self._stack = stack
        self.client: Any = None

    def speak(self, server: Loopback, base: str | None = None, **settings: Any) -> Speaker:
        """Make the client with *settings*, and a speaker that uses it for a named host."""
        self.client = make_http_client(self.name.split("-")[1], self.library, **settings)
        base_url = base or f"http://localhost:{server.port}/client/v4"
        made = Speaker(self.name, base_url=base_url, http_client=self.client, max_retries=0)
        made.own = self.client
        self._stack.callback(made.close)
        return made

    def hook(self, act: Callable[[Any], None]) -> Any:
        """Make a hook as a sync or async function, as the client needs."""

        async def awaited(subject: Any) -> None:
            act(subject)

        return awaited if self.is_async else act

    def auth(self, flow: Callable[[Any], Iterator[Any]]) -> Any:
        """Make an auth object of the client's library."""
        return type("Auth", (self.module.Auth,), {"auth_flow": lambda _, request: flow(request)})()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=PAIRS, ids="-".join)
def own(request: pytest.FixtureRequest, stack: ExitStack) -> Own:
    return Own(request.param, stack)


@pytest.fixture(params=BARE, ids="-".join)
def bare(request: pytest.FixtureRequest, stack: ExitStack) -> Own:
    return Own(request.param, stack)


@pytest.fixture(params=TRACED, ids="-".join)
def traced(request: pytest.FixtureRequest, stack: ExitStack) -> Own:
    return Own(request.param, stack)


# ------------------------------------------------------------------------ what a client adds


def test_headers_cookies_and_params_of_the_client_are_sent(own: Own, serve: Serve) -> None:
    """Every call sends the client's header, cookie and parameter, as a gateway may need."""
    server = serve(scripts.well)
    speaker = own.speak(
        server,
        headers={"x-gateway-key": "for-the-gateway"},
        cookies={"route": "blue"},
        params={"tenant": "a b"},
    )
    assert (speaker.ask(), speaker.read()) == (TEXT, TEXT)
    for seen in server.requests:
        assert seen.header("x-gateway-key") == "for-the-gateway"
        assert seen.header("cookie") == "route=blue"
        assert seen.path.partition("?")[2] in ("tenant=a+b", "tenant=a%20b")
        assert seen.header("authorization") == OURS


THEIRS = {
    "Authorization": "Bearer somebody-else",
    "HOST": "elsewhere.example.com",
    "accept-encoding": "br",
    "Content-Type": "text/plain",
    "User-Agent": "curl/8",
    "content-length": "7",
    "Transfer-Encoding": "chunked",
}


def test_package_headers_override_the_clients(own: Own, serve: Serve) -> None:
    """A header that both set is sent once, with the package's value."""
    server = serve(scripts.well)
    assert own.speak(server, headers=THEIRS).ask() == TEXT
    (seen,) = server.requests
    lines = [line.partition(":")[0].lower() for line in seen.head.split("\r\n")[1:]]
    assert len(lines) == len(set(lines))
    assert seen.header("authorization") == OURS
    assert seen.header("host") == f"localhost:{server.port}"
    assert seen.header("accept-encoding") == "identity"
    assert seen.header("content-type") == "application/json"
    assert str(seen.header("user-agent")).startswith("workersai/")
    assert seen.header("transfer-encoding") is None
    assert int(seen.header("content-length") or 0) == len(seen.body)
    assert json.loads(seen.body)["messages"]


def test_params_of_a_call_override_the_clients(bare: Own, serve: Serve) -> None:
    """A parameter of the call is sent instead of the client's with the same name."""
    body = b'{"success":true,"result":[],"errors":[],"messages":[]}'
    server = serve(lambda peer, _: peer.answer(body))
    speaker = bare.speak(server, params={"search": "theirs", "extra": "1"})
    speaker.wait(speaker.it.list_models(search="ours"))
    query = httpx.QueryParams(server.requests[0].path.partition("?")[2])
    assert query["search"] == "ours"
    assert query["extra"] == "1"


def test_hooks_of_the_client_run(own: Own, serve: Serve) -> None:
    """A request hook adds its header, and a response hook sees the answer."""
    server, statuses = serve(scripts.well), []

    def sign(request: Any) -> None:
        request.headers["x-signature"] = f"of {request.method}"

    hooks = {
        "request": [own.hook(sign)],
        "response": [own.hook(lambda response: statuses.append(response.status_code))],
    }
    assert own.speak(server, event_hooks=hooks).read() == TEXT
    assert server.requests[0].header("x-signature") == "of POST"
    assert statuses == [200]


def test_auth_of_the_client_runs(own: Own, serve: Serve) -> None:
    """It adds its header, and can answer a gateway's challenge with a second request."""

    def challenge(peer: Peer, seen: Seen) -> None:
        if seen.header("x-proof") == "of the riddle":
            scripts.well(peer, seen)
        else:
            peer.answer(b"{}", "401 Unauthorized", "application/json", "x-riddle: the riddle")

    def flow(request: Any) -> Iterator[Any]:
        request.headers["x-proof"] = "none yet"
        response: Any = yield request
        request.headers["x-proof"] = f"of {response.headers['x-riddle']}"
        yield request

    server = serve(challenge)
    assert own.speak(server, auth=own.auth(flow)).ask() == TEXT
    assert [seen.header("x-proof") for seen in server.requests] == ["none yet", "of the riddle"]
    assert [seen.header("authorization") for seen in server.requests] == [OURS] * 2


@pytest.mark.parametrize("kind", ["pair", "function", "replacing"])
def test_auth_that_writes_our_header(own: Own, serve: Serve, kind: str) -> None:
    """An auth that sets `authorization` or `host` does not replace the token or the host."""

    def replace(request: Any) -> Iterator[Any]:
        request.headers.update({"authorization": "Bearer theirs", "host": "elsewhere.example"})
        yield request

    def write(request: Any) -> Any:
        request.headers["authorization"] = "Bearer theirs"
        request.headers["x-written"] = "1"
        return request

    auth = {"pair": ("user", "pass"), "function": write, "replacing": own.auth(replace)}[kind]
    server = serve(scripts.well)
    assert own.speak(server, auth=auth).ask() == TEXT
    assert [seen.header("authorization") for seen in server.requests] == [OURS]
    assert server.requests[0].header("host") == f"localhost:{server.port}"
    assert server.requests[0].header("x-written") == ("1" if kind == "function" else None)


# ------------------------------------------------------------------------ where the token goes


def test_the_clients_base_url_moves_nothing(bare: Own, serve: Serve) -> None:
    """A client with another base URL sends the request to the configured host."""
    server, other = serve(scripts.well), serve(scripts.well)
    speaker = bare.speak(server, base_url=f"http://localhost:{other.port}/elsewhere")
    assert speaker.ask() == TEXT
    assert other.requests == []


def test_redirects_are_not_followed_by_a_client_that_would(bare: Own, serve: Serve) -> None:
    """The package overrides `follow_redirects=True` of a client."""
    other = serve(scripts.well)
    location = f"location: http://127.0.0.1:{other.port}/"
    server = serve(lambda peer, _: peer.answer(b"", "307 Go", "text/plain", location))
    with pytest.raises(WorkersAIError):
        bare.speak(server, follow_redirects=True).ask()
    assert other.requests == []


def test_a_request_of_the_auths_own_takes_no_token_elsewhere(own: Own, serve: Serve) -> None:
    """An auth that sends its own request with copied headers sends no token."""
    keys = serve(lambda peer, _: peer.answer(b'"a key"'))
    server = serve(scripts.well)

    def flow(request: Any) -> Iterator[Any]:
        url = f"http://localhost:{keys.port}/key"
        copied = {"authorization": request.headers["authorization"], "x-copied": "1"}
        response: Any = yield own.module.Request("GET", url, headers=copied)
        request.headers["x-key"] = str(response.status_code)
        yield request

    assert own.speak(server, auth=own.auth(flow)).ask() == TEXT
    assert server.requests[0].header("x-key") == "200"
    assert server.requests[0].header("authorization") == OURS
    assert keys.requests[0].header("x-copied") == "1"
    assert TOKEN not in keys.requests[0].head


def test_an_auth_cannot_turn_the_request_elsewhere(own: Own, serve: Serve) -> None:
    """The package refuses it before the request is sent, without a secret in the error."""
    server, other = serve(scripts.well), serve(scripts.well)

    def turn(request: Any) -> Iterator[Any]:
        request.url = request.url.copy_with(port=other.port)
        yield request

    refused(own.speak(server, auth=own.auth(turn)))
    assert other.requests == server.requests == []


def refused(speaker: Speaker) -> ConfigurationError:
    """Return the error of a call; check that it shows no secret."""
    with pytest.raises(ConfigurationError, match="token") as caught:
        speaker.ask()
    assert caught.value.parameter == "http_client"
    for one in family(caught.value):
        assert not leaks(f"{one!s} {one!r} {vars(one)!r}{with_locals(one)}")
    return caught.value


def test_a_hook_cannot_turn_the_request_elsewhere(traced: Own, serve: Serve) -> None:
    """The package refuses a hook's change of the URL just before httpx writes the request."""
    server, other = serve(scripts.well), serve(scripts.well)

    def turn(request: Any) -> None:
        request.url = request.url.copy_with(port=other.port)

    error = refused(traced.speak(server, event_hooks={"request": [traced.hook(turn)]}))
    assert "hook" in str(error)
    assert other.requests == server.requests == []


class Turning(httpx.Client):
    """A client that builds requests for another host."""

    def build_request(self, method: str, url: Any, **settings: Any) -> httpx.Request:
        return super().build_request(method, "http://elsewhere.example", **settings)


def test_a_client_that_builds_for_another_host(serve: Serve) -> None:
    """The package refuses the request of an overridden method, like that of a hook."""
    server = serve(scripts.well)
    speaker = Speaker(
        "client-sync", base_url=server.base_url, http_client=Turning(verify=False), max_retries=0
    )
    refused(speaker)
    speaker.close()


# -------------------------------------------------------------------------------- proxies


def hears_nothing(proxy: Loopback) -> None:
    assert proxy.requests == []
    assert proxy.connections == 0


@pytest.mark.parametrize("how", ["parameter", "environment"])
def test_plain_http_through_a_users_proxy_is_refused(
    own: Own, serve: Serve, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The package does not connect to the client's proxy, and the error states what to pass."""
    server, proxy = serve(scripts.well), serve(scripts.well)
    url = f"http://127.0.0.1:{proxy.port}"
    if how == "environment":
        monkeypatch.setenv("HTTP_PROXY", url)
        speaker = own.speak(server)
    else:
        speaker = own.speak(server, proxy=url)
    assert "trust_env=False" in str(refused(speaker))
    hears_nothing(proxy)
    assert server.requests == []


def test_https_through_a_users_proxy(bare: Own, serve: Serve) -> None:
    """The client asks its proxy for a tunnel, and sends only encrypted bytes."""
    proxy = FakeProxy(serve)
    speaker = bare.speak(proxy.server, base="https://workersai.example", proxy=proxy.plain_url)
    with pytest.raises(APIConnectionError):
        speaker.ask()
    assert proxy.done.wait(WAIT)
    received = bytes(proxy.received)
    assert received.startswith(b"CONNECT workersai.example:443")
    for secret in (TOKEN, ACCOUNT, "Hello"):
        assert secret.encode() not in received


def test_plain_http_over_a_connection_that_a_proxy_has(traced: Own, serve: Serve) -> None:
    """The package does not use the owner's open connection to a proxy for the same host."""
    server, proxy = serve(scripts.well), serve(lambda peer, _: peer.answer(b"{}"))
    speaker = traced.speak(server, proxy=f"http://127.0.0.1:{proxy.port}")
    speaker.wait(traced.client.get(f"http://localhost:{server.port}/mine"))
    refused(speaker)
    assert [TOKEN in seen.head for seen in proxy.requests] == [False]


def test_plain_http_through_an_aiohttp_session_with_a_proxy(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    """The package refuses a session with `trust_env` while the environment names a proxy."""
    aiohttp = importlib.import_module("aiohttp")
    transport = importlib.import_module("httpx_aiohttp").AiohttpTransport
    server, proxy = serve(scripts.well), serve(scripts.well)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    own = Own(("client-async", "aiohttp"), stack)

    async def session() -> Any:
        return aiohttp.ClientSession(trust_env=True)

    speaker = own.speak(server, transport=transport())
    made = speaker.wait(session())
    stack.callback(lambda: None)
    own.client._transport.client = made
    refused(speaker)
    hears_nothing(proxy)


def test_hosts_that_the_environment_takes_from_the_proxy(
    own: Own, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package uses a client that bypasses its proxy for the host."""
    server, proxy = serve(scripts.well), serve(scripts.well)
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert own.speak(server).ask() == TEXT
    hears_nothing(proxy)


@pytest.mark.parametrize("mount", ["http://localhost", "all://"])
def test_plain_http_through_a_mounted_proxy_is_refused(
    traced: Own, serve: Serve, mount: str
) -> None:
    """The package also checks the transports that a user mounts for some hosts."""
    server, proxy = serve(scripts.well), serve(scripts.well)
    kind = traced.module.AsyncHTTPTransport if traced.is_async else traced.module.HTTPTransport
    mounted = kind(proxy=f"http://127.0.0.1:{proxy.port}", verify=False)
    refused(traced.speak(server, mounts={mount: mounted}))
    hears_nothing(proxy)


def test_secrets_of_the_client_show_in_no_error(own: Own, serve: Serve) -> None:
    """The error quotes no key of the client that a gateway echoes."""

    def echo(peer: Peer, seen: Seen) -> None:
        message = {"code": 3001, "message": seen.head}
        peer.answer(json.dumps({"success": False, "errors": [message]}).encode(), "400 Bad")

    headers = {"x-gateway-key": "the-key-of-the-gateway", "x-team": "blue-team"}
    with pytest.raises(WorkersAIError) as caught:
        own.speak(serve(echo), headers=headers).ask()
    assert "blue-team" in str(caught.value)
    assert not leaks(f"{caught.value!s} {vars(caught.value)!r}", ("the-key-of-the-gateway", TOKEN))


# ------------------------------------------------------------------------ what a call leaves


def setting(peer: Peer, seen: Seen) -> None:
    """Answer with two cookies, one of a name that the client already has."""
    if scripts.wants_stream(seen):
        peer.begin("text/event-stream", "set-cookie: new=1; Path=/", "set-cookie: old=2; Path=/")
        peer.chunk(scripts.STREAM)
        peer.end()
        return
    cookies = ("set-cookie: new=1; Path=/", "set-cookie: old=2; Path=/; Domain=localhost")
    peer.answer(scripts.WHOLE, "200 OK", scripts.JSON, *cookies)


def test_no_cookie_of_an_answer_stays(own: Own, serve: Serve) -> None:
    """The client's jar stays as it was: the next call sends the same cookies."""
    server = serve(setting)
    speaker = own.speak(server, cookies={"old": "1"})
    jar = own.client.cookies.jar
    assert [speaker.either(how) for how in ("plain", "stream", "plain")] == [TEXT] * 3
    assert [seen.header("cookie") for seen in server.requests] == ["old=1"] * 3
    assert dict(own.client.cookies) == {"old": "1"}
    assert own.client.cookies.jar is jar


def test_settings_of_the_client_stay_as_they_are(own: Own, serve: Serve) -> None:
    """Headers, cookies, params, auth, hooks and timeout stay equal."""
    server = serve(setting)
    hooks = {"request": [own.hook(lambda _: None)], "response": []}

    def flow(request: Any) -> Iterator[Any]:
        yield request

    auth = own.auth(flow)
    speaker = own.speak(
        server, headers={"x-a": "1"}, params={"b": "2"}, auth=auth, event_hooks=hooks, timeout=7
    )
    names = ("headers", "cookies", "params", "auth", "event_hooks", "timeout", "base_url")
    before = {name: repr(getattr(own.client, name)) for name in names}
    assert speaker.ask() == TEXT
    assert {name: repr(getattr(own.client, name)) for name in names} == before
    assert own.client.auth is auth


def test_failed_calls_leave_nothing_either(own: Own, serve: Serve) -> None:
    """A refusal with a cookie, and a hook that raises, leave the jar as it was."""

    def refuse(peer: Peer, seen: Seen) -> None:
        peer.answer(b"{}", "400 Bad", scripts.JSON, "set-cookie: new=1; Path=/")

    def fail(response: Any) -> None:
        raise RuntimeError("a hook of the owner's")

    server = serve(refuse)
    hooks: dict[str, list[Any]] = {"response": []}
    speaker = own.speak(server, event_hooks=hooks)
    jar = own.client.cookies.jar
    with pytest.raises(WorkersAIError):
        speaker.ask()
    own.client.event_hooks = {"response": [own.hook(fail)]}
    with pytest.raises(RuntimeError, match="owner's"):
        speaker.ask()
    assert dict(own.client.cookies) == {}
    assert own.client.cookies.jar is jar


def test_cookies_of_the_owners_own_requests_are_kept(own: Own, serve: Serve) -> None:
    """A login by a hook with the same client, during a call, keeps its session."""
    login = serve(lambda peer, _: peer.answer(b"{}", "200 OK", scripts.JSON, "set-cookie: s=9"))
    server = serve(setting)
    url = f"http://localhost:{login.port}/login"

    def log_in(request: Any) -> None:
        if not own.client.cookies.get("s") and "login" not in str(request.url):
            own.client.get(url)

    async def log_in_async(request: Any) -> None:
        if not own.client.cookies.get("s") and "login" not in str(request.url):
            await own.client.get(url)

    hook = log_in_async if own.is_async else log_in
    speaker = own.speak(server, event_hooks={"request": [hook]})
    assert [speaker.ask() for _ in range(2)] == [TEXT] * 2
    assert len(login.requests) == 1
    assert dict(own.client.cookies) == {"s": "9"}


@pytest.mark.parametrize("library", LIBRARIES["sync"])
def test_cookies_while_the_owner_uses_the_client_too(
    serve: Serve, stack: ExitStack, library: str
) -> None:
    """An answer to another thread sets its cookie during a call; the call sets none."""
    begun, may_answer = threading.Event(), threading.Event()

    def slowly(peer: Peer, seen: Seen) -> None:
        begun.set()
        assert may_answer.wait(WAIT)
        setting(peer, seen)

    theirs = serve(lambda peer, _: peer.answer(b"{}", "200 OK", scripts.JSON, "set-cookie: s=9"))
    own = Own(("client-sync", library), stack)
    speaker = own.speak(serve(slowly))
    asking = threading.Thread(target=speaker.ask)
    asking.start()
    assert begun.wait(WAIT)
    own.client.get(f"http://localhost:{theirs.port}/")
    assert dict(own.client.cookies) == {"s": "9"}
    own.client.cookies.set("mine", "1")
    may_answer.set()
    asking.join(WAIT)
    assert dict(own.client.cookies) == {"s": "9", "mine": "1"}


def test_tasks_that_share_a_client(serve: Serve, stack: ExitStack) -> None:
    """Twenty concurrent calls leave the cookie jars of httpx and aiohttp empty."""
    server = serve(setting)
    for library in LIBRARIES["async"]:
        speaker = Own(("client-async", library), stack).speak(server)
        assert speaker.gather(20) == [TEXT] * 20
        assert dict(speaker.own.cookies) == {}
    assert {seen.header("cookie") for seen in server.requests} == {None}


def test_cookies_of_an_aiohttp_session_stay_as_they_are(serve: Serve, stack: ExitStack) -> None:
    """The session's jar keeps its cookies and gets none, also of the same name."""

    def count(peer: Peer, seen: Seen) -> None:
        number = len(peer.server.requests)
        cookies = (f"set-cookie: latest={number}", f"set-cookie: number{number}=1; Path=/")
        peer.answer(scripts.WHOLE, "200 OK", scripts.JSON, *cookies)

    server = serve(count)
    own = Own(("client-async", "aiohttp"), stack)
    speaker = own.speak(server)
    assert speaker.ask() == TEXT
    url = f"http://localhost:{server.port}/client/v4/accounts/{ACCOUNT}/ai/run/{UNKNOWN}"
    speaker.wait(own.client.post(url))
    own.client.cookies.clear()  # httpx has a jar as well
    assert [speaker.ask() for _ in range(2)] == [TEXT] * 2
    sent = [sorted((seen.header("cookie") or "").split("; ")) for seen in server.requests]
    assert sent == [[""], [""], ["latest=2", "number2=1"], ["latest=2", "number2=1"]]


def test_a_client_that_is_dropped_is_not_kept(serve: Serve) -> None:
    """The package keeps no reference to a client that the user dropped."""
    from workersai._http import user_clients

    gc.collect()
    before = len(user_clients._known)
    server = serve(scripts.well)
    speaker = Speaker("client-sync-httpx", base_url=server.base_url)
    assert speaker.ask() == TEXT
    assert len(user_clients._known) == before + 1
    speaker.close()
    del speaker
    gc.collect()
    assert len(user_clients._known) == before
