"""How the four classes reach Workers AI: their shared parameters and the core's clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from langchain_core.utils.utils import secret_from_env
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StrictBool,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_core import ErrorDetails, ValidationError
from typing_extensions import Self

from langchain_workersai._errors import ConfigurationError, framework_errors
from workersai import AsyncClient, Client, Timeout
from workersai.integration import Clients, hidden_setting, secrets_in_header

C = TypeVar("C", Client, AsyncClient)

ACCOUNT_VARIABLES = ("CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID")
TOKEN_VARIABLES = (
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
)

CONNECTION = (
    "model",
    "account_id",
    "api_token",
    "base_url",
    "endpoint",
    "timeout",
    "max_retries",
    "gateway",
    "session_affinity",
    "reject_if_busy",
    "default_headers",
    "allow_insecure_http",
)
"""The fields that the core's clients take under the same names."""

CONFIG = ConfigDict(
    arbitrary_types_allowed=True,
    extra="forbid",
    hide_input_in_errors=True,
    populate_by_name=True,
    protected_namespaces=(),
)
"""Of every class; each has to say so itself, because pydantic lets the last base decide."""

_VARIABLES: Mapping[str | None, tuple[str, ...]] = {
    "account_id": ACCOUNT_VARIABLES,
    "base_url": ("WORKERSAI_BASE_URL",),
}


class Connection(BaseModel):
    """The parameters every class has for its connection, and its clients.

    Attributes:
        model: The model id, `@cf/author/name`.
        account_id: Cloudflare account; from `CLOUDFLARE_ACCOUNT_ID` or `CF_ACCOUNT_ID`. It is in
            no repr, dump or trace, and travels in pickles.
        api_token: API token with Workers AI permission; from `CLOUDFLARE_API_TOKEN`,
            `CLOUDFLARE_AUTH_TOKEN`, `CF_AI_API_TOKEN` or `CF_API_TOKEN`. It is in no repr,
            dump or pickle: an unpickled object reads it from the environment again.
        base_url: API root, from `WORKERSAI_BASE_URL`; by default Cloudflare's.
        endpoint: `run` (native) or `openai` (compatible).
        timeout: Seconds for the whole call, or a `Timeout` with a clock for each part of it.
        max_retries: Attempts after the first; none for a generation that ran into a clock.
        gateway: AI Gateway id, or its options.
        session_affinity: Keeps a conversation on one instance for its prefix cache.
        reject_if_busy: Fail at once when the model has no capacity.
        default_headers: Headers for every request; never authentication or host.
        allow_insecure_http: Allow a plain-http `base_url` for a host other than this machine, such
            as a container beside yours. The token, the prompts and the answers then travel in
            clear: whoever can read the network in between can read and use them.
        http_client: An `httpx.Client` of your own for sync calls; never closed here.
        http_async_client: An `httpx.AsyncClient` of your own for async calls.
    """

    model_config = CONFIG

    model: str = Field(validation_alias=AliasChoices("model", "model_name"), min_length=1)
    account_id: str | None = Field(default=None, validate_default=True)
    api_token: SecretStr | None = Field(
        default_factory=secret_from_env(TOKEN_VARIABLES, default=None),
        validation_alias=AliasChoices("api_token", "api_key"),
    )
    base_url: str | None = Field(default=None, validate_default=True)
    endpoint: Literal["run", "openai"] = "run"
    timeout: float | Timeout | None = Field(
        default=None, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    max_retries: int = Field(default=2, ge=0)
    gateway: str | dict[str, Any] | None = Field(default=None, repr=False)
    session_affinity: str | None = None
    reject_if_busy: bool = False
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    allow_insecure_http: StrictBool = False
    http_client: Any = Field(default=None, exclude=True, repr=False)
    http_async_client: Any = Field(default=None, exclude=True, repr=False)

    _clients: Clients[Client, AsyncClient] = PrivateAttr(default_factory=Clients)

    def __init__(self, model: str | None = None, **settings: Any) -> None:
        """Check and keep the settings; the classes say of which type."""
        if model is not None:
            settings["model"] = model
        wrong: ConfigurationError | None = None
        try:
            super().__init__(**settings)
        except ValidationError as error:
            wrong = _explain(error, type(self).__name__)
        if wrong is not None:
            # Raised out here, so that pydantic's error, which holds the input, is not behind it.
            raise wrong
        self._client()

    @field_validator("account_id", "base_url", mode="before")
    @classmethod
    def _read_environment(cls, value: Any, info: ValidationInfo) -> Any:
        """What is not given is read here and not by the client alone: identity depends on it."""
        names = _VARIABLES[info.field_name]
        return value or next((found for name in names if (found := os.environ.get(name))), None)

    @field_validator("account_id", "default_headers", "gateway")
    @classmethod
    def _hide(cls, value: Any, info: ValidationInfo) -> Any:
        return hidden_setting(info.field_name, value)

    @field_serializer("account_id", when_used="json-unless-none")
    def _hide_account(self, _: str) -> str:
        return "***"

    def _client(self) -> Client:
        """The core's client, made on first use."""
        with framework_errors():
            return self._clients.synchronous(lambda: self._make(Client, self.http_client))

    def _async_client(self) -> AsyncClient:
        """The core's async client, made on first use; it keeps event loops apart by itself."""
        with framework_errors():
            return self._clients.asynchronous(
                lambda: self._make(AsyncClient, self.http_async_client)
            )

    def _make(self, kind: Callable[..., C], http_client: Any) -> C:
        settings = {name: getattr(self, name) for name in CONNECTION}
        # An empty environment variable is one that is not set.
        for name in ("account_id", "api_token", "base_url"):
            settings[name] = settings[name] or None
        return kind(**settings, http_client=http_client)

    def close(self) -> None:
        """Close the connections of sync calls; the object can be used again."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close this event loop's connections of async calls; the object can be used again."""
        await self._clients.aclose()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field; what was derived from the old value is made anew."""
        super().__setattr__(name, hidden_setting(name, value))
        self.__dict__.pop("_serialized", None)
        if name in (*CONNECTION, "http_client", "http_async_client") and self.__pydantic_private__:
            self._clients = Clients()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, then set the fields in `update`; a name that is no field raises `ValueError`."""
        twin = super().model_copy(deep=deep)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    def __copy__(self) -> Self:
        """Copy the settings, not the clients made from them."""
        twin = super().__copy__()
        setattr(twin, "_clients", Clients())  # noqa: B010 - a twin's privacy is this class's own
        twin.__dict__.pop("_serialized", None)  # LangChain's cached dump, of the old settings
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings, not the clients; HTTP clients of the user's own are shared."""
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Everything but secrets, which an unpickled object reads from the environment."""
        state = super().__getstate__()
        values = {**state["__dict__"], "api_token": None}
        values.pop("_serialized", None)
        values["gateway"] = public_gateway(self.gateway)
        if headers := values.get("default_headers"):
            public = {k: v for k, v in headers.items() if not any(secrets_in_header(k, v))}
            values["default_headers"] = hidden_setting("default_headers", public)
        return {**state, "__dict__": values}


def public_gateway(gateway: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
    """The gateway's settings without its own token."""
    if not isinstance(gateway, dict):
        return gateway
    return {name: value for name, value in gateway.items() if name != "authorization"}


def _explain(error: ValidationError, owner: str) -> ConfigurationError:
    """Say what is wrong without the input, which may hold a token."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    reasons = "; ".join(_reason(detail) for detail in details)
    name = str(details[0]["loc"][0]) if details[0]["loc"] else None
    return ConfigurationError(f"{owner}: {reasons}", parameter=name)


def _reason(detail: ErrorDetails) -> str:
    name = ".".join(str(step) for step in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{name} is not a parameter; other keys of a request go into model_kwargs"
    return f"{name}: {detail['msg']}"
