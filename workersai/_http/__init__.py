"""The HTTP engines, `sync` and `aio`: the only folder that uses sockets and HTTP libraries.

Its modules are imported only when a client needs them.

Our own connections are plain sockets, read by llhttp. Each engine has a file for a connection, for
a response and for the pool (`sync_connection`, `aio_connection`, ...); they share framing, targets
and TLS. A user's own client of httpx or httpx2 is used instead of them. So is httpx itself if a
recorder or a mock listens in on it, or if a proxy needs more than a tunnel. No exception of a
library leaves this folder, neither raised nor as a cause: it may contain the request, and the
request contains the token.
"""
