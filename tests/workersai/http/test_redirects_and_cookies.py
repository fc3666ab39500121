"""The client follows no redirect and sends no cookie back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.http.scripts import (
    HELLO_BODY,
    well,
)
from tests.workersai.talking import (
    CallStyle,
)
from workersai import (
    APIStatusError,
)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(speaks: Speaks, serve: Serve, status: str) -> None:
    """The client sends the token to no other host."""
    other = serve(well)
    server = serve(
        lambda peer, _: peer.answer(
            b"", status, "text/plain", f"location: http://localhost:{other.port}/"
        )
    )
    with pytest.raises(APIStatusError) as caught:
        speaks(base_url=server.base_url).chat()
    assert caught.value.status_code == int(status[:3])
    assert "follows no redirect" in str(caught.value)
    assert other.requests == []


def test_cookies_are_not_sent_back(speaks: Speaks, serve: Serve) -> None:
    """The client does not send a cookie of one answer with a later request."""
    server = serve(
        lambda peer, _: peer.answer(
            HELLO_BODY, "200 OK", "application/json", "set-cookie: session=1; Path=/"
        )
    )
    client = speaks(base_url=server.base_url)
    client.chat()
    client.chat()
    assert [seen.header("cookie") for seen in server.requests] == [None, None]


def test_cookies_are_not_sent_back_through_a_users_client(
    call_style: CallStyle, speaks: Speaks, serve: Serve
) -> None:
    """The client sends no cookie from the jar of the user's own HTTP client."""
    server = serve(
        lambda peer, _: peer.answer(
            HELLO_BODY, "200 OK", "application/json", "set-cookie: session=1; Path=/"
        )
    )
    own: Any = httpx.Client() if call_style == "sync" else httpx.AsyncClient()
    client = speaks(base_url=server.base_url, http_client=own)
    client.chat()
    client.chat()
    client.wait(own.close() if call_style == "sync" else own.aclose())
    assert [seen.header("cookie") for seen in server.requests] == [None, None]
