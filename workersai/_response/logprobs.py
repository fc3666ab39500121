"""Read log probabilities into one dict for each token.

Chat completions have a list of tokens, text completions have parallel lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._json import without_halves
from workersai._response.tool_calls import ExactText, Path
from workersai._response.usage import is_number

__all__ = ["read_logprobs"]


def read_logprobs(choice: Mapping[str, Any], exact: ExactText) -> list[dict[str, Any]] | None:
    """Read a choice's log probabilities: `token`, `logprob`, `bytes`, `top_logprobs`, as sent.

    Args:
        choice: A choice of an answer or of a chunk.
        exact: Returns the text at a path below the choice; a token may be sent as a number.
    """
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return None
    if isinstance(content := logprobs.get("content"), list):
        return _tokens(content, ("logprobs", "content"), exact) or None
    if isinstance(tokens := logprobs.get("tokens"), list):
        return _parallel(logprobs, tokens, exact) or None
    return None


def _tokens(content: list[Any], path: Path, exact: ExactText) -> list[dict[str, Any]]:
    return [
        _token(token, (*path, position), exact)
        for position, token in enumerate(content)
        if isinstance(token, dict)
    ]


def _token(token: dict[str, Any], path: Path, exact: ExactText) -> dict[str, Any]:
    """Read one token. All fields are kept except `index`, which LangChain would use for merging."""
    read = {name: value for name, value in token.items() if name != "index"}
    read["token"] = _text(token.get("token"), (*path, "token"), exact)
    if not is_number(token.get("logprob")):
        read["logprob"] = None
    if "bytes" in token and not _are_bytes(token["bytes"]):
        read["bytes"] = None
    if "top_logprobs" in token:
        others = token["top_logprobs"]
        is_list = isinstance(others, list)
        read["top_logprobs"] = _tokens(others, (*path, "top_logprobs"), exact) if is_list else []
    return read


def _parallel(
    logprobs: Mapping[str, Any], tokens: list[Any], exact: ExactText
) -> list[dict[str, Any]]:
    values, tops = logprobs.get("token_logprobs"), logprobs.get("top_logprobs")
    read = []
    for position, token in enumerate(tokens):
        value, others = _at(values, position), _at(tops, position)
        options = others.items() if isinstance(others, dict) else ()
        text = _text(token, ("logprobs", "tokens", position), exact)
        read.append(_entry(text, value) | {"top_logprobs": [_entry(*option) for option in options]})
    return read


def _are_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(type(b) is int and 0 <= b < 256 for b in value)


def _entry(token: str, logprob: Any) -> dict[str, Any]:
    return {"token": token, "logprob": logprob if is_number(logprob) else None}


def _at(values: Any, position: int) -> Any:
    return values[position] if isinstance(values, list) and position < len(values) else None


def _text(value: Any, path: Path, exact: ExactText) -> str:
    if isinstance(value, str):
        return without_halves(value)
    return "" if value is None else exact(path)
