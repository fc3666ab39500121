"""The base class of all contestants: a name, a family, and the verbs that can be timed.

This module and `registry` import none of the libraries that contestants use, so that a new
interpreter can be timed with the imports of one contestant only.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from benchmarks.server.accounts import Account

if TYPE_CHECKING:  # what a contestant does not import itself would count as its own
    import asyncio

T = TypeVar("T")
Family = Literal["raw", "langchain", "llamaindex"]

TOKEN = "benchmark-token"
QUESTION = "What is the answer?"
TOOL = "add_items"
TOOL_DESCRIPTION = "Add items to the list."
TOOL_SCHEMA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": TOOL,
        "description": TOOL_DESCRIPTION,
        "parameters": {
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "What to add.",
                }
            },
            "required": ["items"],
        },
    },
}


@dataclass
class Place:
    """The server that a contestant asks, and the event loop of its coroutines.

    Attributes:
        root: The root of the server's API.
        account: The account, which selects the server's answers.
    """

    root: str
    account: Account
    loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    @property
    def account_id(self) -> str:
        return self.account.id

    @property
    def run(self) -> str:
        """The native route, up to the model."""
        return f"{self.root}/accounts/{self.account_id}/ai/run/"

    @property
    def openai(self) -> str:
        """The OpenAI-compatible route."""
        return f"{self.root}/accounts/{self.account_id}/ai/v1"


class Contestant:
    """One way to ask Workers AI.

    Subclasses have some of these verbs; a scenario leaves out those without the verb it needs:

    - `ask()`, `aask()`: one call; `text_of(answer)` reads its text.
    - `remember(n)`: makes a history of n messages; `ask_history()` sends it.
    - `stream()`, `astream()`: the texts of a stream's events; `drain()`, `adrain()` read a stream
      and keep nothing but the number of characters.
    - `stream_call()`: reads a stream with a tool call; `call_of(streamed)` gives its arguments.
    - `agent()`: runs an agent with one tool to its end; gives its last text.
    - `embed(texts)`: their vectors, synchronously; `embed_many(texts)`: the same by the method that
      has several requests under way, where a framework's class has one.
    - `construct()`: makes a model; `ask_of(model)` asks it and gives the text.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    distributions: ClassVar[tuple[str, ...]] = ()
    """The distributions that the contestant needs; the report names their versions."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end in the place's event loop."""
        assert self.place.loop is not None
        return self.place.loop.run_until_complete(coroutine)

    def close(self) -> None:
        """Close all connections."""
