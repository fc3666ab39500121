"""For people who test their own apps: a scripted local Workers AI, and settings for recordings.

The pytest plugin `workersai.pytest_plugin` has a fixture for it. Needs the extra `serve`.
"""

from __future__ import annotations

from workersai.testing.recording import vcr_config
from workersai.testing.scripted import ScriptedServer

__all__ = ["ScriptedServer", "vcr_config"]
