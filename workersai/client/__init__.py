"""`Client` and `AsyncClient`: Workers AI without a framework.

Both do the same: pure modules build the requests and read the answers, `_exchange` decides about
retries, the engines carry bytes. What is written twice only sends, waits and closes.
"""

from __future__ import annotations

from workersai.client.aio import AsyncClient
from workersai.client.sync import Client

__all__ = ["AsyncClient", "Client"]
