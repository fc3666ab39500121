"""WorkersAI: a Workers AI text-generation model as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)
from typing_extensions import Self, Unpack

from llamaindex_workersai._model.arguments import ChatSettings
from llamaindex_workersai._model.batches import BatchedChat
from llamaindex_workersai._model.options import chat_method, completion_method
from llamaindex_workersai._model.retries import report_retry
from llamaindex_workersai._model.streams import aread_stream, read_stream
from llamaindex_workersai._model.usage import Reporting
from llamaindex_workersai._translate.chunks import (
    ChatReader,
    CompletionReader,
    to_completion,
)
from workersai.integration import (
    CONFIG,
    CheckedFields,
    ask_rounds,
    ask_rounds_async,
    event_lists,
    event_lists_async,
    hides_arguments,
    profile_in_catalogue,
    stream_rounds,
    stream_rounds_async,
)


class WorkersAI(BatchedChat):
    """Chat, completion, tools and structured output with a Workers AI model.

    Each response of a stream has the message so far and the new part; the last response is
    complete, with tool calls and token usage and cost in `raw`. Reasoning is a `ThinkingBlock`, and
    its pieces are in `additional_kwargs["thinking_delta"]`.

    Examples:
        `pip install 'workersai[llamaindex]'`

        ```python
        from llamaindex_workersai import WorkersAI

        llm = WorkersAI("@cf/ibm-granite/granite-4.0-h-micro")
        print(llm.complete("Name three rivers."))
        ```
    """

    model_config = CONFIG

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[ChatSettings]) -> None:
        CheckedFields.__init__(self, model, **settings)

    @classmethod
    def class_name(cls) -> str:
        """Name the class for serialised objects."""
        return "WorkersAI"

    @classmethod
    @hides_arguments
    def from_catalogue(cls, model: str, **settings: Unpack[ChatSettings]) -> Self:
        """Create the LLM of a model with facts from the account's live catalogue (one request).

        Args:
            model: The model id.
            settings: As for the class itself; your settings override the catalogue.

        Raises:
            ConfigurationError: The catalogue does not list the model.
            WorkersAIError: The catalogue could not be read.
        """
        llm = cls(model, **settings)
        return llm._described()

    @classmethod
    @hides_arguments
    def afrom_catalogue(
        cls, model: str, **settings: Unpack[ChatSettings]
    ) -> Coroutine[Any, Any, Self]:
        """As `from_catalogue`, asynchronously."""
        llm = cls(model, **settings)
        return llm._adescribed()

    def _described(self) -> Self:
        found = self._client().list_models(search=self.model, on_retry=report_retry)
        self._take_facts(profile_in_catalogue(found, self.model))
        return self

    async def _adescribed(self) -> Self:
        found = await self._async_client().list_models(search=self.model, on_retry=report_retry)
        self._take_facts(profile_in_catalogue(found, self.model))
        return self

    # ------------------------------------------------------------------------------- chat

    @chat_method
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation.

        Args:
            messages: The conversation; it is not modified.
            kwargs: Parameters of this call; `model`, `tools`, `tool_choice`, `response_format`;
                the options about sending, `timeout`, `max_retries`, `headers`, `session_affinity`
                and `gateway`; `additional_kwargs` for any other field of the request's body.

        Raises:
            WorkersAIError: See its subclasses.
        """
        call = self._chat_call(messages, kwargs)
        return call.read(ask_rounds(self._client().chat, call.rounds()))

    @chat_method
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation; see `chat`."""
        call = self._chat_call(messages, kwargs)
        return call.read(await ask_rounds_async(self._async_client().chat, call.rounds()))

    @chat_method
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Stream the answer to a conversation; see `chat`."""
        call = self._chat_call(messages, kwargs)
        rounds = call.rounds(include_usage=self.stream_usage)
        lists = stream_rounds(self._client().stream_chat, rounds)
        reader = ChatReader(call.options)
        return read_stream(lists, Reporting(reader.feed, call.model), reader.partial)

    @chat_method
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Stream the answer to a conversation; see `chat`."""
        call = self._chat_call(messages, kwargs)
        rounds = call.rounds(include_usage=self.stream_usage)
        lists = stream_rounds_async(self._async_client().stream_chat, rounds)
        reader = ChatReader(call.options)
        return aread_stream(lists, Reporting(reader.feed, call.model), reader.partial)

    # ------------------------------------------------------------------------- completion

    @completion_method
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Complete a prompt.

        Only the native API has a route for prompts, so `endpoint` is ignored.

        Args:
            prompt: The text; the server puts it into the model's chat template unless `raw` is set.
            formatted: Whether `completion_to_prompt` has already been applied.
            kwargs: As in `chat`, without tools.
        """
        call = self._completion_call(self._format(prompt, formatted), kwargs)
        result = self._client().complete(**call.arguments, on_retry=report_retry)
        return to_completion(call.read(result))

    @completion_method
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Complete a prompt; see `complete`."""
        call = self._completion_call(self._format(prompt, formatted), kwargs)
        result = await self._async_client().complete(**call.arguments, on_retry=report_retry)
        return to_completion(call.read(result))

    @completion_method
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Stream a prompt's completion; see `complete`."""
        call = self._completion_call(self._format(prompt, formatted), kwargs)
        stream = self._client().stream_complete(**call.arguments, on_retry=report_retry)
        lists = event_lists(stream)
        reader = CompletionReader(call.options)
        return read_stream(lists, Reporting(reader.feed, call.model), reader.partial)

    @completion_method
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Stream a prompt's completion; see `complete`."""
        call = self._completion_call(self._format(prompt, formatted), kwargs)
        stream = self._async_client().stream_complete(**call.arguments, on_retry=report_retry)
        lists = event_lists_async(stream)
        reader = CompletionReader(call.options)
        return aread_stream(lists, Reporting(reader.feed, call.model), reader.partial)

    def _format(self, prompt: str, formatted: bool) -> str:
        if formatted or self.completion_to_prompt is None:
            return prompt
        return self.completion_to_prompt(prompt)
