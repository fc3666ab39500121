"""Fixtures of the LangChain tests: scripted servers and a local server."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import ACCOUNT, GRANITE, Scripted, Server, Wire
from workersai.local import LocalServer

ENVIRONMENT = (
    "CLOUDFLARE_ACCOUNT_ID",
    "CF_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
    "WORKERSAI_BASE_URL",
    "LC_OUTPUT_VERSION",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's account from the environment and switch tracing off."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


@pytest.fixture
def wire() -> type[Wire]:
    """The functions that build answers and streams as Workers AI sends them."""
    return Wire


@pytest.fixture
def scripted() -> Scripted:
    """Return a function that makes a model and the scripted server that answers its requests."""

    def make(
        *replies: Any, cls: type[Any] = ChatWorkersAI, model: str = GRANITE, **settings: Any
    ) -> tuple[Any, Server]:
        server = Server(replies)
        transport = httpx.MockTransport(server)
        defaults: dict[str, Any] = {
            "account_id": ACCOUNT,
            "api_token": "secret-token",
            "http_client": httpx.Client(transport=transport),
            "http_async_client": httpx.AsyncClient(transport=transport),
        }
        return cls(model, **{**defaults, **settings}), server

    return make


@pytest.fixture(scope="session")
def local_server(loopback: None) -> Iterator[LocalServer]:
    """A local Workers AI, rule-based unless WORKERSAI_TEST_ENGINE names another engine."""
    engine: Any = os.environ.get("WORKERSAI_TEST_ENGINE", "echo")
    # The server is not strict: the published schema requires one type on each property of a tool,
    # and an optional property has no single type.
    with LocalServer(engine=engine) as server:
        yield server


@pytest.fixture
def local(local_server: LocalServer) -> dict[str, Any]:
    """The settings that connect an object to the local server."""
    return {
        "base_url": local_server.base_url,
        "account_id": local_server.account_id,
        "api_token": local_server.api_token,
    }


@pytest.fixture
def known_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add ChatWorkersAI to the classes that `load(allowed_objects="all")` of LangChain may make.

    LangChain's own list has its own packages only; users of other packages name the class, as
    `test_identity.py` does.
    """
    module: Any = sys.modules["langchain_core.load.load"]
    path = ("langchain_workersai", "chat_models", "ChatWorkersAI")
    monkeypatch.setitem(module.ALL_SERIALIZABLE_MAPPINGS, path, path)
    monkeypatch.setattr(module, "_default_class_paths_cache", {})


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
"""A PNG of one pixel."""


@pytest.fixture
def offline_media(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the pictures that the standard tests would otherwise download."""

    def get(url: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, content=PIXEL, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
