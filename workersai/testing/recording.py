"""Settings for vcrpy that record Workers AI without secrets, and replay by body."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["vcr_config"]

_ACCOUNT = re.compile(r"/accounts/[^/?#]+")
_GATEWAY = re.compile(r"(gateway\.ai\.cloudflare\.com/v1/)[^/?#]+")
_ZEROS = "0" * 32
_SENT = frozenset({"content-type"})
_ANSWERED = frozenset({"content-type", "retry-after", "cf-ai-neurons"})


def vcr_config() -> dict[str, Any]:
    """Return settings for vcrpy and pytest-recording.

    A recording holds neither token, account nor ray id: of headers it keeps those of a short list,
    and the account in the address becomes zeros. A request is answered by the recorded one with the
    same method, address and body, so that a changed prompt is noticed.

    Returns:
        Keywords of `vcr.VCR`. For pytest-recording return them from a fixture `vcr_config`.
    """
    return {
        "match_on": ("method", "uri", "body"),
        "before_record_request": _clean_request,
        "before_record_response": _clean_response,
        "decode_compressed_response": True,
    }


def _clean_request(request: Any) -> Any:
    request.uri = _GATEWAY.sub(
        rf"\g<1>{_ZEROS}", _ACCOUNT.sub(f"/accounts/{_ZEROS}", request.uri, count=1), count=1
    )
    request.headers = {
        name: value for name, value in request.headers.items() if name.lower() in _SENT
    }
    return request


def _clean_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = response.get("headers") or {}
    kept = {name: value for name, value in headers.items() if name.lower() in _ANSWERED}
    return {**response, "headers": kept}
