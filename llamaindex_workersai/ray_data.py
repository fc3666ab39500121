"""Callable classes for `ray.data.Dataset.map_batches`: vectors, answers and rankings of rows.

```python
import ray
from llamaindex_workersai import WorkersAIEmbedding
from llamaindex_workersai.ray_data import WorkersAIEmbedder

rows = ray.data.read_parquet("corpus/").map_batches(
    WorkersAIEmbedder,
    fn_constructor_args=(WorkersAIEmbedding("@cf/baai/bge-m3"),),
    batch_size=1000,
    compute=ray.data.ActorPoolStrategy(size=8),
)
```

The object travels without its token: each worker reads the environment of its own process, which
is the node's. Do not pass a token by Ray's `runtime_env`, which Ray stores and shows. Nothing here
imports Ray (extra `ray`).
"""

from __future__ import annotations

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode
from typing_extensions import Unpack

from llamaindex_workersai.embeddings import WorkersAIEmbedding
from llamaindex_workersai.llm import WorkersAI
from llamaindex_workersai.rerank import WorkersAIRerank
from workersai import WorkersAIError
from workersai.integration import (
    AnswerRows,
    AnswerRowsOptions,
    EmbedRows,
    EmbedRowsOptions,
    RankRows,
    RankRowsOptions,
    call_each,
    check_count,
)

__all__ = ["WorkersAIAnswerer", "WorkersAIEmbedder", "WorkersAIRanker"]


class WorkersAIEmbedder(EmbedRows):
    """Adds vectors of a column of texts.

    Args:
        embedding: An embedding with the settings of all workers.
        **options: `column` (`text`), `output` (`embedding`) and `on_error` (`raise`, or `record`
            for a column `error`).
    """

    def __init__(self, embedding: WorkersAIEmbedding, **options: Unpack[EmbedRowsOptions]) -> None:
        super().__init__(embedding, **options)


class WorkersAIAnswerer(AnswerRows):
    """Adds a model's answers to a prompt about each row.

    Args:
        llm: An LLM with the settings of all workers.
        prompt: The prompt; `{column}` stands for the row's value.
        max_concurrency: How many rows of a batch are asked about at once.
        **options: `output` (`answer`) and `on_error` (`raise`, or `record` for a column `error`).

    Raises:
        ConfigurationError: If *prompt* is not a template, *max_concurrency* is below 1, or
            *on_error* is neither of these.
    """

    def __init__(
        self,
        llm: WorkersAI,
        prompt: str,
        *,
        max_concurrency: int = 8,
        **options: Unpack[AnswerRowsOptions],
    ) -> None:
        self._llm = llm
        self._at_once = check_count("max_concurrency", max_concurrency, 1)
        super().__init__(self._ask_each, prompt, **options)

    def _ask_each(self, prompts: list[str]) -> list[str | WorkersAIError]:
        return call_each(self._ask, prompts, limit=self._at_once)

    def _ask(self, prompt: str) -> str | WorkersAIError:
        try:
            return self._llm.chat([ChatMessage(role="user", content=prompt)]).message.content or ""
        except WorkersAIError as error:
            return error


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
        nodes = [TextNode(text=text, id_=str(place)) for place, text in enumerate(documents)]
        scored = [NodeWithScore(node=node) for node in nodes]
        found = self._rerank.postprocess_nodes(scored, query_str=query)
        return [(int(node.node_id), float(node.score or 0.0)) for node in found]
