"""The reference in docs/reference has and explains every public name."""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import pytest
from griffe import Docstring, DocstringSectionKind
from pydantic import BaseModel
from typing_extensions import is_typeddict

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference"
FOR_USERS = (
    "workersai",
    "workersai.bulk",
    "langchain_workersai",
    "langchain_workersai.ray_data",
    "llamaindex_workersai",
    "llamaindex_workersai.ray_data",
)
FOR_ADAPTERS = "workersai.integration"
REACHED = {"workersai.client.batches.SyncBatches", "workersai.client.batches.AsyncBatches"}
"""Classes that no package exports, and that a public attribute returns."""

DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
REFERENCE = re.compile(r"\b[Aa]s (?:in |for )?`|\bsee `")
"""Words of a docstring that refer to the docstring of another function."""

ATTRIBUTES, PARAMETERS = DocstringSectionKind.attributes, DocstringSectionKind.parameters


def public(*packages: str) -> Iterator[tuple[str, Any]]:
    for package in packages:
        module = importlib.import_module(package)
        for name in module.__all__:
            yield f"{package}.{name}", getattr(module, name)


def is_class(value: Any) -> bool:
    return inspect.isclass(value) or is_typeddict(value)


def test_the_reference_has_every_public_name_once() -> None:
    """One page of the reference has each public name, and the index links to each page.

    The names for adapters are on the page of their module.
    """
    pages = {page.name: page.read_text() for page in PAGES.glob("*.md")}
    placed = [name for text in pages.values() for name in DIRECTIVE.findall(text)]
    names = {name for name, _ in public(*FOR_USERS)}

    assert sorted(placed) == sorted(names | REACHED | {FOR_ADAPTERS})
    assert {"index.md", *re.findall(r"\((\w+\.md)\)", pages["index.md"])} == set(pages)


def explained(docstring: str | None, kind: DocstringSectionKind) -> set[str]:
    """Return the names that one section of a docstring explains."""
    found = Docstring(inspect.cleandoc(docstring or "")).parse("google", warnings=False)
    items = [item.name for section in found if section.kind is kind for item in section.value]
    return {name.strip().lstrip("*") for item in items for name in item.split(",")}


def own_bases(cls: Any) -> list[Any]:
    """Return a class and its bases, without those of other libraries."""
    if is_typeddict(cls):
        bases = getattr(cls, "__orig_bases__", ())
        return [cls, *(found for base in bases if is_typeddict(base) for found in own_bases(base))]
    return [base for base in cls.__mro__ if base.__module__.split(".")[0] in FOR_USERS]


def unexplained_fields(cls: Any) -> set[str]:
    bases = own_bases(cls)
    fields = {name for base in bases for name in vars(base).get("__annotations__", {})}
    found = {name for base in bases for name in explained(base.__doc__, ATTRIBUTES)}
    if issubclass(cls, BaseModel):
        fields &= cls.model_fields.keys()
        found |= {name for name, field in cls.model_fields.items() if field.description}
    return {name for name in fields - found if not name.startswith("_")}


def unexplained_parameters(function: Any) -> set[str]:
    text = function.__doc__ or ""
    if REFERENCE.search(text):
        return set()
    names = set(inspect.signature(function).parameters) - {"self", "cls"}
    return names - explained(text, PARAMETERS)


def methods(cls: Any) -> Iterator[tuple[str, Any]]:
    """Return the public methods, without those that a framework has and documents."""
    own = own_bases(cls)
    theirs = {name for base in cls.__mro__ if base not in own for name in vars(base)}
    for base in own:
        for name, found in vars(base).items():
            function = getattr(found, "__func__", found)
            if inspect.isfunction(function) and not name.startswith("_") and name not in theirs:
                yield name, function


def gaps(name: str, value: Any) -> Iterator[str]:
    """Return the fields and parameters that the docstrings of a public name do not explain."""
    if not is_class(value):
        yield from (f"{name}({each})" for each in unexplained_parameters(value))
        return
    yield from (f"{name}.{each}" for each in unexplained_fields(value))
    for method, function in methods(value):
        yield from (f"{name}.{method}({each})" for each in unexplained_parameters(function))


@pytest.mark.parametrize("package", FOR_USERS)
def test_fields_and_parameters_are_explained(package: str) -> None:
    """Docstrings explain each field of a public class and each parameter of a public function."""
    names = [(n, v) for n, v in public(package) if is_class(v) or inspect.isfunction(v)]

    assert sorted(gap for name, value in names for gap in gaps(name, value)) == []


def test_every_public_name_has_a_docstring() -> None:
    """Public classes, functions and methods have a docstring.

    Constants and aliases have theirs below the assignment.
    """
    logging.getLogger("griffe").setLevel(logging.ERROR)
    loader = griffe.GriffeLoader(search_paths=[str(ROOT)])
    for package in FOR_USERS:
        loader.load(package)
    loader.resolve_aliases(external=False)
    placed = {name: loader.modules_collection[name] for name, _ in public(*FOR_USERS, FOR_ADAPTERS)}
    found = {n: o.final_target if o.is_alias else o for n, o in placed.items()}
    inner = {
        f"{name}.{method}": function
        for name, owner in found.items()
        for method, function in (owner.members.items() if owner.is_class else ())
        if function.is_function and not function.is_alias and not method.startswith("_")
    }

    assert [name for name, item in (found | inner).items() if not item.docstring] == []
