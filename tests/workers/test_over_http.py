"""The shared table through the clients of the core over HTTP: what the binding is compared with."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.scenarios import Scenario
from tests.workers.core import FORMS, NATIVE, body_of, problem_of, reply_to
from tests.workersai.talking import ACCOUNT, TOKEN


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scenario", NATIVE, ids=lambda scenario: scenario.name)
async def test_a_scenario_is_one_request_and_one_outcome(scenario: Scenario, form: str) -> None:
    """Each scenario sends one request and has one outcome through both clients, plain and
    streamed.
    """
    _, stream = FORMS[form]
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        status, headers, body = reply_to(scenario, stream=stream)
        return httpx.Response(status, headers=headers, content=body)

    async def answer_async(request: httpx.Request) -> httpx.Response:
        return answer(request)

    http_client: Any = (
        httpx.AsyncClient(transport=httpx.MockTransport(answer_async))
        if form.startswith("async")
        else httpx.Client(transport=httpx.MockTransport(answer))
    )
    connection = {"account_id": ACCOUNT, "api_token": TOKEN, "http_client": http_client}

    assert await problem_of(form, scenario, **connection) is None
    assert bodies == [body_of(scenario, stream=stream)]
