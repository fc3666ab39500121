"""The HTTP request that an engine sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workersai._secrets import Secrets

__all__ = ["Outgoing"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A complete request; its repr shows neither the token nor the account.

    Attributes:
        method: `POST` or `GET`.
        root: The URL to which the API's paths are appended; empty for a binding.
        path: Begins with a slash, such as `/run/@cf/author/name`.
        headers: By lower-case name.
        content: The body.
        params: The query.
        secrets: Texts that must not appear in errors.
    """

    method: str
    root: str = field(repr=False)
    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    params: Mapping[str, str]
    secrets: Secrets

    @property
    def url(self) -> str:
        """The whole URL, without the query."""
        return self.root + self.path
