"""The client checks a user's parameters and sends them."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import pytest

from tests.workersai.talking import GLM, GRANITE, SEA_LION, UNKNOWN
from workersai import ChatParameters, ConfigurationError, get_profile
from workersai._request.chat import ChatOptions, completion_request
from workersai._request.parameters import collect_parameters


def collected(model: str, extra: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    return collect_parameters(given, extra, get_profile(model))


def named(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


PAGES: dict[str, dict[str, tuple[float, float]]] = {
    GRANITE: {
        "temperature": (0, 5),
        "top_p": (0.001, 1),
        "top_k": (1, 50),
        "seed": (1, 9_999_999_999),
        "repetition_penalty": (0, 2),
        "frequency_penalty": (-2, 2),
        "presence_penalty": (-2, 2),
    },
    GLM: {
        "temperature": (0, 2),
        "top_p": (0, 1),
        "frequency_penalty": (-2, 2),
        "presence_penalty": (-2, 2),
        "top_logprobs": (0, 20),
        "n": (1, 128),
    },
}
RANGES: list[tuple[str, str, float, float]] = [
    (model, name, low, high)
    for model, table in PAGES.items()
    for name, (low, high) in table.items()
]
RANGES += [(SEA_LION, name, low, high) for model, name, low, high in RANGES if model == GRANITE]


@pytest.mark.parametrize(("model", "name", "low", "high"), RANGES)
def test_the_range_of_the_page(model: str, name: str, low: float, high: float) -> None:
    """Both ends are allowed; other values raise, naming parameter, value, range and model."""
    for value in (low, high):
        assert collected(model, **named(name, value)) == {name: value}
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigurationError) as caught:
            collected(model, **named(name, value))
        assert caught.value.parameter == name
        assert str(caught.value) == (
            f"{name} must be between {low:,.15g} and {high:,.15g} for {model} (model page), not "
            f"{value!r}; pass it in extra to send it anyway"
        )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize("name", ["temperature", "top_p", "repetition_penalty"])
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_nan_and_infinity_are_refused(model: str, name: str, value: float) -> None:
    """The client refuses NaN and infinity for every model: JSON has no form for them."""
    with pytest.raises(ConfigurationError) as caught:
        collected(model, **named(name, value))
    assert caught.value.parameter == name
    assert f"{name} must be a finite number for {model}, not {value!r}" in str(caught.value)
    assert "anyway" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (GRANITE, "temperature", "0.5"),
        (GRANITE, "temperature", True),
        (GRANITE, "max_tokens", 1.5),
        (GRANITE, "max_tokens", True),
        (GRANITE, "max_tokens", "100"),
        (GRANITE, "top_k", 1.5),
        (GRANITE, "raw", "yes"),
        (GRANITE, "raw", 1),
        (GLM, "logprobs", 1),
        (GLM, "reasoning_effort", "none"),
        (GLM, "reasoning_effort", "minimal"),
        (GLM, "stop", ["1", "2", "3", "4", "5"]),
    ],
)
def test_a_value_of_the_wrong_kind(model: str, name: str, value: Any) -> None:
    """The client checks type, choices and length as it checks the range."""
    with pytest.raises(ConfigurationError) as caught:
        collected(model, **named(name, value))
    assert caught.value.parameter == name
    assert re.search(rf"^{name} must be .* for {model} \(model page\), not ", str(caught.value))
    assert f"not {value!r}; pass it in extra to send it anyway" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (GRANITE, "temperature", 1),
        (GRANITE, "max_tokens", 1),
        (GLM, "reasoning_effort", "high"),
        (GLM, "stop", "one"),
        (GLM, "stop", "a string longer than four"),
        (GLM, "stop", ["1", "2", "3", "4"]),
        (GLM, "logit_bias", {"50256": -100}),
        (GLM, "chat_template_kwargs", {"enable_thinking": False}),
    ],
)
def test_a_value_that_fits(model: str, name: str, value: Any) -> None:
    """The client sends an allowed value unchanged."""
    assert collected(model, **named(name, value)) == {name: value}


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (GRANITE, "stop", ["a"] * 9),
        (GRANITE, "n", 3),
        (GRANITE, "reasoning_effort", "extreme"),
        (GRANITE, "user", "u"),
        (GLM, "top_k", 1_000),
        (GLM, "repetition_penalty", 9.5),
        (UNKNOWN, "temperature", 99),
        (UNKNOWN, "max_tokens", "many"),
        (UNKNOWN, "top_p", -1),
    ],
)
def test_what_the_page_does_not_list_is_sent_as_it_is(model: str, name: str, value: Any) -> None:
    """Parameters and models that no page lists are sent unchecked and without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert collected(model, **named(name, value)) == {name: value}


@pytest.mark.parametrize("name", sorted(ChatParameters.__annotations__))
def test_none_means_not_sent(name: str) -> None:
    """Every parameter that is None is left to the server."""
    assert collected(GLM, **{name: None}) == {}


@pytest.mark.parametrize("value", ["", [], ()], ids=repr)
def test_an_empty_stop_is_not_sent(value: Any) -> None:
    """The client drops an empty `stop`: the schema requires one sequence or more."""
    assert collected(GLM, stop=value) == {}


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_zero_and_false_are_values(value: Any) -> None:
    """The client sends 0 and False; only None means "not sent"."""
    assert collected(UNKNOWN, seed=value, raw=False) == {"seed": value, "raw": False}


@pytest.mark.parametrize("value", [("a", "b"), ["a", "b"]], ids=repr)
def test_sequences_become_lists(value: Any) -> None:
    """The client accepts a tuple for a list, and does not keep the caller's own list."""
    found = collected(GLM, stop=value)["stop"]
    assert found == ["a", "b"]


@pytest.mark.parametrize("value", [5, True, 1.5], ids=repr)
def test_a_stop_of_another_type_is_sent(value: Any) -> None:
    """The client sends a `stop` of another type to an unknown model."""
    assert collected(UNKNOWN, stop=value) == {"stop": value}


def test_an_unknown_name_is_refused() -> None:
    """The client refuses an unknown parameter; `extra` sends it anyway."""
    with pytest.raises(ConfigurationError, match="extra") as caught:
        collected(GRANITE, temprature=1)
    assert caught.value.parameter == "temprature"


def test_extra_fields_are_sent_as_they_are() -> None:
    """`extra` sends fields that the package does not know."""
    extra = {"max_completion_tokens": 7, "functions": [{"name": "f"}], "new_field": {"deep": [1]}}
    assert collected(UNKNOWN, extra, temperature=1) == {"temperature": 1, **extra}


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        (GRANITE, {"top_k": 51, "seed": 0, "temperature": "hot"}),
        (GLM, {"reasoning_effort": "none", "stop": ["a"] * 9, "n": 0}),
    ],
)
def test_extra_fields_are_not_checked(model: str, extra: dict[str, Any]) -> None:
    """The client checks neither range nor type of an extra field."""
    assert collected(model, extra) == extra


@pytest.mark.parametrize("value", [math.nan, b"x", object(), {1}, "\ud800"], ids=type)
def test_an_extra_field_without_a_json_form_is_refused(value: Any) -> None:
    """The error names the field before any request."""
    options = ChatOptions(GRANITE, {"extra": {"new_field": value}})
    with pytest.raises(ConfigurationError, match=r"new_field .*cannot be sent") as caught:
        completion_request("Hello", options)
    assert caught.value.parameter == "new_field"


@pytest.mark.parametrize("name", ["messages", "prompt", "model", "stream", "requests"])
def test_extra_fields_cannot_replace_the_call(name: str) -> None:
    """An extra field cannot replace what the call's arguments set."""
    with pytest.raises(ConfigurationError) as caught:
        collected(UNKNOWN, {name: "x"})
    assert caught.value.parameter == name


def test_a_parameter_set_twice_is_refused() -> None:
    """A parameter that is also an extra field raises."""
    with pytest.raises(ConfigurationError, match="passed twice"):
        collected(UNKNOWN, {"seed": 2}, seed=1)
