"""Read the models of the account's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._json import read_list, text_or_none
from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import ModelInfo

__all__ = ["parse_models"]


def parse_models(reply: Reply, request: Request) -> list[ModelInfo]:
    """Read the model catalogue.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer has no list.
    """
    payload = reply.payload(request)
    rows = payload.get("result") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise ResponseError("the model search answered without a list under 'result'")
    return [_model_info(row) for row in rows if isinstance(row, dict)]


def _model_info(row: Mapping[str, Any]) -> ModelInfo:
    task = row.get("task")
    properties = {
        item["property_id"]: item.get("value")
        for item in read_list(row.get("properties"), "properties")
        if isinstance(item, dict) and isinstance(item.get("property_id"), str)
    }
    return ModelInfo(
        name=str(row.get("name", "")),
        task=text_or_none(task.get("name")) if isinstance(task, dict) else text_or_none(task),
        description=text_or_none(row.get("description")),
        properties=properties,
    )
