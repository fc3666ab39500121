"""The connections of the sync engine, kept for the next request while silent."""

from __future__ import annotations

import time
import weakref
from collections import deque

from workersai._clocks import Clocks
from workersai._http.exceptions import broken, unreadable
from workersai._http.framing import MalformedResponseError
from workersai._http.sharing import IDLE_SECONDS
from workersai._http.sync_connection import SyncConnection
from workersai._http.sync_response import SyncResponse
from workersai._http.targets import Route
from workersai._outgoing import Outgoing
from workersai.errors import APIConnectionError, WorkersAIError

__all__ = ["MAX_IDLE", "SyncPool"]

MAX_IDLE = 100


class SyncPool:
    """The connections of one route, for all threads of one process.

    Args:
        route: Where they go.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self._idle: deque[SyncConnection] = deque()
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()
        weakref.finalize(self, _close_all, self._idle)

    def join(self, user: object) -> None:
        """Register a user."""
        self._users.add(user)
        self._used_at = time.monotonic()

    def leave(self, user: object) -> None:
        """Remove a user; the last one closes the idle connections."""
        self._users.discard(user)
        if not self._users:
            _close_all(self._idle)

    def is_forgotten(self) -> bool:
        """Return whether it has no users and has been idle for a while."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS

    def open(self, outgoing: Outgoing, clocks: Clocks, active: set[SyncResponse]) -> SyncResponse:
        """Send a request and wait for the head of its response.

        If the server closed the idle connection just then, the request is sent again over a new
        one.

        Args:
            outgoing: The request.
            clocks: Its time limits.
            active: Contains the response while it uses its connection.

        Raises:
            APIConnectionError: If there is no response.
            ResponseError: If it is not HTTP.
        """
        connection = self._take()
        if connection is not None:
            try:
                return self._ask(connection, outgoing, clocks, active)
            except APIConnectionError as error:
                if not clocks.met_a_closing_connection(error):
                    raise
        return self._ask(self._connect(outgoing, clocks), outgoing, clocks, active)

    def _ask(
        self,
        connection: SyncConnection,
        outgoing: Outgoing,
        clocks: Clocks,
        active: set[SyncResponse],
    ) -> SyncResponse:
        response = SyncResponse(self, connection, outgoing, clocks, active)
        try:
            response.begin()
        finally:
            if not response.status:
                response.drop()
        return response

    def _connect(self, outgoing: Outgoing, clocks: Clocks) -> SyncConnection:
        failure: WorkersAIError
        try:
            connection = SyncConnection.open(self.route, clocks)
        except MalformedResponseError as error:
            failure = unreadable(error, self.route.host, outgoing)
        except TimeoutError:
            failure = clocks.expired(is_connecting=True)
        except (OSError, UnicodeError) as error:
            failure = broken(error, self.route.host, outgoing, clocks, is_connecting=True)
        else:
            clocks.log("connected")
            return connection
        raise failure

    def _take(self) -> SyncConnection | None:
        """Take the connection that was used last; close those that cannot be used again."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            is_young = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if is_young and connection.is_silent():
                return connection
            connection.close()

    def put_back(self, connection: SyncConnection) -> None:
        """Keep a connection for the next request."""
        connection.is_used = True
        connection.idle_since = self._used_at = time.monotonic()
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def _close_all(idle: deque[SyncConnection]) -> None:
    """Close the idle connections of a pool that is not used any more."""
    while idle:
        idle.pop().close()
