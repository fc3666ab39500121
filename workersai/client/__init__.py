"""`Client` and `AsyncClient`: Workers AI without a framework.

Both do the same. Pure modules build the requests and read the answers, `retries` decides about
retries, and the engines carry bytes. A client is put together of parts: `setup` has its settings, a
sender of `sending` sends and waits, `batches` submits batches through that sender. What is written
twice, once for each client, only sends, waits and closes.
"""

from __future__ import annotations

from workersai.client.aio import AsyncClient
from workersai.client.sync import Client

__all__ = ["AsyncClient", "Client"]
