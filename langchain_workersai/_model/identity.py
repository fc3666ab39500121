"""What the chat model and the completion model share: how LangChain sees them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, TypeGuard

from langchain_core.language_models import LangSmithParams
from langchain_core.load import dumpd
from langchain_core.messages.utils import count_tokens_approximately
from pydantic import StrictBool

from langchain_workersai._model.connection import Connection
from langchain_workersai._model.parameters import GenerationParameters
from langchain_workersai._provider import PROVIDER
from workersai import Timeout
from workersai.integration import (
    ACCOUNT_VARIABLES,
    CONFIG,
    OPERATIONAL,
    TOKEN_VARIABLES,
    gateway_identity,
    public_gateway,
    splits_think_tags,
)

SECRETS = ("account_id", "api_token", "default_headers")
"""Connection parameters that no identity, trace or dump may show."""

_LEFT_OUT = OPERATIONAL | {"disable_streaming", "name", "streaming"}
"""Settings that cannot change an answer: the last three say how LangChain shows a run."""


class TextModel(Connection, GenerationParameters):
    """Connection and parameters, and from them identity, serialisation and tracing.

    Attributes:
        think_tags: Whether text between `<think>` and `</think>`, or before the latter alone, is
            reasoning, for models that write it into their answer; by default as the model's
            profile says, where that is known. A stream then begins to show
            text when a tag, or the end of the answer, says that it is text.
    """

    model_config = CONFIG

    think_tags: StrictBool | None = None

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `langchain_core.load.dumps` writes this object."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Fields that are written as the name of an environment variable."""
        return {"account_id": ACCOUNT_VARIABLES[0], "api_token": TOKEN_VARIABLES[0]}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Fields that are written in another form than they have."""
        attributes: dict[str, Any] = {}
        if isinstance(self.timeout, Timeout):
            attributes["timeout"] = asdict(self.timeout)
        if isinstance(self.gateway, dict):
            attributes["gateway"] = public_gateway(self.gateway)
        return attributes

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What can change an answer; LangChain's cache tells completion models apart by it.

        Timeouts, retries, headers and the like are not in it: a change of one keeps the cache.
        The account is, because the name of a fine-tune means another one in another account, and
        because nobody's cached answers are another's. Traces show it, so it is a digest.
        """
        values = {
            "model": self.model,
            "base_url": self.base_url,
            "endpoint": self.endpoint,
            "gateway": gateway_identity(self.gateway),
            "account": self._account_digest(),
            "model_kwargs": self.model_kwargs,
            "think_tags": splits_think_tags(self.think_tags, self.model) or None,
        }
        known = {name: value for name, value in values.items() if value not in (None, {})}
        return {**known, **self._set_parameters()}

    def _cache_key(self, call: Mapping[str, Any]) -> str:
        """Make LangChain's cache key from the fields and a call's options, operational ones not."""
        dump = dumpd(self)
        fields = json.dumps([dump["id"], _answering(dump["kwargs"])], sort_keys=True)
        return f"{fields}---{sorted(_answering(call).items())}---{self._account_digest()}"

    def _account_digest(self) -> str | None:
        if not self.account_id:
            return None
        return hashlib.sha256(f"workersai {self.account_id}".encode()).hexdigest()[:16]

    def get_num_tokens(self, text: str) -> int:
        """Count the tokens of a text by `custom_get_token_ids`, else estimate them.

        No tokenizer is downloaded.
        """
        if (token_ids := getattr(self, "custom_get_token_ids", None)) is not None:
            return len(token_ids(text))
        return count_tokens_approximately([text], extra_tokens_per_message=0, count_name=False)

    def _tracing_params(
        self,
        model_type: Literal["chat", "llm"],
        stop: Sequence[str] | None,
        options: dict[str, Any],
    ) -> LangSmithParams:
        """Write what LangSmith shows; a call's own options come before the fields.

        LangChain asks for this before it tells any callback of a call.

        Raises:
            ConfigurationError: If an option of the call is a secret, which traces would show.
        """
        self._check_public(options)

        def asked(name: str) -> Any:
            value = options.get(name)
            return getattr(self, name) if value is None else value

        params = LangSmithParams(
            ls_provider=PROVIDER, ls_model_name=asked("model"), ls_model_type=model_type
        )
        if (temperature := asked("temperature")) is not None:
            params["ls_temperature"] = temperature
        if (max_tokens := asked("max_tokens")) is not None:
            params["ls_max_tokens"] = max_tokens
        if words := stop or asked("stop"):
            params["ls_stop"] = list(words) if _is_list(words) else [str(words)]
        return params


def _answering(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what cannot change an answer, and the addresses of objects that have no dump."""
    kept = {name: value for name, value in settings.items() if name not in _LEFT_OUT}
    for name, value in kept.items():
        if isinstance(value, dict) and value.get("type") == "not_implemented":
            kept[name] = {key: part for key, part in value.items() if key != "repr"}
    return {**kept, "gateway": gateway_identity(settings.get("gateway"))}


def _is_list(value: object) -> TypeGuard[Iterable[str]]:
    return isinstance(value, Iterable) and not isinstance(value, str)


def add_counts(outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Join the outputs of several calls: counts are added, everything else is the last's."""
    total: dict[str, Any] = {}
    for output in outputs:
        for name, value in (output or {}).items():
            total[name] = _added(total.get(name), value)
    return total


def _added(left: Any, right: Any) -> Any:
    if isinstance(right, Mapping):
        base = left if isinstance(left, Mapping) else {}
        return {**base, **{key: _added(base.get(key), right[key]) for key in right}}
    both_count = isinstance(left, int | float) and isinstance(right, int | float)
    return left + right if both_count else right
