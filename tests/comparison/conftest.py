"""The comparison needs the other packages, which the environment of `make benchmark` has."""

from __future__ import annotations

from importlib.util import find_spec

PEERS = ("langchain_openai", "langchain_cloudflare")
collect_ignore = [] if all(map(find_spec, PEERS)) else ["test_comparison.py"]
