"""The live catalogue and the published schemas, from an account or from files saved from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from workersai._request.catalogue import models_request
from workersai._response.catalogue import parse_models
from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.client.sending import SyncSender
from workersai.client.setup import ConnectionOptions, Setup
from workersai.errors import APIStatusError, ConfigurationError, ResponseError
from workersai.results import ModelInfo

__all__ = ["Catalogue", "fetch_catalogue", "load_catalogue", "save_catalogue"]

_MODELS_FILE = "models.json"


@dataclass(frozen=True)
class Catalogue:
    """Cloudflare's lists.

    Attributes:
        models: The answer of `/models/search`, as JSON.
        schemas: The answers of `/models/schema`, as JSON, by model id.
    """

    models: Any
    schemas: Mapping[str, Any] = field(default_factory=dict)

    def infos(self) -> list[ModelInfo]:
        """Read the list of models.

        Raises:
            ResponseError: If there is none.
        """
        request = models_request()
        return parse_models(Reply(200, {}, json.dumps(self.models).encode()), request)

    def input_schema(self, model: str) -> Mapping[str, Any] | None:
        """Return the schema of a model's requests; `None` if there is none."""
        found = self.schemas.get(model)
        result = found.get("result", found) if isinstance(found, Mapping) else None
        schema = result.get("input") if isinstance(result, Mapping) else None
        return schema if isinstance(schema, Mapping) else None


def fetch_catalogue(models: Iterable[str], **connection: Any) -> Catalogue:
    """Read the account's catalogue, and the schemas of some models.

    Args:
        models: Whose schemas are read; one that has none is left out.
        **connection: As for `Client`.

    Raises:
        WorkersAIError: If the catalogue cannot be read.
    """
    options: ConnectionOptions = {**connection}  # type: ignore[typeddict-item]  # checked by Setup
    sender = SyncSender(Setup("refresh", None, **options), None)
    try:
        listed = sender.call(models_request(), _payload)
        schemas = {model: _schema(sender, model) for model in models}
    finally:
        sender.close()
    return Catalogue(listed, {model: found for model, found in schemas.items() if found})


def _payload(reply: Reply, request: Request) -> Any:
    return reply.payload(request)


def _schema(sender: SyncSender, model: str) -> Any:
    request = Request("/models/schema", params={"model": model}, model=model)
    try:
        return sender.call(request, _payload)
    except (APIStatusError, ResponseError):
        return None


def load_catalogue(folder: Path) -> Catalogue:
    """Read the files of `save_catalogue`, or files that were saved by hand in the same places.

    Raises:
        ConfigurationError: If the list of models is missing, or a file is not JSON.
    """
    schemas = {}
    for path in sorted(folder.glob("schemas/*/*.json")):
        schemas[f"@cf/{path.parent.name}/{path.stem}"] = _json_of(path)
    return Catalogue(_json_of(folder / _MODELS_FILE), schemas)


def _json_of(path: Path) -> Any:
    try:
        return from_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as JSON: save the answer of /ai/models/search there, and that "
            "of /ai/models/schema in schemas/AUTHOR/NAME.json beside it",
            parameter="saved",
        ) from error


def save_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Write a catalogue, a file each for the list of models and for every schema."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MODELS_FILE).write_text(json.dumps(catalogue.models, indent=1), "utf-8")
    for model, schema in catalogue.schemas.items():
        _, author, name = model.split("/", 2)
        path = folder / "schemas" / author / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema, indent=1), "utf-8")
