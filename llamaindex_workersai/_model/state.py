"""State: what of a component travels in a pickle, and how a copy is made from it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.reduction import ForkingPickler
from typing import Any

from pydantic import BaseModel

from workersai.integration import OPERATIONAL, Clients

_RESOURCES = ("http_client", "http_async_client", "rate_limiter", "callback_manager")


def shown_gateway(gateway: Any) -> Any:
    """Leave out the token of an authenticated AI Gateway."""
    if not isinstance(gateway, Mapping):
        return gateway
    return {name: value for name, value in gateway.items() if name != "authorization"}


def _nothing(secret: Any) -> None:  # noqa: ARG001 - one signature for all
    return None


SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "api_token": _nothing,
    "default_headers": _nothing,
    "gateway": shown_gateway,
}
"""The fields that hold secrets, and what of each may be shown."""


class _InProcess:
    """A secret on its way between processes of one program.

    Queues, pools and executors of `multiprocessing` carry it along; any other pickle, which may
    end up in a file or a cache, holds what may be shown of it.
    """

    def __init__(self, secret: Any, shown: Any) -> None:
        self.secret = secret
        self.shown = shown

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return _unchanged, (self.shown,)


def _carry(secret: _InProcess) -> tuple[Callable[[Any], Any], tuple[Any]]:
    return _unchanged, (secret.secret,)


def _unchanged(value: Any) -> Any:
    return value


ForkingPickler.register(_InProcess, _carry)


def _can_pickle(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True


def state_of(component: BaseModel) -> dict[str, Any]:
    """Copy the fields that can be pickled, with secrets only for processes of this program.

    Args:
        component: Stays as it is.

    Returns:
        The fields, and the names of those left behind.
    """
    fields: dict[str, Any] = {}
    left: list[str] = []
    for name, value in component.__dict__.items():
        if name in SHOWN and value is not None:
            fields[name] = _InProcess(value, SHOWN[name](value))
        elif _can_pickle(value):
            fields[name] = value
        else:
            left.append(name)
    return {"__dict__": fields, "left": left}


def restore(component: BaseModel, state: dict[str, Any]) -> None:
    """Make a component from a `state_of`, with defaults for what was left behind."""
    BaseModel.__init__(component, **state["__dict__"])
    if state["left"]:
        warnings.warn(
            f"{type(component).__name__} came from a pickle without {', '.join(state['left'])}, "
            "which cannot be pickled; defaults are used instead.",
            stacklevel=2,
        )


def resources_shared(component: BaseModel, memo: dict[int, Any] | None) -> dict[int, Any]:
    """Extend a deep copy's memo so that it shares what must not be copied."""
    return {id(value): value for value in _resources(component)} | (memo or {})


def _resources(component: BaseModel) -> Iterator[Any]:
    yield from (getattr(component, name, None) for name in _RESOURCES)
    private = (component.__pydantic_private__ or {}).values()
    yield from (value for value in private if not isinstance(value, Clients))


class Described(dict[str, Any]):
    """An embedding's settings, all of them; as text, only what can change the vector of a text.

    `IngestionPipeline` keys its cache on the text of a component's dict. A vector depends neither
    on how its request is sent nor, as nodes are embedded as documents, on how queries are.
    """

    _HIDDEN = OPERATIONAL | {"query_instruction"}

    def __repr__(self) -> str:
        return repr({name: value for name, value in self.items() if name not in self._HIDDEN})
