"""Reasoning between `<think>` tags is separated from the text."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workersai import (
    ChatChoice,
    ChatEvent,
    ChatFinish,
    ChatResult,
    ReasoningDelta,
    TextDelta,
    ThinkSplitter,
    ToolCallDelta,
    Usage,
    UsageUpdate,
    without_think_tags,
)
from workersai.integration import ThinkingEvents

TEXT = "<think>\nTwo and two.\n</think>\n\nFour, a < b, </b> and <thin air."


def split_text(pieces: Iterable[str]) -> tuple[str, str]:
    """Return the text and the reasoning."""
    splitter = ThinkSplitter()
    deltas = [*(d for piece in pieces for d in splitter.feed(piece)), *splitter.close()]
    assert all(delta.text for delta in deltas)
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return said, "".join(delta.text for delta in deltas if not isinstance(delta, TextDelta))


def test_tags_part_reasoning_from_text() -> None:
    """The splitter drops the tags and the space after them, and nothing else."""
    assert split_text([TEXT]) == ("Four, a < b, </b> and <thin air.", "Two and two.\n")


PARTS = ["<think>", "</think>", "<THINK>", "<", "/", "th", "ink>", ">", "a", "\n"]


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_tags_are_found_however_the_text_is_cut(parts: list[str]) -> None:
    """Text and reasoning do not depend on where the text is cut."""
    text = "".join(parts)
    whole = split_text([text])
    assert split_text(text) == split_text(parts) == whole
    if "think>" not in text.lower():
        assert whole == (text, "")


def test_open_end_is_reasoning() -> None:
    """An answer that ends inside the tag has reasoning and no text."""
    assert split_text(["<think>hm</thi"]) == ("", "hm</thi")


def test_whole_answers_are_split_choice_by_choice() -> None:
    """Reasoning in the text is joined with the reasoning beside it."""
    choices = (ChatChoice(text="<think>b</think>c", reasoning="a"), ChatChoice(index=1, text="d"))
    result = without_think_tags(ChatResult(choices))
    assert [(choice.text, choice.reasoning) for choice in result.choices] == [
        ("c", "ab"),
        ("d", ""),
    ]


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("Let me see.</think>\n\nHello", "Hello", "Let me see."),
        ("\n  Let me see.\n</think>Hello", "Hello", "Let me see.\n"),
        ("</think>\nHello", "Hello", ""),
        ("\n</think>Hello", "Hello", ""),
        ("a</think></think>\n</think>Hello", "Hello", "a"),
        ("<think></think>Hello", "Hello", ""),
        ("\n<think>a</think>Hello", "Hello", "a"),
        ("Well. <think>a</think>Hello", "Well. Hello", "a"),
        ("<think>a</think>Hello<think>b</think> you", "Helloyou", "ab"),
        ("<think>a</think>Close with </think>.", "Close with </think>.", "a"),
        ("<think>a<think>b</think>c</think>Hello", "Hello", "abc"),
        ("<think>a<think>b</think></think>Hello", "Hello", "ab"),
        ("<think>a <think> is a tag</think>Hello", "Hello", "a  is a tag"),
        ("<think>a<think>b<think>c</think>d</think>e</think>Hello", "Hello", "abcde"),
        ("<THINK>a</Think>Hello", "Hello", "a"),
        ("a</THINK>Hello", "Hello", "a"),
        ("a < b, </thinks> and <think", "a < b, </thinks> and <think", ""),
        ("<think>a", "", "a"),
        ("<think>", "", ""),
        ("", "", ""),
    ],
)
def test_what_tags_mean(text: str, said: str, thought: str) -> None:
    """Tags may be unopened, nested, quoted, in any case, whole or letter by letter."""
    assert split_text([text]) == split_text(text) == (said, thought)
    (choice,) = without_think_tags(ChatResult((ChatChoice(text=text),))).choices
    assert (choice.text, choice.reasoning) == (said, thought)


def test_text_waits_only_until_it_is_known_to_be_text() -> None:
    """After the reasoning, the splitter yields text without delay."""
    splitter = ThinkSplitter()
    assert splitter.feed("hm") == []
    assert splitter.feed("</think>Fo") == [ReasoningDelta("hm"), TextDelta("Fo")]
    assert splitter.feed("ur") == [TextDelta("ur")]
    splitter = ThinkSplitter(has_reasoning=True)
    assert splitter.feed("Fo") == [TextDelta("Fo")]
    splitter = ThinkSplitter()
    assert splitter.feed("<think>h") == [ReasoningDelta("h")]
    assert splitter.feed("m") == [ReasoningDelta("m")]


# ------------------------------------------------------------------------ events of a stream


def through(events: Iterable[ChatEvent]) -> list[ChatEvent]:
    thinking = ThinkingEvents()
    return [found for event in events for found in thinking.feed(event)]


def token(text: str) -> dict[str, str]:
    return {"token": text}


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.booleans(), st.booleans())
def test_a_stream_and_a_plain_answer_are_split_alike(
    parts: list[str], has_logprobs: bool, has_reasoning: bool
) -> None:
    """Text and reasoning are equal, and every log probability comes once, in order."""
    tokens = [[token(part)] if has_logprobs else None for part in parts]
    events: list[ChatEvent] = [ReasoningDelta("beside")] * has_reasoning
    events += [TextDelta(part, given) for part, given in zip(parts, tokens, strict=True)]
    found = through([*events, UsageUpdate(Usage(1, 1, 2)), ChatFinish("stop")])

    choice = ChatChoice(text="".join(parts), reasoning="beside" * has_reasoning)
    plain = without_think_tags(ChatResult((choice,)))
    texts = [event for event in found if isinstance(event, TextDelta)]
    assert "".join(event.text for event in texts) == plain.text
    thought = "".join(event.text for event in found if isinstance(event, ReasoningDelta))
    assert thought == plain.reasoning
    logprobs = [token for event in texts for token in event.logprobs or ()]
    assert logprobs == ([token(part) for part in parts] if has_logprobs else [])
    assert all(event.text or event.logprobs for event in texts)
    assert isinstance(found[-1], ChatFinish)


def test_other_events_pass_while_text_waits() -> None:
    """A tool call passes at once; the text before it may still become reasoning."""
    call = ToolCallDelta(0, "c", "f", "{}")
    assert through([TextDelta("hm"), call, TextDelta("</think>Hi"), ChatFinish()]) == [
        call,
        ReasoningDelta("hm"),
        TextDelta("Hi"),
        ChatFinish(),
    ]


def test_reasoning_in_a_field_of_its_own_releases_the_text() -> None:
    """Reasoning in its own field ends the wait: such models write no tags."""
    events: list[ChatEvent] = [TextDelta("\n"), ReasoningDelta("hm"), TextDelta("Hi")]
    assert through(events) == events
