"""Cloudflare's asynchronous Batch API as methods of the chat model.

LangChain's own `batch` and `abatch` are different: they send one request for each input at once and
wait for the answers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from typing_extensions import Unpack

from langchain_workersai._errors import framework_errors, from_core_error
from langchain_workersai._model.retries import async_retry_reporter, retry_reporter
from langchain_workersai._model.tools_binding import BindableChat
from workersai import (
    BatchJob,
    BatchRequest,
    BatchResult,
    RequestOptions,
    ResponseError,
    WorkersAIError,
)
from workersai import ChatResult as WireResult
from workersai.integration import SendingOptions, WireMessage, check_items

Answers: TypeAlias = list[AIMessage | WorkersAIError]
"""A message for each input, in order; a failed input has its error in this place."""

_TRACED = "ls_structured_output_format"


class BatchedChat(BindableChat):
    """A chat model whose conversations can be queued and answered later.

    Settings and bound options apply as in `invoke`. Callbacks, traces, the cache and the rate
    limiter are not used, because they follow calls that wait for their answers.
    """

    @abstractmethod
    def _chat_arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join fields, bound options and options of this call."""

    @abstractmethod
    def _wire_messages(self, messages: Sequence[BaseMessage], model: str) -> list[WireMessage]:
        """Write a conversation for a model."""

    @abstractmethod
    def _read(self, result: WireResult, model: str) -> ChatResult:
        """Read a whole answer."""

    def submit_batch(
        self, inputs: Sequence[LanguageModelInput], *, stop: list[str] | None = None, **kwargs: Any
    ) -> BatchJob:
        """Put conversations into the model's queue.

        After `bind` and `bind_tools` it is called in the same way, and sends what was bound.
        `with_structured_output` returns a chain without batches: pass the schema as
        `response_format`, and read the JSON in each message.

        Args:
            inputs: Strings, prompts or lists of messages, as for `invoke`.
            stop: Text that ends an answer.
            **kwargs: As for `invoke`; `response_format` may be a schema as in `bind_tools`.

        Returns:
            The batch. Its `request_id` alone is enough to fetch the answers, in any process.

        Raises:
            ConfigurationError: If an input does not fit the model, the batch is empty or above
                10 MB, or the model or `endpoint` has no batches; nothing was sent.
            WorkersAIError: If the call failed. See `workersai.Client.batches.submit` for the
                effects of a retry.
        """
        with framework_errors():
            requests, model, options = self._batch_requests(inputs, stop, kwargs)
            batches = self._client().with_options(**options).batches
            return batches.submit(requests, model=model, on_retry=retry_reporter())

    async def asubmit_batch(
        self, inputs: Sequence[LanguageModelInput], *, stop: list[str] | None = None, **kwargs: Any
    ) -> BatchJob:
        """As `submit_batch`, asynchronously."""
        with framework_errors():
            requests, model, options = self._batch_requests(inputs, stop, kwargs)
            batches = self._async_client().with_options(**options).batches
            return await batches.submit(requests, model=model, on_retry=async_retry_reporter())

    def poll_batch(self, batch: BatchJob | str, **options: Unpack[RequestOptions]) -> BatchJob:
        """Fetch the state of a batch once.

        Args:
            batch: The batch, or its id; for an id, this object's model is used.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            The batch with its current status. Pass it to `batch_results` for the messages: a batch
            that is done contains its results, so that no further request is needed.

        Raises:
            WorkersAIError: If the call failed.
        """
        with framework_errors():
            batches, listener = self._client().batches, retry_reporter()
            return batches.get(
                batch, model=self.model, on_retry=listener, **self._request_options(options)
            )

    async def apoll_batch(
        self, batch: BatchJob | str, **options: Unpack[RequestOptions]
    ) -> BatchJob:
        """As `poll_batch`, asynchronously."""
        with framework_errors():
            batches, listener = self._async_client().batches, async_retry_reporter()
            return await batches.get(
                batch, model=self.model, on_retry=listener, **self._request_options(options)
            )

    def batch_results(
        self,
        batch: BatchJob | str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        **options: Unpack[SendingOptions],
    ) -> Answers:
        """Wait until a batch is done.

        Args:
            batch: As in `poll_batch`.
            timeout: Seconds to wait; the total of this object's timeout if omitted.
            interval: Seconds before the second poll; the delays double up to 30 s.
            **options: As in `poll_batch`, for each poll.

        Returns:
            A message for each input, in order; a failed input has its error in this place.

        Raises:
            APITimeoutError: If the batch was not done in time; pass its `.batch` to wait again.
            WorkersAIError: As in `poll_batch`; and if the batch failed as a whole.
        """
        with framework_errors():
            found = self._client().batches.wait(
                batch,
                model=self.model,
                interval=interval,
                on_retry=retry_reporter(),
                **{"timeout": timeout, **self._request_options(options)},
            )
            return self._answers(found)

    async def abatch_results(
        self,
        batch: BatchJob | str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        **options: Unpack[SendingOptions],
    ) -> Answers:
        """As `batch_results`, asynchronously."""
        with framework_errors():
            found = await self._async_client().batches.wait(
                batch,
                model=self.model,
                interval=interval,
                on_retry=async_retry_reporter(),
                **{"timeout": timeout, **self._request_options(options)},
            )
            return self._answers(found)

    def _batch_requests(
        self, inputs: Sequence[LanguageModelInput], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[list[BatchRequest], str, dict[str, Any]]:
        """Return the requests, the model, and the options about sending."""
        options = {name: value for name, value in kwargs.items() if name != _TRACED}
        arguments = self._chat_arguments(stop, options)
        sent = self._take_request_options(arguments)
        model = arguments.pop("model")
        listed = check_items("inputs", inputs)
        conversations = [self._convert_input(prompt).to_messages() for prompt in listed]
        requests = [
            {"messages": self._wire_messages(prompt, model), **arguments}
            for prompt in conversations
        ]
        return cast("list[BatchRequest]", requests), model, sent

    def _answers(self, job: BatchJob) -> Answers:
        return [self._answer(result, job.model) for result in job.results]

    def _answer(self, result: BatchResult, model: str) -> AIMessage | WorkersAIError:
        if result.chat is not None:
            return cast("AIMessage", self._read(result.chat, model).generations[0].message)
        no_chat = ResponseError(f"{model} answered, but not to a conversation")
        return from_core_error(result.error or no_chat)
