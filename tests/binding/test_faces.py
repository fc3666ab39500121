"""Every scenario through both faces on the binding: the requests and outcomes are those of HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.binding.worker import env_ai
from tests.scenarios import SCENARIOS, Outcome, Scenario
from tests.test_symmetry import BATCH_FACES, FACES, QUEUED, Face, Queue, Wire, assert_outcome
from workersai import get_profile

WAYS = [face.__name__ for face in FACES]
NATIVE = [scenario for scenario in SCENARIOS if scenario.options.get("endpoint") != "openai"]


class Bound(Wire):
    """`Wire`, reached through a binding."""

    HOW: dict[str, Any] = {}  # noqa: RUF012

    def settings(self) -> dict[str, Any]:
        return {"max_retries": 0, **self.scenario.options, "binding": env_ai(self, **self.HOW)}


class Bare(Bound):
    """`Bound` without the REST API's envelope, as the binding's service answers."""

    HOW = {"is_bare": True}  # noqa: RUF012


KINDS = (Bound, Bare, Bare, Bound)


class BoundQueue(Bound, Queue):
    """`Queue`, reached through a binding."""


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("face", "kind"), list(zip(FACES, KINDS, strict=True)), ids=WAYS)
@pytest.mark.parametrize("scenario", NATIVE, ids=lambda scenario: scenario.name)
async def test_a_scenario_is_the_same_through_a_binding(
    scenario: Scenario, face: Face, kind: type[Bound], stream: bool
) -> None:
    """A scenario sends the same body and ends the same way as over HTTP."""
    wire = kind(scenario)
    error = scenario.stream_error if stream else scenario.error
    if error is not None:
        with pytest.raises(error):
            await face(wire, stream=stream)
    else:
        expected = (stream and scenario.stream_outcome) or scenario.outcome
        assert_outcome(await face(wire, stream=stream), expected)

    wanted = {**scenario.request, **({"stream": True, **scenario.stream_request} if stream else {})}
    assert wire.requests == [wanted]


@pytest.mark.parametrize("face", BATCH_FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("scenario", QUEUED[:4], ids=lambda scenario: scenario.name)
async def test_a_batch_is_the_same_through_a_binding(
    scenario: Scenario, face: Callable[[Wire], Awaitable[Outcome]]
) -> None:
    """Both faces send a batch with `queueRequest` and poll it by its `request_id`."""
    wire = BoundQueue(scenario)
    default = get_profile(scenario.model).max_tokens_default
    cap = {} if default is None else {"max_tokens": default}

    assert_outcome(await face(wire), scenario.outcome)

    request = {**cap, **scenario.request}
    assert wire.requests == [{"requests": [request]}, {"request_id": "batch-1"}]
