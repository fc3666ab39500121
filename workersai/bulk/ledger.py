"""The budget of a job: reserve the greatest cost before a request, count the real one after."""

from __future__ import annotations

from collections import deque

from workersai._models.profile import ModelProfile
from workersai.errors import ConfigurationError
from workersai.results import Usage

__all__ = ["Ledger"]


class Ledger:
    """Keeps a job below its limit.

    Reservations are upper bounds, so the limit holds whatever the answers cost; they are released
    in the order in which they were made.

    Args:
        profile: The model, for its prices.
        max_cost: USD for the whole job; `None` for no limit.
        spent: USD that were already spent.

    Raises:
        ConfigurationError: If there is a limit, and the model's prices are unknown.
    """

    def __init__(self, profile: ModelProfile, max_cost: float | None, spent: float = 0.0) -> None:
        is_number = isinstance(max_cost, (int, float)) and not isinstance(max_cost, bool)
        if max_cost is not None and not (is_number and max_cost > 0):
            raise ConfigurationError(
                f"max_cost={max_cost!r} must be a number of USD above 0", parameter="max_cost"
            )
        if max_cost is not None and not _has_prices(profile):
            raise ConfigurationError(
                f"the prices of {profile.name} are unknown, so that max_cost cannot be "
                "kept: leave it out",
                parameter="max_cost",
            )
        self._profile = profile
        self._max_cost = max_cost
        self._open: deque[float] = deque()
        self._reserved = 0.0
        self.spent = spent
        self.is_used_up = False

    @property
    def has_limit(self) -> bool:
        """Whether there is a limit to keep."""
        return self._max_cost is not None

    def bound(self, prompt_tokens: int, completion_tokens: int = 0) -> float:
        """Return the greatest cost of a request, 0 if prices are unknown."""
        return self._profile.cost(Usage(prompt_tokens, completion_tokens)) or 0.0

    def reserve(self, cost: float) -> bool:
        """Reserve USD for a row; return whether the limit allows it."""
        total = self.spent + self._reserved + cost
        if self._max_cost is not None and total > self._max_cost:
            self.is_used_up = True
            return False
        self._open.append(cost)
        self._reserved += cost
        return True

    def release(self) -> float:
        """Release the oldest reservation, and return it."""
        cost = self._open.popleft()
        self._reserved = self._reserved - cost if self._open else 0.0
        return cost

    def spend(self, cost: float) -> None:
        """Count USD as spent."""
        self.spent += cost


def _has_prices(profile: ModelProfile) -> bool:
    has_output = profile.task != "text-generation" or profile.output_price is not None
    return profile.input_price is not None and has_output
