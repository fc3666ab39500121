"""Where the examples find Workers AI: on Cloudflare, or else a stand-in on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from workersai.testing import ScriptedServer

CREDENTIALS = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")


@contextmanager
def workers_ai(*calls: tuple[str, dict[str, str]]) -> Iterator[None]:
    """Let the block reach Workers AI through the environment.

    With CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN set, nothing is done: every class reads
    them. Without them a local server answers by rules, without any model; it shows the calls, not
    intelligence.

    Args:
        *calls: The tool calls, as (name, arguments), that the local server answers the first
            requests with. Only needed where its rules cannot play the model's part.
    """
    if all(os.environ.get(name) for name in CREDENTIALS):
        yield
        return
    with ScriptedServer() as server:
        for name, arguments in calls:
            server.calls(name, arguments)
        print(f"No account is set: rules answer at {server.base_url}, no model.", file=sys.stderr)
        outside = dict(os.environ)
        os.environ.update(server.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(outside)
