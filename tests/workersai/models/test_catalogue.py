"""Facts of the live catalogue override those of the table."""

from __future__ import annotations

from typing import Any

import pytest

from workersai import ModelInfo, get_profile
from workersai._models.catalogue import catalogue_profile

GLM = "@cf/zai-org/glm-4.7-flash"


def info(name: str = "@cf/someone/new", task: str | None = None, **properties: Any) -> ModelInfo:
    return ModelInfo(name, task, None, properties)


@pytest.mark.parametrize(
    ("property_id", "value", "field", "expected"),
    [
        ("context_window", "131072", "context_window", 131_072),
        ("context_window", 4096, "context_window", 4096),
        ("max_input_tokens", "512", "max_input_tokens", 512),
        ("output_dimensions", "384", "dimensions", 384),
        ("function_calling", "true", "function_calling", True),
        ("function_calling", False, "function_calling", False),
        ("vision", "True", "vision", True),
        ("reasoning", True, "reasoning", True),
        ("lora", "true", "lora", True),
        ("async_queue", "false", "batch", False),
        ("require_workers_paid", "true", "paid_plan", True),
        ("planned_deprecation_date", "2026-05-30", "deprecated", "2026-05-30"),
        ("planned_deprecation_date", "2026-05-30T12:00:00Z", "deprecated", "2026-05-30"),
        ("planned_deprecation_date", 1_780_099_200, "deprecated", "2026-05-30"),
        ("planned_deprecation_date", "1780099200000", "deprecated", "2026-05-30"),
    ],
)
def test_a_property_in_any_of_its_forms(
    property_id: str, value: Any, field: str, expected: Any
) -> None:
    """Numbers, booleans and dates are read in their own type and as text."""
    assert getattr(catalogue_profile(info(**{property_id: value})), field) == expected


@pytest.mark.parametrize("value", [None, "", "many", "-1", True, [], {}, 1.5])
def test_a_window_that_cannot_be_read(value: Any) -> None:
    """A value in an unknown form leaves the table's value in place."""
    table = get_profile(GLM).context_window
    assert catalogue_profile(info(GLM, context_window=value)).context_window == table


@pytest.mark.parametrize("value", ["soon", "", None, True, [], -1])
def test_a_date_that_cannot_be_read(value: Any) -> None:
    """A date in an unknown form is not used."""
    assert catalogue_profile(info(planned_deprecation_date=value)).deprecated is None


def test_prices_by_their_units() -> None:
    """Prices per million tokens are read by their kind; other units are ignored."""
    listed = [
        {"unit": "per M input tokens", "price": 0.1, "currency": "USD"},
        {"unit": "per M output tokens", "price": 0.3, "currency": "USD"},
        {"unit": "per M cached input tokens", "price": 0.02, "currency": "USD"},
        {"unit": "per step", "price": 9.0, "currency": "USD"},
        {"unit": "per M input tokens", "price": 8, "currency": "EUR"},
        {"unit": "per M input tokens", "price": "free", "currency": "USD"},
        "nonsense",
    ]

    found = catalogue_profile(info(price=listed))

    assert (found.input_price, found.output_price, found.cached_price) == (0.1, 0.3, 0.02)


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("@cf/someone/new", "Text Generation", "text-generation"),
        ("@cf/someone/new", "Text Embeddings", "embeddings"),
        ("@cf/someone/new-reranker", "Text Classification", "rerank"),
        ("@cf/someone/sentiment", "Text Classification", "text-generation"),
    ],
)
def test_the_task_of_an_unknown_model(name: str, task: str, expected: str) -> None:
    """The catalogue's task applies if the table does not list the model."""
    assert catalogue_profile(info(name, task)).task == expected


def test_facts_of_the_table_stay() -> None:
    """Facts that the catalogue omits stay, and the sources name both."""
    table, found = get_profile(GLM), catalogue_profile(info(GLM, context_window="1000"))

    assert found.context_window == 1000
    assert found.parameters == table.parameters
    assert found.input_price == table.input_price
    assert found.sources[: len(table.sources)] == table.sources
    assert "catalogue" in found.sources[-1]
