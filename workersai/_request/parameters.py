"""Collect a user's parameters and check them against the model's page.

A value outside the page's published range raises an error before any request. A parameter that
the page does not list is sent unchanged, because no published schema forbids extra keys and its
effect is unknown. Values are never dropped or changed. Extra fields are sent unchecked, so that a
user can send values that Cloudflare allowed after the page was read; only credentials are
rejected there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from workersai._arguments import argument_of, check_no_credentials, unknown_argument
from workersai._checks import plain_number
from workersai._models.profile import ModelParameter, ModelProfile
from workersai.errors import ConfigurationError
from workersai.types import ChatParameters

__all__ = ["add_extra", "check_extra", "check_parameter", "collect_parameters"]

_KNOWN = frozenset(ChatParameters.__annotations__)
_RESERVED = frozenset({"messages", "prompt", "model", "stream", "requests"})
_LISTS = (tuple, set, frozenset)
_NO_STOP: tuple[Any, ...] = ("", [], ())
_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "number": ("a number", (int, float)),
    "integer": ("a whole number", int),
    "boolean": ("True or False", bool),
}
"""JSON type on the page -> its name in messages, and the Python types that fit it."""


def collect_parameters(
    parameters: Mapping[str, Any], extra: Mapping[str, Any] | None, profile: ModelProfile
) -> dict[str, Any]:
    """Merge and check the user's parameters; `None` and an empty `stop` mean "not sent".

    Args:
        parameters: Values by the names of `ChatParameters`.
        extra: Any other fields of the request body, by name.
        profile: The model's profile.

    Raises:
        ConfigurationError: On an unknown name among *parameters*, a name that is passed twice, or a
            value outside the page's range.
    """
    for name in parameters:
        if name not in _KNOWN:
            others_in = argument_of(extra)
            raise unknown_argument(name, _KNOWN, of="text generation", others_in=others_in)
    body = {
        name: list(value) if isinstance(value, _LISTS) else plain_number(value)
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
    """Check options against the model's page, and add the extra fields unchecked.

    Args:
        options: The options that the user set by name.
        extra: Further fields of the body; `None` as a value means "not sent".
        taken: The fields that are made from the call's other arguments.
        profile: The model's profile.

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
    """Check that no extra field replaces a field made from other arguments, or is a credential.

    Raises:
        ConfigurationError: The error names the field. Also raised if *extra* is not a mapping with
            string keys.
    """
    argument = argument_of(extra)
    if extra is not None and not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"{argument} must be a mapping, not {type(extra).__name__}", parameter=argument
        )
    for name in extra or ():
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{argument} has the key {name!r}; keys must be strings", parameter=argument
            )
        if name in taken:
            raise ConfigurationError(
                f"{name!r} is passed twice: {argument} cannot replace a field that the call's "
                "other arguments set",
                parameter=name,
            )
    check_no_credentials(argument, extra or {})


def check_parameter(name: str, value: Any, profile: ModelProfile, others_in: str = "extra") -> None:
    """Check one value against the model's page.

    Args:
        name: The parameter's name.
        value: The value that the user set.
        profile: The model's profile.
        others_in: The argument whose fields are sent unchecked.

    Raises:
        ConfigurationError: With the parameter, the value, the range and the model, and how to send
            the value anyway.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(
            f"{name} must be a finite number for {profile.name}, not {value!r}",
            parameter=name,
        )
    listed = profile.parameters.get(name)
    if listed is None or (requirement := _requirement(value, listed)) is None:
        return
    raise ConfigurationError(
        f"{name} must be {requirement} for {profile.name} (model page), not {value!r}; pass it in "
        f"{others_in} to send it anyway",
        parameter=name,
    )


def _requirement(value: Any, listed: ModelParameter) -> str | None:
    """Return what the page requires in place of a value; `None` if the value fits."""
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
