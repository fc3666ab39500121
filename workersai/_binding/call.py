"""Write a request as the arguments of `env.AI.run`, or of `env.AI.models` for the catalogue.

The options are those of Cloudflare's published types (`AiOptions`, `GatewayOptions`), and
`rejectIfBusy` of the page "Reject busy requests".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workersai._outgoing import Outgoing
from workersai.errors import ConfigurationError

__all__ = ["BindingCall", "to_call"]

_RUN = "/run/"
_MODELS = "/models/search"
_MARK = b'"options"'


@dataclass(frozen=True, slots=True)
class BindingCall:
    """The arguments for a binding.

    Attributes:
        model: The model id; `None` for a search of the catalogue.
        inputs: The first object, as JSON text: the body of the request, or the filters.
        options: The second object, without the signal.
    """

    model: str | None
    inputs: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)

    @property
    def is_stream(self) -> bool:
        """Whether the call asks for a stream."""
        return self.model is not None and json.loads(self.inputs).get("stream") is True


def to_call(outgoing: Outgoing) -> BindingCall:
    """Write the arguments.

    Raises:
        ConfigurationError: If a binding cannot send such a request, or gateway options lack its id.
    """
    if outgoing.path == _MODELS:
        return BindingCall(None, json.dumps(dict(outgoing.params)), {})
    if not outgoing.path.startswith(_RUN):
        raise ConfigurationError(
            f"a binding runs models and lists them; {outgoing.path} cannot be reached through it"
        )
    inputs, own = _without_options(outgoing.content)
    options = {
        **own,
        **{name: value == "true" for name, value in outgoing.params.items()},
        **_header_options(outgoing.headers),
        "returnRawResponse": True,
    }
    return BindingCall(outgoing.path.removeprefix(_RUN), inputs, options)


def _without_options(content: bytes) -> tuple[str, dict[str, Any]]:
    """Separate a body from the options at its top level, which are a binding's third argument.

    Page: "Do not add rejectIfBusy to the model input object. The binding only applies this option
    from the third argument".
    """
    if _MARK not in content:
        return content.decode(), {}
    body = json.loads(content)
    options = body.pop("options", None)
    if not isinstance(options, dict):
        return content.decode(), {}
    return json.dumps(body), options


def _header_options(headers: Mapping[str, str]) -> dict[str, Any]:
    """Write a gateway's headers as its options; all others stay headers."""
    gateway: dict[str, Any] = {}
    retries: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for name, value in headers.items():
        if name in _GATEWAY:
            option, read = _GATEWAY[name]
            gateway[option] = read(value)
        elif name in _RETRIES:
            option, read = _RETRIES[name]
            retries[option] = read(value)
        else:
            extra[name] = value
    if retries:
        gateway["retries"] = retries
    if gateway and "id" not in gateway:
        raise ConfigurationError(
            "a binding reads gateway options only together with the gateway's id: pass "
            "gateway={'id': ..., ...}",
            parameter="gateway",
        )
    options = {"gateway": gateway, "extraHeaders": extra}
    return {name: value for name, value in options.items() if value}


def _flag(value: str) -> bool:
    return value.lower() == "true"


def _number(value: str) -> Any:
    """Read a number; other text is returned unchanged, so that Cloudflare reports the error."""
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, int | float) else value


def _object(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


_Option = tuple[str, Callable[[str], Any]]
_GATEWAY: Mapping[str, _Option] = {
    "cf-aig-gateway-id": ("id", str),
    "cf-aig-cache-key": ("cacheKey", str),
    "cf-aig-cache-ttl": ("cacheTtl", _number),
    "cf-aig-skip-cache": ("skipCache", _flag),
    "cf-aig-metadata": ("metadata", _object),
    "cf-aig-collect-log": ("collectLog", _flag),
    "cf-aig-event-id": ("eventId", str),
    "cf-aig-request-timeout": ("requestTimeoutMs", _number),
}
_RETRIES: Mapping[str, _Option] = {
    "cf-aig-max-attempts": ("maxAttempts", _number),
    "cf-aig-retry-delay": ("retryDelayMs", _number),
    "cf-aig-backoff": ("backoff", str),
}
