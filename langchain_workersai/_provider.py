"""The provider's name in LangChain: one string that has to be the same everywhere.

LangChain looks up block translators by a message's `model_provider`, and trusts a message's
reported token counts only where that equals the `ls_provider` of the model that reads it.
"""

from __future__ import annotations

from typing import Final

PROVIDER: Final = "workersai"
