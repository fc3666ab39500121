"""`Client` and `AsyncClient`: Workers AI without a framework.

Both have the same methods. Pure modules build requests and read answers, `retries` decides about
retries, and the HTTP engines transfer bytes. A client consists of parts: `setup` has its settings,
a sender of `sending` sends requests and waits, and `batches` submits batches through that sender.
Only code that sends, waits or closes exists twice, once for each client.
"""

from __future__ import annotations

from workersai.client.aio import AsyncClient
from workersai.client.sync import Client

__all__ = ["AsyncClient", "Client"]
