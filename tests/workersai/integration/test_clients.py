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
    """A client that records only what its holder needs."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def test_a_client_is_made_once_and_only_when_it_is_needed() -> None:
    """The first call makes the client, later calls return it; the other kind is not made."""
    clients: Clients[Made, Made] = Clients()
    first = clients.synchronous(Made)
    assert clients.synchronous(Made) is first
    assert clients.asynchronous(Made) is not first


def test_threads_that_make_at_once_get_the_same() -> None:
    """Two threads may each make a client, but both get the same one, and neither waits."""
    clients: Clients[Made, Made] = Clients()
    both = threading.Barrier(2)

    def slowly() -> Made:
        both.wait(WAIT)  # each thread waits until the other is here too
        return Made()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: clients.synchronous(slowly), range(2))
    assert first is second


async def test_closing_closes_what_was_made() -> None:
    """Each close method closes its own kind of client, and does nothing without one."""
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
    """A copy holds no client, and clients do not count in comparisons."""
    assert callable(twin)
    clients: Clients[Made, Made] = Clients()
    first = clients.synchronous(Made)
    copied = twin(clients)
    assert copied == clients
    assert hash(copied) == hash(clients)
    assert copied.synchronous(Made) is not first
    assert clients != {}
