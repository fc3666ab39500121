"""The HTTP engines: the only folder that knows sockets and HTTP libraries.

Our own connections are plain sockets, read by llhttp: `sync_pool` and `aio_pool`, which share their
framing, targets and TLS. A client of httpx or httpx2 that the user brings is used instead, and so
is httpx itself where a recorder or a mock listens in on it, or for a proxy that takes more than a
tunnel. No exception of a library leaves this folder, neither raised nor as the cause of one that
is: it may hold the request, and the request holds the token.
"""

from __future__ import annotations

from workersai._http.aio import AsyncAnswer, AsyncEngine
from workersai._http.clocks import Clocks
from workersai._http.outgoing import Outgoing
from workersai._http.sync import SyncAnswer, SyncEngine

__all__ = [
    "AsyncAnswer",
    "AsyncEngine",
    "Clocks",
    "Outgoing",
    "SyncAnswer",
    "SyncEngine",
]
