"""Connection: the settings that every class of this package shares, and their clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import BaseComponent
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StrictBool,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, ValidationError
from typing_extensions import Self, TypedDict

from llamaindex_workersai._model.state import resources_shared, restore, shown_gateway, state_of
from workersai import AsyncClient, Client, ConfigurationError, Timeout
from workersai.integration import Clients, hidden_setting

CONNECTION = (
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
"""The fields that the core's clients take under the same names; calls name the model."""


class ConnectionSettings(TypedDict, total=False):
    """What the constructors take besides the model; the fields of `Connection` tell more."""

    account_id: str | None
    api_token: str | SecretStr | None
    api_key: str | SecretStr | None
    base_url: str | None
    api_base: str | None
    endpoint: Literal["run", "openai"]
    timeout: float | Timeout | None
    max_retries: int
    gateway: str | Mapping[str, Any] | None
    session_affinity: str | None
    reject_if_busy: bool
    default_headers: Mapping[str, str] | None
    allow_insecure_http: bool
    http_client: Any
    http_async_client: Any
    callback_manager: CallbackManager | None


class Connection(BaseComponent):
    """How to reach Workers AI.

    Nothing is opened, looked up or resolved when an object is made: clients are built at the
    first request and follow later changes to these fields.

    Attributes:
        model: The model id, `@cf/author/name`.
        account_id: The Cloudflare account; from `CLOUDFLARE_ACCOUNT_ID` or `CF_ACCOUNT_ID`. It is
            in no repr or dump, and travels in pickles.
        api_token: An API token with the permission Workers AI; `api_key` is accepted too. From
            `CLOUDFLARE_API_TOKEN`, `CLOUDFLARE_AUTH_TOKEN`, `CF_AI_API_TOKEN`, `CF_API_TOKEN`.
        base_url: The API's root; `api_base` is accepted too. From `WORKERSAI_BASE_URL`.
        endpoint: `run` for the native route, `openai` for the OpenAI-compatible ones.
        timeout: Seconds for the whole call, or a `Timeout` with a clock for each part of it.
        max_retries: Attempts after the first; none for a generation that ran into a clock.
        gateway: The id or the options of an AI Gateway.
        session_affinity: A key that sends related requests to one place, for the prefix cache.
        reject_if_busy: Fail at once when the model has no capacity.
        default_headers: Further headers; they cannot replace authentication or host.
        allow_insecure_http: Allow a plain-http `base_url` for a host other than this machine, such
            as a container beside yours. The token, the prompts and the answers then travel in
            clear: whoever can read the network in between can read and use them.
        http_client: An `httpx.Client` of your own; it is never closed here.
        http_async_client: An `httpx.AsyncClient` of your own; it is never closed here.
    """

    # Values that are refused may be secrets under a misspelt name: no error shows them.
    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    model: str = Field(min_length=1)
    account_id: str | None = Field(default=None, exclude=True, repr=False)
    api_token: SecretStr | None = Field(default=None, exclude=True, repr=False)
    base_url: str | None = None
    endpoint: Literal["run", "openai"] = "run"
    timeout: float | Timeout | None = None
    max_retries: int = Field(default=2, ge=0)
    gateway: str | dict[str, Any] | None = Field(default=None, repr=False)
    session_affinity: str | None = None
    reject_if_busy: bool = False
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    allow_insecure_http: StrictBool = False
    http_client: Any = Field(default=None, exclude=True, repr=False)
    http_async_client: Any = Field(default=None, exclude=True, repr=False)

    ALIASES: ClassVar[Mapping[str, str]] = {"api_key": "api_token", "api_base": "base_url"}
    """Names that other integrations use, and the field each stands for."""

    _clients: Clients[Client, AsyncClient] = PrivateAttr(default_factory=Clients)

    def __init__(self, **settings: Any) -> None:
        """Check and keep the settings; the classes say of which type.

        Raises:
            ConfigurationError: A setting is wrong or unknown; `parameter` names it.
        """
        wrong: ConfigurationError | None = None
        try:
            super().__init__(**settings)
        except ValidationError as error:
            wrong = _explain(error, self.class_name())
        if wrong is not None:
            # Raised out here, so that pydantic's error, which holds the input, is not behind it.
            raise wrong

    @field_validator("account_id", "default_headers", "gateway")
    @classmethod
    def _hide(cls, value: Any, info: ValidationInfo) -> Any:
        return hidden_setting(info.field_name, value)

    @field_serializer("gateway")
    def _show_gateway(self, gateway: Any) -> Any:
        return shown_gateway(gateway)

    @model_validator(mode="before")
    @classmethod
    def _read_aliases(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = {name: value for name, value in data.items() if name not in cls.ALIASES}
        for alias, name in cls.ALIASES.items():
            if data.get(alias) is None:
                continue
            if fields.get(name) not in (None, data[alias]):
                raise ConfigurationError(
                    f"{alias} and {name} mean the same: give one of them", parameter=alias
                )
            fields[name] = data[alias]
        if fields.get("callback_manager", ...) is None:
            del fields["callback_manager"]
        return fields

    def _settings(self, http_client: Any) -> dict[str, Any]:
        return {name: getattr(self, name) for name in CONNECTION} | {"http_client": http_client}

    def _client(self) -> Client:
        return self._clients.synchronous(lambda: Client(**self._settings(self.http_client)))

    def _async_client(self) -> AsyncClient:
        return self._clients.asynchronous(
            lambda: AsyncClient(**self._settings(self.http_async_client))
        )

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field; a secret is as hidden as one given at construction."""
        super().__setattr__(name, hidden_setting(name, value))
        if name in (*CONNECTION, "http_client", "http_async_client") and self.__pydantic_private__:
            self._clients = Clients()

    def __copy__(self) -> Self:
        """Copy the settings, not the clients made from them."""
        twin = super().__copy__()
        setattr(twin, "_clients", Clients())  # noqa: B010 - a twin's privacy is this class's own
        return twin

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, then set the fields in `update`; a name that is no field raises `ValueError`."""
        twin = super().model_copy(deep=deep)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    def close(self) -> None:
        """Close the connections of sync calls; the next call opens new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close the connections of async calls; the next call opens new ones."""
        await self._clients.aclose()

    def __getstate__(self) -> dict[str, Any]:
        """Copy what can travel; this object keeps everything."""
        return state_of(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the object anew from what travelled."""
        restore(self, state)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings; caches, limiters and HTTP clients of your own are shared."""
        return super().__deepcopy__(resources_shared(self, memo))


def _explain(error: ValidationError, owner: str) -> ConfigurationError:
    """Say what is wrong without the input, which may hold a token."""
    details = error.errors(include_url=False, include_input=False)
    reasons = "; ".join(_reason(detail) for detail in details)
    return ConfigurationError(f"{owner}: {reasons}", parameter=_parameter(details[0]))


def _parameter(detail: ErrorDetails) -> str | None:
    if detail["loc"]:
        return str(detail["loc"][0])
    raised = detail.get("ctx", {}).get("error")
    return raised.parameter if isinstance(raised, ConfigurationError) else None


def _reason(detail: ErrorDetails) -> str:
    name = ".".join(str(step) for step in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{name} is not a parameter; other keys of a request go into additional_kwargs"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
