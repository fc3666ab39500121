"""A repeatable server answers the same request with the same bytes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.talking import GRANITE, client_of, function
from workersai.local import LocalServer

pytestmark = pytest.mark.usefixtures("loopback")

HELLO = [{"role": "user", "content": "Hello, get the weather in Paris."}]
TOOLS = [function("get_weather", "Get the current weather in a city.", city="string")]

BODIES: list[dict[str, Any]] = [
    {"messages": HELLO},
    {"messages": HELLO, "tools": TOOLS},
    {"messages": HELLO, "tools": TOOLS, "stream": True},
    {"prompt": "Hello"},
    {"messages": HELLO, "max_tokens": 1_000_000},
]


def answers(body: dict[str, Any], *, repeatable: bool) -> list[bytes]:
    """Send a request once to one server and twice to another; return the three bodies."""
    contents = []
    for times in (1, 2):
        with (
            LocalServer(engine="echo", repeatable=repeatable) as server,
            client_of(server) as client,
        ):
            contents += [client.post(f"/run/{GRANITE}", json=body).content for _ in range(times)]
    return contents


@pytest.mark.parametrize("body", BODIES)
def test_a_repeatable_server_answers_the_same_request_with_the_same_bytes(
    body: dict[str, Any],
) -> None:
    """A repeatable server derives ids and times from the request, in refusals too."""
    first, *others = answers(body, repeatable=True)

    assert set(others) == {first}


@pytest.mark.parametrize("body", BODIES)
def test_ids_are_fresh_by_default(body: dict[str, Any]) -> None:
    """By default, no two answers have the same id."""
    assert len(set(answers(body, repeatable=False))) == 3


def test_ids_of_different_requests_and_calls_differ() -> None:
    """Different requests have different ids, and so do the calls of one answer."""
    clock = function("get_time", "Get the time.")
    two_calls = [{"role": "user", "content": "Use get_weather for the city Paris and get_time."}]

    with LocalServer(engine="echo", repeatable=True) as server, client_of(server) as client:
        bodies = [{"messages": HELLO}, {"messages": two_calls, "tools": [*TOOLS, clock]}]
        first, second = (client.post(f"/run/{GRANITE}", json=b).json()["result"] for b in bodies)

    calls = second["choices"][0]["message"]["tool_calls"]
    assert len({first["id"], second["id"], *(call["id"] for call in calls)}) == 4
