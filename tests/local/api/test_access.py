"""Requests that the local server admits, and the errors of those that it refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.talking import GRANITE, user
from workersai.local import LocalServer

ACCOUNT = "f" * 32


def status_and_code(server: LocalServer, account: str, headers: dict[str, str]) -> tuple[int, Any]:
    url = f"{server.base_url}/accounts/{account}/ai/run/{GRANITE}"
    response = httpx.post(url, json=user("Hi"), headers=headers, trust_env=False)
    return response.status_code, response.json()["errors"][0]["code"]


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 403, 9106),
        ("Bearer Bearer local-token", 400, 9106),
        ('Bearer "local-token"', 400, 9106),
        ("local-token", 400, 9106),
        ("Bearer wrong-token", 401, 10000),
    ],
)
def test_wrong_tokens_are_refused(
    server: LocalServer, header: str | None, status: int, code: int
) -> None:
    """The server refuses a missing, a malformed and a wrong token with three different errors."""
    headers = {} if header is None else {"authorization": header}
    assert status_and_code(server, server.account_id, headers) == (status, code)


def test_a_wrong_account_is_refused(server: LocalServer) -> None:
    """The server refuses another well-formed account like a wrong token."""
    headers = {"authorization": f"Bearer {server.api_token}"}
    assert status_and_code(server, ACCOUNT, headers) == (401, 10000)


def test_a_malformed_account_has_no_route(server: LocalServer) -> None:
    """The server has no route for an account id that is not 32 hexadecimal digits."""
    assert status_and_code(server, "my-account", {"authorization": "Bearer x"}) == (404, 7003)


def test_a_refusal_does_not_repeat_the_token(server: LocalServer) -> None:
    """A refusal does not repeat the token that the request carried."""
    url = f"{server.base_url}/accounts/{server.account_id}/ai/run/{GRANITE}"
    headers = {"authorization": "Bearer very-secret-token"}
    response = httpx.post(url, json=user("Hi"), headers=headers, trust_env=False)
    assert "very-secret" not in response.text


def test_every_response_names_the_stand_in(server: LocalServer, client: httpx.Client) -> None:
    """Each response has the server's and the engine's name and a local request id."""
    good = client.post(f"/run/{GRANITE}", json=user("Hi"))
    bad = httpx.get(f"{server.base_url}/nowhere", trust_env=False)
    for response in (good, bad):
        assert response.headers.get_list("server") == ["workersai-local"]
        assert response.headers["x-workersai-engine"] == "echo"
        assert response.headers["cf-ray"].startswith("local-")
