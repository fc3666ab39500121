"""For authors of framework adapters: what every adapter of Workers AI needs, written once.

Both faces of this distribution are made of it. Users of a face need nothing from here.
"""

from __future__ import annotations

from workersai._checks import fill_blank, is_blank
from workersai._concurrency import call_each, call_each_async
from workersai._models.catalogue import catalogue_profile
from workersai._secrets import hidden_setting, hides_arguments, secrets_in_header
from workersai.integration.clients import Clients
from workersai.integration.identity import OPERATIONAL, gateway_identity
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
    "fill_blank",
    "gateway_identity",
    "hidden_setting",
    "hides_arguments",
    "is_blank",
    "json_text",
    "progress",
    "secrets_in_header",
    "structured_methods",
    "usage_facts",
    "without_thought",
]
