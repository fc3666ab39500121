"""The options of a single call that control how its request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workersai.errors import ConfigurationError
from workersai.integration.checked import CheckedFields
from workersai.integration.pickles import has_secret
from workersai.types import RequestOptions

__all__ = ["HEADERS", "REQUEST_OPTIONS", "CallFields"]

REQUEST_OPTIONS = tuple(RequestOptions.__annotations__)
"""Options of a single call that control how its request is sent."""

HEADERS = frozenset({"default_headers", "extra_headers"})
"""Other names of `headers`: the object's, and that of OpenAI's client."""

_TRACED_SECRETS: Mapping[str, str] = MappingProxyType(
    {**dict.fromkeys(("headers", *HEADERS), "default_headers"), "gateway": "gateway"}
)
"""Options of a single call that may contain secrets -> the object's setting to use instead."""


class CallFields(CheckedFields):
    """How every class reads the options of a single call."""

    def _request_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a call that accepts `workersai.RequestOptions` and no others.

        Args:
            options: The options by the core's names, or by their aliases.

        Raises:
            ConfigurationError: An option is unknown, a setting of the object, or a secret that
                traces of the call would show.
        """
        named = self._pop_request_options(dict(options))
        for name in self._by_field(options):
            if name not in named and name not in HEADERS:
                raise self._no_option(name, options)
        return named

    def _pop_request_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Remove the options about sending from a call's keywords, and return them."""
        known = {*REQUEST_OPTIONS, *HEADERS}
        sending = {name: v for name, v in options.items() if self.ALIASES.get(name, name) in known}
        self._check_public(sending)
        for name in sending:
            del options[name]
        by_field = self._by_field(sending)
        return {"headers" if name in HEADERS else name: v for name, v in by_field.items()}

    def _check_public(self, options: Mapping[str, Any]) -> None:
        """Reject secrets among the options of one call, because callbacks and traces show them.

        Raises:
            ConfigurationError: It names the option and where to pass the secret instead.
        """
        for name in options.keys() & _TRACED_SECRETS:
            value, setting = options[name], _TRACED_SECRETS[name]
            if has_secret(setting, value):
                text = (
                    f"{name} of a single call would be shown in traces, and contains a secret: "
                    f"pass it to the object, as {setting}"
                )
                raise self._named_error(ConfigurationError(text, parameter=name))

    @staticmethod
    def _take_request_options(arguments: dict[str, Any]) -> dict[str, Any]:
        """Remove the options about sending from arguments by the core's names, and return them."""
        return {name: arguments.pop(name) for name in REQUEST_OPTIONS if name in arguments}

    def _no_option(self, name: str, options: Mapping[str, Any]) -> ConfigurationError:
        option = next(alias for alias in options if self.ALIASES.get(alias, alias) == name)
        if name not in type(self).model_fields:
            return self._unknown(option)
        text = f"{option} is a setting of the object, not of a single call"
        return self._named_error(ConfigurationError(text, parameter=option))
