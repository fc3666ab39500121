"""What answers behind the wire: `echo`, `smol` and `upstream`, one protocol for all."""

from __future__ import annotations

from workersai.local.engines.base import Engine
from workersai.local.engines.choice import EngineOptions, create_engine

__all__ = ["Engine", "EngineOptions", "create_engine"]
