"""`client.batches`: Cloudflare's asynchronous Batch API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from typing_extensions import Unpack

from workersai._checks import check_texts
from workersai._request.batch import (
    poll_request,
    references_of,
    submit_request,
    text_requests,
    tool_names_of,
)
from workersai._response.batch import parse_polled, parse_submitted
from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.client.polling import waiting
from workersai.client.sending import AsyncSender, SyncSender
from workersai.client.setup import OnRetry, Setup, take_request_options
from workersai.errors import WorkersAIError
from workersai.results import BatchJob
from workersai.types import BatchRequest, EmbeddingOptions, RequestOptions, SendingOptions

__all__ = ["AsyncBatches", "SyncBatches"]


class SyncBatches:
    """Submit requests now and fetch the answers later."""

    def __init__(self, setup: Setup, sender: SyncSender) -> None:
        self._setup = setup
        self._sender = sender

    def submit(
        self,
        requests: Sequence[BatchRequest],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> BatchJob:
        """Put requests into the model's queue.

        Each is built and checked like a call of `chat`, `complete` or `embed`, with its own
        options. A request without a token cap gets the default of the model's page, because the
        page about batches says that requests are otherwise cut at 256 tokens. The payload must stay
        below 10 MB.

        Which models have a queue is a property of Cloudflare's catalogue (`async_queue`); a model
        without one answers `InvalidRequestError` (code 8007, observed by public clients). The pages
        of granite-4.0-h-micro and gemma-sea-lion-v4-27b-it describe batches, but the catalogue does
        not list a queue for them: whether they have one is unknown.

        No document says that submitting is idempotent. The client retries a submission after a
        transient failure, but not after a timeout, because the batch may be in the queue. If the
        connection broke after the server had accepted the batch, a retry creates a second batch,
        which is processed and paid for, but whose id you do not get. All attempts carry the same
        `idempotency-key`, which no page mentions. Pass `max_retries=0` to prevent a second batch.

        Args:
            requests: `{"messages": ...}`, `{"prompt": ...}` or `{"texts": ...}`, each with its
                options and an optional `external_reference`.
            model: The model for all requests; the client's if omitted.
            on_retry: As in `Client.chat`.
            **options: `timeout`, `max_retries`, `headers`, `session_affinity` and `gateway` for
                this call.

        Returns:
            The batch. Keep it, or its `request_id`, to fetch the results.

        Raises:
            ConfigurationError: If a request does not fit the model, the batch is empty or too
                large, or the model or `endpoint` has no batches; nothing was sent.
            WorkersAIError: If the call failed.
        """
        request, parse = _submission(self._setup, requests, model)
        return self._sender.using(options).call(request, parse, on_retry)

    def submit_texts(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> BatchJob:
        """Put texts into an embedding model's queue, in requests that fit the model.

        Args:
            texts: The texts to embed; none may be blank, see `blank_text`.
            model: The model; the client's if omitted.
            on_retry: As in `Client.chat`.
            **options: As in `Client.embed`.

        Returns:
            The batch; once it is done, its `vectors` are those of the texts, in order.

        Raises:
            ConfigurationError: As in `submit`, and if a text is blank.
            WorkersAIError: If the call failed.
        """
        sender = self._sender.using(take_request_options(options))
        requests = text_requests(check_texts("texts", texts), self._setup.model_for(model), options)
        request, parse = _submission(self._setup, requests, model)
        return sender.call(request, parse, on_retry)

    def get(
        self,
        batch: BatchJob | str,
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> BatchJob:
        """Fetch the state of a batch once.

        Args:
            batch: The batch, or its id.
            model: The model it was submitted to, if *batch* is an id; the client's if omitted.
            on_retry: As in `Client.chat`.
            **options: As in `submit`.

        Returns:
            The batch with its current status; with its results if it is done, or with `.error` if
            it failed as a whole. A batch that has ended is returned unchanged, without a request.

        Raises:
            NotFoundError: If there is no such batch (code 5504). How long results are kept is not
                documented; public clients also observed this error just after a submission.
            WorkersAIError: If the call failed.
        """
        job = _job(self._setup, batch, model)
        if job.has_ended:
            return job
        request, parse = _polling(job)
        return self._sender.using(options).call(request, parse, on_retry)

    def wait(
        self,
        batch: BatchJob | str,
        *,
        model: str | None = None,
        timeout: float | None = None,
        interval: float = 1.0,
        on_retry: OnRetry = None,
        **options: Unpack[SendingOptions],
    ) -> BatchJob:
        """Wait until a batch is done.

        The first poll is made at once, later ones after delays that double from *interval* to 30 s.
        After a transient error the wait continues, because polls can be repeated without harm.

        Args:
            batch: As in `get`.
            model: As in `get`.
            timeout: Seconds to wait; the client's total timeout if omitted.
            interval: The first delay in seconds.
            on_retry: As in `Client.chat`.
            **options: As in `submit`, for each poll.

        Returns:
            The batch with its results.

        Raises:
            APITimeoutError: If the batch was not done in time. Its `.batch` can be passed to `wait`
                again.
            WorkersAIError: As in `get`; and if the batch failed as a whole.
        """
        job = _job(self._setup, batch, model)
        if job.has_ended:
            return _done(job)
        sender = self._sender.using(options)
        flow = waiting(job, self._setup.timeout, timeout=timeout, interval=interval)
        step = next(flow)
        while True:
            self._sender.sleep(step.delay)
            request, parse = _polling(step.batch)
            try:
                found = sender.call(request, parse, on_retry, step.timeout)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                if found.has_ended:
                    return _done(found)
                step = flow.send(found)


class AsyncBatches:
    """As `SyncBatches`, asynchronously."""

    def __init__(self, setup: Setup, sender: AsyncSender) -> None:
        self._setup = setup
        self._sender = sender

    async def submit(
        self,
        requests: Sequence[BatchRequest],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> BatchJob:
        """As `Client.batches.submit`."""
        request, parse = _submission(self._setup, requests, model)
        return await self._sender.using(options).call(request, parse, on_retry)

    async def submit_texts(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[EmbeddingOptions],
    ) -> BatchJob:
        """As `Client.batches.submit_texts`."""
        sender = self._sender.using(take_request_options(options))
        requests = text_requests(check_texts("texts", texts), self._setup.model_for(model), options)
        request, parse = _submission(self._setup, requests, model)
        return await sender.call(request, parse, on_retry)

    async def get(
        self,
        batch: BatchJob | str,
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
        **options: Unpack[RequestOptions],
    ) -> BatchJob:
        """As `Client.batches.get`."""
        job = _job(self._setup, batch, model)
        if job.has_ended:
            return job
        request, parse = _polling(job)
        return await self._sender.using(options).call(request, parse, on_retry)

    async def wait(
        self,
        batch: BatchJob | str,
        *,
        model: str | None = None,
        timeout: float | None = None,
        interval: float = 1.0,
        on_retry: OnRetry = None,
        **options: Unpack[SendingOptions],
    ) -> BatchJob:
        """As `Client.batches.wait`."""
        job = _job(self._setup, batch, model)
        if job.has_ended:
            return _done(job)
        sender = self._sender.using(options)
        flow = waiting(job, self._setup.timeout, timeout=timeout, interval=interval)
        step = next(flow)
        while True:
            await self._sender.sleep(step.delay)
            request, parse = _polling(step.batch)
            try:
                found = await sender.call(request, parse, on_retry, step.timeout)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                if found.has_ended:
                    return _done(found)
                step = flow.send(found)


def _submission(
    setup: Setup, requests: Sequence[BatchRequest], model: str | None
) -> tuple[Request, Callable[[Reply, Request], BatchJob]]:
    request = submit_request(
        requests,
        setup.model_for(model),
        endpoint=setup.endpoint,
        reject_if_busy=setup.reject_if_busy,
    )
    parse = partial(
        parse_submitted,
        references=references_of(requests),
        tool_names=tool_names_of(requests, request.model or ""),
    )
    return request, parse


def _polling(batch: BatchJob) -> tuple[Request, Callable[[Reply, Request], BatchJob]]:
    return poll_request(batch.request_id, batch.model), partial(parse_polled, batch=batch)


def _done(job: BatchJob) -> BatchJob:
    """Return a batch that is done; raise the error of a batch that failed."""
    if job.error is not None:
        raise job.error
    return job


def _job(setup: Setup, batch: BatchJob | str, model: str | None) -> BatchJob:
    return batch if isinstance(batch, BatchJob) else BatchJob(batch, setup.model_for(model))
