"""Texts are packed into batches that a model accepts in one request."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest

from tests.workersai.talking import BGE, BGE_M3, QWEN_EMBEDDING
from workersai import get_profile
from workersai._request.embeddings import EmbeddingRequests
from workersai._request.packing import Packing, estimate_tokens, most_tokens

WORDS = ("The", "river", "rises", "slowly", "in", "spring", "when", "the", "snow", "melts", "and")


def prose(words: int) -> str:
    """Return English text of that many words, and at least as many tokens."""
    return " ".join(WORDS[i % len(WORDS)] for i in range(words))


def packed(texts: list[str], most: int = 100, **limits: Any) -> list[list[int]]:
    packing = Packing(texts, most, **limits)
    found = []
    while (places := packing.take()) is not None:
        found.append(places)
    return found


def check(texts: list[str], batches: list[list[int]], most: int, budget: int) -> None:
    """Check that every text is in one batch, and that each batch keeps both limits."""
    assert sorted(place for batch in batches for place in batch) == list(range(len(texts)))
    for batch in batches:
        longest = max(estimate_tokens(texts[place]) for place in batch)
        assert len(batch) <= most
        assert len(batch) == 1 or len(batch) * longest <= budget


def test_short_texts_keep_the_callers_order() -> None:
    """If only the number limits a batch, texts are sent in order."""
    texts = [f"text {n}" for n in range(250)]
    assert packed(texts, 100, budget=60_000) == [
        [*range(100)],
        [*range(100, 200)],
        [*range(200, 250)],
    ]


def test_a_batch_is_sized_by_its_longest_text() -> None:
    """The number of texts times the tokens of the longest stays below the budget."""
    random.seed(4)
    texts = [prose(random.choice((5, 300, 900, 4000))) for _ in range(150)]
    batches = packed(texts, 100, budget=60_000, longest=8192)
    check(texts, batches, 100, 60_000)


def test_texts_of_one_length_share_a_batch() -> None:
    """A long text shares its batch with long texts, so that short ones are packed tightly."""
    texts = ["short text"] * 80
    texts[40] = prose(5000)
    assert len(packed(texts, 100, budget=60_000, longest=8192)) == 2


def test_prose_is_not_packed_by_its_bytes() -> None:
    """A bge-m3 request holds 40 texts of 1,000 words; an estimate by bytes allows 11."""
    texts = [prose(1000)] * 100
    batches = packed(texts, 100, budget=60_000, longest=8192)
    assert max(map(len, batches)) >= 35
    assert 60_000 // most_tokens(texts[0]) < 12


def test_the_longest_go_first_and_too_long_ones_alone() -> None:
    """A text that the server refuses is sent alone and first, before others are paid for."""
    texts = ["a", prose(9000), "b", prose(8500), "c"]
    assert packed(texts, 100, budget=60_000, longest=8192) == [[1], [3], [0, 2, 4]]


def test_texts_that_the_server_cuts_count_no_more_than_it_reads() -> None:
    """With truncation, seven texts of 8,192 tokens fit 60,000, however long they were."""
    texts = [prose(20_000)] * 7
    assert len(packed(texts, 100, budget=60_000, longest=8192, is_cut=True)) == 1


def test_a_refused_batch_is_packed_for_half_its_size_with_all_that_waits() -> None:
    """One refusal halves the budget for all batches of the call that wait."""
    texts = ["abcd " * 100] * 64
    packing = Packing(texts, 32, budget=100_000)
    first = packing.take()
    assert first == [*range(32)]
    packing.put_back(first)
    sizes = []
    while (places := packing.take()) is not None:
        sizes.append(len(places))
    assert sizes == [16, 16, 16, 16]


def test_a_refused_batch_is_halved_without_a_known_budget() -> None:
    """Without a known budget, a refused batch is halved too."""
    packing = Packing(["some text"] * 9, 8)
    places = packing.take()
    assert places is not None
    sizes = []
    for _ in range(3):
        packing.put_back(places)
        places = packing.take()
        assert places is not None
        sizes.append(len(places))
    assert sizes == [4, 2, 1]


def test_halving_reaches_the_longest_text() -> None:
    """The packer splits batches until the text that is too long stands alone."""
    texts = ["x " * 40] * 99 + ["y " * 50]
    packing = Packing(texts, 100, budget=60_000)
    places = packing.take()
    while places is not None and len(places) > 1:
        packing.put_back(places)
        places = packing.take()
    assert places == [99]


def test_nothing_is_handed_out_after_a_stop() -> None:
    """After a stop the packer returns neither waiting nor returned batches."""
    packing = Packing(["a", "b", "c"], 2)
    first = packing.take()
    assert first is not None
    packing.stop()
    packing.put_back(first)
    assert packing.take() is None


# Tokens by Qwen's tokenizer; XLM-R's counts of prose differ by less than a fifth.
PROSE = {
    "German": ("Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt.", 20),
    "French": ("Tous les êtres humains naissent libres et égaux en dignité et en droits.", 21),
    "Russian": ("Все люди рождаются свободными и равными в своем достоинстве и правах.", 21),  # noqa: RUF001
    "Chinese": ("人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心", 18),  # noqa: RUF001
    "Arabic": ("يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. ", 20),
}


@pytest.mark.parametrize("language", PROSE)
def test_estimates_are_near(language: str) -> None:
    """Prose is estimated at 0.8 to 1.9 times its tokens, in any script."""
    text, tokens = PROSE[language]
    assert 0.8 * tokens <= estimate_tokens(text * 20) / 20 <= 1.9 * tokens


@pytest.mark.parametrize(
    "text", ["", "a", "ab cd", "größer", "😀" * 9, "\ud800", "1 2 3"], ids=ascii
)
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    """The estimate never exceeds the number of bytes, half an emoji included."""
    assert estimate_tokens(text) <= most_tokens(text)


def test_estimates_grow_with_random_letters() -> None:
    """Encoded bytes, one token for two letters, are estimated at up to twice their tokens."""
    text = base64.b64encode(random.Random(1).randbytes(3000)).decode()
    assert estimate_tokens(text) > len(text) / 3


@pytest.mark.parametrize("model", [BGE_M3, QWEN_EMBEDDING])
def test_requests_keep_the_budget_of_the_model(model: str) -> None:
    """The profile's budget limits requests, and each text keeps its index."""
    profile = get_profile(model)
    texts = [f"{n} " + prose(400 + n) for n in range(120)]
    batches = list(EmbeddingRequests(texts, model, "run", {}))
    check(
        texts, [b.places for b in batches], profile.max_batch or 0, profile.max_request_tokens or 0
    )
    for batch in batches:
        assert json.loads(batch.request.content)["text"] == [texts[p] for p in batch.places]


def test_a_model_without_a_budget_is_packed_by_number() -> None:
    """Without a known budget only the page's number of texts limits a request."""
    assert [len(b.places) for b in EmbeddingRequests([prose(900)] * 150, BGE, "run", {})] == [
        100,
        50,
    ]


def test_a_text_that_cannot_be_sent_is_found_before_any_is() -> None:
    """Half an emoji in the last batch raises before the first request."""
    with pytest.raises(ValueError, match="lone surrogate"):
        EmbeddingRequests([*["a"] * 150, "\ud800"], BGE, "run", {})
