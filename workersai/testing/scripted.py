"""A local Workers AI whose next answers a test sets: texts, tool calls, errors, stalls, cuts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import Self

from workersai import ConfigurationError
from workersai._checks import check_count
from workersai._json import HALVES, has_halves
from workersai._response.errors import status_of_code
from workersai.local import LocalServer, RecordedRequest
from workersai.local.engines.queued import PreparedAnswer, ScriptedEngine

__all__ = ["ScriptedServer"]


class ScriptedServer:
    """A server on this machine that answers chats as a test prepared them, in order.

    When all prepared answers are used, it answers by the rules of the `echo` engine, the same every
    time. Vectors and scores always come from these rules. Every response names the server
    `workersai-local`: it is a stand-in, and says nothing about the quality of a model.

    Example:
        ```python
        with ScriptedServer() as server:
            server.answers("The order is on its way.")
            server.fails(code=3040)
        ```
    """

    def __init__(self) -> None:
        self._engine = ScriptedEngine()
        self._server = LocalServer(self._engine)

    @property
    def base_url(self) -> str:
        """The API root, to put in place of Cloudflare's."""
        return self._server.base_url

    @property
    def account_id(self) -> str:
        """The account that is accepted."""
        return self._server.account_id

    @property
    def api_token(self) -> str:
        """The token that is accepted."""
        return self._server.api_token

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far: `method`, `path`, `headers` without credentials, `json`."""
        return self._server.requests

    @property
    def unused(self) -> int:
        """How many prepared answers no request has taken."""
        return len(self._engine.prepared)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point every class of the package to this server."""
        return {
            "WORKERSAI_BASE_URL": self.base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.account_id,
            "CLOUDFLARE_API_TOKEN": self.api_token,
        }

    def answers(self, *texts: str, reasoning: str = "") -> Self:
        """Answer the next requests with these texts, one each.

        Args:
            *texts: The texts, which may be JSON for structured output.
            reasoning: The thinking before each of them; models that reason have a field for it.

        Raises:
            ConfigurationError: If one of them is not a text.
        """
        thought = _text("reasoning", reasoning)
        return self._add(*(PreparedAnswer(_text("texts", text), thought) for text in texts))

    def calls(self, name: str, arguments: Mapping[str, Any] | str, text: str = "") -> Self:
        """Answer the next request with a tool call.

        Args:
            name: The tool's name; one that the app does not have is possible.
            arguments: An object, or the text that stands in its place, which may be broken JSON.
            text: Text beside the call.

        Raises:
            ConfigurationError: If the name is not a text, or the arguments are neither.
        """
        return self.calls_tools((name, arguments), text=text)

    def calls_tools(self, *calls: tuple[str, Mapping[str, Any] | str], text: str = "") -> Self:
        """Answer the next request with several tool calls, as (name, arguments).

        Raises:
            ConfigurationError: If a call is not such a pair; see `calls`.
        """
        prepared = tuple(map(_call, calls))
        return self._add(PreparedAnswer(_text("text", text), calls=prepared))

    def fails(
        self, code: int, *, status: int | None = None, message: str | None = None, times: int = 1
    ) -> Self:
        """Refuse the next requests with one of Cloudflare's error codes.

        Args:
            code: Such as 3040 (out of capacity), 3021 (requests a minute), 4006 (daily
                allocation), 3046 (took too long), 5006 (bad input), 8005 (internal error).
            status: The HTTP status; by default the one that comes with the code.
            message: Cloudflare's text.
            times: How many requests; the client's own retries count.

        Raises:
            ConfigurationError: If no status is passed and the code is not known, or *code* or
                *times* is not a whole number that is possible.
        """
        check_count("code", code, 0)
        check_count("times", times, 1)
        found = status_of_code(code) if status is None else status
        if found is None:
            raise ConfigurationError(
                f"code={code} is not one of Workers AI's known codes: pass status as well",
                parameter="code",
            )
        refusal = (found, code, message or "refused by the test")
        return self._add(*[PreparedAnswer(refusal=refusal)] * times)

    def stalls(self, text: str = "", *, after: int = 0) -> Self:
        """Let the next request wait for ever: the app's own timeout must end it.

        Args:
            text: The text that a stream sends the beginning of.
            after: How many tokens of the text are sent before the stall.

        Raises:
            ConfigurationError: If *text* is not a text, or *after* is not a number from 0.
        """
        return self._add(
            PreparedAnswer(_text("text", text), stalls_after=check_count("after", after, 0))
        )

    def cuts(self, text: str, *, after: int = 1) -> Self:
        """End the next stream in the middle, without an error and without `[DONE]`.

        Args:
            text: The text that the stream sends the beginning of.
            after: How many tokens of the text are sent.

        Raises:
            ConfigurationError: If *text* is not a text, or *after* is not a number from 0.
        """
        return self._add(
            PreparedAnswer(_text("text", text), stops_after=check_count("after", after, 0))
        )

    def reset(self) -> None:
        """Forget prepared answers and recorded requests, and let stalled requests go."""
        self._engine.reset()
        self._server.requests.clear()

    def start(self) -> Self:
        """Start serving."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Let stalled requests go, and stop serving."""
        self._engine.close()
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _add(self, *answers: PreparedAnswer) -> Self:
        self._engine.prepared.extend(answers)
        return self


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{name} must be text, not {type(value).__name__}"
            + (": pass json.dumps(...) of it" if name == "texts" else ""),
            parameter=name,
        )
    if has_halves(value):
        raise ConfigurationError(f"{name} {HALVES}", parameter=name)
    return value


def _call(call: Any) -> tuple[str, str]:
    if not isinstance(call, tuple | list) or len(call) != 2:
        raise ConfigurationError(
            f"a call must be (name, arguments), not {call!r}", parameter="calls"
        )
    name, arguments = call
    if not isinstance(arguments, str | Mapping):
        raise ConfigurationError(
            f"arguments must be a dict or a text, not {type(arguments).__name__}",
            parameter="arguments",
        )
    try:
        written = arguments if isinstance(arguments, str) else to_json(arguments).decode()
    except PydanticSerializationError as error:
        raise ConfigurationError(f"arguments: {error}", parameter="arguments") from None
    return _text("name", name), _text("arguments", written)
