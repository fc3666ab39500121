"""`ChatWorkersAI`: chat on Cloudflare Workers AI as a LangChain chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import model_validator
from typing_extensions import Self, Unpack

import langchain_workersai._blocks  # noqa: F401 - registers the block translator
import workersai
from langchain_workersai._batches import BatchedChat
from langchain_workersai._chunks import ChunkStream
from langchain_workersai._connection import CONFIG, Connection
from langchain_workersai._errors import ConfigurationError, framework_errors
from langchain_workersai._messages import to_wire_messages
from langchain_workersai._profile import to_langchain_profile
from langchain_workersai._provider import PROVIDER
from langchain_workersai._results import from_wire_chat_result
from langchain_workersai._retries import async_retry_listener, retry_listener
from langchain_workersai._settings import ChatSettings
from langchain_workersai._structured import METHODS, Method, default_method, parsed_by
from langchain_workersai._text_model import add_counts
from langchain_workersai._thinking import Feed, ThinkingStream
from langchain_workersai._tools import (
    ToolLike,
    to_wire_response_format,
    to_wire_tool_choice,
    to_wire_tools,
)
from workersai import __version__, get_profile


class ChatWorkersAI(BatchedChat):
    """A chat model on Cloudflare Workers AI.

    Setup:
        `pip install 'workersai[langchain]'`, then set `CLOUDFLARE_ACCOUNT_ID` and
        `CLOUDFLARE_API_TOKEN`, or pass `account_id` and `api_token`.

    Instantiate:
        ```python
        from langchain_workersai import ChatWorkersAI

        llm = ChatWorkersAI("@cf/ibm-granite/granite-4.0-h-micro", temperature=0)
        ```

    Invoke, stream, and both asynchronously:
        ```python
        llm.invoke("Name a prime.").text
        for chunk in llm.stream("Count to three."):
            print(chunk.text, end="")
        await llm.ainvoke("Name a prime.")
        ```

    Tools and structured output:
        ```python
        llm.bind_tools([get_weather]).invoke("Rain in Lisbon?").tool_calls
        llm.with_structured_output(Person).invoke("Ada, 36")
        ```

    What an answer cost is in `usage_metadata`; `response_metadata` has `model_name`,
    `finish_reason`, `neurons`, `cf_ray` and, if asked for, `logprobs`; reasoning is in
    `additional_kwargs["reasoning_content"]` and in `content_blocks`.

    Attributes:
        think_tags: Whether text between `<think>` and `</think>` is reasoning, for models that
            write it into their answer.
    """

    model_config = CONFIG

    think_tags: bool = False

    def __init__(self, model: str | None = None, **settings: Unpack[ChatSettings]) -> None:
        """Check and keep the settings; no network, no TLS.

        Args:
            model: The model id, `@cf/author/name`.
            **settings: The attributes of this class, by name.

        Raises:
            ConfigurationError: For a setting that cannot work, with its name, not its value.
        """
        Connection.__init__(self, model, **settings)

    @model_validator(mode="after")
    def _set_workersai_version(self) -> Self:
        self._add_version("workersai", __version__)
        return self

    # ------------------------------------------------------------------------- the calls

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with framework_errors():
            arguments = self._chat_arguments(stop, kwargs)
            listener = retry_listener(run_manager)
            wire = to_wire_messages(messages)
            result = self._client().chat(wire, on_retry=listener, **arguments)
        return self._read(result, arguments["model"])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with framework_errors():
            arguments = self._chat_arguments(stop, kwargs)
            listener = async_retry_listener(run_manager)
            wire = to_wire_messages(messages)
            result = await self._async_client().chat(wire, on_retry=listener, **arguments)
        return self._read(result, arguments["model"])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with framework_errors():
            arguments = self._stream_arguments(stop, kwargs)
            listener, chunks = retry_listener(run_manager), self._reader(arguments["model"])
            wire = to_wire_messages(messages)
            events = self._client().stream_chat(wire, on_retry=listener, **arguments)
            with closing(events):
                for event in events:
                    for chunk in chunks.feed(event):
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with framework_errors():
            arguments = self._stream_arguments(stop, kwargs)
            listener = async_retry_listener(run_manager)
            chunks, wire = self._reader(arguments["model"]), to_wire_messages(messages)
            events = self._async_client().stream_chat(wire, on_retry=listener, **arguments)
            async with aclosing(events):
                async for event in events:
                    for chunk in chunks.feed(event):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _read(self, result: workersai.ChatResult, model: str) -> ChatResult:
        result = workersai.without_think_tags(result) if self.think_tags else result
        return from_wire_chat_result(result, model=model)

    def _reader(self, model: str) -> Feed[ChatGenerationChunk]:
        chunks = ChunkStream(model=model)
        return ThinkingStream(chunks) if self.think_tags else chunks

    def _chat_arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join fields, bound options and this call's; tools may still be LangChain's."""
        arguments = self._arguments(stop, options)
        tools = arguments.get("tools")
        if tools and not all(isinstance(tool, Mapping) for tool in tools):
            arguments["tools"] = to_wire_tools(tools)
        return arguments

    def _stream_arguments(
        self, stop: list[str] | None, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        arguments = self._chat_arguments(stop, options)
        return {**arguments, "include_usage": self._include_usage(options)}

    # --------------------------------------------------------- tools and structured output

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: Mapping[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: ToolLike | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: LangChain tools, functions, pydantic classes, TypedDicts, JSON schemas, or
                dicts in OpenAI's or Anthropic's shape; none of them is changed.
            tool_choice: `auto`, `none`, `required`; `any` or `True` for `required`; the name
                of a tool; or the API's own dict.
            strict: Ask for arguments that fit the schema exactly.
            parallel_tool_calls: Whether one answer may call several tools.
            response_format: The form of the answer beside the calls: a schema, or a dict as
                in the OpenAI API.
            **kwargs: Bound to each call as they are.
        """
        bound = {
            "tool_choice": to_wire_tool_choice(tool_choice),
            "parallel_tool_calls": parallel_tool_calls,
            "response_format": response_format and to_wire_response_format(response_format),
        }
        given = {name: value for name, value in bound.items() if value is not None}
        return self.bind(tools=to_wire_tools(tools, strict=strict), **given, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answer with objects of a schema.

        Args:
            schema: A pydantic class (answers are its instances), or a TypedDict, JSON schema
                or function dict (answers are dicts). Optional for `json_mode` alone.
            method: `function_calling` (one forced call of the schema as a tool), `json_schema`
                (the server holds the answer to the schema) or `json_mode` (any JSON; the
                prompt has to describe it). By default, what the model's page supports.
            include_raw: Answer with `{"raw", "parsed", "parsing_error"}` and never raise for
                an answer that cannot be parsed.
            strict: As in `bind_tools`, and for the schema of `json_schema`.
            **kwargs: Bound to each call as they are.

        Raises:
            ConfigurationError: If the method needs a schema and there is none.
            OutputParserException: When run, for an answer that cannot be parsed; one that the
                token cap cut off names `max_tokens`.
        """
        method = method or default_method(get_profile(self.model))
        if schema is None and method != "json_mode":
            raise ConfigurationError(f"schema: {method} needs one", parameter="schema")
        if method not in METHODS:
            raise ConfigurationError(f"method: {method!r} is not one", parameter="method")
        model, parser = METHODS[method](self, schema, strict, kwargs)
        return parsed_by(model, parser, include_raw=include_raw)

    # ------------------------------------------------------ what LangChain asks of a model

    @property
    def _llm_type(self) -> str:
        return f"{PROVIDER}-chat"

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of cached answers; the dump in it does not tell accounts apart."""
        return f"{super()._get_llm_string(stop, **kwargs)}---{self._account_digest()}"

    def _resolve_model_profile(self) -> ModelProfile | None:
        return to_langchain_profile(self.model)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._tracing_params("chat", stop, kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return add_counts(llm_outputs)

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text; no tokenizer is downloaded."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return count_tokens_approximately([text], extra_tokens_per_message=0, count_name=False)

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any] | None = None,
    ) -> int:
        """Estimate the tokens of a conversation and its tools; nothing is downloaded."""
        wire: list[Any] | None = [*to_wire_tools(tools)] if tools else None
        return count_tokens_approximately(messages, tools=wire)
