"""A probe's report: requests, answers and verdicts, as one JSON file.

The file is rewritten after every answer, so that a stopped run can continue. It contains neither
the token nor the account nor ray ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from workersai._version import __version__
from workersai.errors import ConfigurationError
from workersai.probe.answers import Answer
from workersai.probe.asks import ASKS, Ask
from workersai.probe.files import replace_text
from workersai.probe.verdicts import Finding, judge

__all__ = ["Report"]

_FORMAT = 1
_ASKS = {ask.id: ask for ask in ASKS}


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


@dataclass
class Report:
    """The answers of a run, and the file that stores them.

    Attributes:
        path: The file; `None` stores nothing.
        answers: By model, then by the id of the ask.
        server: The server's own name: `cloudflare`, or the name of a stand-in.
        date: The day of the last answer, in UTC.
    """

    path: Path | None = None
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    server: str | None = None
    date: str = field(default_factory=_today)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read a report; return an empty one if there is no such file.

        Raises:
            ConfigurationError: If the file is not a report.
        """
        if not path.exists():
            return cls(path)
        try:
            found = from_json(path.read_bytes())
            answers = {
                model: {ask: _to_answer(_ASKS[ask], model, one) for ask, one in listed.items()}
                for model, listed in found["answers"].items()
            }
            report = cls(path, answers, found["server"], str(found["date"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{path} is not a report of `workersai probe`: name another file, or remove it",
                parameter="out",
            ) from error
        return report

    def has(self, model: str, ask: Ask) -> bool:
        """Return whether there is an answer to this request."""
        found = self.answers.get(model, {}).get(ask.id)
        return found is not None and found.failure is None and _is_same(found, ask, model)

    def add(self, model: str, ask: Ask, answer: Answer) -> None:
        """Store an answer, also in the file."""
        self.answers.setdefault(model, {})[ask.id] = answer
        self.server = answer.headers.get("server") or self.server
        self.date = _today()
        self.save()

    def findings(self) -> list[Finding]:
        """Judge the answers so far."""
        return [one for model, answers in self.answers.items() for one in judge(model, answers)]

    def forget_unsettled(self) -> None:
        """Drop answers that do not concern the model, so that they are requested again."""
        for answers in self.answers.values():
            for ask in [ask for ask, answer in answers.items() if answer.trouble is not None]:
                del answers[ask]

    def save(self) -> None:
        """Write the file atomically."""
        if self.path is None:
            return
        text = json.dumps(self._document(), indent=1, ensure_ascii=False)
        replace_text(self.path, text + "\n")

    def _document(self) -> dict[str, Any]:
        return {
            "probe": _FORMAT,
            "made_by": f"workersai {__version__}",
            "date": self.date,
            "server": self.server,
            "verdicts": [asdict(finding) for finding in self.findings()],
            "answers": {
                model: {ask: _to_dict(answer) for ask, answer in answers.items()}
                for model, answers in self.answers.items()
            },
        }


def _is_same(answer: Answer, ask: Ask, model: str) -> bool:
    return ask.after is not None or answer.request.content == ask.request(model).content


def _to_dict(answer: Answer) -> dict[str, Any]:
    return {
        "sent": {
            "path": answer.request.path,
            "query": dict(answer.request.params),
            "body": from_json(answer.request.content),
        },
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
        "failure": answer.failure,
        "seconds": round(answer.seconds, 3),
    }


def _to_answer(ask: Ask, model: str, found: Mapping[str, Any]) -> Answer:
    batch_id = found["sent"]["body"].get("request_id")
    return Answer(
        ask.request(model, batch_id),
        found["status"],
        dict(found["headers"]),
        found["body"],
        found["failure"],
        found["seconds"],
        ask.may_be_cut,
    )
