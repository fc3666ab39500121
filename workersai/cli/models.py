"""`workersai models`: known facts about models, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Annotated, Any, get_args

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from workersai import Client, ModelProfile, WorkersAIError
from workersai._models import known_profiles
from workersai._models.catalogue import catalogue_profile
from workersai._models.profile import Task
from workersai.cli.account import has_credentials

__all__ = ["Filters", "models", "select", "tables_of"]

_TASKS = get_args(Task)
_TASK_HELP = "text-generation, embeddings or rerank"
_TABLE_WIDTH = 80
"""Columns of a terminal that a table needs; a narrower one gets lines of text."""

_YES, _NO, _UNKNOWN = "yes", "", "?"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which models to show; `None` and `False` do not filter.

    Attributes:
        search: Text in the model id, ignoring case.
        task: `text-generation`, `embeddings` or `rerank`.
        tools, vision, reasoning, queue, lora: Only models that are known to have it.
        retired: Whether to show models whose end Cloudflare has announced.
    """

    search: str = ""
    task: str | None = None
    tools: bool = False
    vision: bool = False
    reasoning: bool = False
    queue: bool = False
    lora: bool = False
    retired: bool = False

    def take(self, profile: ModelProfile) -> bool:
        """Return whether to show a model."""
        filters = (
            (self.tools, profile.function_calling),
            (self.vision, profile.vision),
            (self.reasoning, profile.reasoning),
            (self.queue, profile.batch),
            (self.lora, profile.lora),
        )
        return (
            self.search.lower() in profile.name.lower()
            and self.task in (None, profile.task)
            and (self.retired or profile.deprecated is None)
            and all(has for asked, has in filters if asked)
        )


def select(profiles: Iterable[ModelProfile], filters: Filters) -> list[ModelProfile]:
    """Return the models to show, by task and then by id."""
    return sorted(filter(filters.take, profiles), key=lambda found: (found.task, found.name))


def tables_of(profiles: Iterable[ModelProfile]) -> Iterator[Table]:
    """Write models as tables, one for each task: a row for each model, `?` for unknown facts."""
    for task, listed in groupby(profiles, key=lambda profile: profile.task):
        table = Table(
            title=task,
            title_justify="left",
            header_style="bold",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            show_edge=False,
        )
        table.add_column("model", overflow="fold", style="cyan", min_width=20)
        for name in _COLUMNS:
            justify: JustifyMethod = "right" if name in _NUMBERS else "left"
            table.add_column(name, justify=justify, no_wrap=True)
        for profile in listed:
            table.add_row(_name(profile), *(write(profile) for write in _COLUMNS.values()))
        yield table


def _text_of(profile: ModelProfile) -> Text:
    facts = ", ".join(f"{name} {write(profile) or 'no'}" for name, write in _COLUMNS.items())
    return Text.assemble((_name(profile), "cyan"), f" ({profile.task}): {facts}")


def _name(profile: ModelProfile) -> str:
    return f"{profile.name} (until {profile.deprecated})" if profile.deprecated else profile.name


def _count(value: int | None) -> str:
    return f"{value:,}" if value is not None else _UNKNOWN


def _flag(value: bool | None) -> str:
    return _UNKNOWN if value is None else _YES if value else _NO


def _price(profile: ModelProfile) -> str:
    if profile.input_price is None:
        return _UNKNOWN
    prices = [profile.input_price, profile.output_price]
    return " / ".join(f"{price:.3f}" for price in prices if price is not None)


def _size(profile: ModelProfile) -> str:
    if profile.task == "text-generation":
        return _count(profile.context_window)
    return _count(profile.max_input_tokens)


_COLUMNS: Mapping[str, Callable[[ModelProfile], str]] = {
    "tokens": _size,
    "USD per M": _price,
    "tools": lambda profile: _flag(profile.function_calling),
    "vision": lambda profile: _flag(profile.vision),
    "reasons": lambda profile: _flag(profile.reasoning),
    "queue": lambda profile: _flag(profile.batch),
}
_NUMBERS = frozenset({"tokens", "USD per M"})


def _json(profile: ModelProfile) -> dict[str, Any]:
    parameters = {name: asdict(listed) for name, listed in profile.parameters.items()}
    facts = {name: getattr(profile, name) for name in profile.__dataclass_fields__}
    return {**facts, "parameters": parameters}


def _live() -> list[ModelProfile]:
    with Client() as client:
        return [catalogue_profile(found) for found in client.list_models()]


def models(
    search: Annotated[str, typer.Argument(help="Show models whose id contains this text.")] = "",
    *,
    task: Annotated[str | None, typer.Option(help=f"{_TASK_HELP}.")] = None,
    tools: Annotated[bool, typer.Option("--tools", help="Models that call tools.")] = False,
    vision: Annotated[bool, typer.Option("--vision", help="Models that accept images.")] = False,
    reasoning: Annotated[
        bool, typer.Option("--reasoning", help="Models that return their reasoning.")
    ] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Models that accept batches (queued requests).")
    ] = False,
    lora: Annotated[bool, typer.Option("--lora", help="Models that take a LoRA adapter.")] = False,
    retired: Annotated[
        bool, typer.Option("--retired", help="Also models that are about to be withdrawn.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use the built-in table even if an account is set.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")] = False,
) -> None:
    """List models with context, price, tools, vision and queue.

    With an account in the environment, facts from the account's live catalogue replace those of the
    built-in table; otherwise the list is the built-in table.
    """
    if task not in (None, *_TASKS):
        raise typer.BadParameter(f"--task {task!r} must be {_TASK_HELP}")
    filters = Filters(search, task, tools, vision, reasoning, queue, lora, retired)
    found, title = _find(is_live=has_credentials() and not offline)
    chosen = select(found, filters)
    if as_json:
        typer.echo(json.dumps([_json(profile) for profile in chosen], indent=2))
        return
    console = Console()
    console.print(title, style="bold")
    is_wide = console.width >= _TABLE_WIDTH
    for shown in tables_of(chosen) if is_wide else map(_text_of, chosen):
        console.print(shown)
    console.print(
        f"{len(chosen)} of {len(found)} models. `?` means unknown; prices are for a million tokens "
        "that the model reads / writes.",
        highlight=False,
    )


def _find(*, is_live: bool) -> tuple[list[ModelProfile], str]:
    if not is_live:
        return list(known_profiles()), "Models of the built-in table"
    try:
        return _live(), "Models of the account's live catalogue"
    except WorkersAIError as error:
        Console(stderr=True).print(
            f"The live catalogue could not be read ({error}).\nThis is the built-in table.",
            markup=False,
            style="yellow",
        )
        return list(known_profiles()), "Models of the built-in table"
