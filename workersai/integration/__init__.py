"""For authors of framework adapters: what every adapter of Workers AI needs, written once.

Both faces of this distribution are made of it. Users of a face need nothing from here.
"""

from __future__ import annotations

from workersai._secrets import hidden_setting, hides_arguments

__all__ = ["hidden_setting", "hides_arguments"]
