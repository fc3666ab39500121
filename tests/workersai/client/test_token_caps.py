"""An answer that ends at a default token cap logs one warning for each model."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from langchain_workersai import ChatWorkersAI, WorkersAILLM
from llamaindex_workersai import WorkersAI
from tests.workersai.conftest import Mocked
from tests.workersai.talking import (
    ACCOUNT,
    CALL_STYLES,
    GRANITE,
    SEA_LION,
    TOKEN,
    CallStyle,
    event_stream,
    json_answer,
)
from workersai.client import token_caps


def whole(reason: str) -> bytes:
    choice = {"index": 0, "message": {"content": "Once upon"}, "finish_reason": reason}
    return json.dumps({"success": True, "result": {"choices": [choice]}}).encode()


def streamed(reason: str) -> bytes:
    events = [
        {"choices": [{"index": 0, "delta": {"content": "Once upon"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    ]
    return b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in events) + b"data: [DONE]\n\n"


@pytest.fixture(autouse=True)
def _forget_earlier_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_caps, "_warned", set())


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "workersai"]


CALLS = {
    "chat": ("chat", [{"role": "user", "content": "Tell"}], False),
    "complete": ("complete", "Tell", False),
    "stream_chat": ("stream_chat", [{"role": "user", "content": "Tell"}], True),
    "stream_complete": ("stream_complete", "Tell", True),
}


def ask(mocked: Mocked, name: str, reason: str, *, times: int = 1, **options: Any) -> None:
    method, prompt, is_stream = CALLS[name]
    reply = event_stream(streamed(reason)) if is_stream else json_answer(whole(reason))
    client, _ = mocked(reply, model=GRANITE)
    for _ in range(times):
        if is_stream:
            list(client.open(method, prompt, **options))
        else:
            client.call(method, prompt, **options)


@pytest.mark.parametrize("name", CALLS)
def test_a_cut_at_a_default_cap_is_logged_once(
    mocked: Mocked, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The logger `workersai` warns once, naming the model and the setting."""
    ask(mocked, name, "length", times=3)
    ask(mocked, name, "length", model=SEA_LION)
    messages = warnings_of(caplog)
    assert len(messages) == 2
    assert GRANITE in messages[0]
    assert SEA_LION in messages[1]
    assert all("max_tokens" in message for message in messages)
    assert {r.levelno for r in caplog.records if r.name == "workersai"} == {logging.WARNING}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("reason", "options"),
    [
        ("stop", {}),
        ("length", {"max_tokens": 2}),
        ("length", {"extra": {"max_completion_tokens": 2}}),
    ],
)
def test_a_cut_at_the_callers_cap_is_not_logged(
    mocked: Mocked,
    caplog: pytest.LogCaptureFixture,
    name: str,
    reason: str,
    options: dict[str, Any],
) -> None:
    """A complete answer and an answer cut at the caller's cap log nothing."""
    ask(mocked, name, reason, **options)
    assert warnings_of(caplog) == []


def test_the_cap_that_the_client_adds_counts_as_a_default(
    mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    """The page's cap that the client sends to `/ai/v1` counts as a default, not as the caller's."""
    client, recorder = mocked(
        json_answer(whole("length")[len(b'{"success": true, "result": ') : -1]),
        model=GRANITE,
        endpoint="openai",
    )
    client.chat()
    assert recorder.bodies[0]["max_tokens"] == 2000
    assert len(warnings_of(caplog)) == 1


FACES: dict[str, Any] = {
    "ChatWorkersAI": (ChatWorkersAI, "invoke", "ainvoke"),
    "WorkersAILLM": (WorkersAILLM, "invoke", "ainvoke"),
    "WorkersAI": (WorkersAI, "complete", "acomplete"),
}


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("name", FACES)
@pytest.mark.parametrize("cap", [None, 2])
def test_the_faces_log_the_same_warning(
    caplog: pytest.LogCaptureFixture, name: str, call_style: CallStyle, cap: int | None
) -> None:
    """Each face warns once for three answers, and not at all if its field sets the cap."""
    kind, method, awaited = FACES[name]
    transport = httpx.MockTransport(json_answer(whole("length")))

    async def main() -> None:
        async with httpx.AsyncClient(transport=transport) as own:
            model = make(http_async_client=own)
            for _ in range(3):
                await getattr(model, awaited)("Tell")

    def make(**clients: Any) -> Any:
        given = {"account_id": ACCOUNT, "api_token": TOKEN, "max_tokens": cap}
        return kind(GRANITE, **given, **clients)

    if call_style == "async":
        asyncio.run(main())
    else:
        with httpx.Client(transport=transport) as own:
            model = make(http_client=own)
            for _ in range(3):
                getattr(model, method)("Tell")
    assert len(warnings_of(caplog)) == (0 if cap else 1)
