"""The tables of models as a whole, and facts of single model pages."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from workersai import ConfigurationError, ModelProfile, get_profile
from workersai._models import known_profiles
from workersai._models.chat import CHAT_MODELS
from workersai._models.embeddings import EMBEDDING_MODELS
from workersai._models.openai_schema import OPENAI_MODELS
from workersai._models.retired import RETIRED_MODELS
from workersai._request.chat import ChatOptions, chat_request
from workersai._request.parameters import check_parameter
from workersai.types import EndpointName, WireMessage

SERVED = [*CHAT_MODELS, *OPENAI_MODELS]


def test_a_model_is_listed_once() -> None:
    """The tables have no name twice: the second row would override the first."""
    tables = (*CHAT_MODELS, *OPENAI_MODELS, *RETIRED_MODELS, *EMBEDDING_MODELS)
    assert len(tables) == len(known_profiles())


@pytest.mark.parametrize("profile", known_profiles(), ids=lambda profile: profile.name)
def test_a_models_numbers_make_sense(profile: ModelProfile) -> None:
    """Sizes are positive, prices are not negative, and a cached token costs less."""
    sizes = (profile.context_window, profile.dimensions, profile.max_batch)
    assert all(size is None or size > 0 for size in sizes)
    prices = (profile.input_price, profile.cached_price, profile.output_price)
    assert all(price is None or price >= 0 for price in prices)
    if profile.cached_price is not None:
        assert profile.input_price is not None
        assert profile.cached_price < profile.input_price


@pytest.mark.parametrize("profile", known_profiles(), ids=lambda profile: profile.name)
def test_a_default_is_within_its_range(profile: ModelProfile) -> None:
    """The server's default that a page states is within the range of the same page."""
    for name, parameter in profile.parameters.items():
        if parameter.default is not None:
            check_parameter(name, parameter.default, profile)


@pytest.mark.parametrize("endpoint", ["run", "openai"])
@pytest.mark.parametrize("profile", SERVED, ids=lambda p: p.name)
def test_every_chat_model_can_be_asked(profile: ModelProfile, endpoint: EndpointName) -> None:
    """A question goes out without options; `/ai/v1` also gets the page's token cap, if any."""
    hello: list[WireMessage] = [{"role": "user", "content": "Hello"}]
    sent = json.loads(chat_request(hello, ChatOptions(profile.name, {}, endpoint=endpoint)).content)
    sent.pop("model", None)
    cap = profile.max_tokens_default if endpoint == "openai" else None
    assert sent == {"messages": hello} | ({} if cap is None else {"max_tokens": cap})


SEEING = {
    "@cf/google/gemma-4-26b-a4b-it",
    "@cf/meta/llama-3.2-11b-vision-instruct",
    "@cf/meta/llama-4-scout-17b-16e-instruct",
    "@cf/mistralai/mistral-small-3.1-24b-instruct",
    "@cf/moonshotai/kimi-k2.5",
    "@cf/moonshotai/kimi-k2.6",
    "@cf/moonshotai/kimi-k2.7-code",
    "@cf/qwen/qwen3.8-27b",
    "@cf/swiss-ai/apertus-v1.5-8b",
    "@cf/zai-org/glm-5.3-flash",
}


@pytest.mark.parametrize("profile", SERVED, ids=lambda p: p.name)
def test_images_go_to_models_whose_page_has_vision(profile: ModelProfile) -> None:
    """The client sends images to vision and unknown models, and refuses text-only ones."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    asked: list[WireMessage] = [{"role": "user", "content": [image]}]
    assert (profile.vision is True) is (profile.name in SEEING)
    if profile.vision is False:
        with pytest.raises(ConfigurationError, match="takes text only"):
            chat_request(asked, ChatOptions(profile.name, {}))
    else:
        request = chat_request(asked, ChatOptions(profile.name, {}))
        assert json.loads(request.content)["messages"] == asked


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("@cf/meta/llama-3.2-1b-instruct", (60_000, 0.027, None, 0.201, None, False, 256)),
        ("@cf/meta/llama-guard-3-8b", (131_072, 0.484, None, 0.03, None, False, 256)),
        ("@cf/google/gemma-7b-it-lora", (3500, None, None, None, None, False, 256)),
        ("@cf/qwen/qwen3-30b-a3b-fp8", (32_768, 0.051, None, 0.335, True, True, 2000)),
        ("@cf/openai/gpt-oss-120b", (128_000, 0.35, None, 0.75, True, True, 256)),
        ("@cf/moonshotai/kimi-k2.6", (262_144, 0.95, 0.16, 4.0, True, True, None)),
        ("@cf/zai-org/glm-5.3-flash", (1_310_720, 0.15, 0.03, 0.5, True, True, None)),
        ("@cf/deepseek-ai/deepseek-v4-pro-0813", (1_048_576, 1.32, 0.044, 3.96, True, True, None)),
        ("@cf/utter-project/eurollm-9b-it", (32_000, None, None, None, True, False, None)),
    ],
)
def test_facts_of_pages(model: str, facts: tuple[Any, ...]) -> None:
    """Window, prices (input, cached, output), tools, reasoning and cap equal those of the pages."""
    profile = get_profile(model)
    assert facts == (
        profile.context_window,
        profile.input_price,
        profile.cached_price,
        profile.output_price,
        profile.function_calling,
        profile.reasoning,
        profile.max_tokens_default,
    )


def test_the_queue_and_the_plan() -> None:
    """The table states which models take batches and which need the paid plan."""
    batch = {profile.name.split("/")[-1] for profile in known_profiles() if profile.batch}
    assert batch == {
        "bge-base-en-v1.5", "bge-large-en-v1.5", "bge-small-en-v1.5", "omni-bge-base-en-v1.5",
        "deepseek-v4-flash-0731", "gemma-4-26b-a4b-it", "gpt-oss-120b", "kimi-k2.6",
        "llama-3.3-70b-instruct-fp8-fast", "llama-4-scout-17b-16e-instruct",
        "qwen3-30b-a3b-fp8", "qwen3.8-27b",
    }  # fmt: skip
    paid = {profile.name.split("/")[-1] for profile in known_profiles() if profile.paid_plan}
    assert paid == {
        "deepseek-v4-flash-0731", "deepseek-v4-pro-0813", "glm-5.2", "glm-5.3", "glm-5.3-flash",
        "kimi-k2.5", "kimi-k2.6", "kimi-k2.7-code",
    }  # fmt: skip


@pytest.mark.parametrize("profile", RETIRED_MODELS, ids=lambda profile: profile.name)
def test_a_withdrawn_model_has_its_day_and_forbids_nothing(profile: ModelProfile) -> None:
    """A withdrawn model has a date, and no facts that would refuse a request."""
    assert date.fromisoformat(profile.deprecated or "") < date(2026, 6, 1)
    assert (profile.parameters, profile.vision, profile.inputs) == ({}, None, ())


def test_an_alias_of_a_level_is_taken() -> None:
    """The client sends a page's aliases of reasoning levels, and refuses other values."""
    profile = get_profile("@cf/deepseek-ai/deepseek-v4-flash-0731")
    check_parameter("reasoning_effort", "max", profile)
    check_parameter("reasoning_effort", "medium", profile)
    with pytest.raises(ConfigurationError, match="one of max, high, low, none"):
        check_parameter("reasoning_effort", "extreme", profile)
