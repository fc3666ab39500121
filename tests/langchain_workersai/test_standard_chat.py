"""LangChain's own tests for chat models, for each endpoint and model.

The local server's rule-based engine answers. No test that a model could pass is switched off:
a class claims every ability, such as images, that its model's page offers.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import ACCOUNT, GLM, GRANITE, SEA_LION, merged

VISION = "@cf/google/gemma-4-26b-a4b-it"

pytestmark = pytest.mark.usefixtures("known_to_load", "offline_media")


class _Unit(ChatModelUnitTests):
    """Tests that need no server."""

    name = GRANITE
    endpoint = "run"

    @property
    def chat_model_class(self) -> type[ChatWorkersAI]:
        return ChatWorkersAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        connection = {"account_id": ACCOUNT, "api_token": "test", "endpoint": self.endpoint}
        return {"model": self.name, **connection}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        # `api_token` above and `api_key` here are one parameter; the suite passes both.
        return {k: v for k, v in super().standard_chat_model_params.items() if k != "api_key"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_API_TOKEN": "test",
        }
        expected = {
            "account_id": ACCOUNT,
            "api_token": "test",
        }
        return environment, {"model": self.name}, expected


class TestUnitRun(_Unit):
    """The native endpoint."""


class TestUnitOpenAI(_Unit):
    """The compatible endpoint."""

    endpoint = "openai"


class _Integration(ChatModelIntegrationTests):
    """Tests that need a server."""

    name = GRANITE
    endpoint = "run"

    @pytest.fixture(autouse=True)
    def _at_the_local_server(self, local: dict[str, Any]) -> None:
        self.local = local

    @property
    def chat_model_class(self) -> type[ChatWorkersAI]:
        return ChatWorkersAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.name, "endpoint": self.endpoint, "max_tokens": 500, **self.local}

    @property
    def enable_vcr_tests(self) -> bool:
        return False  # this module records nothing; `test_standard_recorded` switches it on

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        llm, question = ChatWorkersAI(**self.chat_model_params), "Tell me about cats. " * 50
        for _ in range(2):
            answer = merged(list(llm.stream(question))) if stream else llm.invoke(question)
        llm.close()
        return answer

    @property
    def model_override_value(self) -> str:
        return GLM if self.name != GLM else GRANITE


class TestGraniteRun(_Integration):
    """Granite on the native endpoint."""


class TestGraniteOpenAI(_Integration):
    """Granite on the compatible endpoint."""

    endpoint = "openai"


class TestGraniteSchemaRun(_Integration):
    """Granite with structured output by JSON schema."""

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}


class TestGraniteSchemaOpenAI(TestGraniteSchemaRun):
    """Granite with structured output by JSON schema on the compatible endpoint."""

    endpoint = "openai"


class TestGlmRun(_Integration):
    """GLM, which reasons, on the native endpoint."""

    name = GLM


class TestGlmOpenAI(_Integration):
    """GLM on the compatible endpoint."""

    name = GLM
    endpoint = "openai"


class TestSeaLionRun(_Integration):
    """SEA-LION on the native endpoint."""

    name = SEA_LION


class TestSeaLionOpenAI(_Integration):
    """SEA-LION on the compatible endpoint."""

    name = SEA_LION
    endpoint = "openai"


class TestVisionRun(_Integration):
    """A model with vision on the native endpoint."""

    name = VISION

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True


class TestVisionOpenAI(TestVisionRun):
    """A model with vision on the compatible endpoint."""

    endpoint = "openai"
