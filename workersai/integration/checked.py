"""A pydantic base class that checks settings the same way in constructors and assignments."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    model_validator,
)
from typing_extensions import Self

from workersai._arguments import ExtraFields, unknown_argument
from workersai._checks import plain_number
from workersai._secrets import hides_arguments
from workersai.errors import ConfigurationError
from workersai.integration.reading import by_field, explain, without_input

__all__ = ["CONFIG", "CheckedFields", "Count"]

Count = Annotated[int, Strict(), BeforeValidator(plain_number)]
"""An integer, also one of numpy; pydantic converts neither texts nor booleans to it."""

CONFIG = ConfigDict(
    arbitrary_types_allowed=True,
    extra="forbid",
    hide_input_in_errors=True,
    populate_by_name=True,
    protected_namespaces=(),
)
"""Every class of an adapter must set this as its own `model_config`.

Pydantic merges the configurations of all bases, and the last base, which is the framework's, wins.
"""

_is_checking: ContextVar[bool] = ContextVar("_is_checking", default=False)
"""Set while pydantic validates: assignments by a framework's validators are not checked again."""


class CheckedFields(BaseModel):
    """The base of `ConnectionFields` and `GenerationFields`; it has no fields.

    The constructor and every assignment accept a field's name or an alias, check the value the
    same way, and raise `ConfigurationError`, which does not show values that could be secret. A
    failed assignment leaves the object unchanged.
    """

    model_config = CONFIG

    ALIASES: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Argument names of other packages -> the field with the same meaning."""

    OTHERS_IN: ClassVar[str] = "extra"
    """The name of the field for further keys of a request's body."""

    REFUSAL: ClassVar[type[ConfigurationError]] = ConfigurationError
    """The class of the errors; an adapter may use its own subclass."""

    UNREAD: ClassVar[frozenset[str]] = frozenset()
    """Keys that a framework adds to its dumps beside the fields."""

    def __init__(self, model: str | None = None, **settings: Any) -> None:
        """Check and store the settings.

        Raises:
            ConfigurationError: A setting is missing, wrong or unknown; `parameter` names it.
        """
        if model is not None:
            settings["model"] = model
        refusal: ConfigurationError | None = None
        token = _is_checking.set(True)
        try:
            super().__init__(**self._by_field(settings))
        except ValidationError as error:
            refusal = self._refusal(error)
        finally:
            _is_checking.reset(token)
        if refusal is not None:
            # Raise outside the handler: pydantic's error contains the input and must not be the
            # context.
            raise refusal

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Merge the aliases of all bases, so that a class lists only its additions.

        A name that a user's subclass has as a field of its own is no alias there.
        """
        super().__pydantic_init_subclass__(**kwargs)
        bases = [base for base in cls.__bases__ if issubclass(base, CheckedFields)]
        is_renamed = cls.OTHERS_IN not in {base.OTHERS_IN for base in bases}
        joined: dict[str, str] = {"extra": cls.OTHERS_IN} if is_renamed else {}
        for base in reversed(bases):
            joined.update(base.ALIASES)
        joined.update(vars(cls).get("ALIASES", {}))
        older = {name for base in cls.__mro__[1:] for name in getattr(base, "model_fields", ())}
        new = cls.model_fields.keys() - older
        cls.ALIASES = MappingProxyType({k: field for k, field in joined.items() if k not in new})

    @model_validator(mode="wrap")
    @classmethod
    def _hide_input(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Remove values from validation errors when this object is a field of another model."""
        try:
            return handler(data)
        except ValidationError as error:
            if _is_checking.get():  # our own constructor needs the types of the values
                raise
            refusal = without_input(error)
        raise refusal

    @hides_arguments
    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field by its name or an alias; the value is converted as in the constructor.

        Raises:
            ConfigurationError: The value is wrong, or there is no such field.
        """
        field = self.ALIASES.get(name, name)
        if field in type(self).model_fields:
            value = value if _is_checking.get() else self._checked(field, value)
        elif not name.startswith("_") and not hasattr(type(self), name):
            raise self._unknown(name)
        super().__setattr__(field, value)
        self._forget(field)

    def _checked(self, field: str, value: Any) -> Any:
        """Check a value on a copy, because pydantic assigns it before the last validators run."""
        twin = self.__copy__()
        refusal: ConfigurationError | None = None
        token = _is_checking.set(True)
        try:
            type(self).__pydantic_validator__.validate_assignment(twin, field, value)
        except ValidationError as error:
            refusal = self._refusal(error)
        finally:
            _is_checking.reset(token)
        if refusal is not None:
            raise refusal
        return twin.__dict__[field]

    def _forget(self, field: str) -> None:
        """Drop values that were derived from a field that has changed."""

    def _extra(self) -> ExtraFields:
        """Return the further keys of a request's body."""
        return ExtraFields(getattr(self, self.OTHERS_IN), self.OTHERS_IN)

    if not TYPE_CHECKING:  # type checkers should still report unknown attributes

        def __getattr__(self, name: str) -> Any:
            field = type(self).ALIASES.get(name)
            return super().__getattr__(name) if field is None else getattr(self, field)

    @hides_arguments
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the object, then assign the values in *update*.

        Raises:
            ConfigurationError: A value is wrong, or a name is not a field.
        """
        twin = super().model_copy(deep=deep)
        changes = self._by_field(update or {})
        order = [name for name in type(self).model_fields if name in changes]
        for name in dict.fromkeys([*order, *changes]):
            setattr(twin, name, changes[name])
        return twin

    @classmethod
    def _by_field(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace aliases by field names.

        Raises:
            ConfigurationError: If two names of one field have different values.
        """
        try:
            return by_field(settings, cls.ALIASES, cls.UNREAD)
        except ConfigurationError as error:
            refusal = cls._named_error(error)
        raise refusal

    @classmethod
    def _refusal(cls, error: ValidationError) -> ConfigurationError:
        return cls._named_error(explain(error, cls._known(), cls.OTHERS_IN))

    @classmethod
    def _named_error(cls, error: ConfigurationError) -> ConfigurationError:
        """Return an error that names this class."""
        return cls.REFUSAL(f"{cls.__name__}: {error}", parameter=error.parameter)

    @classmethod
    def _unknown(cls, name: str) -> ConfigurationError:
        return cls._named_error(unknown_argument(name, cls._known(), others_in=cls.OTHERS_IN))

    @classmethod
    def _known(cls) -> set[str]:
        return {*cls.model_fields, *cls.ALIASES}

    @staticmethod
    def _is_being_checked() -> bool:
        """Return whether a framework is assigning now, in a constructor or a validator."""
        return _is_checking.get()
