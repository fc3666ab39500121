"""A user's parameters -> the ones to send, checked against the model's page.

The rule: a value outside what the page publishes raises before any request; a parameter that
the page does not list is sent as it is, because no published schema forbids extra keys and its
effect is simply unknown. Nothing is dropped or changed. Extra fields go out unchecked, so that a
user can send what Cloudflare allows since the page was read; only credentials are refused there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from workersai._arguments import argument_of, check_no_credentials, unknown_argument
from workersai._models.profile import ModelParameter, ModelProfile
from workersai.errors import ConfigurationError
from workersai.types import ChatParameters

__all__ = ["add_extra", "check_extra", "check_parameter", "collect_parameters"]

_KNOWN = frozenset(ChatParameters.__annotations__)
_RESERVED = frozenset({"messages", "prompt", "model", "stream", "requests"})
_NO_STOP: tuple[Any, ...] = ("", [], ())
_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "number": ("a number", (int, float)),
    "integer": ("a whole number", int),
    "boolean": ("True or False", bool),
}
"""What a page's type is called in a message, and the types of Python that fit it."""


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
    for name in parameters:
        if name not in _KNOWN:
            others_in = argument_of(extra)
            raise unknown_argument(name, _KNOWN, of="text generation", others_in=others_in)
    body = {
        name: list(value) if isinstance(value, (tuple, set, frozenset)) else value
        for name, value in parameters.items()
        if value is not None and not (name == "stop" and value in _NO_STOP)
    }
    return add_extra(body, extra, _RESERVED, profile)


def add_extra(
    options: Mapping[str, Any],
    extra: Mapping[str, Any] | None,
    taken: AbstractSet[str],
    profile: ModelProfile,
) -> dict[str, Any]:
    """Check options against the model's page, and add the extra fields, which go out unchecked.

    Args:
        options: What the user set by name.
        extra: Further fields of the body; `None` among them means "not sent".
        taken: The fields that are made of the call's other arguments.
        profile: The model's.

    Raises:
        ConfigurationError: If an option is outside the page's range, or an extra field replaces
            another, has no name, or is a credential.
    """
    check_extra(extra, taken | options.keys())
    for name, value in options.items():
        check_parameter(name, value, profile, argument_of(extra))
    unchecked = {name: value for name, value in (extra or {}).items() if value is not None}
    return {**options, **unchecked}


def check_extra(extra: Mapping[str, Any] | None, taken: AbstractSet[str]) -> None:
    """Check that no extra field replaces one that the call's arguments make, or is a credential.

    Raises:
        ConfigurationError: Naming the field; or if the extra fields have no names.
    """
    argument = argument_of(extra)
    if extra is not None and not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"{argument} must be a mapping, not {type(extra).__name__}", parameter=argument
        )
    for name in extra or ():
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{argument} has a field {name!r}, which is no name", parameter=argument
            )
        if name in taken:
            raise ConfigurationError(
                f"{name!r} is given twice: a field in {argument} cannot replace what the call's "
                "own arguments say",
                parameter=name,
            )
    check_no_credentials(argument, extra or {})


def check_parameter(name: str, value: Any, profile: ModelProfile, others_in: str = "extra") -> None:
    """Check one value against the model's page.

    Args:
        name: The parameter's.
        value: What the user set.
        profile: The model's.
        others_in: The argument whose fields are sent unchecked.

    Raises:
        ConfigurationError: Naming parameter, value, range and model, and how to send it anyway.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(
            f"{name} must be a finite number for {profile.name}, not {value!r}: JSON has no other",
            parameter=name,
        )
    listed = profile.parameters.get(name)
    if listed is None or (wanted := _wanted(value, listed)) is None:
        return
    raise ConfigurationError(
        f"{name} must be {wanted} for {profile.name} (model page), not {value!r}; pass it in "
        f"{others_in} to send it anyway",
        parameter=name,
    )


def _wanted(value: Any, listed: ModelParameter) -> str | None:
    """Say what the page wants instead of a value, or `None` if the value fits."""
    called, expected = _TYPES.get(listed.type, ("", object))
    is_wrong_bool = isinstance(value, bool) and listed.type != "boolean"
    if called and (is_wrong_bool or not isinstance(value, expected)):
        return called
    if isinstance(value, (int, float)) and not _in_range(value, listed):
        return _range(listed)
    if listed.choices is not None and value not in (*listed.choices, *listed.aliases):
        return "one of " + ", ".join(listed.choices)
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if listed.max_items is not None and is_list and len(value) > listed.max_items:
        return f"a list of at most {listed.max_items}"
    return None


def _in_range(value: float, listed: ModelParameter) -> bool:
    above = listed.minimum is None or value >= listed.minimum
    return above and (listed.maximum is None or value <= listed.maximum)


def _range(listed: ModelParameter) -> str:
    if listed.maximum is None:
        return f"at least {listed.minimum:,.15g}"
    if listed.minimum is None:
        return f"at most {listed.maximum:,.15g}"
    return f"between {listed.minimum:,.15g} and {listed.maximum:,.15g}"
