"""Fields and clients that the four classes share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from langchain_workersai._errors import ConfigurationError, framework_errors
from workersai import AsyncClient, Client
from workersai.integration import CONFIG, BodyFields, ConnectionFields


class Connection(ConnectionFields):
    """The fields of every class, and the clients created from them."""

    model_config = CONFIG

    OTHERS_IN = "model_kwargs"
    REFUSAL = ConfigurationError

    model_kwargs: BodyFields = Field(
        default_factory=dict,
        description="Any other key of the request's body; it is sent unchecked.",
    )

    def model_post_init(self, context: Any, /) -> None:
        """Run LangChain's hook, which pydantic's own would hide."""
        super().model_post_init(context)

    def _client(self) -> Client:
        """Return the core's client; it is created on first use."""
        with framework_errors():
            client: Client = self._clients.synchronous(
                lambda: Client(**self._client_settings(self.http_client))
            )
        return client

    def _async_client(self) -> AsyncClient:
        """Return the core's async client; it keeps separate connections for each event loop."""
        with framework_errors():
            client: AsyncClient = self._clients.asynchronous(
                lambda: AsyncClient(**self._client_settings(self.http_async_client))
            )
        return client

    def _forget(self, field: str) -> None:
        super()._forget(field)
        self.__dict__.pop("_serialized", None)  # LangChain's cached dump of the old settings
