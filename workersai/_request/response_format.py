"""Write a response format in the form that the model's page documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._models.profile import ModelProfile
from workersai._names import acceptable_name
from workersai.errors import ConfigurationError
from workersai.types import EndpointName

__all__ = ["to_wire_response_format"]


def to_wire_response_format(
    response_format: Mapping[str, Any] | None, profile: ModelProfile, endpoint: EndpointName
) -> dict[str, Any] | None:
    """Write a response format with a bare JSON schema or an envelope, as the model requires.

    Natively the documented form is the bare schema; models whose page has the OpenAI schema
    require `{"name": ..., "schema": ...}`, and so does `/ai/v1`.

    Raises:
        ConfigurationError: If a `json_schema` format has no schema.
    """
    if response_format is None:
        return None
    if not isinstance(response_format, Mapping):
        raise ConfigurationError(
            f"response_format={response_format!r} must be a dict with a 'type'",
            parameter="response_format",
        )
    if response_format.get("type") != "json_schema":
        return dict(response_format)
    described = response_format.get("json_schema")
    if described is None and isinstance(response_format.get("schema"), Mapping):
        # OpenAI's Responses API puts the schema directly into the format.
        described = {key: value for key, value in response_format.items() if key != "type"}
    if not isinstance(described, Mapping):
        raise ConfigurationError(
            "response_format of type 'json_schema' needs the schema under 'json_schema'",
            parameter="response_format",
        )
    is_envelope = isinstance(described.get("schema"), Mapping) and "properties" not in described
    if endpoint == "openai" or profile.schema_envelope:
        written = (
            {**described, "name": _schema_name(described)} if is_envelope else _wrap(described)
        )
    else:
        written = _unwrap(described) if is_envelope else dict(described)
    return {"type": "json_schema", "json_schema": written}


def _wrap(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": _schema_name(schema), "schema": dict(schema)}


def _unwrap(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bare schema of an envelope.

    The bare form has no field for `strict`, so it is added as a keyword. JSON Schema does not
    define it, and readers of schemas ignore unknown keywords.
    """
    beside = {
        "title": envelope.get("name"),
        "description": envelope.get("description"),
        "strict": envelope.get("strict"),
    }
    return {**{k: v for k, v in beside.items() if v is not None}, **envelope["schema"]}


def _schema_name(schema: Mapping[str, Any]) -> str:
    name = schema.get("name") or schema.get("title")
    if not isinstance(name, str) or not name:
        inner = schema.get("schema")
        name = inner.get("title") if isinstance(inner, Mapping) else None
    return acceptable_name(name, default="response") if isinstance(name, str) else "response"
