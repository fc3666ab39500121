"""Compare the catalogue with the tables: differences, resulting facts, and old facts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal

from workersai._models import known_profiles
from workersai._models.catalogue import catalogue_profile
from workersai._models.facts import Fact
from workersai._models.profile import ModelParameter, ModelProfile
from workersai.probe.catalogue import Catalogue
from workersai.results import ModelInfo

__all__ = ["Difference", "OldFacts", "compare", "facts_of", "old_facts", "profile_names"]

JsonType = Literal["number", "integer", "boolean", "string", "array", "object"]
Kind = Literal["new", "withdrawn", "renamed", "changed", "unlisted"]

_TASKS = frozenset({"text generation", "text embeddings", "text classification"})
_NOT_COMPARED = frozenset({"name", "known", "sources", "parameters"})
_INPUTS = frozenset(
    {"messages", "prompt", "requests", "text", "queries", "documents", "query", "contexts",
     "context", "input", "inputs", "instruction", "truncate_inputs", "top_k_contexts"}
)  # fmt: skip
_DATE = re.compile(r"\b(20\d\d)-(\d\d)(?:-(\d\d))?\b")
_OLD = timedelta(days=90)
_RENAMED = 0.75
"""The similarity of two names of one author from which a rename is guessed."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between the catalogue and the tables.

    Attributes:
        model: The model.
        kind: The kind of difference.
        field: The field of `ModelProfile`, for `changed` and `new`.
        known: The value in the table.
        found: The value in the catalogue; for `renamed` the new name, for `unlisted` the parameters
            that its schema does not have.
    """

    model: str
    kind: Kind
    field: str = ""
    known: Any = None
    found: Any = None

    def sentence(self) -> str:
        """Describe the difference in one line."""
        if self.kind == "withdrawn":
            return f"{self.model}: the catalogue does not list it"
        if self.kind == "renamed":
            return f"{self.model}: not listed; perhaps it is {self.found} now"
        if self.kind == "unlisted":
            return f"{self.model}: its schema does not list {', '.join(self.found)}"
        if self.field == "parameters":
            return f"{self.model}: parameters: {'; '.join(_changes(self.known, self.found))}"
        if self.kind == "new":
            return f"{self.model}: new, {self.field}={self.found!r}"
        return f"{self.model}: {self.field} is {self.found!r}, not {self.known!r}"


def compare(catalogue: Catalogue) -> list[Difference]:
    """List the differences of the catalogue and the schemas from the tables.

    Models of other tasks are left out, because the package has no methods for them.

    Raises:
        ResponseError: If the catalogue has no list of models.
    """
    listed = {info.name: info for info in catalogue.infos() if _concerns(info)}
    known = {profile.name: profile for profile in known_profiles()}
    found: list[Difference] = []
    for name, info in listed.items():
        found += _of_model(info, known.get(name), catalogue)
    new = [name for name in listed if name not in known]
    gone = [p for p in known.values() if p.name not in listed and p.deprecated is None]
    return [*found, *(_absence(profile.name, new) for profile in gone)]


def _concerns(info: ModelInfo) -> bool:
    return (info.task or "").lower() in _TASKS


def _of_model(
    info: ModelInfo, known: ModelProfile | None, catalogue: Catalogue
) -> Iterator[Difference]:
    before = known or ModelProfile(info.name, known=False)
    after = catalogue_profile(info)
    kind: Kind = "changed" if known else "new"
    for one in fields(ModelProfile):
        old, new = getattr(before, one.name), getattr(after, one.name)
        if one.name not in _NOT_COMPARED and old != new:
            yield Difference(info.name, kind, one.name, old, new)
    yield from _of_parameters(before, kind, catalogue.input_schema(info.name))


def _of_parameters(
    before: ModelProfile, kind: Kind, schema: Mapping[str, Any] | None
) -> Iterator[Difference]:
    """Compare the parameters of a schema; those that it does not list are kept in the table."""
    listed = {} if schema is None else _parameters(schema)
    if not listed:
        return
    old = {name: asdict(entry) for name, entry in before.parameters.items()}
    new = {name: asdict(entry) for name, entry in listed.items()}
    if any(_range(entry) != _range(old.get(name)) for name, entry in new.items()):
        yield Difference(before.name, kind, "parameters", old, {**old, **new})
    if missing := sorted(old.keys() - new.keys()):
        yield Difference(before.name, "unlisted", found=missing)


def _range(entry: Mapping[str, Any] | None) -> Any:
    """Return the limits of a parameter that a request can violate."""
    kept = ("minimum", "maximum", "choices", "max_items")
    return None if entry is None else tuple(entry.get(key) for key in kept)


def _parameters(schema: Mapping[str, Any]) -> dict[str, ModelParameter]:
    """Read the parameters of all variants of a schema, without the request's content."""
    found: dict[str, ModelParameter] = {}
    variants = [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    for variant in variants:
        for name, spec in (variant.get("properties") or {}).items():
            if name not in _INPUTS and isinstance(spec, Mapping):
                found.setdefault(name, _parameter(spec))
    return found


def _parameter(spec: Mapping[str, Any]) -> ModelParameter:
    variants = [spec, *spec.get("anyOf", ()), *spec.get("oneOf", ())]

    def first(key: str) -> Any:
        found = (one.get(key) for one in variants if isinstance(one, Mapping))
        return next((value for value in found if value is not None), None)

    types = [one for one in _types(variants) if one in _JSON_TYPES]
    is_text = set(types) == {"string"}
    choices = tuple(value for value in first("enum") or () if isinstance(value, str))
    return ModelParameter(
        type=types[0] if types else "object",
        minimum=first("minimum"),
        maximum=first("maximum"),
        default=first("default"),
        choices=(choices or None) if is_text else None,
        max_items=first("maxItems"),
    )


def _types(variants: Iterable[Any]) -> Iterator[Any]:
    """List the JSON types of a property and of its alternatives."""
    for one in variants:
        kind = one.get("type") if isinstance(one, Mapping) else None
        yield from kind if isinstance(kind, list) else [kind]


_JSON_TYPES: frozenset[JsonType] = frozenset(
    {"number", "integer", "boolean", "string", "array", "object"}
)


def _absence(name: str, new: Iterable[str]) -> Difference:
    """Report that a model is not listed, or which new one may be the same."""
    author = name.rsplit("/", 1)[0]
    of_author = [other for other in new if other.startswith(f"{author}/")]
    close = difflib.get_close_matches(name, of_author, n=1, cutoff=_RENAMED)
    return Difference(name, "renamed", found=close[0]) if close else Difference(name, "withdrawn")


def _changes(known: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Describe how the range of each parameter changed."""
    for name in sorted(found):
        if _range(known.get(name)) != _range(found[name]):
            before = "not listed" if name not in known else _range_text(known[name])
            yield f"{name} {_range_text(found[name])}, was {before}"


def _range_text(entry: Mapping[str, Any]) -> str:
    if entry["choices"]:
        return "|".join(entry["choices"])
    ends = ("" if entry[end] is None else f"{entry[end]:g}" for end in ("minimum", "maximum"))
    least, most = ends
    return f"{least}..{most}" if least or most else "any"


def facts_of(differences: Iterable[Difference], recorded: Iterable[Fact], day: str) -> list[Fact]:
    """Write differences as facts.

    Facts that a probe found about the same field are kept, because they were measured. Models that
    are missing from the catalogue give no fact, because they may be hidden from an account.

    Args:
        differences: The differences.
        recorded: The existing facts.
        day: The date of the catalogue.
    """
    measured = {(fact.model, fact.field) for fact in recorded if fact.source.startswith("probe")}
    return [
        Fact(one.model, one.field, one.found, day, "catalogue")
        for one in differences
        if one.field and (one.model, one.field) not in measured
    ]


@dataclass(frozen=True, slots=True)
class OldFacts:
    """A model whose facts are old.

    Attributes:
        model: The model.
        newest: The newest date among its sources; `None` if no source has a date.
    """

    model: str
    newest: date | None


def old_facts(today: date) -> list[OldFacts]:
    """List the models whose newest source is older than ninety days, or has no date."""
    found = [
        OldFacts(profile.name, max(map(_last_day, profile.sources), default=None, key=_order))
        for profile in known_profiles()
        if profile.deprecated is None
    ]
    return [one for one in found if one.newest is None or today - one.newest > _OLD]


def _order(day: date | None) -> date:
    return day or date.min


def _last_day(source: str) -> date | None:
    """Read the last date in a sentence; a month stands for its first day."""
    days = [
        date(int(year), int(month), int(day or 1)) for year, month, day in _DATE.findall(source)
    ]
    return max(days, default=None)


def profile_names() -> list[str]:
    """Return the models that the tables list and that are not withdrawn."""
    return [profile.name for profile in known_profiles() if profile.deprecated is None]
