"""Engines that answer requests: `echo`, `smol` and `upstream`, with one protocol."""

from __future__ import annotations

from workersai.local.engines.base import Engine
from workersai.local.engines.choice import EngineOptions, create_engine

__all__ = ["Engine", "EngineOptions", "create_engine"]
