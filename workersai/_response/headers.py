"""The headers of an answer -> request id, gateway facts and the time to wait."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypedDict

from workersai._secrets import clean_text

__all__ = ["HeaderFacts", "parse_retry_after", "read_headers", "read_neurons", "readable_headers"]


class HeaderFacts(TypedDict):
    """What the headers of a chat's answer say about the call."""

    request_id: str | None
    gateway: dict[str, str]


def read_headers(headers: Mapping[str, str], secrets: tuple[str, ...]) -> HeaderFacts:
    """Read Cloudflare's request id, and what an AI Gateway says, fit for logs."""
    ray = headers.get("cf-ray")
    return {
        "request_id": clean_text(ray, secrets) if ray else None,
        "gateway": {
            name.removeprefix("cf-aig-").replace("-", "_"): clean_text(value, secrets)
            for name, value in headers.items()
            if name.startswith("cf-aig-")
        },
    }


def readable_headers(headers: Mapping[str, str], secrets: tuple[str, ...]) -> dict[str, str]:
    """Return headers fit for logs: without cookies, secrets masked."""
    return {
        name: clean_text(value, secrets) for name, value in headers.items() if "cookie" not in name
    }


def read_neurons(headers: Mapping[str, str]) -> float | None:
    """Read what the call cost, in Cloudflare's billing unit; a header of answers of every task."""
    return _positive(headers.get("cf-ai-neurons"))


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait, from any form of the header that is in use."""
    if (milliseconds := _positive(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _positive(value)) is not None:
        return None if value is None else seconds
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return _positive(str(moment - time.time()))


def _positive(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None
