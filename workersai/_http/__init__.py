"""The HTTP engines, `sync` and `aio`: the only folder that knows sockets and HTTP libraries.

Nothing of it is imported before a client is made that needs it.

Our own connections are plain sockets, read by llhttp: `sync_pool` and `aio_pool`, which share their
framing, targets and TLS. A client of httpx or httpx2 that the user brings is used instead, and so
is httpx itself where a recorder or a mock listens in on it, or for a proxy that takes more than a
tunnel. No exception of a library leaves this folder, neither raised nor as the cause of one that
is: it may hold the request, and the request holds the token.
"""
