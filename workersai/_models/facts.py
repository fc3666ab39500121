"""Recorded facts about models, which override the tables of this folder.

`workersai probe --apply` writes facts measured on the live service, `make models` facts from the
live catalogue. A fact is one line of `facts.json`: model, field of `ModelProfile`, value, date, and
source. It replaces the value in the tables. The variable `WORKERSAI_FACTS` names another file of
this form, whose facts override those of the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from workersai._models.profile import ModelParameter, ModelProfile
from workersai.errors import ConfigurationError

__all__ = [
    "FACTS_VARIABLE",
    "Fact",
    "package_facts_file",
    "read_facts",
    "recorded_facts",
    "with_facts",
]

FACTS_VARIABLE = "WORKERSAI_FACTS"

_NEVER = frozenset({"name", "known", "sources"})
_FIELDS = frozenset(field.name for field in fields(ModelProfile)) - _NEVER


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One recorded fact.

    Attributes:
        model: The model id.
        field: The field of `ModelProfile` that it sets.
        value: Its value, as JSON writes it.
        date: The day it was found, such as `2026-11-25`.
        source: What found it: `probe`, with the question's id, or `catalogue`.
    """

    model: str
    field: str
    value: Any
    date: str
    source: str

    def sentence(self) -> str:
        """Return one line with the field, the source and the date."""
        return f"{self.source}, {self.date}: {self.field}"

    def set_on(self, profile: ModelProfile) -> ModelProfile:
        """Return the profile with this fact in place of its own value."""
        changed: dict[str, Any] = {self.field: _from_json_value(self.field, self.value)}
        sources = (*profile.sources, self.sentence())
        return replace(profile, known=True, sources=sources, **changed)


def read_facts(text: str | bytes, origin: str) -> tuple[Fact, ...]:
    """Read the facts of a file.

    Args:
        text: The file's content.
        origin: Its name, for error messages.

    Raises:
        ConfigurationError: If it is not a list of facts, or sets a field that profiles do not have.
    """
    try:
        listed = from_json(text)["facts"]
        facts = tuple(Fact(**entry) for entry in listed)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{origin} is not a file of facts: it must hold {{'facts': [{{'model': ..., "
            f"'field': ..., 'value': ..., 'date': ..., 'source': ...}}]}}",
            parameter=FACTS_VARIABLE,
        ) from error
    for fact in facts:
        if fact.field not in _FIELDS:
            raise ConfigurationError(
                f"{origin} sets {fact.field!r} of {fact.model}, not a field of ModelProfile",
                parameter=FACTS_VARIABLE,
            )
    return facts


@cache
def recorded_facts() -> tuple[Fact, ...]:
    """Return the facts of the package, then those of the file that `WORKERSAI_FACTS` names.

    Raises:
        ConfigurationError: If that file cannot be read.
    """
    packaged = files("workersai._models").joinpath("facts.json").read_bytes()
    found = read_facts(packaged, "workersai/_models/facts.json")
    if named := os.environ.get(FACTS_VARIABLE):
        found += read_facts(_content(Path(named)), named)
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{FACTS_VARIABLE}={str(path)!r} cannot be read: {error.strerror}",
            parameter=FACTS_VARIABLE,
        ) from error


def package_facts_file() -> Path:
    """Return the path of the package's own file of facts."""
    return Path(__file__).with_name("facts.json")


def with_facts(
    profiles: Iterable[ModelProfile], facts: Iterable[Fact]
) -> Mapping[str, ModelProfile]:
    """Apply facts to the tables; a model that no table lists gets a profile of its facts."""
    table = {profile.name: profile for profile in profiles}
    for fact in facts:
        table[fact.model] = fact.set_on(table.get(fact.model) or ModelProfile(fact.model))
    return MappingProxyType(table)


def _from_json_value(field: str, value: Any) -> Any:
    if field == "parameters" and isinstance(value, Mapping):
        return MappingProxyType({name: _parameter(listed) for name, listed in value.items()})
    return tuple(value) if isinstance(value, list) else value


def _parameter(listed: Mapping[str, Any]) -> ModelParameter:
    made: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in listed.items()}
    return ModelParameter(**made)
