"""Callable classes for `ray.data.Dataset.map_batches`: vectors, answers and rankings of rows.

```python
import ray
from langchain_workersai import WorkersAIEmbeddings
from langchain_workersai.ray_data import WorkersAIEmbedder

rows = ray.data.read_parquet("corpus/").map_batches(
    WorkersAIEmbedder,
    fn_constructor_args=(WorkersAIEmbeddings("@cf/baai/bge-m3"),),
    batch_size=1000,
    compute=ray.data.ActorPoolStrategy(size=8),
)
```

The object travels without its token: each worker reads the environment of its own process, which
is the node's. Do not pass a token by Ray's `runtime_env`, which Ray stores and shows. Nothing here
imports Ray (extra `ray`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable
from typing_extensions import Unpack

from langchain_workersai.embeddings import WorkersAIEmbeddings
from langchain_workersai.rerank import WorkersAIRerank
from workersai import WorkersAIError
from workersai.integration import (
    AnswerRows,
    AnswerRowsOptions,
    EmbedRows,
    EmbedRowsOptions,
    RankRows,
    RankRowsOptions,
    check_count,
)

__all__ = ["WorkersAIAnswerer", "WorkersAIEmbedder", "WorkersAIRanker"]


class WorkersAIEmbedder(EmbedRows):
    """Adds vectors of a column of texts.

    Args:
        embeddings: Embeddings with the settings of all workers.
        **options: `column` (`text`), `output` (`embedding`) and `on_error` (`raise`, or `record`
            for a column `error`).
    """

    def __init__(
        self, embeddings: WorkersAIEmbeddings, **options: Unpack[EmbedRowsOptions]
    ) -> None:
        super().__init__(embeddings, **options)


class WorkersAIAnswerer(AnswerRows):
    """Adds a model's answers to a prompt about each row.

    Args:
        model: A chat model, or a chain that begins with one's input.
        prompt: The prompt; `{column}` stands for the row's value.
        max_concurrency: How many rows of a batch are asked about at once.
        **options: `output` (`answer`, which has a message's text, or what the chain returns)
            and `on_error` (`raise`, or `record` for a column `error`).

    Raises:
        ConfigurationError: If *prompt* is not a template, *max_concurrency* is below 1, or
            *on_error* is neither of these.
    """

    def __init__(
        self,
        model: Runnable[Any, Any],
        prompt: str,
        *,
        max_concurrency: int = 8,
        **options: Unpack[AnswerRowsOptions],
    ) -> None:
        self._model = model
        self._at_once = check_count("max_concurrency", max_concurrency, 1)
        super().__init__(self._ask, prompt, **options)

    def _ask(self, prompts: list[str]) -> Sequence[Any]:
        config: Any = {"max_concurrency": self._at_once}
        found = self._model.batch(prompts, config, return_exceptions=True)
        for answer in found:
            if isinstance(answer, Exception) and not isinstance(answer, WorkersAIError):
                raise answer
        return [answer.text if isinstance(answer, BaseMessage) else answer for answer in found]


class WorkersAIRanker(RankRows):
    """Adds the order of each row's documents by relevance to the row's query.

    Args:
        rerank: A reranker with the settings of all workers; its `top_n` counts.
        **options: As in `RankRows`.
    """

    def __init__(self, rerank: WorkersAIRerank, **options: Unpack[RankRowsOptions]) -> None:
        self._rerank = rerank
        super().__init__(self._order, **options)

    def _order(self, query: str, documents: list[str]) -> list[tuple[int, float]]:
        found = self._rerank.rerank(documents, query)
        return [(row["index"], row["relevance_score"]) for row in found]
