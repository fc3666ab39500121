"""Decide whether to look for reasoning in the text of an answer."""

from __future__ import annotations

from workersai._models import get_profile

__all__ = ["splits_think_tags"]


def splits_think_tags(setting: bool | None, model: str) -> bool:
    """Return whether text between think tags is reasoning.

    Args:
        setting: The user's `think_tags`; `None` to use the model's profile.
        model: The model that is asked.
    """
    return bool(get_profile(model).think_tags) if setting is None else setting
