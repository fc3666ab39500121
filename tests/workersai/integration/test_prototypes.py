"""Objects made without validation are those that validation makes, or validation makes them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from workersai.integration import Prototype, fastest


class Plain(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str
    beside: dict[str, Any] = Field(default_factory=dict)
    count: int = 1


class Outer(BaseModel):
    inner: Plain


PLAIN = Prototype(Plain(text=""))
OUTER = Prototype(Outer(inner=Plain(text="")))


def copied(text: str) -> Plain:
    return PLAIN.make({"text": text}, {"beside": {}})


def built(text: str) -> Plain:
    return Plain(text=text)


def test_a_copied_object_is_one_of_the_constructor() -> None:
    """A copied object equals a constructed one in fields, set fields, dumps and copies."""
    made, other = copied("Hi"), built("Hi")
    assert made == other
    assert made.model_fields_set == other.model_fields_set
    assert made.model_dump_json() == other.model_dump_json()
    assert made.model_copy(update={"count": 2}) == other.model_copy(update={"count": 2})
    made.text = "Ho"
    assert copied("Hi").text == "Hi"


def test_a_prototype_is_used_where_it_makes_the_same() -> None:
    """The example decides, once."""
    assert fastest(copied, built, "Hi") is copied
    assert fastest(copied_outer, built_outer, "Hi") is copied_outer


def copied_outer(text: str) -> Outer:
    return OUTER.make({"inner": copied(text)})


def built_outer(text: str) -> Outer:
    return Outer(inner=built(text))


class Loud(BaseModel):
    text: str

    @field_validator("text")
    @classmethod
    def _raise_voice(cls, text: str) -> str:
        return text.upper()


class Private(BaseModel):
    text: str
    _note: str = PrivateAttr(default="kept")


@pytest.mark.parametrize("kind", [Loud, Private])
def test_a_constructor_that_does_more_is_used(kind: type[Any]) -> None:
    """A validator that changes a value, or a private attribute, is not left out."""
    made = Prototype(kind(text=""))
    assert fastest(lambda text: made.make({"text": text}), built := kind_of(kind), "a") is built


def kind_of(kind: type[Any]) -> Any:
    return lambda text: kind(text=text)


def test_a_prototype_that_names_other_fields_is_not_used() -> None:
    """A field that the constructor counts as set must be among the values."""

    def silent(text: str) -> Plain:
        return PLAIN.make({}, {"text": text, "beside": {}})

    assert fastest(silent, built, "Hi") is built


def test_a_prototype_that_shares_a_dict_is_not_used() -> None:
    """Objects of one prototype share no dict: a change of one does not reach the next."""

    def sharing(text: str) -> Plain:
        return PLAIN.make({"text": text})

    assert fastest(sharing, built, "Hi") is built
