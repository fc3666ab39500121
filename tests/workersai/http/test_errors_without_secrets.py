"""No error shows the token or the account."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.http.scripts import (
    cut_chunks,
    cut_length,
    hang,
    refuse,
    reset,
    stall,
)
from tests.workersai.loopback import Peer, Script, Seen
from tests.workersai.talking import (
    ACCOUNT,
    TOKEN,
)
from workersai import (
    Timeout,
    WorkersAIError,
)


def portal(peer: Peer, seen: Seen) -> None:
    """Echo the credentials in an HTML page."""
    peer.answer(f"<p>{seen.header('authorization')} {seen.path}".encode(), "200 OK", "text/html")


def no_http(peer: Peer, seen: Seen) -> None:
    peer.send(f"{seen.head}\r\n\r\n".encode())
    peer.hang_up()


FAULTS: list[Script] = [
    refuse, portal, no_http, hang, stall, cut_chunks, cut_length, reset,
    lambda peer, _: peer.hang_up(),
]  # fmt: skip


ECHOES = (refuse, portal)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error with its causes and contexts."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__]


def locals_of(error: BaseException) -> str:
    """Return the local variables of this project's frames, as a traceback would print them."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "/workersai/" in frame.f_code.co_filename]
    ours = [frame for frame in ours if "/tests/" not in frame.f_code.co_filename]
    assert ours
    return "\n".join(
        f"{name}={value!r}" for frame in ours for name, value in frame.f_locals.items()
    )


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
@pytest.mark.parametrize(
    "script", FAULTS, ids=lambda script: getattr(script, "__name__", "script").strip("<>")
)
def test_no_failure_shows_the_token(
    speaks: Speaks,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    script: Script,
    method: str,
) -> None:
    """Text, causes, attributes, traceback, local variables and logs of an error hold no secret."""
    caplog.set_level(logging.DEBUG)
    server = serve(script)
    timeout = Timeout(first_byte=0.1, idle=0.1, total=0.5)
    client = speaks(base_url=server.base_url, max_retries=0, timeout=timeout)
    with pytest.raises(WorkersAIError) as caught:
        client.whole("stream_chat" if script is stall else method)
    for error in chain(caught.value):
        assert isinstance(error, (WorkersAIError, OSError))
        shown = f"{error!s} {error!r} {error.args} {vars(error)}"
        assert ACCOUNT not in shown
        assert TOKEN not in shown
        if script not in ECHOES and isinstance(
            error, WorkersAIError
        ):  # a server's bytes are a local variable while they are read
            assert TOKEN not in locals_of(error)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in caplog.text
    assert ACCOUNT not in caplog.text
