"""A user's parameters -> the ones to send, checked against the model's page.

The rule: a value outside what the page publishes raises before any request; a parameter that
the page does not list is sent as it is, because no published schema forbids extra keys and its
effect is simply unknown. Nothing is dropped or changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from workersai._models.profile import ModelProfile, Parameter
from workersai.errors import ConfigurationError
from workersai.types import ChatParameters

__all__ = ["check_extra", "check_parameter", "collect_parameters"]

_KNOWN = frozenset(ChatParameters.__annotations__)
_RESERVED = frozenset({"messages", "prompt", "model", "stream", "requests"})
_NO_STOP: tuple[Any, ...] = ("", [], ())
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "integer": int,
    "boolean": bool,
}


def collect_parameters(
    parameters: Mapping[str, Any], extra: Mapping[str, Any] | None, profile: ModelProfile
) -> dict[str, Any]:
    """Merge and check what the user set; `None` and an empty `stop` mean "not sent".

    Args:
        parameters: By the names of `ChatParameters`.
        extra: Anything else for the request body, by any name.
        profile: The model's.

    Raises:
        ConfigurationError: On an unknown name among *parameters*, a name given twice, or a value
            outside the page's range.
    """
    unknown = [name for name in parameters if name not in _KNOWN]
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]!r} is not a parameter of text generation; to send a field that is not "
            f"listed, pass it in `extra`",
            parameter=unknown[0],
        )
    body = {
        name: list(value) if isinstance(value, (tuple, set, frozenset)) else value
        for name, value in parameters.items()
        if value is not None and not (name == "stop" and value in _NO_STOP)
    }
    check_extra(extra, _RESERVED | body.keys())
    body.update({name: value for name, value in (extra or {}).items() if value is not None})
    for name, value in body.items():
        check_parameter(name, value, profile)
    return body


def check_extra(extra: Mapping[str, Any] | None, taken: AbstractSet[str]) -> None:
    """Check that no extra field replaces one that the call's arguments make.

    Raises:
        ConfigurationError: Naming the field; or if the extra fields have no names.
    """
    if extra is not None and not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"extra must be a mapping, not {type(extra).__name__}", parameter="extra"
        )
    for name in extra or ():
        if not isinstance(name, str):
            raise ConfigurationError(
                f"extra has a field {name!r}, which is no name", parameter="extra"
            )
        if name in taken:
            raise ConfigurationError(
                f"{name!r} is given twice: an extra field cannot replace what the call's own "
                "arguments say",
                parameter=name,
            )


def check_parameter(name: str, value: Any, profile: ModelProfile) -> None:
    """Check one value against the model's page.

    Raises:
        ConfigurationError: Naming parameter, value, range and model.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise _refuse(name, value, "a finite number", profile)
    listed = profile.parameters.get(name)
    if listed is None:
        return
    expected = _TYPES.get(listed.type)
    is_wrong_bool = isinstance(value, bool) and listed.type != "boolean"
    if expected is not None and (is_wrong_bool or not isinstance(value, expected)):
        raise _refuse(name, value, f"of type {listed.type}", profile)
    if isinstance(value, (int, float)) and not _in_range(value, listed):
        raise _refuse(name, value, _range(listed), profile)
    if listed.choices is not None and value not in (*listed.choices, *listed.aliases):
        raise _refuse(name, value, "one of " + ", ".join(listed.choices), profile)
    if (
        listed.max_items is not None
        and not isinstance(value, str)
        and _size(value) > listed.max_items
    ):
        raise _refuse(name, value, f"at most {listed.max_items} entries", profile)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, Sequence) else 0


def _in_range(value: float, listed: Parameter) -> bool:
    above = listed.minimum is None or value >= listed.minimum
    return above and (listed.maximum is None or value <= listed.maximum)


def _range(listed: Parameter) -> str:
    if listed.maximum is None:
        return f"at least {listed.minimum:.15g}"
    if listed.minimum is None:
        return f"at most {listed.maximum:.15g}"
    return f"between {listed.minimum:.15g} and {listed.maximum:.15g}"


def _refuse(name: str, value: Any, wanted: str, profile: ModelProfile) -> ConfigurationError:
    return ConfigurationError(
        f"{name}={value!r} does not fit {profile.name}: its page wants it {wanted}",
        parameter=name,
    )
