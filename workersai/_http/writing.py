"""Write requests as HTTP/1.1 bytes."""

from __future__ import annotations

from workersai._http.framing import request_bytes
from workersai._http.targets import parse_target
from workersai._outgoing import Outgoing

__all__ = ["to_bytes"]


def to_bytes(outgoing: Outgoing) -> bytes:
    """Write a request as HTTP/1.1."""
    target = parse_target(outgoing.url)
    path = target.with_query(outgoing.params)
    return request_bytes(
        outgoing.method, path, target.host_header, outgoing.headers.items(), outgoing.content
    )
