"""Ask a chat model about the rows of a file, and write the answers into Parquet parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from workersai._models import get_profile
from workersai._request.packing import most_tokens
from workersai.bulk.jobs import (
    Bound,
    JobProgress,
    JobReport,
    JobSettings,
    Parts,
    QueueSettings,
    Row,
    check_options,
    check_paths,
    client_of,
    failed_facts,
    for_batches,
    identity_of,
    run_here,
)
from workersai.bulk.ledger import Ledger
from workersai.bulk.ordered import in_order
from workersai.bulk.output import Output, PartFacts
from workersai.bulk.packages import package
from workersai.bulk.queue import Item, run_queue
from workersai.bulk.sources import open_source
from workersai.client import AsyncClient
from workersai.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ResponseError,
    WorkersAIError,
)
from workersai.integration.costs import call_cost
from workersai.integration.templates import Template
from workersai.results import BatchResult, ChatResult, Usage
from workersai.types import BatchRequest, ChatParameters, RateLimits, RequestOptions, WireMessage

__all__ = ["amap_file", "map_file"]

_CHAT_TOKENS = 64
"""Tokens; more than a chat template adds to two messages."""

_OF_EVERY_ROW = (
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    QuotaExceededError,
)
_OF_A_ROW = frozenset({"prompt", "messages"})
"""Arguments that differ between rows; errors about other arguments concern the whole job."""


class AskOptions(ChatParameters, RequestOptions, total=False):
    """Keywords of `map_file` beside its own arguments."""

    extra: Mapping[str, Any] | None


def map_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    prompt: str,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    client: AsyncClient | None = None,
    window: int = 256,
    max_concurrency: int = 16,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[AskOptions],
) -> JobReport:
    """Ask a chat model about each row of a file; the answers go into a folder of Parquet parts.

    Each part has the columns `row` (the place in the file, from 0), the input's own, `answer`
    (null where there is none), `error` (null where the row went well), `finish_reason`, `model`,
    `prompt_tokens`, `completion_tokens`, `request_id`, and `cache_status` and `log_id` of an AI
    Gateway. A row of a JSON file is kept as its line, in the column `input`. Called again with the
    same arguments, a job goes on where its last part ends; every row is in one part.

    Args:
        source: A file: `.parquet`, or `.jsonl` with one object a line.
        target: A folder for the parts, made if it is missing.
        model: A chat model.
        prompt: The user's message; `{column}` stands for the row's value, `{{` for a brace.
        system: The system message, with columns as in *prompt*.
        schema: A JSON schema. It is sent as `response_format`, and an answer that does not fit it
            has an `error` beside its `answer`.
        client: A client of your own; else one with the settings of the environment and 8 retries.
        window: Rows that may be paid for and not written yet: what a kill costs at the most.
        max_concurrency: Requests under way at once.
        max_cost: USD that the job stays below, earlier runs included: each row's most is set aside
            before it is sent (the UTF-8 bytes of the prompt as tokens, and the token cap).
        keep: Columns of the input that go into the output; `None` for all.
        on_progress: Called with a `JobProgress` every 50 rows.
        limits: The account's limits, for the client that the job makes.
        queue: Send the rows by Cloudflare's Batch API, in batches below 10 MB; `max_concurrency` is
            then the number of batches in the queue at once. The ids of the batches are saved in the
            folder, so that a run that is killed loses none of them. `QueueSettings` say how long to
            wait.
        **options: As in `Client.chat`. Of `gateway`, `cache_key` and the texts in `metadata` may
            name columns, as *prompt* does.

    Raises:
        ConfigurationError: If an argument cannot work, the folder holds another job, or *max_cost*
            is passed for a model whose prices or token cap are not known.
        WorkersAIError: As in `embed_file`.
    """
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = Asking(model, prompt, system, schema, dict(options))
    return run_here(_run(*check_paths(source, target), client, settings, asking))


async def amap_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    prompt: str,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    client: AsyncClient | None = None,
    window: int = 256,
    max_concurrency: int = 16,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[AskOptions],
) -> JobReport:
    """As `map_file`, asynchronously."""
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = Asking(model, prompt, system, schema, dict(options))
    return await _run(*check_paths(source, target), client, settings, asking)


@dataclass
class Asking:
    """The settings of the requests.

    Attributes:
        model: A chat model.
        prompt: The user's message.
        system: The system message.
        schema: The schema for the answers.
        options: The options of `Client.chat`.
    """

    model: str
    prompt: str
    system: str | None
    schema: Mapping[str, Any] | None
    options: dict[str, Any]
    _prompt: Template = field(init=False)
    _system: Template | None = field(init=False)
    _validator: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._prompt = Template(self.prompt, "prompt")
        self._system = None if self.system is None else Template(self.system, "system")
        if self.schema is not None:
            self._check_schema()
            described = {"name": "answer", "schema": self.schema}
            self.options["response_format"] = {"type": "json_schema", "json_schema": described}

    def _check_schema(self) -> None:
        library = package("jsonschema")
        try:
            library.Draft202012Validator.check_schema(self.schema)
        except library.SchemaError as error:
            raise ConfigurationError(
                f"schema is no JSON schema: {error.message}", parameter="schema"
            ) from None
        self._validator = library.Draft202012Validator(self.schema)

    @property
    def templates(self) -> list[Template]:
        """All texts with column names in them."""
        named = [self._prompt, *([self._system] if self._system else [])]
        return named + [template for _, template in _row_options(self.options.get("gateway"))]

    @property
    def columns(self) -> list[str]:
        """The columns that a row needs."""
        return list(dict.fromkeys(n for template in self.templates for n in template.columns))

    def identity(self, path: Path, settings: JobSettings) -> dict[str, Any]:
        """Describe the job."""
        sent = {n: v for n, v in self.options.items() if n not in RequestOptions.__annotations__}
        facts = {"prompt": self.prompt, "system": self.system, "keep": settings.keep}
        return identity_of(path, "map", model=self.model, **facts, options=sent)

    def messages(self, record: Mapping[str, Any] | None) -> list[WireMessage]:
        """Write the conversation about a row.

        Raises:
            ConfigurationError: If the row lacks a column.
        """
        if record is None:
            raise ConfigurationError("the row is not a JSON object", parameter="prompt")
        messages: list[WireMessage] = [{"role": "user", "content": self._prompt.fill(record)}]
        if self._system is not None:
            messages.insert(0, {"role": "system", "content": self._system.fill(record)})
        return messages

    def options_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a row's call; its gateway options contain the row's values."""
        gateway = self.options.get("gateway")
        if not isinstance(gateway, Mapping):
            return self.options
        filled = {**gateway, "metadata": dict(gateway.get("metadata") or {})}
        for path, template in _row_options(gateway):
            target = filled if len(path) == 1 else filled["metadata"]
            target[path[-1]] = template.fill(record)
        filled = {name: value for name, value in filled.items() if value != {}}
        return {**self.options, "gateway": filled}

    def bound(self, ledger: Ledger) -> Bound:
        """Return a function for the greatest cost of a row.

        Raises:
            ConfigurationError: If there is a cost limit, and the token cap is unknown.
        """
        cap = self.options.get("max_tokens") or get_profile(self.model).max_tokens_default
        if cap is None and ledger.has_limit:
            raise ConfigurationError(
                f"max_cost needs max_tokens: the page of {self.model} has no token cap of its own",
                parameter="max_tokens",
            )
        around = _CHAT_TOKENS + most_tokens(json.dumps(self.schema) if self.schema else "")

        def bound(record: Mapping[str, Any] | None) -> float:
            try:
                messages = self.messages(record)
            except ConfigurationError:
                return 0.0
            tokens = sum(most_tokens(str(message["content"])) for message in messages)
            return ledger.bound(around + tokens, cap or 0)

        return bound

    async def ask(self, client: AsyncClient, row: Row) -> ChatResult | WorkersAIError:
        """Ask about one row; return an error that concerns this row only.

        Raises:
            WorkersAIError: An error that every row would get.
        """
        try:
            messages = self.messages(row.record)
            options = self.options_of(row.record or {})
            answer: ChatResult = await client.chat(messages, **{**options, "model": self.model})
        except _OF_EVERY_ROW:
            raise
        except ConfigurationError as error:
            if error.parameter not in _OF_A_ROW:
                raise
            return error
        except WorkersAIError as error:
            return error
        return answer

    def batch_requests(self, rows: Sequence[Row]) -> list[tuple[BatchRequest, list[int]]]:
        """Return the requests of a batch, each with the position of its row."""
        own: Any = {
            name: value
            for name, value in self.options.items()
            if name not in RequestOptions.__annotations__
        }
        found = [self._messages_or_fault(row) for row in rows]
        asked: list[tuple[Any, list[int]]] = [
            ({**own, "messages": messages}, [at])
            for at, messages in enumerate(found)
            if not isinstance(messages, WorkersAIError)
        ]
        return asked

    def _messages_or_fault(self, row: Row) -> list[WireMessage] | WorkersAIError:
        try:
            return self.messages(row.record)
        except ConfigurationError as error:
            return error

    def fault_item(self, row: Row) -> Item:
        """Return the entry of a row that has not what the prompt needs."""
        fault = self._messages_or_fault(row)
        if isinstance(fault, WorkersAIError):
            return (None, fault), fault
        missing = ResponseError("the batch has no answer to this row")
        return (None, missing), missing

    async def batch_items(
        self, client: AsyncClient, rows: Sequence[Row], result: BatchResult
    ) -> tuple[list[Item], Usage | None]:
        """Return the entry of one request's row."""
        del client, rows
        if result.chat is None:
            error = result.error or ResponseError("the answer is not one to a conversation")
            return [((None, error), error)], None
        fault = self.fault(result.chat)
        return [((result.chat, fault), fault)], None

    def fault(self, answer: ChatResult) -> WorkersAIError | None:
        """Return what is wrong with an answer, or `None`."""
        if self._validator is None:
            return None
        try:
            found = json.loads(answer.text)
        except ValueError:
            return ResponseError(f"the answer is no JSON (finish reason {answer.finish_reason})")
        wrong = next(self._validator.iter_errors(found), None)
        return None if wrong is None else ResponseError(f"the answer: {wrong.message}")


def _row_options(gateway: Any) -> list[tuple[tuple[str, ...], Template]]:
    """Find the options of a gateway that may contain column names."""
    if not isinstance(gateway, Mapping):
        return []
    found: list[tuple[tuple[str, ...], Any]] = [(("cache_key",), gateway.get("cache_key"))]
    metadata = gateway.get("metadata")
    if isinstance(metadata, Mapping):
        found += [(("metadata", name), value) for name, value in metadata.items()]
    return [(path, Template(text, "gateway")) for path, text in found if isinstance(text, str)]


async def _run(
    path: Path, folder: Path, client: AsyncClient | None, settings: JobSettings, asking: Asking
) -> JobReport:
    check_options(asking.options, AskOptions, "map_file", "response_format")
    rows = open_source(path, asking.columns, settings.keep)
    if settings.queued is not None and _row_options(asking.options.get("gateway")):
        raise ConfigurationError(
            "a batch has one set of gateway options for all its rows: leave cache_key and metadata "
            "out, or pass no queue",
            parameter="gateway",
        )
    ledger = Ledger(get_profile(asking.model), settings.max_cost)
    bound = asking.bound(ledger)
    async with AsyncExitStack() as stack:
        made = client_of(client, asking.model, asking.options, settings)
        used = await stack.enter_async_context(made)
        output = Output(folder, asking.identity(path, settings))
        stack.enter_context(output.open())
        parts = Parts(rows, output, settings, ledger, _columns)
        if (queue := settings.queued) is None:
            parts.begin(bound)
            await _map(parts, used, asking, bound)
        else:
            await run_queue(parts, for_batches(used, asking.options), asking, bound, queue)
        return parts.finish()


async def _map(parts: Parts, client: AsyncClient, asking: Asking, bound: Bound) -> None:
    settings = parts.settings
    answers = in_order(
        parts.rows(bound),
        lambda row: asking.ask(client, row),
        limit=settings.max_concurrency,
        window=settings.part_rows,
    )
    async with aclosing(answers):
        async for _, answer in answers:
            if isinstance(answer, WorkersAIError):
                facts = failed_facts(parts.ledger, get_profile(asking.model), answer)
                await parts.take((None, answer), facts, answer)
            else:
                fault = asking.fault(answer)
                await parts.take((answer, fault), _facts(parts.ledger, asking, answer, fault), None)
    await parts.write()


def _facts(
    ledger: Ledger, asking: Asking, answer: ChatResult, fault: WorkersAIError | None
) -> PartFacts:
    reserved = ledger.release()
    cost = call_cost(answer.usage, asking.model, answer.gateway)
    counted = reserved if cost is None else cost
    ledger.spend(counted)
    return PartFacts(1, int(fault is not None), answer.usage, cost, counted)


def _columns(items: list[Any]) -> Mapping[str, Any]:
    """Write answers and errors as the columns of a part."""
    arrow = package("pyarrow")
    rows = [_cells(*item) for item in items]
    return {
        name: arrow.array([row[name] for row in rows], getattr(arrow, kind)())
        for name, kind in _TYPES.items()
    }


_TYPES: Mapping[str, str] = {
    "answer": "string",
    "error": "string",
    "finish_reason": "string",
    "model": "string",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "request_id": "string",
    "cache_status": "string",
    "log_id": "string",
}


def _cells(answer: ChatResult | None, error: WorkersAIError | None) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(_TYPES)
    cells["error"] = None if error is None else str(error)
    if answer is None:
        return cells
    usage = answer.usage
    return {
        **cells,
        "answer": answer.text,
        "finish_reason": answer.finish_reason,
        "model": answer.model,
        "prompt_tokens": usage and usage.prompt_tokens,
        "completion_tokens": usage and usage.completion_tokens,
        "request_id": answer.request_id,
        "cache_status": answer.gateway.get("cache_status"),
        "log_id": answer.gateway.get("log_id"),
    }
