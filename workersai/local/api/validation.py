"""Check request bodies, with Workers AI's error answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workersai.local.api.errors import ApiFailure
from workersai.local.api.models import LocalModel

__all__ = ["Checks", "input_schema", "output_schema", "type_of"]

_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}


@cache
def input_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema of requests named `name`, from this package's data."""
    return _schema(f"{name}.input.json")


@cache
def output_schema(name: str) -> dict[str, Any]:
    """Return the JSON schema of answers; empty (allows anything) if none is published."""
    there = (files("workersai.local.api") / "schemas" / f"{name}.output.json").is_file()
    return _schema(f"{name}.output.json") if there else {}


def _schema(file: str) -> dict[str, Any]:
    text = (files("workersai.local.api") / "schemas" / file).read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


class Checks:
    """The checks of one server.

    Args:
        strict: Whether to enforce rules that Cloudflare's own TypeScript client breaks. Whether
            the live service enforces them is unknown.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict

    def body(self, name: str, body: Any) -> None:
        """Check a body against a schema of this package.

        Raises:
            ApiFailure: 400 with code 5006, in the words of Cloudflare's own validator.
        """
        errors = _validator(name, strict=self._strict).iter_errors(body)
        failures = [_message(error) for error in errors]
        if failures:
            raise ApiFailure(400, 5006, f"Bad input: Error: {', '.join(failures)}")

    def chat(self, model: LocalModel, body: Mapping[str, Any]) -> None:
        """Check a text-generation body for `/ai/run/{model}`.

        Raises:
            ApiFailure: 8001 for errors that the serving stack finds before any schema, 5006 for the
                schema, 5023 and 5025 for JSON modes that the model does not have.
        """
        _check_tools(model, body)
        self.body(model.schema, body)
        _check_json_mode(model, body)

    def openai_chat(self, model: LocalModel, body: Mapping[str, Any]) -> None:
        """Check a body for `/ai/v1/chat/completions`: OpenAI's request, the model's message rules.

        Raises:
            ApiFailure: As `chat` does.
        """
        _check_tools(model, body)
        self.body("v1-chat", body)
        messages = [_with_content(message) for message in body["messages"]]
        self.body(model.schema, {"messages": messages})
        _check_json_mode(model, body)

    def batch(self, model: LocalModel, body: Any) -> None:
        """Check a batch: its requests, and each of them by the schema of the model's page.

        Raises:
            ApiFailure: 400 with code 5006.
        """
        self.body("batch", body)
        if "requests" in _variants(model.schema):
            self.body(model.schema, body)
            return
        for request in body["requests"]:
            self.body(model.schema, request)


@cache
def _validator(name: str, *, strict: bool) -> Draft202012Validator:
    published = input_schema(name)
    return Draft202012Validator(published if strict else _lenient(published))


def _lenient(schema: Any) -> Any:
    """Copy a schema without the rules that Cloudflare's own TypeScript client breaks.

    It sends properties of tools without a description, with a list of types or without a type,
    tools without a description, and a JSON schema without the envelope that contains its name.
    """
    if isinstance(schema, list):
        return [_lenient(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _lenient(value) for key, value in schema.items()}
    properties = made.get("properties", {})
    if "parameters" in properties:
        properties["parameters"] = {"type": "object"}
        made["required"] = [name for name in made.get("required", ()) if name != "description"]
    if "json_schema" in properties:
        properties["json_schema"] = {}
    return made


def _variants(name: str) -> set[str]:
    """Return the fields that the variants of a schema require."""
    return {key for variant in input_schema(name).get("oneOf", ()) for key in variant["required"]}


def _with_content(message: Mapping[str, Any]) -> dict[str, Any]:
    """Add empty content to an assistant turn of tool calls, which may omit it on this endpoint."""
    filled = {key: value for key, value in message.items() if value is not None}
    if message.get("role") == "assistant":
        filled.setdefault("content", "")
    return filled


def _check_tools(model: LocalModel, body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    flat = isinstance(tools, list) and any(_is_flat(tool) for tool in tools)
    if flat and model.wire == "openai":
        raise ApiFailure(400, 8001, "Invalid input: tools must be of the nested function shape")
    if body.get("tool_choice") == "any":
        raise ApiFailure(400, 8001, "Invalid input: tool_choice 'any' is not known")


def _is_flat(tool: Any) -> bool:
    return isinstance(tool, Mapping) and "name" in tool and "function" not in tool


def _check_json_mode(model: LocalModel, body: Mapping[str, Any]) -> None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") != "json_schema":
        return
    if model.profile.structured_output is False:
        raise ApiFailure(400, 5025, "This model doesn't support JSON Schema")
    if body.get("stream") and not model.profile.streams_json_schema:
        raise ApiFailure(400, 5023, "JSON Schema mode is not supported with stream mode.")


def _message(error: ValidationError) -> str:
    """Write one schema error in the words of the live service, as its clients see them."""
    path = "/" + "/".join(str(step) for step in error.absolute_path)
    keyword, wanted = str(error.validator), cast("Any", error.validator_value)
    if keyword in {"oneOf", "anyOf"}:
        branches = _branch_errors(error)
        return f"{keyword} at '{path}' not met, 0 matches: {', '.join(branches)}"
    if keyword == "required":
        return f"required properties at '{path}' are '{','.join(wanted)}'"
    if keyword == "type":
        return f"Type mismatch of '{path}', '{type_of(error.instance)}' not in '{_types(wanted)}'"
    if keyword == "enum":
        options = "', '".join(str(option) for option in wanted)
        return f"Value of '{path}' not in '{options}'"
    return f"'{path}' does not meet {keyword} {json.dumps(wanted)}"


def _branch_errors(error: ValidationError) -> list[str]:
    """Explain why each branch does not match, or that several do."""
    by_branch: dict[Any, list[ValidationError]] = {}
    for context in error.context or ():
        by_branch.setdefault(context.schema_path[0], []).append(context)
    reasons = (_message(_deepest(errors)) for errors in by_branch.values())
    return list(dict.fromkeys(reasons)) or ["more than one branch matches"]


def _deepest(errors: Iterable[ValidationError]) -> ValidationError:
    return max(errors, key=lambda error: len(error.absolute_path))


def type_of(value: Any) -> str:
    """Return the JSON type of a value, as Cloudflare's validator names it."""
    if value is None:
        return "null"
    return _JSON_TYPES.get(type(value), "object")


def _types(wanted: str | list[str]) -> str:
    return wanted if isinstance(wanted, str) else "', '".join(wanted)
