"""The work of the scenarios, and the checks of its results."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.scenarios.scenario import Scenario
from benchmarks.server.accounts import Account
from benchmarks.server.answers import ANSWER, first_number, fragments, words


def texts_to_embed(size: int) -> list[str]:
    """Return numbered texts, so that a check sees vectors in a wrong order."""
    return [f"A text about a lighthouse, number {number}" for number in range(size)]


# --------------------------------------------------------------------------------------- the work


def ask(contestant: Any, size: int) -> Any:
    return [contestant.ask() for _ in range(size)]


def ask_async(contestant: Any, size: int) -> Any:
    async def main() -> Any:
        return [await contestant.aask() for _ in range(size)]

    return contestant.wait_for(main())


def ask_at_once(contestant: Any, size: int) -> Any:
    async def main() -> Any:
        return await asyncio.gather(*(contestant.aask() for _ in range(size)))

    return contestant.wait_for(main())


def ask_with_history(contestant: Any, size: int) -> Any:
    return [contestant.ask_history() for _ in range(size)]


def stream(contestant: Any, size: int) -> Any:
    return [contestant.stream() for _ in range(size)]


def stream_async(contestant: Any, size: int) -> Any:
    return [contestant.wait_for(contestant.astream()) for _ in range(size)]


def stream_at_once(contestant: Any, size: int) -> Any:
    async def main() -> Any:
        return await asyncio.gather(*(contestant.astream() for _ in range(size)))

    return contestant.wait_for(main())


def stream_calls(contestant: Any, size: int) -> Any:
    return [contestant.stream_call() for _ in range(size)]


def run_agents(contestant: Any, size: int) -> Any:
    return [contestant.agent() for _ in range(size)]


def embed(contestant: Any, size: int) -> Any:
    return contestant.embed(texts_to_embed(size))


def embed_many(contestant: Any, size: int) -> Any:
    return contestant.embed_many(texts_to_embed(size))


def construct(contestant: Any, size: int) -> Any:
    return [contestant.construct() for _ in range(size)]


# ------------------------------------------------------------------------------------- the checks


def says_the_answer(contestant: Any, came: Any, scenario: Scenario) -> bool:
    texts = [contestant.text_of(answer) for answer in came]
    return texts == [ANSWER] * scenario.size


def counts_messages(contestant: Any, came: Any, scenario: Scenario) -> bool:
    texts = [contestant.text_of(answer) for answer in came]
    return texts == [f"{len(contestant.history)} messages"] * scenario.size


def streams_all_words(_: Any, came: Any, scenario: Scenario) -> bool:
    wanted = "".join(words(Account("words", scenario.events)))
    return ["".join(parts) for parts in came] == [wanted] * scenario.size


def has_all_arguments(contestant: Any, came: Any, scenario: Scenario) -> bool:
    items = [f"item{i}" for i in range(len(fragments(scenario.account)) - 2)]
    wanted = [{"items": items}] * scenario.size
    return [contestant.call_of(streamed) for streamed in came] == wanted


def ends_with_the_answer(_: Any, came: Any, scenario: Scenario) -> bool:
    return bool(came == [ANSWER] * scenario.size)


def has_every_vector(_: Any, came: Any, scenario: Scenario) -> bool:
    firsts = [first_number(text) for text in texts_to_embed(scenario.size)]
    lengths = {len(vector) for vector in came}
    return [vector[0] for vector in came] == firsts and lengths == {scenario.events}


def made_a_model(contestant: Any, came: Any, scenario: Scenario) -> bool:
    return len(came) == scenario.size and contestant.ask_of(came[-1]) == ANSWER
