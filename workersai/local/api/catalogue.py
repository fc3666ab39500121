"""The model catalogue as `/ai/models/search` and `/ai/models/schema` show it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from workersai.local.api.errors import ApiFailure
from workersai.local.api.models import MODELS, LocalModel
from workersai.local.api.validation import input_schema, output_schema

__all__ = ["model_schema", "search_models"]

_NAMESPACE = uuid.UUID("6f1d9f0e-6d0c-5a35-8f0a-3a4f5c2b7d11")


def search_models(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the models whose name contains `search`, filtered by `task` and `author`.

    Retired models are listed only with `include_deprecated`. Like the live service, it ignores
    `per_page`: everything is on page 1.
    """
    first_page = query.get("page") in {None, "", "1"}
    found = [_item(model) for model in _matching(query)] if first_page else []
    info = {"count": len(found), "page": 1, "per_page": len(found), "total_count": len(found)}
    return {
        "result": found,
        "success": True,
        "errors": [],
        "messages": [],
        "result_info": info,
    }


def model_schema(name: str | None) -> dict[str, Any]:
    """Return the input and output schemas of a model.

    Raises:
        ApiFailure: 400 with code 5007 for an unknown model.
    """
    model = MODELS.get(name or "")
    if model is None:
        raise ApiFailure(400, 5007, f"No such model {name} or task")
    schemas = {"input": input_schema(model.schema), "output": output_schema(model.schema)}
    return {"result": schemas, "success": True, "errors": [], "messages": []}


def _matching(query: Mapping[str, str]) -> list[LocalModel]:
    retired = query.get("include_deprecated") in {"true", "1"}
    return [
        model
        for model in MODELS.values()
        if (query.get("search") or "").lower() in model.name.lower()
        and query.get("task") in {None, "", model.task}
        and query.get("author") in {None, "", model.name.split("/")[1]}
        and (retired or model.profile.deprecated is None)
    ]


def _item(model: LocalModel) -> dict[str, Any]:
    task = {"id": str(uuid.uuid5(_NAMESPACE, model.task)), "name": model.task, "description": ""}
    return {
        "id": str(uuid.uuid5(_NAMESPACE, model.name)),
        "source": 1,
        "name": model.name,
        "description": model.about,
        "task": task,
        "tags": [],
        "properties": [
            {"property_id": key, "value": value} for key, value in _properties(model).items()
        ],
    }


def _properties(model: LocalModel) -> dict[str, Any]:
    """Write property values as the catalogue does: as strings; the price is a list."""
    profile = model.profile
    units = {
        "per M input tokens": profile.input_price,
        "per M output tokens": profile.output_price,
    }
    found = {
        "context_window": profile.context_window or profile.max_input_tokens,
        "output_dimensions": profile.dimensions,
        "function_calling": profile.function_calling,
        "reasoning": profile.reasoning,
        "async_queue": profile.batch,
        "planned_deprecation_date": profile.deprecated,
        "price": [
            {"unit": unit, "price": price, "currency": "USD"}
            for unit, price in units.items()
            if price is not None
        ],
    }
    return {name: _property(value) for name, value in found.items() if value}


def _property(value: object) -> object:
    if isinstance(value, list):
        return value
    return "true" if value is True else str(value)
