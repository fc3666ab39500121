"""A Ray cluster of two nodes on this machine, whose environment has the account and the token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from workersai.local import LocalServer

TOKEN = "cfut_a-token-that-must-not-travel-1234567890"


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    with LocalServer(engine="echo", api_token=TOKEN) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(server: LocalServer) -> Iterator[Any]:
    """Start two nodes of two processors each, with this process as the driver."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    own = {
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "CLOUDFLARE_ACCOUNT_ID": server.account_id,
        "WORKERSAI_BASE_URL": server.base_url,
        "RAY_DEDUP_LOGS": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    }
    before = dict(os.environ)
    os.environ.update(own)
    size = {"num_cpus": 2, "object_store_memory": 128 << 20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=size)
    try:
        made.add_node(num_cpus=2, object_store_memory=128 << 20)
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
        os.environ.clear()
        os.environ.update(before)
