"""Add vectors, answers or rankings to batches of rows, for `ray.data.Dataset.map_batches`.

This module does not import Ray. Ray creates an instance in each worker, from an adapter's object
that was sent there without its token and has read the worker's environment.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from typing_extensions import TypedDict

from workersai._checks import check_count
from workersai._concurrency import call_each
from workersai.errors import ConfigurationError, WorkersAIError
from workersai.integration.templates import Template
from workersai.results import NotEmbedded

__all__ = [
    "AnswerRows",
    "AnswerRowsOptions",
    "EmbedRows",
    "EmbedRowsOptions",
    "RankRows",
    "RankRowsOptions",
]

RowErrors: TypeAlias = Literal["raise", "record"]
Row: TypeAlias = Mapping[str, Any]
Found: TypeAlias = "dict[str, Any] | WorkersAIError"

_ERROR = "error"


class EmbedRowsOptions(TypedDict, total=False):
    """The options of `EmbedRows`, by keyword."""

    column: str
    output: str
    on_error: RowErrors


class AnswerRowsOptions(TypedDict, total=False):
    """The options of `AnswerRows`, by keyword."""

    output: str
    on_error: RowErrors


class RankRowsOptions(TypedDict, total=False):
    """The options of `RankRows`, by keyword."""

    query: str
    documents: str
    max_concurrency: int
    on_error: RowErrors


class _Rows(ABC):
    """Adds columns to a batch of rows.

    Args:
        columns: The columns that it reads.
        outputs: The columns that it adds, each with its value for a row that failed.
        on_error: `raise`, or `record` for a column `error`, which is empty for other rows.

    Raises:
        ConfigurationError: If *on_error* is neither.
    """

    def __init__(
        self, columns: Iterable[str], outputs: Mapping[str, Any], on_error: RowErrors
    ) -> None:
        if on_error not in ("raise", "record"):
            raise ConfigurationError(
                f"on_error={on_error!r} must be 'raise' or 'record'", parameter="on_error"
            )
        self._columns = list(columns)
        self._outputs = outputs
        self._on_error = on_error

    @abstractmethod
    def _answers(self, rows: list[Row]) -> list[Found]:
        """Return the new columns of each row, or its error."""

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with the new columns.

        Args:
            batch: Columns by name, as Ray passes them with `batch_format="numpy"`, its default.

        Raises:
            ConfigurationError: If it is something else, lacks a column, or has one of the new
                columns already.
            WorkersAIError: If a row failed, and *on_error* is `raise`.
        """
        found = self._answers(self._read(batch))
        errors = [row for row in found if isinstance(row, WorkersAIError)]
        if errors and self._on_error == "raise":
            raise errors[0]
        added = {name: [self._value(row, name) for row in found] for name in self._outputs}
        if self._on_error == "record":
            added[_ERROR] = [str(row) if isinstance(row, WorkersAIError) else "" for row in found]
        return {**batch, **added}

    def _added(self) -> list[str]:
        return [*self._outputs, *([_ERROR] if self._on_error == "record" else [])]

    def _value(self, row: Found, name: str) -> Any:
        return self._outputs[name] if isinstance(row, WorkersAIError) else row[name]

    def _read(self, batch: Any) -> list[Row]:
        if not isinstance(batch, Mapping):
            raise ConfigurationError(
                f"a batch must be columns by name, not {type(batch).__name__}: leave batch_format "
                "at 'numpy'",
                parameter="batch",
            )
        if missing := [name for name in self._columns if name not in batch]:
            raise ConfigurationError(
                f"the batch has no column {missing[0]!r}; it has {', '.join(batch)}",
                parameter="column",
            )
        if doubled := [name for name in self._added() if name in batch]:
            raise ConfigurationError(
                f"the batch already has a column {doubled[0]!r}: rename it, or pass another output",
                parameter="output",
            )
        columns = [_listed(batch[name]) for name in self._columns]
        return [
            dict(zip(self._columns, values, strict=True)) for values in zip(*columns, strict=True)
        ]


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


class Embeds(Protocol):
    """The embeddings of an adapter."""

    def embed_iter(
        self, texts: Iterable[str], *, on_error: Literal["raise", "skip"] = "raise"
    ) -> Iterator[list[float] | NotEmbedded]:
        """Return the vectors of texts, in their order."""


class EmbedRows(_Rows):
    """Adds vectors of a column of texts.

    Args:
        embeddings: The embeddings of an adapter.
        column: The column with the texts.
        output: The column for the vectors; empty for a row that failed.
        on_error: `raise`, or `record` for a column `error`.
    """

    def __init__(
        self,
        embeddings: Embeds,
        *,
        column: str = "text",
        output: str = "embedding",
        on_error: RowErrors = "raise",
    ) -> None:
        super().__init__([column], {output: []}, on_error)
        self._embeddings, self._column, self._output = embeddings, column, output

    def _answers(self, rows: list[Row]) -> list[Found]:
        run = self._embeddings.embed_iter([row[self._column] for row in rows], on_error="skip")
        return [
            item.error if isinstance(item, NotEmbedded) else {self._output: item} for item in run
        ]


class AnswerRows(_Rows):
    """Adds a model's answers to a prompt about each row.

    Args:
        ask_all: Returns the answer to each prompt, or its error.
        prompt: The prompt; `{column}` stands for the row's value.
        output: The column for the answers; an empty text for a row that failed.
        on_error: `raise`, or `record` for a column `error`.
    """

    def __init__(
        self,
        ask_all: Callable[[list[str]], Sequence[Any]],
        prompt: str,
        *,
        output: str = "answer",
        on_error: RowErrors = "raise",
    ) -> None:
        self._prompt = Template(prompt, "prompt")
        super().__init__(self._prompt.columns, {output: ""}, on_error)
        self._ask_all, self._output = ask_all, output

    def _answers(self, rows: list[Row]) -> list[Found]:
        prompts = [self._fill(row) for row in rows]
        answers = iter(self._ask_all([text for text in prompts if isinstance(text, str)]))
        found = [next(answers) if isinstance(text, str) else text for text in prompts]
        return [row if isinstance(row, WorkersAIError) else {self._output: row} for row in found]

    def _fill(self, row: Row) -> str | WorkersAIError:
        try:
            return self._prompt.fill(row)
        except ConfigurationError as error:
            return error


class RankRows(_Rows):
    """Adds the order of each row's documents by relevance to the row's query.

    Args:
        rank: Returns (index, score) of documents for a query, best first.
        query: The column with the queries.
        documents: The column with a list of texts in each row.
        max_concurrency: How many rows of a batch are ranked at once.
        on_error: `raise`, or `record` for a column `error`.

    The new columns are `ranking` (indices into the documents, best first) and `scores`.

    Raises:
        ConfigurationError: If *max_concurrency* is below 1, or *on_error* is neither.
    """

    def __init__(
        self,
        rank: Callable[[str, list[str]], list[tuple[int, float]]],
        *,
        query: str = "query",
        documents: str = "documents",
        max_concurrency: int = 4,
        on_error: RowErrors = "raise",
    ) -> None:
        super().__init__([query, documents], {"ranking": [], "scores": []}, on_error)
        self._rank = rank
        self._at_once = check_count("max_concurrency", max_concurrency, 1)
        self._query, self._documents = query, documents

    def _answers(self, rows: list[Row]) -> list[Found]:
        return call_each(self._ranked, rows, limit=self._at_once)

    def _ranked(self, row: Row) -> Found:
        try:
            found = self._rank(row[self._query], _listed(row[self._documents]))
        except WorkersAIError as error:
            return error
        return {"ranking": [index for index, _ in found], "scores": [score for _, score in found]}
