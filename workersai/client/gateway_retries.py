"""How often the client retries if an AI Gateway retries too: by default, not at all.

A gateway with `max_attempts` tries a failed request again inside of one request of the client,
so that both numbers multiply (documented; observed by a public client).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from functools import cache

from workersai._checks import check_count

__all__ = ["Unset", "check_retries", "gateway_attempts", "retries_beside_gateway"]

_log = logging.getLogger("workersai")

_DEFAULT = 2
_HEADER = "cf-aig-max-attempts"


class Unset(Enum):
    """Stands for an argument that was not passed."""

    UNSET = "the client's choice"


def check_retries(max_retries: int | Unset) -> int | None:
    """Return a number of retries; `None` if the user leaves it to the client.

    Raises:
        ConfigurationError: If it is not a number of retries.
    """
    if isinstance(max_retries, Unset):
        return None
    return check_count("max_retries", max_retries, 0)


def gateway_attempts(headers: Mapping[str, str]) -> int:
    """Return how often the gateway of a request tries it."""
    value = headers.get(_HEADER, "1")
    return int(value) if value.isdecimal() else 1


def retries_beside_gateway(max_retries: int | None, attempts: int) -> int:
    """Return how often the client retries.

    Args:
        max_retries: The user's setting; `None` if the user leaves it to the client.
        attempts: How often the gateway tries one request.
    """
    if max_retries is None:
        return _DEFAULT if attempts < 2 else 0
    if max_retries and attempts > 1:
        _warn(attempts, max_retries + 1)
    return max_retries


@cache
def _warn(gateway: int, client: int) -> None:
    """Warn that the two numbers multiply, once for each pair of numbers."""
    _log.warning(
        "the gateway tries a request %d times and this client %d times: up to %d for one call; "
        "pass max_retries=0, or leave the gateway's max_attempts out",
        *(gateway, client, gateway * client),
    )
