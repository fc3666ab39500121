"""Reasoning between `<think>` tags, apart from what is said."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from workersai import ChatResult, Choice, TextDelta, ThinkSplitter, without_think_tags

TEXT = "<think>\nTwo and two.\n</think>\n\nFour, a < b, </b> and <thin air."


def split(pieces: Iterable[str]) -> tuple[str, str]:
    """What is said, and what is thought."""
    splitter = ThinkSplitter()
    deltas = [*(d for piece in pieces for d in splitter.feed(piece)), *splitter.close()]
    assert all(delta.text for delta in deltas)
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return said, "".join(delta.text for delta in deltas if not isinstance(delta, TextDelta))


def test_tags_part_reasoning_from_text() -> None:
    """The tags and the space after them go; all else is said or thought."""
    assert split([TEXT]) == ("Four, a < b, </b> and <thin air.", "Two and two.\n")


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", ">", "a", "\n"]), max_size=12))
def test_tags_are_found_however_the_text_is_cut(parts: list[str]) -> None:
    """What is said and thought does not depend on where the text is cut."""
    text = "".join(parts)
    whole = split([text])
    assert split(text) == split(parts) == whole
    if "<think>" not in text:
        assert whole == (text, "")


def test_open_end_is_reasoning() -> None:
    """A model that was cut off while it thought has said nothing yet."""
    assert split(["<think>hm</thi"]) == ("", "hm</thi")


def test_whole_answers_are_split_choice_by_choice() -> None:
    """Reasoning out of the text joins the reasoning that came beside it."""
    choices = (Choice(text="<think>b</think>c", reasoning="a"), Choice(index=1, text="d"))
    result = without_think_tags(ChatResult(choices))
    assert [(choice.text, choice.reasoning) for choice in result.choices] == [
        ("c", "ab"),
        ("d", ""),
    ]
