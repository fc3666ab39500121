"""History repair: what strict chat templates refuse is made acceptable, nothing else changes."""

from __future__ import annotations

import copy

from llamaindex_workersai._translate.history import ORPHAN, UNANSWERED, repair_history
from workersai import WireMessage


def calls(*ids: str) -> WireMessage:
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}
            for id_ in ids
        ],
    }


def result(call_id: str, text: str = "42") -> WireMessage:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def user(text: str) -> WireMessage:
    return {"role": "user", "content": text}


def system(text: str) -> WireMessage:
    return {"role": "system", "content": text}


def test_sound_history_is_unchanged() -> None:
    """A history that needs no repair comes out as it went in, message by message."""
    history = [
        system("Be brief."),
        user("Hi"),
        calls("a", "b"),
        result("a"),
        result("b"),
        user("?"),
    ]
    repaired = repair_history(history)
    assert repaired == history
    assert all(
        new is old for new, old in zip(repaired, history, strict=True) if "tool_calls" in old
    )


def test_given_list_stays_as_it_is() -> None:
    """Neither the list nor its messages are written to."""
    history = [user("Hi"), calls("a"), result("x"), system("Stop.")]
    before = copy.deepcopy(history)
    repair_history(history)
    assert history == before


def test_orphan_result_becomes_user_text() -> None:
    """A result whose call is not in the history is told as text by the user."""
    told: WireMessage = {"role": "assistant", "content": "Handing over."}
    history = [user("Hi"), told, result("c1", "done")]
    assert repair_history(history)[-1] == user(f"{ORPHAN}done")


def test_late_system_message_becomes_user_message() -> None:
    """A system message after the conversation began is the user's."""
    history = [system("First."), user("Hi"), calls("a"), result("a"), system("Now answer.")]
    assert repair_history(history)[-1] == user("Now answer.")


def test_leading_system_messages_stay() -> None:
    """Several system messages at the start are left alone."""
    history = [system("One."), system("Two."), user("Hi")]
    assert repair_history(history) == history


def test_unanswered_call_gets_an_answer() -> None:
    """A tool that ended the turn leaves other calls of the same message answered all the same."""
    direct: WireMessage = {"role": "assistant", "content": "3"}
    history = [user("Hi"), calls("c1", "c2"), result("c1"), direct]
    assert repair_history([*history]) == [
        *history[:3],
        result("c2", UNANSWERED),
        history[3],
    ]


def test_unanswered_call_at_the_end_gets_an_answer() -> None:
    """Calls that end the history are answered too."""
    assert repair_history([user("Hi"), calls("c1")])[-1] == result("c1", UNANSWERED)


def test_result_without_id_answers_the_first_waiting_call() -> None:
    """Providers without ids leave results in the order of their calls."""
    repaired = repair_history([user("Hi"), calls("a", "b"), result("", "1"), result("", "2")])
    assert repaired[-2:] == [result("a", "1"), result("b", "2")]


def test_orphan_between_results_waits_for_the_end_of_the_group() -> None:
    """No user message comes between a call and its results."""
    repaired = repair_history([user("Hi"), calls("a"), result("x", "stray"), result("a", "1")])
    assert [message["role"] for message in repaired] == ["user", "assistant", "tool", "user"]


def test_second_answer_to_a_call_is_told_as_text() -> None:
    """One call takes one result."""
    repaired = repair_history([user("Hi"), calls("a"), result("a", "1"), result("a", "2")])
    assert [message["role"] for message in repaired] == ["user", "assistant", "tool", "user"]
