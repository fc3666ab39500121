"""A recorded run of a probe plays back without a network."""

from __future__ import annotations

import pytest

from tests.cassettes import probing
from tests.cassettes.format import ACCOUNT, CASSETTES, LIVE_CASSETTES, read
from tests.cassettes.recording import recorder
from tests.workersai.probe.test_characters import expected

CONNECTION = {"account_id": ACCOUNT, "api_token": "a-token-of-nobody"}


def test_a_recorded_run_gives_the_verdicts_of_the_server_that_was_recorded() -> None:
    """Every question of the model is judged from the recording alone."""
    report = probing.probed(recorder(), None, CONNECTION)
    verdicts = {one.question: one.verdict for one in report.findings()}
    assert verdicts == expected("documented", probing.MODEL)
    recorded = read(CASSETTES / f"{probing.PATH}.yaml")
    assert recorded.provenance.recorded_from == "workersai-local"


@pytest.mark.skipif(
    not (LIVE_CASSETTES / f"{probing.PATH}.yaml").exists(),
    reason="`make record-live` records it, with an account",
)
def test_a_live_run_says_what_the_profile_says() -> None:
    """The probe's recording from Cloudflare contradicts no field of the profile."""
    report = probing.probed(recorder(folder=LIVE_CASSETTES), None, CONNECTION)
    contradicted = [item for item in report.findings() if item.effect.startswith("contradicts")]
    assert contradicted == []
