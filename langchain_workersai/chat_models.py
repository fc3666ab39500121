"""`ChatWorkersAI`: chat on Cloudflare Workers AI as a LangChain chat model."""

from __future__ import annotations

import inspect
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from itertools import chain
from typing import Any, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, get_buffer_string
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig
from pydantic import Field, StrictBool, model_validator
from typing_extensions import Self, Unpack, override

import langchain_workersai._translate.blocks  # noqa: F401 - registers the block translator
from langchain_workersai._errors import ConfigurationError, framework_errors
from langchain_workersai._model.arguments import ChatSettings
from langchain_workersai._model.batches import BatchedChat
from langchain_workersai._model.identity import add_counts
from langchain_workersai._model.many import THREADS, ainvoke_each, invoke_each
from langchain_workersai._model.retries import (
    async_retry_listener,
    async_retry_reporter,
    retry_listener,
    retry_reporter,
)
from langchain_workersai._model.structured import READS_TEXT
from langchain_workersai._model.without_callbacks import (
    begin_without_callbacks,
    begin_without_callbacks_async,
    is_plain,
    is_text,
)
from langchain_workersai._provider import PROVIDER
from langchain_workersai._translate.answers import from_wire_chat_result
from langchain_workersai._translate.chunks import ChunkStream
from langchain_workersai._translate.messages import (
    to_wire_messages,
    with_arguments_read,
    with_images_typed,
)
from langchain_workersai._translate.profile import from_core_profile, to_langchain_profile
from langchain_workersai._translate.thinking import ThinkingStream
from langchain_workersai._translate.tools import (
    is_wire_tool,
    to_wire_response_format,
    to_wire_tool_choice,
    to_wire_tools,
)
from workersai import ChatResult as WireResult
from workersai import ModelProfile as ModelFacts
from workersai import __version__, without_think_tags
from workersai.integration import (
    CONFIG,
    CheckedFields,
    RoundEvent,
    Rounds,
    WireMessage,
    ask_rounds,
    ask_rounds_async,
    hides_arguments,
    partial_as,
    profile_in_catalogue,
    splits_think_tags,
    stream_rounds,
    stream_rounds_async,
    to_history,
)

_LOCAL = frozenset({"stream", "stream_usage", "tool_call_retries", READS_TEXT})
"""Options of a call that LangChain and this class use; they are not parameters."""


MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def _keeps_signature(method: MethodT) -> MethodT:
    """Decorate a method whose signature LangChain looks at for each call, which takes its time."""
    vars(method)["__signature__"] = inspect.signature(method)
    return method


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

    The usage of an answer is in `usage_metadata`; `response_metadata` has `model_name`,
    `finish_reason`, `request_id` and, if requested, `logprobs`. Its `neurons`
    and `cost_usd` are lists with one number for each call, because LangChain can join lists but not
    add fractions; `get_workersai_callback` adds up the costs of many calls. Reasoning is in
    `additional_kwargs["reasoning_content"]` and in `content_blocks`.

    Attributes:
        repair_history: Whether to repair histories that strict models refuse: calls without
            results, results without calls, late system messages. Your messages are not modified;
            see `workersai.integration.repair_history` for the details.
        tool_call_retries: How often to ask a model again within one call if all its tool calls are
            malformed; the model gets the reasons. Arguments are never repaired by guessing, and a
            call that the token cap cut off is not asked for again. Calls that cannot be run in the
            end are in `invalid_tool_calls`, and so are the malformed calls of earlier rounds.
        streaming: Whether `invoke` uses the streaming API; `False` switches streaming off,
            `None` lets the call decide.
        stream_usage: Whether to ask for the usage of a stream; native streams always report it.
    """

    model_config = CONFIG

    repair_history: StrictBool = True
    tool_call_retries: int = Field(default=2, ge=0)
    streaming: StrictBool | None = None
    stream_usage: StrictBool = True

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[ChatSettings]) -> None:
        """Check and store the settings; does not use the network.

        Args:
            model: The model id, `@cf/author/name`.
            **settings: The attributes of this class, by name.

        Raises:
            ConfigurationError: For a wrong setting; the error names it and hides secrets.
        """
        CheckedFields.__init__(self, model, **settings)

    @classmethod
    @hides_arguments
    def from_catalogue(cls, model: str, **settings: Unpack[ChatSettings]) -> Self:
        """Create the model with the profile from the account's live catalogue (one request).

        Args:
            model: The model id, `@cf/author/name`.
            **settings: As for the class itself; a `profile` that you pass is kept.

        Raises:
            ConfigurationError: The catalogue does not list the model.
            WorkersAIError: The catalogue could not be read.
        """
        llm = cls(model, **settings)
        return llm._described(keep=bool(settings.get("profile")))

    @classmethod
    @hides_arguments
    def afrom_catalogue(
        cls, model: str, **settings: Unpack[ChatSettings]
    ) -> Coroutine[Any, Any, Self]:
        """As `from_catalogue`, asynchronously."""
        llm = cls(model, **settings)
        return llm._adescribed(keep=bool(settings.get("profile")))

    def _described(self, *, keep: bool) -> Self:
        with framework_errors():
            found = self._client().list_models(search=self.model, on_retry=retry_reporter())
            facts = profile_in_catalogue(found, self.model)
        return self._with_facts(facts, keep=keep)

    async def _adescribed(self, *, keep: bool) -> Self:
        with framework_errors():
            models, listener = self._async_client().list_models, async_retry_reporter()
            found = await models(search=self.model, on_retry=listener)
            facts = profile_in_catalogue(found, self.model)
        return self._with_facts(facts, keep=keep)

    def _with_facts(self, facts: ModelFacts, *, keep: bool) -> Self:
        self._facts = facts
        if not keep:
            self.profile = from_core_profile(facts)
        return self

    @model_validator(mode="after")
    def _set_workersai_version(self) -> Self:
        self._add_version("workersai", __version__)
        return self

    @model_validator(mode="after")
    def _take_own_profile(self) -> Self:
        """Replace another model's profile: `configurable_fields` copies all fields of an object."""
        self._renew_profile()
        return self

    def _renew_profile(self) -> None:
        """Set the model's profile in place of another model's; a user's own profile is kept."""
        name = self.profile.get("name") if self.profile else None
        is_other = isinstance(name, str) and name != self.model
        if self.profile is None or (is_other and self.profile == to_langchain_profile(str(name))):
            hook = type(self)._resolve_model_profile  # noqa: SLF001 - a subclass may have its own
            is_own = hook is ChatWorkersAI._resolve_model_profile
            self.profile = self._own_profile() if is_own else hook(self)

    def _forget(self, field: str) -> None:
        super()._forget(field)
        if field == "model" and not self._is_being_checked():
            self._renew_profile()

    # ------------------------------------------------------------------------- the calls

    @override
    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Invoke with several inputs at once, one request for each.

        Args:
            inputs: Strings, prompts or lists of messages, as for `invoke`.
            config: One for all, or one for each; `max_concurrency` of the first is used.
            return_exceptions: Whether to return the exception of a failed input in its place. If
                not, the first failure is raised, and no further input is sent.
            **kwargs: As for `invoke`.

        Returns:
            The messages, in the order of the inputs.
        """
        kwargs["return_exceptions"] = return_exceptions
        return invoke_each(self, inputs, config, THREADS, **kwargs)

    @override
    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """As `batch`, asynchronously; if a failure is raised, the other requests are cancelled."""
        kwargs["return_exceptions"] = return_exceptions
        return await ainvoke_each(self, inputs, config, len(inputs), **kwargs)

    @_keeps_signature
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
            rounds = self._rounds(messages, arguments, listener, kwargs)
            result = rounds.with_all_calls(ask_rounds(self._client().chat, rounds))
        return self._read(result, arguments["model"], has_functions="functions" in arguments)

    @_keeps_signature
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
            rounds = self._rounds(messages, arguments, listener, kwargs)
            answer = await ask_rounds_async(self._async_client().chat, rounds)
            result = rounds.with_all_calls(answer)
        return self._read(result, arguments["model"], has_functions="functions" in arguments)

    @override
    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Stream an answer. Without callbacks, no chunk is kept until the end.

        Args:
            input: A string, a prompt or a list of messages.
            config: As for `invoke`.
            stop: Texts at which the answer ends.
            **kwargs: As for `invoke`.
        """
        run_id, messages = None, self._plain_input(input, ChatWorkersAI._stream, kwargs)
        if messages is not None:
            run_id = begin_without_callbacks(self, config, messages)
        if messages is None or run_id is None:
            yield from super().stream(input, config, stop=stop, **kwargs)
            return
        self._check_public(kwargs)
        with framework_errors(), partial_as(self._partial):
            chunks, lists = self._open(messages, stop, kwargs, run_id=run_id)
            with closing(lists):
                for events in lists:
                    yield from chain.from_iterable(map(chunks.messages, events))

    @override
    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """As `stream`, asynchronously."""
        run_id, messages = None, self._plain_input(input, ChatWorkersAI._astream, kwargs)
        if messages is not None:
            run_id = await begin_without_callbacks_async(self, config, messages)
        if messages is None or run_id is None:
            observed = super().astream(input, config, stop=stop, **kwargs)
            async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", observed)) as found:
                async for message in found:
                    yield message
            return
        self._check_public(kwargs)
        with framework_errors(), partial_as(self._partial):
            chunks, lists = self._aopen(messages, stop, kwargs, run_id=run_id)
            async with aclosing(lists):
                async for events in lists:
                    for message in chain.from_iterable(map(chunks.messages, events)):
                        yield message

    def _plain_input(
        self, model_input: LanguageModelInput, ours: Any, options: Mapping[str, Any]
    ) -> list[BaseMessage] | None:
        """Return the messages of an input; `None` if LangChain's own loop has to stream the answer.

        Args:
            model_input: The input of `stream`.
            ours: This class's `_stream` or `_astream`; a subclass may have its own.
            options: The options of the call.
        """
        if getattr(type(self), ours.__name__) is not ours or not is_plain(self, options):
            return None
        messages = self._convert_input(model_input).to_messages()
        return messages if is_text(messages) else None

    def _open(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        options: Mapping[str, Any],
        run_manager: CallbackManagerForLLMRun | None = None,
        run_id: str | None = None,
    ) -> tuple[ChunkStream | ThinkingStream, Generator[Sequence[RoundEvent], None, None]]:
        """Prepare a stream: what reads its events, and the events, in lists."""
        arguments = self._stream_arguments(stop, options)
        rounds = self._rounds(messages, arguments, retry_listener(run_manager), options)
        lists = stream_rounds(self._client().stream_chat, rounds)
        return self._reader(arguments, run_id), lists

    def _aopen(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        options: Mapping[str, Any],
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        run_id: str | None = None,
    ) -> tuple[ChunkStream | ThinkingStream, AsyncGenerator[Sequence[RoundEvent], None]]:
        """As `_open`, for a stream that is awaited."""
        arguments = self._stream_arguments(stop, options)
        rounds = self._rounds(messages, arguments, async_retry_listener(run_manager), options)
        lists = stream_rounds_async(self._async_client().stream_chat, rounds)
        return self._reader(arguments, run_id), lists

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with framework_errors(), partial_as(self._partial):
            chunks, lists = self._open(messages, stop, kwargs, run_manager)
            with closing(lists):
                for chunk in chain.from_iterable(map(chunks.feed, chain.from_iterable(lists))):
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
        with framework_errors(), partial_as(self._partial):
            chunks, lists = self._aopen(messages, stop, kwargs, run_manager)
            async with aclosing(lists):
                async for events in lists:
                    for chunk in chain.from_iterable(map(chunks.feed, events)):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _rounds(
        self,
        messages: Sequence[BaseMessage],
        arguments: Mapping[str, Any],
        listener: Any,
        options: Mapping[str, Any],
    ) -> Rounds:
        """Prepare the requests of one call: more than one if a tool call cannot be run."""
        wire = self._wire_messages(messages, arguments["model"])
        of_call = options.get("tool_call_retries")
        retries = self.tool_call_retries if of_call is None else of_call
        return Rounds(
            {"messages": wire, "on_retry": listener, **arguments},
            retries,
            think_tags=splits_think_tags(self.think_tags, arguments["model"]),
            reads_text=bool(options.get(READS_TEXT, True)),
        )

    def _wire_messages(self, messages: Sequence[BaseMessage], model: str) -> list[WireMessage]:
        return to_history(to_wire_messages(messages), model=model, repair=self.repair_history)

    def _read(self, result: WireResult, model: str, *, has_functions: bool = False) -> ChatResult:
        result = without_think_tags(result) if splits_think_tags(self.think_tags, model) else result
        return from_wire_chat_result(
            result, model=model, has_functions=has_functions, facts=self._facts
        )

    def _partial(self, result: WireResult) -> BaseMessage:
        return self._read(result, self.model).generations[0].message

    def _reader(
        self, arguments: Mapping[str, Any], run_id: str | None
    ) -> ChunkStream | ThinkingStream:
        model: str = arguments["model"]
        reader = ThinkingStream if splits_think_tags(self.think_tags, model) else ChunkStream
        has_functions = "functions" in arguments
        return reader(model=model, has_functions=has_functions, facts=self._facts, run_id=run_id)

    def _chat_arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join fields, bound options and this call's; tools and schemas may be LangChain's."""
        arguments = self._arguments(stop, {k: v for k, v in options.items() if k not in _LOCAL})
        tools, schema = arguments.get("tools"), arguments.get("response_format")
        if tools is not None and not (isinstance(tools, list) and all(map(is_wire_tool, tools))):
            arguments["tools"] = to_wire_tools(tools)
        if "tool_choice" in arguments:
            arguments["tool_choice"] = to_wire_tool_choice(arguments["tool_choice"])
        if schema is not None:
            arguments["response_format"] = to_wire_response_format(schema)
        return arguments

    def _stream_arguments(
        self, stop: list[str] | None, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        of_call = options.get("stream_usage")
        usage = self.stream_usage if of_call is None else bool(of_call)
        return {**self._chat_arguments(stop, options), "include_usage": usage}

    # ------------------------------------------------------ what LangChain asks of a model

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        """Convert the input to a prompt; raise `ConfigurationError` if LangChain cannot read it."""
        try:
            return with_images_typed(super()._convert_input(with_arguments_read(model_input)))
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            reason = str(error)
        raise ConfigurationError(f"messages: {reason}", parameter="messages")

    @property
    def _llm_type(self) -> str:
        return f"{PROVIDER}-chat"

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        return {**self._identifying_params, "_type": self._llm_type, "stop": stop, **kwargs}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        return self._cache_key({**kwargs, "stop": stop})

    def _resolve_model_profile(self) -> ModelProfile | None:
        # While an object is made, `_renew_profile` sets the profile: LangChain would look at the
        # names in it for every object, for half of the time that a constructor takes.
        return None if self._is_being_checked() else self._own_profile()

    def _own_profile(self) -> ModelProfile | None:
        return to_langchain_profile(self.model)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._tracing_params("chat", stop, kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return add_counts(llm_outputs)

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any] | None = None,
    ) -> int:
        """Count the tokens of a conversation and its tools, as `get_num_tokens` does."""
        wire: list[Any] = [*to_wire_tools(tools or ())]
        if self.custom_get_token_ids is not None:
            texts = [get_buffer_string([m]) for m in messages] + [json.dumps(t) for t in wire]
            return sum(map(self.get_num_tokens, texts))
        return count_tokens_approximately(messages, tools=wire or None)
