"""The logger `workersai`, and the environment variable that switches it on.

DEBUG: each attempt, and after how long it had a connection, a beginning of its answer, and its end.
INFO: each retry with its wait and its reason, and a stale connection that was replaced. WARNING:
what a user should know. No record contains a prompt, an answer, a token or an account id.
"""

from __future__ import annotations

import logging
import os

__all__ = ["switch_on"]

_VARIABLE = "WORKERSAI_LOG"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}


def switch_on() -> None:
    """Write the logger's records to the standard error stream, if `WORKERSAI_LOG` is set.

    Its values are `debug`, `info` and `warning`; others are ignored. Handlers that the program has
    added to the logger are kept.
    """
    level = _LEVELS.get(os.environ.get(_VARIABLE, "").strip().lower())
    if level is None:
        return
    logger = logging.getLogger("workersai")
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
