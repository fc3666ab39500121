"""Model profiles agree with the schemas that the model pages publish."""

from __future__ import annotations

import json
import warnings
from dataclasses import FrozenInstanceError, replace
from importlib import resources
from typing import Any

import pytest

from tests.workersai.talking import BGE, BGE_M3, GLM, GRANITE, QWEN_EMBEDDING, RERANKER, SEA_LION
from workersai import ModelParameter, ModelProfile, Usage, get_profile
from workersai._models import known_profiles

SEEDS = {
    GRANITE: "granite-4.0-h-micro",
    SEA_LION: "gemma-sea-lion-v4-27b-it",
    GLM: "glm-4.7-flash",
}
# From glm's newer schema; the copy in the fixtures is older.
NEWER = {GLM: {"chat_template_kwargs"}}
PAYLOADS = {"prompt", "messages", "requests"}


def schema(name: str) -> dict[str, Any]:
    folder = resources.files("workersai.local.api") / "schemas"
    loaded: dict[str, Any] = json.loads((folder / f"{name}.input.json").read_text())
    return loaded


def variants(model: str) -> dict[str, dict[str, Any]]:
    """The schema's request variants by the field that each requires."""
    return {variant["required"][0]: variant for variant in schema(SEEDS[model])["oneOf"]}


def listed(model: str) -> dict[str, dict[str, Any]]:
    """Every parameter that any variant lists, by name."""
    found: dict[str, dict[str, Any]] = {}
    for variant in variants(model).values():
        found.update(variant["properties"])
    return {name: spec for name, spec in found.items() if name not in PAYLOADS}


def alternatives(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of `anyOf` and `oneOf` in flat form, without null."""
    inner = [*spec.get("anyOf", ()), *spec.get("oneOf", ())]
    flat = [leaf for option in inner for leaf in alternatives(option)] or [spec]
    return [leaf for leaf in flat if leaf.get("type") != "null"]


def facts(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the schema's facts about one parameter, in the form of `ModelParameter`."""
    leaves = alternatives(spec)

    def only(key: str) -> Any:
        return next((leaf[key] for leaf in leaves if key in leaf), None)

    enum = only("enum") if len(leaves) == 1 else None
    return {
        "minimum": only("minimum"),
        "maximum": only("maximum"),
        "default": spec.get("default"),
        "choices": tuple(enum) if enum else None,
        "max_items": only("maxItems"),
    }


CASES = [(model, name) for model in SEEDS for name in sorted(listed(model))]


@pytest.mark.parametrize(("model", "name"), CASES, ids=[f"{SEEDS[m]}-{n}" for m, n in CASES])
def test_a_parameter_is_as_its_page_says(model: str, name: str) -> None:
    """Type, range, default, choices and length equal those of the published schema."""
    spec = listed(model)[name]
    parameter = get_profile(model).parameters[name]
    assert parameter.type in {leaf.get("type", "object") for leaf in alternatives(spec)}
    found = {key: getattr(parameter, key) for key in facts(spec)}
    assert found == facts(spec)


@pytest.mark.parametrize("model", SEEDS)
def test_no_parameter_is_made_up(model: str) -> None:
    """A profile lists the page's parameters and those of its newer schema, and no others."""
    assert set(get_profile(model).parameters) == set(listed(model)) | NEWER.get(model, set())


@pytest.mark.parametrize("model", SEEDS)
def test_the_input_variants(model: str) -> None:
    """A profile lists the input variants of the schema: prompt, messages, batch of requests."""
    assert set(get_profile(model).inputs) == set(variants(model))


@pytest.mark.parametrize("model", SEEDS)
def test_lora_where_the_page_lists_it(model: str) -> None:
    """The profile lists LoRA adapters for granite and sea-lion, with a prompt."""
    prompt = variants(model)["prompt"]["properties"]
    messages = variants(model)["messages"]["properties"]
    assert get_profile(model).lora is ("lora" in prompt)
    assert "lora" not in messages


@pytest.mark.parametrize("model", SEEDS)
def test_the_form_of_content(model: str) -> None:
    """The profile marks models whose schema requires content to be a string."""
    item = variants(model)["messages"]["properties"]["messages"]["items"]
    content = item.get("properties", {}).get("content", {})
    assert get_profile(model).text_only_content is (content.get("type") == "string")


@pytest.mark.parametrize("model", SEEDS)
def test_the_form_of_a_json_schema(model: str) -> None:
    """The profile marks models whose schema requires `name` beside a JSON schema."""
    text = json.dumps(listed(model)["response_format"])
    assert get_profile(model).schema_envelope is ('"required": ["name"]' in text)


@pytest.mark.parametrize("model", SEEDS)
def test_properties_that_need_a_description(model: str) -> None:
    """The profile marks models whose schema requires type and description on every property."""
    text = json.dumps(listed(model)["tools"])
    assert get_profile(model).describes_properties is (
        '"required": ["type", "description"]' in text
    )


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        (GRANITE, (131_000, 0.017, 0.11, True, False, 2000)),
        (SEA_LION, (128_000, 0.35, 0.56, None, False, 2000)),
        (GLM, (131_072, 0.06, 0.40, True, True, None)),
    ],
    ids=SEEDS.values(),
)
def test_the_facts_beside_the_schema(model: str, facts: tuple[Any, ...]) -> None:
    """Context window, prices, function calling, reasoning and token cap equal the page's."""
    profile = get_profile(model)
    assert profile.known
    assert profile.task == "text-generation"
    assert facts == (
        profile.context_window,
        profile.input_price,
        profile.output_price,
        profile.function_calling,
        profile.reasoning,
        profile.max_tokens_default,
    )


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("@cf/baai/bge-small-en-v1.5", (384, 100, 512, None, None)),
        (BGE, (768, 100, 512, None, None)),
        ("@cf/baai/bge-large-en-v1.5", (1024, 100, 512, None, None)),
        (BGE_M3, (1024, 100, 8192, 60_000, False)),
        (QWEN_EMBEDDING, (1024, 32, 8192, 16_000, None)),
        ("@cf/google/embeddinggemma-300m", (768, None, 2048, None, True)),
        ("@cf/baai/omni-bge-base-en-v1.5", (768, 100, 512, None, None)),
        ("@cf/pfnet/plamo-embedding-1b", (None, None, None, None, None)),
    ],
)
def test_embedding_models(model: str, limits: tuple[int | None, ...]) -> None:
    """Vector length and limits equal those of the page, or values that clients observed."""
    profile = get_profile(model)
    assert profile.task == "embeddings"
    assert limits == (
        profile.dimensions,
        profile.max_batch,
        profile.max_input_tokens,
        profile.max_request_tokens,
        profile.cuts_input,
    )


@pytest.mark.parametrize(
    ("model", "name", "fields"),
    [
        (BGE, "bge", ("text",)),
        (BGE_M3, "bge-m3", ("text",)),
        (QWEN_EMBEDDING, "qwen3-embedding", ("queries", "documents", "text")),
        ("@cf/google/embeddinggemma-300m", "embeddinggemma", ("text",)),
    ],
)
def test_the_batch_limit_is_the_schemas(model: str, name: str, fields: tuple[str, ...]) -> None:
    """The batch limit is the schema's `maxItems`; without it no limit is known."""
    text = json.dumps(schema(name))
    limit = get_profile(model).max_batch
    assert ('"maxItems"' in text) is (limit is not None)
    assert limit is None or text.count(f'"maxItems": {limit}') >= len(fields)
    assert set(fields) <= set(get_profile(model).inputs)


def test_the_reranker() -> None:
    """bge-reranker-base ranks, and takes `top_k` from 1."""
    profile = get_profile(RERANKER)
    assert profile.task == "rerank"
    assert profile.parameters["top_k"] == ModelParameter("integer", 1)


@pytest.mark.parametrize("profile", known_profiles(), ids=lambda profile: profile.name)
def test_every_profile_states_its_source(profile: ModelProfile) -> None:
    """Every profile states the source of its facts."""
    assert profile.known
    assert profile.sources
    assert all(source.startswith(("page", "catalogue", "observed")) for source in profile.sources)
    assert profile.name.startswith(("@cf/", "@hf/"))


def test_an_unknown_model_has_a_permissive_profile() -> None:
    """An unknown model gets a profile that forbids nothing, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile = get_profile("@cf/nobody/unheard-of")
    assert not profile.known
    assert profile.name == "@cf/nobody/unheard-of"
    assert not profile.parameters
    assert profile.max_tokens_default is None
    assert profile.vision is None
    assert profile.cost(Usage(1, 1, 2)) is None


def test_what_a_call_costs() -> None:
    """Prices are in USD per million tokens."""
    cost = get_profile(GRANITE).cost(Usage(1_000_000, 500_000, 1_500_000))
    assert cost == pytest.approx(0.017 + 0.055)


def test_a_cached_token_costs_less_where_the_page_says_so() -> None:
    """Tokens from the prefix cache have their own price if the page lists one."""
    usage = Usage(1_000_000, 0, 1_000_000, cached_tokens=400_000)
    kimi = get_profile("@cf/moonshotai/kimi-k2.6")
    assert kimi.cost(usage) == pytest.approx(0.6 * 0.95 + 0.4 * 0.16)
    assert kimi.cost(Usage(1_000_000, 0, 1_000_000)) == pytest.approx(0.95)
    assert get_profile(GRANITE).cost(usage) == pytest.approx(0.017)


def test_tokens_without_a_price_have_no_cost() -> None:
    """An unknown price is no zero, unless there is nothing to pay by it."""
    granite = get_profile(GRANITE)
    assert replace(granite, output_price=None).cost(Usage(1, 1, 2)) is None
    assert replace(granite, output_price=None).cost(Usage(1, 0, 1)) == pytest.approx(0.017e-6)


def test_profiles_do_not_change() -> None:
    """Code cannot modify a profile, because all threads share the table."""
    profile = get_profile(GRANITE)
    with pytest.raises(FrozenInstanceError):
        profile.vision = True  # type: ignore[misc]  # that it is forbidden is the point
    with pytest.raises(TypeError):
        profile.parameters["x"] = ModelParameter("string")  # type: ignore[index]  # as above
