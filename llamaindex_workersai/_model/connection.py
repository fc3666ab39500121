"""Fields and clients that the three classes share."""

from __future__ import annotations

from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import BaseComponent
from pydantic import Field, field_validator

from workersai import AsyncClient, Client
from workersai.integration import CONFIG, BodyFields, ConnectionFields


class Connection(ConnectionFields, BaseComponent):
    """The fields of every class, and the clients created from them."""

    model_config = CONFIG

    OTHERS_IN = "additional_kwargs"
    UNREAD = frozenset({"class_name"})

    additional_kwargs: BodyFields = Field(
        default_factory=dict,
        description="Any other key of the request's body; it is sent unchecked.",
    )

    @field_validator("callback_manager", mode="before", check_fields=False)
    @classmethod
    def _make_manager(cls, value: Any) -> Any:
        """Replace `None`, which LlamaIndex's own code passes, by a manager without handlers."""
        return CallbackManager([]) if value is None else value

    def _client(self) -> Client:
        """Return the core's client; it is created on first use."""
        client: Client = self._clients.synchronous(
            lambda: Client(**self._client_settings(self.http_client))
        )
        return client

    def _async_client(self) -> AsyncClient:
        """Return the core's async client; it keeps separate connections for each event loop."""
        client: AsyncClient = self._clients.asynchronous(
            lambda: AsyncClient(**self._client_settings(self.http_async_client))
        )
        return client
