"""Make objects of pydantic classes by copying a prototype, without validation, on the hot path.

A stream makes an object for every token, and validation is most of what such an object costs,
although its values have the right types already. A `Prototype` copies an object that the
constructor made, with other values. `fastest` compares the two ways once, when a module is
imported, and returns the constructor's way if the objects differ. A new version of a framework or
of pydantic can therefore change the speed, and not the objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, ParamSpec, TypeVar

from pydantic import BaseModel

__all__ = ["Prototype", "fastest"]

ModelT = TypeVar("ModelT", bound=BaseModel)
P = ParamSpec("P")

_SLOTS: Final = tuple(
    getattr(vars(BaseModel).get(name), "__set__", None)
    for name in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
)
"""The slots of a pydantic object, set without asking the object: half the time of `setattr`."""

_HAS_SLOTS: Final = None not in _SLOTS

_new: Final = object.__new__
_set_state: Any
_set_names: Any
_set_extra: Any
_set_private: Any
_set_state, _set_names, _set_extra, _set_private = _SLOTS
_NOTHING: Final[Mapping[str, Any]] = {}


class Prototype(Generic[ModelT]):
    """Copies an object that the constructor made, with other values.

    Args:
        made: The object. Its class has no private attributes.
    """

    __slots__ = ("_has_extra", "_kind", "_state")

    def __init__(self, made: ModelT) -> None:
        self._kind = type(made)
        self._state = dict(vars(made))
        self._has_extra = made.__pydantic_extra__ is not None

    def make(self, values: dict[str, Any], fresh: Mapping[str, Any] = _NOTHING) -> ModelT:
        """Make an object.

        Args:
            values: The values of the fields that count as set, of their exact types.
            fresh: New dicts and lists for the other fields that have one.
        """
        made = _new(self._kind)
        _set_state(made, {**self._state, **fresh, **values})
        _set_names(made, set(values))
        _set_extra(made, {} if self._has_extra else None)
        _set_private(made, None)
        return made


def fastest(
    copied: Callable[P, ModelT], built: Callable[P, ModelT], *args: P.args, **kwargs: P.kwargs
) -> Callable[P, ModelT]:
    """Return *copied* if it makes the same object of an example as *built*, else *built*.

    Args:
        copied: Makes an object with prototypes.
        built: Makes it with constructors.
        *args: The example.
        **kwargs: The example.
    """
    if not _HAS_SLOTS:
        return built
    made, other = copied(*args, **kwargs), copied(*args, **kwargs)
    is_same = is_alike(made, built(*args, **kwargs)) and not _share(made, other, args)
    return copied if is_same else built


def is_alike(one: Any, other: Any) -> bool:
    """Return whether two pydantic objects have the same content, nested objects included."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_alike, one, other))
    if not isinstance(one, BaseModel):
        return bool(one == other)
    return (
        type(one) is type(other)
        and vars(one).keys() == vars(other).keys()
        and all(is_alike(value, vars(other)[name]) for name, value in vars(one).items())
        and one.model_fields_set == other.model_fields_set
        and one.__pydantic_extra__ == other.__pydantic_extra__
        and one.__pydantic_private__ == other.__pydantic_private__
    )


def _share(one: BaseModel, other: BaseModel, arguments: tuple[object, ...]) -> bool:
    """Return whether two objects share a dict, list or object that was not in the arguments."""
    passed = set(map(id, arguments))
    passed |= {
        id(value) for values in arguments if isinstance(values, dict) for value in values.values()
    }
    pairs = ((value, vars(other)[name]) for name, value in vars(one).items())
    shared = [mine for mine, theirs in pairs if mine is theirs and id(mine) not in passed]
    return any(isinstance(value, (dict, list, BaseModel)) for value in shared)
