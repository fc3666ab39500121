"""What the local server knows of a model: the fields of the catalogue, and what a call costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LocalModel", "Task", "neurons"]

Task = Literal["Text Generation", "Text Embeddings", "Text Classification"]
Wire = Literal["openai", "classic"]
JsonAnswer = Literal["content", "object", "none"]

Queue = Literal["catalogue", "page"]
"""`catalogue`: the model is listed with `async_queue`; `page`: its schema describes a batch."""

USD_PER_NEURON = 0.011 / 1000
"""Cloudflare's price of one neuron, the unit Workers AI bills in."""


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """One model id and everything the server must know to stand in for it."""

    name: str
    task: Task
    about: str
    context: int
    """Context window in tokens; input plus the largest answer must fit."""
    price_in: float | None = None
    """USD for a million input tokens; None where no public source at hand states it."""
    price_out: float | None = None
    schema: str = "chat"
    """Stem of the JSON schema (`schemas/<stem>.input.json`) that requests must meet."""
    wire: Wire = "openai"
    """`openai`: a chat completion inside `result`; `classic`: `{response, tool_calls, usage}`."""
    json_answer: JsonAnswer = "content"
    """Where a JSON-schema answer stands: text content, a parsed `response` object, or nowhere."""
    reasoning: bool = False
    tools: bool = True
    """Whether the catalogue marks it `function_calling`; all of them take tools here."""
    max_tokens: int | None = None
    """The answer's documented length in tokens when the request names none."""
    text_completion: bool = False
    """Whether the `prompt` variant answers with a `text_completion` object."""
    hybrid: bool = False
    """Whether `/ai/v1` stream chunks carry the text a second time, as `response`."""
    queue: Queue | None = None
    """Whether it takes asynchronous batches, and who says so; None answers 8007."""
    dimensions: int = 0
    pooling: str | None = None
    deprecated: str | None = None
    """The day after which the model answers 410 with code 5028."""


def neurons(model: LocalModel, tokens_in: int, tokens_out: int = 0) -> float | None:
    """What a call costs in neurons, by the prices of the model's page; None without a price."""
    if model.price_in is None:
        return None
    usd = (tokens_in * model.price_in + tokens_out * (model.price_out or 0.0)) / 1_000_000
    return round(usd / USD_PER_NEURON, 6)
