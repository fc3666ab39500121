"""Identity, serialisation and tracing of the chat model and the completion model."""

from __future__ import annotations

import functools
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
"""Connection parameters that must not appear in identities, traces or dumps."""

_LEFT_OUT = OPERATIONAL | {"disable_streaming", "name", "streaming"}
"""Settings that cannot change an answer; the last three control how LangChain shows a run."""


class TextModel(Connection, GenerationParameters):
    """Connection and parameters, and LangChain's view of them: identity, dumps and traces.

    Attributes:
        think_tags: Whether text between `<think>` and `</think>`, or before `</think>` alone, is
            reasoning. For models that write it into their answer; by default the model's profile
            decides; if it has no such fact, tags stay in the text. If tags are read, a stream shows
            text only after a tag, or at the end of the answer.
    """

    model_config = CONFIG

    think_tags: StrictBool | None = None

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return whether `langchain_core.load.dumps` can write this object."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Fields that are dumped as the name of an environment variable."""
        return {"account_id": ACCOUNT_VARIABLES[0], "api_token": TOKEN_VARIABLES[0]}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Fields that are dumped in another form."""
        attributes: dict[str, Any] = {}
        if isinstance(self.timeout, Timeout):
            attributes["timeout"] = asdict(self.timeout)
        if isinstance(self.gateway, dict):
            attributes["gateway"] = public_gateway(self.gateway)
        return attributes

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What can change an answer; LangChain's cache distinguishes completion models by it.

        It does not contain timeouts, retries, headers and the like, so that a change of these keeps
        the cache. It contains the account, because the name of a fine-tune means another model in
        another account, and because accounts must not share cached answers. Traces show it, so it
        is a digest.
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
        """Make LangChain's cache key from all fields and options that can change an answer."""
        dump = dumpd(self)
        fields = json.dumps([dump["id"], _answering(dump["kwargs"])], sort_keys=True)
        return f"{fields}---{sorted(_answering(call).items())}---{self._account_digest()}"

    def _account_digest(self) -> str | None:
        return _digest(self.account_id) if self.account_id else None

    def get_num_tokens(self, text: str) -> int:
        """Count the tokens of a text with `custom_get_token_ids`, or estimate them without it.

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
        """Collect what LangSmith shows; a call's options replace the fields.

        LangChain calls this before it calls any callback.

        Raises:
            ConfigurationError: If an option of the call is a secret, which traces would show.
        """
        self._check_public(options)

        def effective(name: str) -> Any:
            value = options.get(name)
            return getattr(self, name) if value is None else value

        params = LangSmithParams(
            ls_provider=PROVIDER, ls_model_name=effective("model"), ls_model_type=model_type
        )
        if (temperature := effective("temperature")) is not None:
            params["ls_temperature"] = temperature
        if (max_tokens := effective("max_tokens")) is not None:
            params["ls_max_tokens"] = max_tokens
        if words := stop or effective("stop"):
            params["ls_stop"] = list(words) if _is_list(words) else [str(words)]
        return params


def _answering(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what cannot change an answer, and the addresses of objects that have no dump."""
    kept = {name: value for name, value in settings.items() if name not in _LEFT_OUT}
    for name, value in kept.items():
        if isinstance(value, dict) and value.get("type") == "not_implemented":
            kept[name] = {key: part for key, part in value.items() if key != "repr"}
    return {**kept, "gateway": gateway_identity(settings.get("gateway"))}


@functools.lru_cache(maxsize=64)
def _digest(account_id: str) -> str:
    return hashlib.sha256(f"workersai {account_id}".encode()).hexdigest()[:16]


def _is_list(value: object) -> TypeGuard[Iterable[str]]:
    return isinstance(value, Iterable) and not isinstance(value, str)


def add_counts(outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Join the outputs of several calls: counts are added, other values are the last call's."""
    if len(outputs) == 1:  # a call has one, most of the time
        only = outputs[0] or {}
        return {n: {**v} if isinstance(v, dict) else v for n, v in only.items()}
    total: dict[str, Any] = {}
    for output in outputs:
        for name, value in (output or {}).items():
            total[name] = _add(total.get(name), value)
    return total


def _add(left: Any, right: Any) -> Any:
    if isinstance(right, Mapping):
        base = left if isinstance(left, Mapping) else {}
        return {**base, **{key: _add(base.get(key), right[key]) for key in right}}
    both_count = isinstance(left, int | float) and isinstance(right, int | float)
    return left + right if both_count else right
