"""For authors of framework adapters: what every adapter of Workers AI needs, written once.

Both faces of this distribution are made of it. Users of a face need nothing from here.
"""

from __future__ import annotations

from workersai._concurrency import call_each, call_each_async
from workersai._models.catalogue import catalogue_profile
from workersai._secrets import hidden_setting, hides_arguments, secrets_in_header
from workersai.integration.clients import Clients

__all__ = [
    "Clients",
    "call_each",
    "call_each_async",
    "catalogue_profile",
    "hidden_setting",
    "hides_arguments",
    "secrets_in_header",
]
