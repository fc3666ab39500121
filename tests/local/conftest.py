"""One echo server for all tests of the local Workers AI, and a client for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.talking import Events, Post, client_of, function
from workersai.local import LocalServer


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of the real models unless WORKERSAI_TEST_ENGINE is `smol`."""
    if os.environ.get("WORKERSAI_TEST_ENGINE") == "smol":
        return
    real = [item for item in items if item.get_closest_marker("smol")]
    if real:
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if item not in real]


@pytest.fixture(scope="session")
def server(loopback: None) -> Iterator[LocalServer]:
    """A local server with the echo engine."""
    with LocalServer(engine="echo") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: LocalServer) -> Iterator[httpx.Client]:
    """An HTTP client that sends the server's token."""
    with client_of(server) as http_client:
        yield http_client


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Return a function that posts a body to a model's id or to a path below `/ai`."""

    def send(where: str, body: Any) -> httpx.Response:
        return client.post(f"/run/{where}" if where.startswith("@") else where, json=body)

    return send


@pytest.fixture
def events(post: Post) -> Events:
    """Return a function that posts with `stream` and returns the decoded events and `[DONE]`."""

    def send(where: str, body: Any) -> list[Any]:
        response = post(where, {**body, "stream": True})
        assert response.headers["content-type"].startswith("text/event-stream"), response.text
        lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    return send


@pytest.fixture
def weather() -> dict[str, Any]:
    """A tool with one string property."""
    return function("get_weather", "Get the current weather in a city.", city="string")
