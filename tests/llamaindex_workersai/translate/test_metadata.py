"""LlamaIndex's metadata of models in the tables."""

from __future__ import annotations

import logging

import pytest

from llamaindex_workersai import WorkersAI


@pytest.mark.parametrize(
    ("model", "window", "reserve", "calls"),
    [
        ("@cf/meta/llama-3.2-1b-instruct", 60_000, 256, True),
        ("@cf/qwen/qwen3-30b-a3b-fp8", 32_768, 2000, True),
        ("@cf/moonshotai/kimi-k2.6", 262_144, 256, True),
    ],
)
def test_metadata_follows_the_table(
    model: str, window: int, reserve: int, calls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Window and output size are those of the model's page."""
    with caplog.at_level(logging.WARNING):
        metadata = WorkersAI(model, account_id="0" * 32, api_token="t").metadata
    assert (metadata.context_window, metadata.num_output) == (window, reserve)
    assert metadata.is_function_calling_model is calls
    assert not caplog.records
