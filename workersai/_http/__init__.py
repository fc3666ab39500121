"""The HTTP engines: the only package that knows an HTTP library.

Sync calls use httpx's own transport. Async calls use httpx over aiohttp, because httpx's own async
pool loses its slots when tasks are cancelled. Clients are made at the first call, one a process
and (async) one an event loop, over one SSL context. A user's own client may be of httpx or httpx2.
No exception of a library leaves this package, neither raised nor as the cause of one that is: they
carry the request, and it carries the token.
"""

from __future__ import annotations

from workersai._http.aio import AsyncAnswer, AsyncEngine
from workersai._http.clocks import Clocks
from workersai._http.outgoing import Outgoing
from workersai._http.shared import AsyncHTTPClient, HTTPClient
from workersai._http.sync import SyncAnswer, SyncEngine

__all__ = [
    "AsyncAnswer",
    "AsyncEngine",
    "AsyncHTTPClient",
    "Clocks",
    "HTTPClient",
    "Outgoing",
    "SyncAnswer",
    "SyncEngine",
]
