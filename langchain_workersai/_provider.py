"""The provider's name in LangChain: one string that must be the same everywhere.

LangChain finds block translators by a message's `model_provider`, and uses a message's reported
token counts only if it equals the `ls_provider` of the model that reads the message.
"""

from __future__ import annotations

from typing import Final

PROVIDER: Final = "workersai"
