"""Cloudflare's asynchronous Batch API as methods of the LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from typing_extensions import Unpack

from llamaindex_workersai._model.prediction import StructuredPrediction
from llamaindex_workersai._model.retries import report_retry
from llamaindex_workersai._translate.chunks import AnswerOptions, from_wire_result
from workersai import (
    BatchJob,
    BatchRequest,
    BatchResult,
    RequestOptions,
    ResponseError,
    WorkersAIError,
)
from workersai.integration import SendingOptions, check_items

Answers: TypeAlias = list[ChatResponse | WorkersAIError]
"""A response for each conversation, in order; a failed one has its error in this place."""


class BatchedChat(StructuredPrediction):
    """A model whose conversations can be queued and answered later.

    Settings apply as in `chat`. Callbacks and the rate limiter are not used, because they follow
    calls that wait for their answers.
    """

    def submit_batch(
        self, conversations: Sequence[Sequence[ChatMessage]], **kwargs: Any
    ) -> BatchJob:
        """Put conversations into the model's queue.

        Args:
            conversations: The conversations; they are not modified.
            kwargs: As for `chat`, the same for all of them.

        Returns:
            The batch. Its `request_id` alone is enough to fetch the answers, in any process.

        Raises:
            ConfigurationError: If a conversation does not fit the model, the batch is empty or
                above 10 MB, or the model or `endpoint` has no batches; nothing was sent.
            WorkersAIError: If the call failed. See `workersai.Client.batches.submit` for the
                effects of a retry.
        """
        requests, model, options = self._batch_requests(conversations, kwargs)
        batches = self._client().with_options(**options).batches
        return batches.submit(requests, model=model, on_retry=report_retry)

    async def asubmit_batch(
        self, conversations: Sequence[Sequence[ChatMessage]], **kwargs: Any
    ) -> BatchJob:
        """As `submit_batch`, asynchronously."""
        requests, model, options = self._batch_requests(conversations, kwargs)
        batches = self._async_client().with_options(**options).batches
        return await batches.submit(requests, model=model, on_retry=report_retry)

    def poll_batch(self, batch: BatchJob | str, **options: Unpack[RequestOptions]) -> BatchJob:
        """Fetch the state of a batch once.

        Args:
            batch: The batch, or its id; for an id, this object's model is used.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            The batch with its current status. Pass it to `batch_results` for the responses: a batch
            that is done contains its results, so that no further request is needed.

        Raises:
            WorkersAIError: If the call failed.
        """
        batches = self._client().batches
        return batches.get(
            batch, model=self.model, on_retry=report_retry, **self._request_options(options)
        )

    async def apoll_batch(
        self, batch: BatchJob | str, **options: Unpack[RequestOptions]
    ) -> BatchJob:
        """As `poll_batch`, asynchronously."""
        batches = self._async_client().batches
        return await batches.get(
            batch, model=self.model, on_retry=report_retry, **self._request_options(options)
        )

    def batch_results(
        self,
        batch: BatchJob | str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        allow_parallel_tool_calls: bool = True,
        **options: Unpack[SendingOptions],
    ) -> Answers:
        """Wait until a batch is done.

        Args:
            batch: As in `poll_batch`.
            timeout: Seconds to wait; the total of this object's timeout if omitted.
            interval: Seconds before the second poll; the delays double up to 30 s.
            allow_parallel_tool_calls: Whether a response may have more than one tool call.
            **options: As in `poll_batch`, for each poll.

        Returns:
            A response for each conversation, in order; a failed one has its error in this place.

        Raises:
            APITimeoutError: If the batch was not done in time; pass its `.batch` to wait again.
            WorkersAIError: As in `poll_batch`; and if the batch failed as a whole.
        """
        found = self._client().batches.wait(
            batch,
            model=self.model,
            interval=interval,
            on_retry=report_retry,
            **{"timeout": timeout, **self._request_options(options)},
        )
        return self._answers(found, allow_parallel_tool_calls=allow_parallel_tool_calls)

    async def abatch_results(
        self,
        batch: BatchJob | str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        allow_parallel_tool_calls: bool = True,
        **options: Unpack[SendingOptions],
    ) -> Answers:
        """As `batch_results`, asynchronously."""
        found = await self._async_client().batches.wait(
            batch,
            model=self.model,
            interval=interval,
            on_retry=report_retry,
            **{"timeout": timeout, **self._request_options(options)},
        )
        return self._answers(found, allow_parallel_tool_calls=allow_parallel_tool_calls)

    def _batch_requests(
        self, conversations: Sequence[Sequence[ChatMessage]], kwargs: dict[str, Any]
    ) -> tuple[list[BatchRequest], str, dict[str, Any]]:
        """Return the requests, the model, and the options about sending."""
        arguments = self._chat_call((), kwargs).arguments
        sent = self._take_request_options(arguments)
        listed = check_items("conversations", conversations)
        calls = [self._chat_call(messages, kwargs).arguments for messages in listed]
        left_out = {"model", *sent}
        requests = [{k: v for k, v in call.items() if k not in left_out} for call in calls]
        return cast("list[BatchRequest]", requests), arguments["model"], sent

    def _answers(self, job: BatchJob, **reading: Any) -> Answers:
        options = replace(self._chat_call((), reading).options, model=job.model)
        return [_answer(result, job.model, options) for result in job.results]


def _answer(
    result: BatchResult, model: str, options: AnswerOptions
) -> ChatResponse | WorkersAIError:
    if result.chat is not None:
        return from_wire_result(result.chat, options)
    return result.error or ResponseError(f"{model} answered, but not to a conversation")
