"""The models of the local server say what the profiles of the package say."""

from __future__ import annotations

import httpx
import pytest

from tests.local.talking import Post, result, user
from workersai import get_profile
from workersai.local.api.facts import LocalModel
from workersai.local.api.models import MODELS

EVERY = [pytest.param(model, id=name) for name, model in MODELS.items()]


@pytest.mark.parametrize("model", EVERY)
def test_a_model_is_what_its_profile_says(model: LocalModel) -> None:
    """Prices, window, cap, queue and end are the same facts on both sides of the wire."""
    profile = get_profile(model.name)

    assert profile.known
    assert (model.price_in, model.price_out) == (profile.input_price, profile.output_price)
    assert profile.context_window in {None, model.context}
    assert profile.deprecated == model.deprecated
    assert (model.queue == "catalogue") == bool(profile.batch)
    assert profile.dimensions in {None, model.dimensions}
    if model.deprecated is None:
        assert model.max_tokens == profile.max_tokens_default


def test_the_catalogue_names_abilities_and_prices(client: httpx.Client) -> None:
    """Function calling and prices are listed for the models that have them, and for no others."""
    for item in result(client.get("/models/search")):
        properties = {entry["property_id"]: entry["value"] for entry in item["properties"]}
        profile = get_profile(item["name"])
        prices = {entry["unit"]: entry["price"] for entry in properties.get("price", ())}

        assert (properties.get("function_calling") == "true") == bool(profile.function_calling)
        assert prices.get("per M input tokens") == profile.input_price
        assert prices.get("per M output tokens") == profile.output_price


@pytest.mark.parametrize("model", EVERY)
def test_every_priced_model_counts_neurons(post: Post, model: LocalModel) -> None:
    """An answer has neurons just when the model's page has a price."""
    if model.deprecated is not None:
        assert post(model.name, user("Hi")).status_code == 410
        return
    bodies = {
        "Text Generation": user("Hi"),
        "Text Embeddings": {"text": ["Hi"]},
        "Text Classification": {"query": "Hi", "contexts": [{"text": "Hello"}]},
    }
    found = result(post(model.name, bodies[model.task]))
    usage = found.get("usage") or found.get("meta") or {}
    assert ("neurons" in usage) == (model.price_in is not None)
