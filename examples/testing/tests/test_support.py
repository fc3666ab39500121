"""The tests of the app: each failure that users would meet, without meeting it."""

from __future__ import annotations

from typing import Any

import pytest
from support import SORRY, answer, stream


def test_an_order_is_looked_up(workersai_server: Any) -> None:
    workersai_server.calls("order_status", {"order": "A1"}).answers("It is on its way.")
    assert answer("Where is A1?") == "It is on its way."
    assert workersai_server.requests[-1].json["messages"][-1]["content"] == "on its way"


def test_a_broken_tool_call_ends_in_an_apology(workersai_server: Any) -> None:
    workersai_server.calls("order_status", '{"order": ')
    assert answer("Where is A1?") == SORRY


@pytest.mark.parametrize("code", [3040, 3021, 4006, 8005])
def test_workers_ai_refuses(workersai_server: Any, code: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # no waiting between the retries
    workersai_server.fails(code, times=5)
    assert answer("Hello?") == SORRY


def test_workers_ai_is_busy_once(workersai_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    workersai_server.fails(3040).answers("Here we are.")
    assert answer("Hello?") == "Here we are."


def test_workers_ai_does_not_answer_in_time(workersai_server: Any) -> None:
    workersai_server.stalls()
    assert answer("Hello?", timeout=0.2) == SORRY


def test_a_stream_breaks_off(workersai_server: Any) -> None:
    workersai_server.cuts("The parcel is at the depot", after=3)
    shown = "".join(stream("Where is it?"))
    assert shown.startswith("The parcel")
    assert shown.endswith("[the answer broke off]")


def test_without_a_script_the_rules_of_echo_answer(workersai_server: Any) -> None:
    assert "".join(stream("Hello there")) == "You said: Hello there"
    assert workersai_server.unused == 0
