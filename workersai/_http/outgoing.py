"""A complete request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workersai._http.framing import request_bytes
from workersai._http.targets import parse_target
from workersai._secrets import Secrets

__all__ = ["Outgoing"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A complete request; its repr shows neither the token nor the account."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    params: Mapping[str, str]
    secrets: Secrets

    def to_bytes(self) -> bytes:
        """Return the request as HTTP/1.1 bytes."""
        target = parse_target(self.url)
        path = target.with_query(self.params)
        return request_bytes(
            self.method, path, target.host_header, self.headers.items(), self.content
        )
