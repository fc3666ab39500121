"""The requests of `map_file`: prompts and options of rows, their greatest cost, their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workersai._models import get_profile
from workersai._request.packing import most_tokens
from workersai.bulk.jobs import (
    Bound,
    JobSettings,
    Row,
    identity_of,
)
from workersai.bulk.ledger import Ledger
from workersai.bulk.packages import package
from workersai.bulk.queue import Item
from workersai.bulk.sources import NO_OBJECT
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
from workersai.integration.templates import Template
from workersai.results import BatchResult, ChatResult, Usage
from workersai.types import BatchRequest, ChatParameters, RequestOptions, WireMessage

__all__ = ["AskOptions", "RowChats"]

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


@dataclass
class RowChats:
    """Requests to a chat model about rows.

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
    def has_options_of_rows(self) -> bool:
        """Whether options of the gateway differ between rows."""
        return bool(_row_options(self.options.get("gateway")))

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
            raise ConfigurationError(NO_OBJECT, parameter="prompt")
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
        requests: list[tuple[Any, list[int]]] = [
            ({**own, "messages": messages}, [at])
            for at, messages in enumerate(found)
            if not isinstance(messages, WorkersAIError)
        ]
        return requests

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
