"""A model for probes: the rules of `echo`, which can also count."""

from __future__ import annotations

from collections.abc import Iterator

from workersai.local.engines.base import ChatJob, Piece
from workersai.local.engines.echo import EchoEngine
from workersai.local.engines.scripting import Script, scripted
from workersai.local.engines.words import last_user_text

__all__ = ["Talker"]


class Talker(EchoEngine):
    """Counts where it is asked to; answers as `echo` does to everything else."""

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        asked = last_user_text(job)
        highest = 9 if asked.startswith("Count") else 900 if "from 1 to 900" in asked else 0
        if not highest:
            return super().chat(job)
        numbers = " ".join(map(str, range(1, highest + 1)))
        return scripted(job, Script(text=numbers), self.prompt_tokens(job))
