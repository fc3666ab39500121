"""LangChain's own tests for embeddings, for each endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_workersai import WorkersAIEmbeddings

MODEL = "@cf/baai/bge-m3"
ACCOUNT = "0123456789abcdef0123456789abcdef"


class _Unit(EmbeddingsUnitTests):
    """Tests that need no server."""

    endpoint = "run"

    @property
    def embeddings_class(self) -> type[WorkersAIEmbeddings]:
        return WorkersAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        connection = {"account_id": ACCOUNT, "api_token": "test", "endpoint": self.endpoint}
        return {"model": MODEL, **connection}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": "test"}
        return environment, {"model": MODEL}, {"account_id": ACCOUNT, "api_token": "test"}


class TestUnitRun(_Unit):
    """The native endpoint."""


class TestUnitOpenAI(_Unit):
    """The compatible endpoint."""

    endpoint = "openai"


class _Integration(EmbeddingsIntegrationTests):
    """Tests that need a server."""

    endpoint = "run"

    @pytest.fixture(autouse=True)
    def _at_the_local_server(self, local: dict[str, Any]) -> None:
        self.local = local

    @property
    def embeddings_class(self) -> type[WorkersAIEmbeddings]:
        return WorkersAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": MODEL, "endpoint": self.endpoint, **self.local}


class TestRun(_Integration):
    """The native endpoint."""


class TestOpenAI(_Integration):
    """The compatible endpoint."""

    endpoint = "openai"
