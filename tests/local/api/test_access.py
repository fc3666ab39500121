"""Which requests the local server admits, and how it words its refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.talking import GRANITE, user
from workersai.local import LocalServer

ACCOUNT = "f" * 32


def asked(server: LocalServer, account: str, headers: dict[str, str]) -> tuple[int, Any]:
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
def test_token(server: LocalServer, header: str | None, status: int, code: int) -> None:
    """A missing, a malformed and a wrong token are three different refusals."""
    headers = {} if header is None else {"authorization": header}
    assert asked(server, server.account_id, headers) == (status, code)


def test_wrong_account(server: LocalServer) -> None:
    """A well-formed account that is not this server's is refused like a wrong token."""
    headers = {"authorization": f"Bearer {server.api_token}"}
    assert asked(server, ACCOUNT, headers) == (401, 10000)


def test_account_of_another_shape(server: LocalServer) -> None:
    """The server has no route for an account id that is not 32 hexadecimal digits."""
    assert asked(server, "my-account", {"authorization": "Bearer x"}) == (404, 7003)


def test_a_refusal_does_not_repeat_the_token(server: LocalServer) -> None:
    """A refusal does not repeat the token that the request carried."""
    url = f"{server.base_url}/accounts/{server.account_id}/ai/run/{GRANITE}"
    headers = {"authorization": "Bearer very-secret-token"}
    response = httpx.post(url, json=user("Hi"), headers=headers, trust_env=False)
    assert "very-secret" not in response.text


def test_every_response_names_the_stand_in(server: LocalServer, client: httpx.Client) -> None:
    """Answers and refusals carry the server's and the engine's name and a local request id."""
    good = client.post(f"/run/{GRANITE}", json=user("Hi"))
    bad = httpx.get(f"{server.base_url}/nowhere", trust_env=False)
    for response in (good, bad):
        assert response.headers.get_list("server") == ["workersai-local"]
        assert response.headers["x-workersai-engine"] == "echo"
        assert response.headers["cf-ray"].startswith("local-")
