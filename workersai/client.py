"""`Client` and `AsyncClient`: Workers AI without a framework.

Both do the same: pure modules build the requests and read the answers, `_exchange` decides about
retries, the engines carry bytes. What is written twice only sends, waits and closes.
"""

from __future__ import annotations

from workersai._async_client import AsyncClient
from workersai._client import Client

__all__ = ["AsyncClient", "Client"]
