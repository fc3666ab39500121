"""A whole HTTP answer, and how to take Cloudflare's envelope off it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workersai._json import parse_json
from workersai._response.errors import error_from_body, error_from_response, is_error_body
from workersai._wire import Request, is_error_status
from workersai.errors import ResponseError

__all__ = ["Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: The bytes, decompressed.
        secrets: Texts that must not appear in an error about the answer.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = ()

    def payload(self, request: Request) -> Any:
        """Return the answer without Cloudflare's envelope.

        Raises:
            APIStatusError: If it is an error, whatever its status.
            ResponseError: If it is not JSON, or the envelope is empty.
        """
        if is_error_status(self.status):
            raise error_from_response(
                self.status, self.headers, self.body, model=request.model, secrets=self.secrets
            )
        payload = parse_json(self.body, self.secrets)
        self._raise_if_error(payload, request)
        return payload

    def _raise_if_error(self, payload: Any, request: Request) -> None:
        if is_error_body(payload):
            raise error_from_body(
                payload, headers=self.headers, model=request.model, secrets=self.secrets
            )

    def unwrap(
        self, request: Request, *, may_be_error: bool = False
    ) -> tuple[Any, tuple[str, ...]]:
        """Return the answer inside the envelope and its path in the document.

        Args:
            request: The request.
            may_be_error: Return an error inside the envelope instead of raising it.

        Raises:
            APIStatusError: If the answer is an error.
            ResponseError: If the envelope is empty.
        """
        payload = self.payload(request)
        if isinstance(payload, dict) and "result" in payload and "choices" not in payload:
            if payload["result"] in (None, {}, [], ""):
                raise ResponseError(f"{request.model} answered with success and an empty result")
            if not may_be_error:
                self._raise_if_error(payload["result"], request)
            return payload["result"], ("result",)
        return payload, ()
