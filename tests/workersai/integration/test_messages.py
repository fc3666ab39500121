"""Histories as frameworks keep them, repaired so that servers accept them."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strict import problems
from tests.workersai.talking import GLM, GRANITE, SEA_LION, UNKNOWN
from workersai.integration import WireMessage, repair_history, to_history
from workersai.integration.messages import (
    BEGINNING,
    INSTRUCTION,
    NOT_RUN,
    ORPHAN,
    UNANSWERED,
)

QWEN = "@cf/qwen/qwen3.8-27b"
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def calls(*ids: str, name: str = "f", arguments: Any = "{}", text: str = "") -> WireMessage:
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id_ in ids
        ],
    }


def result(call_id: str, text: Any = "42", **fields: Any) -> WireMessage:
    message: Any = {"role": "tool", "tool_call_id": call_id, "content": text, **fields}
    return message  # type: ignore[no-any-return]


def user(text: Any) -> WireMessage:
    return {"role": "user", "content": text}


def assistant(text: str, **fields: Any) -> WireMessage:
    message: Any = {"role": "assistant", "content": text, **fields}
    return message  # type: ignore[no-any-return]


def system(text: str) -> WireMessage:
    return {"role": "system", "content": text}


def repaired(*messages: WireMessage, model: str = GRANITE) -> list[WireMessage]:
    """Return the repaired history; the input stays unchanged."""
    before = copy.deepcopy(messages)
    found = repair_history(messages, model=model)
    assert messages == before
    return found


def roles(messages: list[WireMessage]) -> list[str]:
    return [message["role"] for message in messages]


# ------------------------------------------------------------------- nothing to be repaired

SOUND = [
    system("Be brief."),
    user("Hi"),
    calls("a", "b"),
    result("b"),
    result("a"),
    assistant("Two."),
    user("?"),
]


@pytest.mark.parametrize("model", [GRANITE, GLM, SEA_LION, QWEN, UNKNOWN])
def test_a_sound_history_is_unchanged(model: str) -> None:
    """A history that needs no repair is returned unchanged."""
    found = repaired(*SOUND, model=model)
    assert found == SOUND
    assert all(new is old for new, old in zip(found, SOUND, strict=True))


def test_an_empty_history_stays_empty() -> None:
    """Repair adds nothing to an empty history."""
    assert repaired() == []


# ------------------------------------------------------------------------- results and calls


def test_a_result_without_a_call_becomes_a_users_message() -> None:
    """Repair turns a result whose call was cut away into a user message that quotes it."""
    found = repaired(user("Hi"), assistant("Handing over."), result("c1", "done"))
    assert found[-1] == user(f"{ORPHAN}done")


def test_an_image_without_a_call_goes_where_the_model_sees_it() -> None:
    """The image of such a result becomes an image of the user message."""
    found = repaired(
        user("Hi"), result("c1", [{"type": "text", "text": "A cat."}, PNG]), model=QWEN
    )
    text = {"type": "text", "text": f"{ORPHAN}A cat."}
    assert found[-1] == user([text, PNG])


def test_an_image_without_a_call_is_named_to_a_model_that_reads_text() -> None:
    """For a text-only model the user message mentions the image instead of holding it."""
    (_, found) = repaired(user("Hi"), result("c1", [PNG]))
    assert found["role"] == "user"
    assert "image/png" in found["content"]
    assert "base64" not in found["content"]


def test_a_call_without_a_result_gets_one() -> None:
    """Repair answers each open call, for example if one tool ended the turn for the others."""
    history = [user("Hi"), calls("c1", "c2"), result("c1"), assistant("3")]
    assert repaired(*history) == [*history[:3], result("c2", UNANSWERED), history[3]]


def test_a_call_at_the_end_gets_a_result() -> None:
    """Repair answers open calls at the end of the history too."""
    assert repaired(user("Hi"), calls("c1"))[-1] == result("c1", UNANSWERED)


def test_a_call_that_could_not_run_gets_the_reason() -> None:
    """The result of a call whose arguments are no object says that it did not run."""
    found = repaired(user("Hi"), calls("c1", arguments="{broken"), user("And?"))
    assert found[2] == result("c1", NOT_RUN)


def test_a_late_result_is_moved_behind_its_call() -> None:
    """Repair moves a result to its call if a user message stands between them."""
    found = repaired(user("Hi"), calls("c1"), user("Hurry!"), result("c1", "42"))
    assert found == [user("Hi"), calls("c1"), result("c1", "42"), user("Hurry!")]


def test_a_late_result_finds_its_call_past_other_calls() -> None:
    """Repair moves a slow tool's result to its own call, not to a later one."""
    found = repaired(user("Hi"), calls("a"), calls("b"), result("b", "2"), result("a", "1"))
    assert found == [user("Hi"), calls("a"), result("a", "1"), calls("b"), result("b", "2")]


def test_a_result_that_stands_between_others_waits_for_their_end() -> None:
    """Repair puts no user message between a call and its results."""
    found = repaired(user("Hi"), calls("a"), result("x", "stray"), result("a", "1"))
    assert roles(found) == ["user", "assistant", "tool", "user"]


def test_a_call_takes_one_result() -> None:
    """Repair turns a second result of the same call into a user message."""
    found = repaired(user("Hi"), calls("a"), result("a", "1"), result("a", "2"))
    assert found[2:] == [result("a", "1"), user(f"{ORPHAN}2")]


# ---------------------------------------------------------------------------------------- ids


def ids(message: WireMessage) -> list[str]:
    return [call["id"] for call in message["tool_calls"]]


@pytest.mark.parametrize("repair", [True, False])
def test_results_without_ids_answer_the_calls_in_order(repair: bool) -> None:
    """Results without ids are matched with the calls in their order."""
    history = [user("Hi"), calls("", ""), result("", "1"), result("", "2")]
    found = to_history(history, model=GRANITE, repair=repair)
    assert len(set(ids(found[1]))) == 2
    assert [m["tool_call_id"] for m in found[2:]] == ids(found[1])


def test_results_without_ids_prefer_the_call_of_their_name() -> None:
    """A result without an id is matched with a call of the result's tool."""
    asked = calls("", "")
    asked["tool_calls"][1]["function"]["name"] = "g"
    found = repaired(user("Hi"), asked, result("", "of g", name="g"), result("", "of f", name="f"))
    by_id = dict(zip(ids(found[1]), "fg", strict=True))
    assert [by_id[m["tool_call_id"]] for m in found[2:]] == ["g", "f"]


def test_a_result_with_an_id_answers_a_call_without_one() -> None:
    """A call without an id takes a result with an id, as some message classes keep them."""
    found = repaired(user("Hi"), calls(""), result("toolu_7", "5"))
    assert found[2] == result(ids(found[1])[0], "5")


def test_two_calls_with_one_id_are_kept_apart() -> None:
    """Each call gets its own result, even if the provider repeats ids as Ollama and Gemini do."""
    found = repaired(user("Hi"), calls("f", "f"), result("f", "first"), result("f", "second"))
    first, second = ids(found[1])
    assert first == "f" != second
    assert [(m["tool_call_id"], m["content"]) for m in found[2:]] == [
        (first, "first"),
        (second, "second"),
    ]


def test_an_id_that_comes_again_in_a_later_turn_stays() -> None:
    """A result answers the call of its own turn, because Kimi counts ids from 0 in every turn."""
    history = [
        user("Hi"),
        calls("functions.f:0"),
        result("functions.f:0", "1"),
        calls("functions.f:0"),
        result("functions.f:0", "2"),
    ]
    assert repaired(*history) == history


def test_made_ids_do_not_meet_the_models_own() -> None:
    """A generated id differs from all ids that the message has."""
    found = repaired(user("Hi"), calls("call_1_1", ""))
    assert len(set(ids(found[1]))) == 2


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"a": 1}, '{"a": 1}'),
        ('{"a":1}', '{"a":1}'),
        (None, "{}"),
        ("", "{}"),
        ("null", "{}"),
        ('"{\\"a\\": 2}"', '{"a": 2}'),
        ("[3]", '{"input": "[3]"}'),
        ([3], '{"input": [3]}'),
        (4, '{"input": 4}'),
        ('{"text": "so "it" goes"}', '{"input": "{\\"text\\": \\"so \\"it\\" goes\\"}"}'),
        ({"y": float("inf")}, '{"y": "Infinity"}'),
        ('{"y": NaN}', '{"y": "NaN"}'),
        ({"of": {2}}, '{"of": [2]}'),
    ],
    ids=repr,
)
@pytest.mark.parametrize("repair", [True, False])
def test_arguments_are_an_object(arguments: Any, sent: str, repair: bool) -> None:
    """The arguments of a call are sent as the JSON text of an object."""
    history = [user("Hi"), calls("a", arguments=arguments), result("a")]
    found = to_history(history, model=GRANITE, repair=repair)
    assert found[1]["tool_calls"][0]["function"]["arguments"] == sent


def test_without_repair_the_rest_stays() -> None:
    """`repair=False` changes only what the API requires."""
    history = [user("Hi"), calls("a"), result("x"), system("Stop."), assistant("")]
    assert to_history(history, model=SEA_LION, repair=False) == history


# ------------------------------------------------------------------------------- instructions


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_late_instruction_becomes_a_users_message(role: Any) -> None:
    """A system message in mid-conversation becomes a user message that names its role."""
    late: WireMessage = {"role": role, "content": "Now answer."}
    found = repaired(system("First."), user("Hi"), calls("a"), result("a"), late)
    assert found[-1] == user(f"{INSTRUCTION}Now answer.")


def test_instructions_at_the_start_stay() -> None:
    """Several system messages at the start stay if the model accepts them."""
    history = [system("One."), system("Two."), user("Hi")]
    assert repaired(*history) == history


@pytest.mark.parametrize("model", [QWEN, SEA_LION])
def test_instructions_at_the_start_are_joined_where_one_is_taken(model: str) -> None:
    """Repair joins system messages for a model that accepts only one."""
    found = repaired(system("One."), system("Two."), user("Hi"), model=model)
    assert found == [system("One.\n\nTwo."), user("Hi")]


# ---------------------------------------------------------------------------------------- turns


def test_an_assistant_that_said_nothing_is_left_out() -> None:
    """Repair drops an empty assistant message, because some templates refuse it."""
    assert repaired(user("Hi"), assistant(""), user("Hello?")) == [user("Hi"), user("Hello?")]


def test_reasoning_is_something_said_to_a_model_that_reasons() -> None:
    """A message with reasoning alone stays if the model reads reasoning."""
    cut = assistant("", reasoning="First, I")
    assert repaired(user("Hi"), cut, model=GLM) == [user("Hi"), cut]
    assert repaired(user("Hi"), cut, model=GRANITE) == [user("Hi")]


def test_a_history_of_empty_messages_is_kept() -> None:
    """Repair does not return an empty list for a history of empty messages."""
    assert repaired(assistant("")) == [assistant("")]


@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_neighbours_stay_apart_where_the_model_takes_them(model: str) -> None:
    """Two neighbouring messages of one role stay separate if the model accepts that."""
    history = [user("Hi"), user("You there?"), assistant("Yes."), assistant("I am.")]
    assert repaired(*history, model=model) == history


def test_neighbours_are_joined_where_turns_must_be_taken() -> None:
    """Repair joins them for a model whose template requires alternating roles."""
    found = repaired(
        system("S."), user("Hi"), user([{"type": "text", "text": "You there?"}]),
        assistant("Yes."), calls("a", text="Wait."), result("a"), model=SEA_LION,
    )  # fmt: skip
    parts = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "You there?"}]
    assert found == [
        system("S."),
        user(parts),
        calls("a", text="Yes.\n\nWait."),
        result("a"),
    ]


def test_people_of_different_names_are_not_joined() -> None:
    """Repair does not join messages with different names."""
    ann: WireMessage = {"role": "user", "name": "ann", "content": "Hi"}
    bob: WireMessage = {"role": "user", "name": "bob", "content": "Hi"}
    assert repaired(ann, bob, model=SEA_LION) == [ann, bob]


def test_a_conversation_whose_beginning_was_cut_begins_with_the_user() -> None:
    """For alternating roles, repair adds a user message that says the start was cut."""
    found = repaired(system("S."), assistant("Yes."), user("Go on."), model=SEA_LION)
    assert found == [system("S."), user(BEGINNING), assistant("Yes."), user("Go on.")]
    assert len(repaired(assistant("Yes."), user("Go on."), model=GLM)) == 2


# -------------------------------------------------------------------------------- any history

SOME_IDS = st.sampled_from(["", "a", "b", "call_1_0"])
SOME_TEXT = st.sampled_from(["", "x", "y"])
SOME_CALLS = st.lists(
    st.builds(lambda id_, arguments: (id_, arguments), SOME_IDS, st.sampled_from(["{}", "{oops"])),
    max_size=3,
)


def _calls_of(made: list[tuple[str, str]], text: str) -> WireMessage:
    message = assistant(text)
    if made:
        message["tool_calls"] = [
            calls(id_, arguments=arguments)["tool_calls"][0] for id_, arguments in made
        ]
    return message


A_MESSAGE = st.one_of(
    st.builds(user, SOME_TEXT.filter(bool)),
    st.builds(system, SOME_TEXT.filter(bool)),
    st.builds(assistant, SOME_TEXT),
    st.builds(_calls_of, SOME_CALLS, SOME_TEXT),
    st.builds(result, SOME_IDS, SOME_TEXT),
)


@settings(deadline=None, max_examples=500)
@given(st.lists(A_MESSAGE, min_size=1, max_size=9), st.sampled_from([GRANITE, SEA_LION, QWEN]))
def test_any_history_is_acceptable_once_repaired(history: list[WireMessage], model: str) -> None:
    """Servers accept every repaired history, and repair loses no text."""
    found = repaired(*history, model=model)
    if all(message["role"] == "assistant" and not message["content"] for message in history):
        return  # a request needs at least one message with text
    assert problems(found) == []
    assert repaired(*found, model=model) == found
    for word in "xy":
        assert _count(found, word) == _count(history, word)
    if model != GRANITE:
        assert roles(found).count("system") <= 1
    if model == SEA_LION:
        assert not any(
            before["role"] == after["role"] == "user" for before, after in pairwise(found)
        )
        assert next((m["role"] for m in found if m["role"] != "system"), "user") == "user"


def _count(messages: list[WireMessage], word: str) -> int:
    words = "\n".join(str(message["content"]) for message in messages).split()
    return words.count(word)
