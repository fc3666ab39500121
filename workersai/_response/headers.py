"""Read the request id, AI Gateway facts and the time to wait from headers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypedDict

from workersai._secrets import clean_text

__all__ = ["HeaderFacts", "parse_retry_after", "read_headers", "read_neurons", "readable_headers"]


class HeaderFacts(TypedDict):
    """Facts about a call from the headers of its answer."""

    request_id: str | None
    gateway: dict[str, str]


def read_headers(headers: Mapping[str, str], secrets: tuple[str, ...]) -> HeaderFacts:
    """Read Cloudflare's request id and the headers of an AI Gateway, with secrets masked."""
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
    """Return headers that may be logged: without cookies, secrets masked."""
    return {
        name: clean_text(value, secrets) for name, value in headers.items() if "cookie" not in name
    }


def read_neurons(headers: Mapping[str, str]) -> float | None:
    """Read the cost in neurons, Cloudflare's billing unit; answers of all tasks have the header."""
    return _positive(headers.get("cf-ai-neurons"))


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, from any common form of the header."""
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
