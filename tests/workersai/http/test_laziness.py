"""The cost of a client before its first call."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx
import pytest

from tests.workersai.conftest import Speaks
from workersai._http import tls


def test_making_a_client_costs_nothing(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor opens no connection, and creates no SSL context and no HTTP client."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a constructor must not do this")

    monkeypatch.setattr(ssl, "SSLContext", refuse)
    monkeypatch.setattr(ssl, "create_default_context", refuse)
    monkeypatch.setattr(httpx, "create_ssl_context", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(httpx.Client, "__init__", refuse)
    monkeypatch.setattr(httpx.AsyncClient, "__init__", refuse)
    speaks()


def test_https_clients_share_one_ssl_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clients share one SSL context: loading certificates takes tens of milliseconds."""
    made: list[ssl.SSLContext] = []

    def make(**_: Any) -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", make)
    tls.shared_ssl_context.cache_clear()
    try:
        contexts = {id(tls.shared_ssl_context(tls.Trust())) for _ in range(3)}
    finally:
        tls.shared_ssl_context.cache_clear()
    assert len(contexts) == len(made) == 1
