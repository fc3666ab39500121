"""The local server's models, whose facts come from the profiles."""

from __future__ import annotations

from dataclasses import fields, replace

import httpx
import pytest

from tests.local.talking import GRANITE, Post, result, user
from workersai import Client, ModelProfile, NotFoundError, get_profile, known_profiles
from workersai.local import LocalServer
from workersai.local.api.models import MODELS, LocalModel, neurons
from workersai.types import WireMessage

MODEL_PARAMETERS = [pytest.param(model, id=name) for name, model in MODELS.items()]


@pytest.mark.parametrize("model", MODEL_PARAMETERS)
def test_a_model_has_its_profile(model: LocalModel) -> None:
    """A model has the profile of its name, and the profile is a known one."""
    assert model.profile is get_profile(model.name)
    assert model.profile.known


def test_no_field_is_also_in_the_profile() -> None:
    """The local server's model has no field that the profile has too."""
    own = {field.name for field in fields(LocalModel)} - {"profile"}

    assert not own & {field.name for field in fields(ModelProfile)}


def test_neurons_follow_the_prices_of_the_profile() -> None:
    """A call costs its tokens by the profile's prices, at $0.011 for 1,000 neurons."""
    priced = replace(MODELS[GRANITE].profile, input_price=1.1, output_price=2.2)
    model = replace(MODELS[GRANITE], profile=priced)

    assert neurons(model, 1_000_000) == pytest.approx(100_000)
    assert neurons(model, 0, 1_000_000) == pytest.approx(200_000)
    assert neurons(replace(model, profile=replace(priced, input_price=None)), 10) is None


def test_the_catalogue_has_the_profiles_facts(client: httpx.Client) -> None:
    """The catalogue lists the abilities, prices, window, queue and end that a profile has."""
    for item in result(client.get("/models/search", params={"include_deprecated": "true"})):
        properties = {entry["property_id"]: entry["value"] for entry in item["properties"]}
        profile = get_profile(item["name"])
        prices = {entry["unit"]: entry["price"] for entry in properties.get("price", ())}
        window = profile.context_window or profile.max_input_tokens

        assert (properties.get("function_calling") == "true") == bool(profile.function_calling)
        assert (properties.get("reasoning") == "true") == profile.reasoning
        assert (properties.get("async_queue") == "true") == bool(profile.batch)
        assert properties.get("planned_deprecation_date") == profile.deprecated
        assert properties.get("context_window") == (str(window) if window else None)
        assert prices.get("per M input tokens") == profile.input_price
        assert prices.get("per M output tokens") == profile.output_price


@pytest.mark.parametrize("model", MODEL_PARAMETERS)
def test_every_priced_model_counts_neurons(post: Post, model: LocalModel) -> None:
    """An answer has neurons if and only if the model's page has a price."""
    if model.profile.deprecated is not None:
        assert post(model.name, user("Hi")).status_code == 410
        return
    bodies = {
        "Text Generation": user("Hi"),
        "Text Embeddings": {"text": ["Hi"]},
        "Text Classification": {"query": "Hi", "contexts": [{"text": "Hello"}]},
    }
    answer = result(post(model.name, bodies[model.task]))
    usage = answer.get("usage") or answer.get("meta") or {}
    assert ("neurons" in usage) == (model.profile.input_price is not None)


@pytest.mark.parametrize("profile", known_profiles(), ids=lambda profile: profile.name)
def test_every_listed_model_answers(profile: ModelProfile, server: LocalServer) -> None:
    """The server answers for every model of the tables, and refuses withdrawn ones with 5028."""
    question: list[WireMessage] = [{"role": "user", "content": "Hi"}]
    with Client(
        profile.name,
        base_url=server.base_url,
        account_id=server.account_id,
        api_token=server.api_token,
    ) as client:
        if profile.deprecated:
            with pytest.raises(NotFoundError, match="5028"):
                client.chat(question)
        elif profile.task == "embeddings":
            assert len(client.embed(["Hi"]).vectors[0]) == (profile.dimensions or 768)
        elif profile.task == "rerank":
            assert [document.index for document in client.rerank("Hi", ["Hi"]).documents] == [0]
        else:
            assert client.chat(question).text == "You said: Hi"
