"""The rows of the table: what a user asks, and how each class is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.comparison import answers, package, requests, streams
from tests.comparison.cells import Cell
from tests.comparison.contestants import CONTESTANTS, Contestant

Try = Callable[[Contestant], Cell]


class Row(NamedTuple):
    """One question of the table."""

    key: str
    title: str
    run: Try

    @property
    def about(self) -> str:
        """What the row tries, in a sentence."""
        return (self.run.__doc__ or "").partition("\n")[0]

    def cells(self) -> dict[str, str]:
        """Try every class."""
        return {each.name: str(self.run(each)) for each in CONTESTANTS}


ROWS = (
    Row("routes", 'native route with `{"response": ...}`, and `/ai/v1`', answers.both_routes),
    Row("tool-calls", "tool calls arrive when streamed", streams.tool_calls),
    Row("two-calls", "two streamed calls stay apart", streams.two_calls),
    Row("cut-call", "a call that the token cap cut short is not run", answers.cut_short),
    Row("hybrid", "text that comes twice in one event is read once", streams.hybrid),
    Row("numbers", "a token that comes as a number stays text", streams.numbers),
    Row("breaks-off", "a stream that breaks off raises an error", streams.breaks_off),
    Row("error-inside", "an error inside a stream is raised, with its code", streams.error_inside),
    Row("usage", "tokens of a stream are known", streams.usage),
    Row("usage-once", "tokens reported twice are counted once", streams.usage_once),
    Row("reasoning", "reasoning is kept apart from the text", answers.reasoning),
    Row("structured", "structured output by a method that the model takes", answers.structured),
    Row(
        "tool-results",
        "an agent goes on after an image, or nothing, from a tool",
        requests.tool_results,
    ),
    Row("max-tokens", "`max_tokens` is sent by the name on the model's page", requests.max_tokens),
    Row("sampling", "`top_k`, `seed`, `repetition_penalty` as parameters", requests.sampling),
    Row(
        "out-of-range",
        "a value outside the model's range is refused at once",
        requests.out_of_range,
    ),
    Row(
        "retries",
        "a busy model (3040) is asked again, a spent allocation (4006) is not",
        requests.busy_and_spent,
    ),
    Row(
        "after-timeout", "a generation that timed out is not paid for twice", requests.after_timeout
    ),
    Row("error-code", "errors have Cloudflare's code", package.error_code),
    Row("async", "async without threads", streams.native_async),
    Row("cost", "the cost of an answer in USD", answers.cost),
    Row("batches", "Cloudflare's asynchronous Batch API", requests.queued),
    Row("gateway", "AI Gateway by a parameter", requests.gateway),
    Row("embeddings", "embeddings in the same package", package.embeddings),
    Row("rerank", "rerank in the same package", package.rerank),
    Row("secrets", "the token is in no repr, pickle, log or error", package.secrets),
)
BY_KEY = {row.key: row for row in ROWS}
