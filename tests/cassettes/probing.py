"""Recordings of `workersai probe`: from the local server, or live by `make record-live`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from vcr import VCR

from tests.cassettes.format import ACCOUNT, CASSETTES
from tests.workersai.probe.talker import Talker
from workersai.local import LocalServer
from workersai.probe.plan import SEED_MODELS, Planned, plan_probe, worst_cost
from workersai.probe.report import Report
from workersai.probe.running import Probe

__all__ = ["FOLDER", "MODEL", "PATH", "most_it_costs", "probed", "stand_in"]

MODEL = SEED_MODELS[0]
FOLDER = CASSETTES / "probe"
PATH = "probe/granite-4.0-h-micro"


def planned() -> list[Planned]:
    return plan_probe([MODEL])


def most_it_costs() -> float:
    """Return the highest cost of a live recording, in USD."""
    return worst_cost(planned())


def probed(tape: VCR, client: httpx.Client | None, connection: Mapping[str, Any]) -> Report:
    """Run the probe of one model while a tape records or plays."""
    options: Any = {"max_retries": 0, **connection}
    report = Report()
    with tape.use_cassette(PATH):
        probe = Probe(
            report, max_cost=1.0, http_client=client, wait=lambda _: None, connection=options
        )
        for _ in probe.run(planned()):
            pass
        probe.close()
    return report


def stand_in() -> LocalServer:
    """Start the local server, which answers recordings made without an account."""
    return LocalServer(Talker(), account_id=ACCOUNT, repeatable=True)


def remove(folder: Path = CASSETTES) -> None:
    """Delete the recording, so that the next run records it again."""
    (folder / f"{PATH}.yaml").unlink(missing_ok=True)
