"""For authors of framework adapters: what every adapter of Workers AI needs, written once.

Both faces of this distribution are made of it. Users of a face need nothing from here.
"""

from __future__ import annotations

from workersai._checks import fill_blank, is_blank
from workersai._concurrency import call_each, call_each_async
from workersai._jsonable import read_object
from workersai._models.catalogue import catalogue_profile
from workersai._secrets import hidden_setting, hides_arguments, secrets_in_header
from workersai.integration.clients import Clients
from workersai.integration.content import document_part, image_type, text_of_any
from workersai.integration.identity import OPERATIONAL, gateway_identity
from workersai.integration.messages import repair_history, to_history
from workersai.integration.progress import progress
from workersai.integration.structured import (
    MethodMemory,
    MethodTrial,
    OutputSchema,
    StructuredMethod,
    json_text,
    structured_methods,
    without_thought,
)
from workersai.integration.usage import usage_facts

__all__ = [
    "OPERATIONAL",
    "Clients",
    "MethodMemory",
    "MethodTrial",
    "OutputSchema",
    "StructuredMethod",
    "call_each",
    "call_each_async",
    "catalogue_profile",
    "document_part",
    "fill_blank",
    "gateway_identity",
    "hidden_setting",
    "hides_arguments",
    "image_type",
    "is_blank",
    "json_text",
    "progress",
    "read_object",
    "repair_history",
    "secrets_in_header",
    "structured_methods",
    "text_of_any",
    "to_history",
    "usage_facts",
    "without_thought",
]
