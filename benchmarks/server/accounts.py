"""An account id says what the server answers: the kind, whether it lies, and how long a stream is.

Every contestant has the account id in its URL, on each route, so one server serves all.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "words", "one_by_one", "usage", "call", "together", "history", "agent", "vectors", "slow"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Account(NamedTuple):
    """What is asked of the server.

    Attributes:
        kind: `words`: a whole answer, or a stream as fast as the socket takes it; `one_by_one`:
            each event when the one before has been sent for a while; `usage`: every event has a
            usage object; `call`: a tool call; `together`: a stream that waits in its middle until
            others have begun; `history`: how many messages came; `agent`: a tool call until there
            are two results, then words; `vectors`: an embedding a text; `slow`: the same, late.
        events: How many events with content a stream has.
        is_wrong: Whether the answer is a wrong one, to show that the check can fail.
    """

    kind: Kind
    events: int
    is_wrong: bool = False

    @property
    def id(self) -> str:
        """32 hex digits, as Cloudflare's."""
        return f"{KINDS.index(self.kind):02d}{self.is_wrong:d}{self.events:029d}"

    @classmethod
    def of(cls, account_id: str) -> Account:
        """Read the digits back."""
        return cls(KINDS[int(account_id[:2])], int(account_id[3:]), account_id[2] == "1")
