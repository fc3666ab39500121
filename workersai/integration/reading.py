"""Resolve aliases of settings, and turn pydantic's errors into `ConfigurationError`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import SecretStr
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, ValidationError

from workersai._arguments import unknown_argument
from workersai.errors import ConfigurationError

__all__ = ["by_field", "explain", "without_input"]

_HIDDEN = "***"

_REQUIREMENTS: Mapping[str, str] = {
    "bool_parsing": "True or False",
    "bool_type": "True or False",
    "dict_type": "a dict",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "is_instance_of": "a {class}",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "list_type": "a list",
    "literal_error": "{expected}",
    "mapping_type": "a dict",
    "string_too_short": "a non-empty text",
    "string_type": "text",
}
"""The requirement to name in the message, by pydantic's error type; braces hold its context."""


def by_field(
    settings: Mapping[str, Any],
    aliases: Mapping[str, str],
    unread: AbstractSet[str] = frozenset(),
) -> Mapping[str, Any]:
    """Replace aliases by field names.

    Args:
        settings: By the names of fields or by their aliases.
        aliases: Each alias and its field.
        unread: Names to leave out.

    Raises:
        ConfigurationError: If two names of one field have different values.
    """
    if aliases.keys().isdisjoint(settings) and unread.isdisjoint(settings):
        return settings
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        if name in unread:
            continue
        field = aliases.get(name, name)
        if (other := fields.get(field)) is None:
            fields[field] = value
        elif value is not None and _plain(value) != _plain(other):
            raise _two_names(field, settings, aliases)
    return fields


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _two_names(
    field: str, settings: Mapping[str, Any], aliases: Mapping[str, str]
) -> ConfigurationError:
    names = sorted(
        (name for name in settings if aliases.get(name, name) == field),
        key=lambda name: name != field,
    )
    alias = next(name for name in names if name != field)
    return ConfigurationError(
        f"{' and '.join(names)} mean the same but have different values: pass one of them",
        parameter=alias,
    )


_HINTS: Mapping[str, str] = {"model": ": pass a model's id, such as '@cf/zai-org/glm-4.7-flash'"}


def explain(error: ValidationError, known: Iterable[str], others_in: str) -> ConfigurationError:
    """Explain in plain words what pydantic refused, without the values, which may be secrets.

    Args:
        error: Pydantic's error.
        known: The names of the class's fields and their aliases.
        others_in: Its argument for further fields of a request's body.
    """
    details = error.errors(include_url=False)
    places = dict.fromkeys(detail["loc"][:1] for detail in details)
    found = [
        _problem([it for it in details if it["loc"][:1] == place], known, others_in)
        for place in places
    ]
    texts = "; ".join(str(problem) for problem in found)
    return ConfigurationError(texts, parameter=found[0].parameter)


def _problem(
    details: list[ErrorDetails], known: Iterable[str], others_in: str
) -> ConfigurationError:
    """Explain what is wrong with one field; a field of several types has a detail for each."""
    first = details[0]
    name = str(first["loc"][0]) if first["loc"] else None
    if (raised := _raised(first)) is not None:
        return ConfigurationError(str(raised), parameter=raised.parameter or name)
    if name is None:
        return ConfigurationError(first["msg"].removeprefix("Value error, "))
    if first["type"] == "extra_forbidden":
        return unknown_argument(name, known, others_in=others_in)
    if first["type"] == "missing":
        return ConfigurationError(f"{name} is missing{_HINTS.get(name, '')}", parameter=name)
    if len(details) == 1 and first["type"] in _REQUIREMENTS:
        return ConfigurationError(_requirement(first), parameter=name)
    return ConfigurationError(f"{name}: {first['msg']}", parameter=name)


def _raised(detail: ErrorDetails) -> ConfigurationError | None:
    error = detail.get("ctx", {}).get("error")
    return error if isinstance(error, ConfigurationError) else None


def _requirement(detail: ErrorDetails) -> str:
    """State the requirement, and the refused value: a number itself, of others the type."""
    place = ".".join(str(step) for step in detail["loc"])
    wanted = _REQUIREMENTS[detail["type"]].format_map(detail.get("ctx", {}))
    value = detail["input"]
    if isinstance(value, (int, float)):
        return f"{place} must be {wanted}, not {value!r}"
    if isinstance(value, str) and detail["type"] in {"literal_error", "string_too_short"}:
        return f"{place} must be {wanted}"
    return f"{place} must be {wanted}, not {type(value).__name__}"


def without_input(error: ValidationError) -> ValidationError:
    """Return pydantic's error without the values, for the error of an enclosing model."""
    lines: list[InitErrorDetails] = []
    for detail in error.errors(include_url=False, include_input=False):
        kind: str | PydanticCustomError = detail["type"]
        if (raised := _raised(detail)) is not None:
            kind = PydanticCustomError("configuration", "{reason}", {"reason": str(raised)})
        line = InitErrorDetails(type=kind, loc=detail["loc"], input=_HIDDEN)
        lines.append({**line, "ctx": detail.get("ctx", {})} if raised is None else line)
    return ValidationError.from_exception_data(error.title, lines)
