"""Parse a model's answer into the requested object, for all methods of structured output.

The parsers of langchain-core are lenient so that they can show the state of a stream: they read an
answer that was cut off by the token cap as a whole one without some keys, and end a stream without
a usable object silently. This parser shows the same state during a stream, but ends with the whole
object or an exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from pydantic import ValidationError
from pydantic_core import from_json
from typing_extensions import override

from langchain_workersai._translate.schemas import has_own_objects, read_object
from workersai.integration import OutputSchema, misfits, partial_json

REFUSED: type[Exception] = getattr(exceptions, "ModelRefusalError", OutputParserException)
"""The exception for a refusal; langchain-core has its own class from 1.7.5 on."""


class StructuredParser(BaseTransformOutputParser[Any]):
    """Reads the object from an answer.

    Attributes:
        wanted: The requested schema; `None` for any JSON.
        output: The schema as it was sent; `None` for any JSON.
        checks_keys: Whether a text must have the keys that a JSON schema requires. LangChain does
            not check dicts; but if the server did not enforce the schema, the text may be other
            JSON.
        has_tools: Whether the model may call other tools instead; the result is `None` then.
    """

    wanted: Any = None
    output: OutputSchema | None = None
    checks_keys: bool = False
    has_tools: bool = False

    @override
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Read the first answer.

        Args:
            result: The answers.
            partial: Whether the answer is the state of a stream; missing parts are `None` then.

        Raises:
            OutputParserException: If it is not the object: other words, JSON that does not fit,
                a call that cannot be read, or an answer that the token cap cut off. For a
                refusal, `ModelRefusalError` if langchain-core has it.
        """
        message = _message(result)
        return self._partial(message) if partial else self._whole(message)

    @override
    def parse(self, text: str) -> Any:
        """Read a bare text; see `parse_result`."""
        return self.parse_result([Generation(text=text)])

    def _whole(self, message: AIMessage) -> Any:
        if (refusal := message.additional_kwargs.get("refusal")) is not None:
            raise REFUSED(f"The model refused: {refusal}")
        if message.tool_calls and self.has_tools:
            return None
        if message.tool_calls and self.output is not None:
            call = self._call(message)
            return self._fit(self.output.of_arguments(call["args"]), str(call["args"]))
        try:
            return self._of_text(message.text)
        except OutputParserException:
            _raise_if_cut(message)
            _raise_if_unreadable(message)
            raise

    def _call(self, message: AIMessage) -> Any:
        """Return the call of the schema, else the first call, because no other tool was offered."""
        name = self.output.name if self.output is not None else ""
        calls = message.tool_calls
        return next((call for call in calls if call["name"] == name), calls[0])

    def _of_text(self, text: str) -> Any:
        schema = self.output or _ANY
        found = self._fit(schema.of_text(text), text)
        if self.checks_keys and isinstance(found, dict) and not schema.is_wrapped:
            missing = [key for key in schema.schema.get("required", ()) if key not in found]
            if missing:
                raise _misfit(schema.name, f"it has no {', '.join(missing)}", text)
        return found

    def _fit(self, readings: list[str], text: str) -> Any:
        """Return the first reading that fits."""
        reason = ""
        for reading in readings:
            try:
                return self._read(reading)
            except ValueError as error:  # noqa: PERF203 - at most three readings
                reason = reason or _reason(error)
        raise _misfit(self.output.name if self.output is not None else "JSON", reason, text)

    def _read(self, text: str) -> Any:
        if has_own_objects(self.wanted):
            return read_object(self.wanted, text)
        found = from_json(text)
        if self.output is not None and not self.output.is_wrapped and not isinstance(found, dict):
            raise ValueError(f"it is a JSON {type(found).__name__}, not an object")
        return found

    def _partial(self, message: AIMessage) -> Any:
        """Return the dict so far; an object of a class is returned only when complete."""
        if has_own_objects(self.wanted):
            return None
        pieces = message.tool_call_chunks if isinstance(message, AIMessageChunk) else ()
        found = partial_json((pieces[0]["args"] or "") if pieces else message.text)
        if self.output is not None and self.output.is_wrapped and isinstance(found, dict):
            return found.get("value")
        return found

    # ---------------------------------------------------------------------------- streams

    @override
    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        state = _StreamState(self)
        for chunk in input:
            yield from state.feed(chunk)
        yield from state.close()

    @override
    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:
        state = _StreamState(self)
        async for chunk in input:
            for found in state.feed(chunk):
                yield found
        for found in state.close():
            yield found


class _StreamState:
    """The state of one stream: the message so far, and the last state that was shown."""

    def __init__(self, parser: StructuredParser) -> None:
        self._parser = parser
        self._shown: Any = None
        self.message: AIMessage | None = None

    def feed(self, chunk: str | BaseMessage) -> list[Any]:
        """Take a chunk; return the state so far if it is new."""
        self.message = joined(self.message, chunk)
        found = self._parser.parse_result([ChatGeneration(message=self.message)], partial=True)
        if found is None or found == self._shown:
            return []
        self._shown = found
        return [found]

    def close(self) -> list[Any]:
        """Return the whole object if the stream has not shown it yet; raise if there is none."""
        message = self.message or AIMessage("")
        found = self._parser.parse_result([ChatGeneration(message=message)])
        return [] if found is not None and found == self._shown else [found]


def joined(message: AIMessage | None, chunk: str | BaseMessage) -> AIMessage:
    """Add a chunk to the message so far; a model that does not stream sends one message."""
    if isinstance(chunk, str):
        chunk = AIMessageChunk(content=chunk)
    if isinstance(message, AIMessageChunk) and isinstance(chunk, AIMessageChunk):
        return message + chunk
    return chunk if isinstance(chunk, AIMessage) else AIMessage(chunk.text)


_ANY = OutputSchema(name="JSON", description="", schema={"type": "object"})


def _message(result: list[Generation]) -> AIMessage:
    first = result[0] if result else Generation(text="")
    if not isinstance(first, ChatGeneration):
        return AIMessage(first.text)
    message = first.message
    return message if isinstance(message, AIMessage) else AIMessage(message.text)


def _misfit(name: str, reason: str, text: str) -> OutputParserException:
    return OutputParserException(
        f"The model's answer is not {name}: {reason}. It was: {text!r}", llm_output=text
    )


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return "; ".join(misfits(error))


def _raise_if_cut(message: AIMessage) -> None:
    if message.response_metadata.get("finish_reason") == "length":
        raise OutputParserException(
            "The answer was cut off by the token cap (finish_reason 'length') before it was "
            "complete. Raise max_tokens; reasoning counts against it.",
            llm_output=message.text,
        )


def _raise_if_unreadable(message: AIMessage) -> None:
    for call in message.invalid_tool_calls:
        raise OutputParserException(
            f"The arguments for {call['name']} cannot be read: {call['error'] or 'not JSON'}",
            llm_output=str(call["args"]),
        )
