"""Adapters ask the model again when tool calls are malformed: one result from several answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from workersai import (
    ChatChoice,
    ChatEvent,
    ChatFinish,
    ChatResult,
    ChatStream,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from workersai import InvalidToolCall as Invalid
from workersai.integration import AskedAgain, RoundEvent, Rounds, ask_rounds, stream_rounds

ARGUMENTS: dict[str, Any] = {"messages": [{"role": "user", "content": "?"}], "tools": [{}]}
BROKEN = Invalid("c1", "f", "{", "not JSON")
CALL = ToolCall("c1", "f", {"a": 1})


def result(*, text: str = "", tokens: int = 1, **fields: Any) -> ChatResult:
    return ChatResult((ChatChoice(text=text, **fields),), usage=Usage(tokens, 0, tokens))


def events(text: str = "", *, calls: Any = (), invalid: Any = ()) -> list[ChatEvent]:
    deltas = [ToolCallDelta(at, call.id, call.name) for at, call in enumerate((*calls, *invalid))]
    said: list[ChatEvent] = [TextDelta(text)] if text else []
    return [*said, *deltas, ChatFinish(tool_calls=calls, invalid_tool_calls=invalid)]


def ask_with(*answers: ChatResult, retries: int = 2, **options: Any) -> tuple[ChatResult, Rounds]:
    left = list(answers)
    rounds = Rounds(ARGUMENTS, retries, **options)
    return ask_rounds(lambda **_: left.pop(0), rounds), rounds


def streamed(*answers: list[ChatEvent], retries: int = 2, **options: Any) -> list[RoundEvent]:
    left = list(answers)

    def stream(**_: Any) -> ChatStream:
        return ChatStream(event_list for event_list in [left.pop(0)])

    lists = stream_rounds(stream, Rounds(ARGUMENTS, retries, **options))
    return [event for event_list in lists for event in event_list]


def test_the_callers_arguments_stay_as_they_are() -> None:
    """Asking again sends a copy with the calls and their errors; the caller's list is unchanged."""
    _, rounds = ask_with(result(invalid_tool_calls=(BROKEN,)), result(text="a"))
    assert len(ARGUMENTS["messages"]) == 1
    assert [m["role"] for m in rounds.arguments["messages"]] == ["user", "assistant", "tool"]


def test_ids_that_a_model_counts_anew_stay_apart() -> None:
    """Ids stay unique, because one framework message may hold the calls of all answers."""
    again = Invalid("c1", "g", "[", "not JSON")
    answer, rounds = ask_with(
        result(invalid_tool_calls=(BROKEN,)),
        result(invalid_tool_calls=(again,)),
        result(tool_calls=(CALL,)),
    )
    calls = rounds.with_all_calls(answer).choices[0]
    ids = [call.id for call in calls.invalid_tool_calls]
    ids += [call.id for call in calls.tool_calls]
    assert len(set(ids)) == 3
    found = streamed(events(invalid=(BROKEN,)), events(calls=(CALL,)))
    named = [event.id for event in found if isinstance(event, ToolCallDelta)]
    finish = found[-1]
    assert isinstance(finish, ChatFinish)
    assert named == ["c1", finish.tool_calls[0].id]
    assert len(set(named)) == 2


def test_a_stream_marks_the_start_of_another_answer() -> None:
    """The event comes after the rejected calls and before the next answer."""
    found = streamed(events("a", invalid=(BROKEN,)), events("b", calls=(CALL,)))
    kinds = [type(event) for event in found]
    assert kinds == [TextDelta, ToolCallDelta, AskedAgain, TextDelta, ToolCallDelta, ChatFinish]
    assert found[2] == AskedAgain((BROKEN,))
    assert found[3] == TextDelta("\n\nb")


def test_usage_is_the_sum() -> None:
    """The usage is the sum of all answers, because each was paid for."""
    answer, _ = ask_with(
        result(tokens=3, invalid_tool_calls=(BROKEN,)), result(tokens=4, tool_calls=(CALL,))
    )
    assert answer.usage == Usage(7, 0, 7)


def test_several_choices_are_not_asked_for_again() -> None:
    """With several choices the adapter does not ask again: it cannot tell which to ask about."""
    choices = (ChatChoice(invalid_tool_calls=(BROKEN,)), ChatChoice(index=1, text="a"))
    answer, _ = ask_with(ChatResult(choices))
    assert answer.choices == choices


def test_each_answer_has_think_tags_of_its_own() -> None:
    """An unclosed think tag ends with its answer."""
    first = result(text="<think>Hm.</think>Let me see.", invalid_tool_calls=(BROKEN,))
    last = result(text="So.</think>Done.")
    answer, rounds = ask_with(first, last, think_tags=True)
    assert (answer.text, answer.reasoning) == ("Let me see.\n\nDone.", "Hm.\n\nSo.")
    assert rounds.arguments["messages"][1]["content"] == "Let me see."
    assert rounds.arguments["messages"][1]["reasoning"] == "Hm."


@pytest.mark.parametrize("retries", [0, 2])
def test_leaving_a_stream_closes_it(retries: int) -> None:
    """A caller that stops reading closes the open connection."""
    closed = []

    def lists() -> Generator[list[ChatEvent], None, None]:
        try:
            yield [TextDelta("a")]
            yield [TextDelta("b")]
        finally:
            closed.append(True)

    found = stream_rounds(lambda **_: ChatStream(lists()), Rounds(ARGUMENTS, retries))
    assert next(found) == [TextDelta("a")]
    found.close()
    assert closed == [True]
