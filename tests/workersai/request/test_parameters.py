"""A user's parameters into the ones to send."""

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
    """Both ends are allowed; beyond them it raises, naming parameter, value, range and model."""
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
def test_no_number_that_is_none(model: str, name: str, value: float) -> None:
    """NaN and infinity are refused for every model: JSON has no form for them."""
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
    """Type, choices and length are checked as the range is."""
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
    """What the page allows is sent as it was given."""
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
    """Unlisted parameters and unlisted models are not checked, not dropped, not warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert collected(model, **named(name, value)) == {name: value}


@pytest.mark.parametrize("name", sorted(ChatParameters.__annotations__))
def test_none_means_not_sent(name: str) -> None:
    """Every parameter can be left to the server."""
    assert collected(GLM, **{name: None}) == {}


@pytest.mark.parametrize("value", ["", [], ()], ids=repr)
def test_an_empty_stop_is_not_sent(value: Any) -> None:
    """No stop sequence is no parameter: the schema wants at least one."""
    assert collected(GLM, stop=value) == {}


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_zero_and_false_are_values(value: Any) -> None:
    """Only None means "not sent"."""
    assert collected(UNKNOWN, seed=value, raw=False) == {"seed": value, "raw": False}


@pytest.mark.parametrize("value", [("a", "b"), ["a", "b"]], ids=repr)
def test_sequences_become_lists(value: Any) -> None:
    """A tuple is as good as a list, and the caller's own is not shared."""
    found = collected(GLM, stop=value)["stop"]
    assert found == ["a", "b"]


@pytest.mark.parametrize("value", [5, True, 1.5], ids=repr)
def test_a_stop_of_the_wrong_type_is_no_crash(value: Any) -> None:
    """What cannot be a stop sequence is refused as an argument, or left to the server."""
    assert collected(UNKNOWN, stop=value) == {"stop": value}


def test_an_unknown_name_is_refused() -> None:
    """A typo does not travel to a server that ignores it; `extra` is the way to insist."""
    with pytest.raises(ConfigurationError, match="extra") as caught:
        collected(GRANITE, temprature=1)
    assert caught.value.parameter == "temprature"


def test_extra_fields_are_sent_as_they_are() -> None:
    """Whatever the API learns tomorrow can be sent today."""
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
    """What Cloudflare allows since the page was read can be sent: no range, no type is checked."""
    assert collected(model, extra) == extra


@pytest.mark.parametrize("value", [math.nan, b"x", object(), {1}, "\ud800"], ids=type)
def test_an_extra_field_without_a_json_form_is_refused(value: Any) -> None:
    """Unchecked is not unsendable: before any request the error names the field."""
    options = ChatOptions(GRANITE, {"extra": {"new_field": value}})
    with pytest.raises(ConfigurationError, match=r"new_field .*cannot be sent") as caught:
        completion_request("Hello", options)
    assert caught.value.parameter == "new_field"


@pytest.mark.parametrize("name", ["messages", "prompt", "model", "stream", "requests"])
def test_extra_fields_cannot_replace_the_call(name: str) -> None:
    """What the call's own arguments make is not overwritten."""
    with pytest.raises(ConfigurationError) as caught:
        collected(UNKNOWN, {name: "x"})
    assert caught.value.parameter == name


def test_a_value_given_twice_is_refused() -> None:
    """Neither of the two wins quietly."""
    with pytest.raises(ConfigurationError, match="passed twice"):
        collected(UNKNOWN, {"seed": 2}, seed=1)
