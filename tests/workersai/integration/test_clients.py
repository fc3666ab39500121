"""The holder of an object's two clients."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workersai.integration import Clients

WAIT = 5.0


class Made:
    """A client, as far as its holder knows it."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def test_a_client_is_made_once_and_only_when_it_is_needed() -> None:
    """The first call makes it, later ones return it; the other kind is not made."""
    clients: Clients[Made, Made] = Clients()
    first = clients.synchronous(Made)
    assert clients.synchronous(Made) is first
    assert clients.asynchronous(Made) is not first


def test_threads_that_make_at_once_get_the_same() -> None:
    """Each of two threads may make a client; both get one of them, and no thread waits."""
    clients: Clients[Made, Made] = Clients()
    both = threading.Barrier(2)

    def slowly() -> Made:
        both.wait(WAIT)  # neither goes on before the other is here too
        return Made()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: clients.synchronous(slowly), range(2))
    assert first is second


async def test_closing_closes_what_was_made() -> None:
    """Each close is for its own kind, and one without a client does nothing."""
    clients: Clients[Made, Made] = Clients()
    clients.close()
    await clients.aclose()
    made, awaited = clients.synchronous(Made), clients.asynchronous(Made)
    clients.close()
    assert (made.closed, awaited.closed) == (1, 0)
    await clients.aclose()
    assert (made.closed, awaited.closed) == (1, 1)


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_is_empty_and_equal(twin: object) -> None:
    """A client does not travel, and does not tell two objects with equal settings apart."""
    assert callable(twin)
    clients: Clients[Made, Made] = Clients()
    first = clients.synchronous(Made)
    copied = twin(clients)
    assert copied == clients
    assert hash(copied) == hash(clients)
    assert copied.synchronous(Made) is not first
    assert clients != {}
