"""The batch operations of a client, in both colours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from workersai.client.base import OnRetry
from workersai.client.polling import waiting
from workersai.client.sending import AsyncSender, SyncSender
from workersai.errors import WorkersAIError
from workersai.results import Batch, BatchResult
from workersai.types import BatchRequest

__all__ = ["AsyncBatches", "SyncBatches"]


class SyncBatches(SyncSender):
    """Cloudflare's asynchronous Batch API: submit now, fetch the answers later."""

    def submit_batch(
        self,
        requests: Sequence[BatchRequest],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
    ) -> Batch:
        """Put requests into the model's queue.

        Each is built and checked as `chat`, `complete` or `embed` would, with its own options; a
        token cap that is not given is the one of the model's page, because the page of a batch
        says that its requests are otherwise cut at 256 tokens. The payload must stay below 10 MB.

        Which models have a queue is a property of Cloudflare's catalogue (`async_queue`); a model
        without one answers `InvalidRequestError` (code 8007, seen by public clients). The pages of
        granite-4.0-h-micro and gemma-sea-lion-v4-27b-it describe batches while the catalogue does
        not list them as queueing: whether they take one is not known.

        Submitting is not known to be idempotent. It is tried again after a failure that may pass,
        but not after a clock ran out: the batch may be in the queue. If the connection broke after
        the server had taken the batch, a retry makes a second one, which is worked on and paid
        for, but never seen. All attempts carry the same `idempotency-key`, which no page mentions.
        `max_retries=0` rules a second batch out.

        Args:
            requests: `{"messages": ...}`, `{"prompt": ...}` or `{"texts": ...}`, each with its
                options and, if wanted, an `external_reference`.
            model: Of all requests; else the client's.
            on_retry: As in `chat`.

        Returns:
            The batch. Keep it, or its `request_id`, to fetch the results.

        Raises:
            ConfigurationError: If a request does not fit the model, the batch is empty or too
                large, or the model or `endpoint` has no batches; nothing was sent.
            WorkersAIError: If the call failed.
        """
        request, parse = self._submission(requests, model)
        return self._call(request, parse, on_retry)

    def poll_batch(
        self, batch: Batch | str, *, model: str | None = None, on_retry: OnRetry = None
    ) -> Batch | BatchResult:
        """Ask once what has become of a batch.

        Args:
            batch: The batch, or its id.
            model: The model that it was submitted to, if only the id is given; else the client's.
            on_retry: As in `chat`.

        Returns:
            The results; or, while the server is not done, the batch with its status.

        Raises:
            NotFoundError: If there is no such batch (code 5504); how long results are kept is not
                documented, and just after the submission public clients saw it too.
            WorkersAIError: If the call failed, or the batch as a whole did.
        """
        request, parse = self._polling(self._batch(batch, model))
        return self._call(request, parse, on_retry)

    def batch_results(
        self,
        batch: Batch | str,
        *,
        model: str | None = None,
        timeout: float | None = None,
        interval: float = 1.0,
        on_retry: OnRetry = None,
    ) -> BatchResult:
        """Wait until a batch is done.

        Polls at once and then at delays that double from *interval* to 30 s. Errors that may pass
        are waited out, as a poll can be repeated without harm.

        Args:
            batch: As in `poll_batch`.
            model: As in `poll_batch`.
            timeout: Seconds to wait; the client's total if not given.
            interval: The first delay in seconds.
            on_retry: As in `chat`.

        Returns:
            The results in the order of the requests. A request that failed is an error in its
            place and takes none of the others with it.

        Raises:
            APITimeoutError: If the batch was not done in time. Nothing is lost: `.batch` is the
                batch, which can be waited for again.
            WorkersAIError: As in `poll_batch`.
        """
        handle = self._batch(batch, model)
        flow = waiting(handle, self.timeout, timeout=timeout, interval=interval)
        step = next(flow)
        while True:
            time.sleep(step.delay)
            request, parse = self._polling(step.batch)
            try:
                found = self._call(request, parse, on_retry, step.timeout)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                if isinstance(found, BatchResult):
                    return found
                step = flow.send(found)


class AsyncBatches(AsyncSender):
    """As `SyncBatches`, awaited."""

    async def submit_batch(
        self,
        requests: Sequence[BatchRequest],
        *,
        model: str | None = None,
        on_retry: OnRetry = None,
    ) -> Batch:
        """As `Client.submit_batch`."""
        request, parse = self._submission(requests, model)
        return await self._call(request, parse, on_retry)

    async def poll_batch(
        self, batch: Batch | str, *, model: str | None = None, on_retry: OnRetry = None
    ) -> Batch | BatchResult:
        """As `Client.poll_batch`."""
        request, parse = self._polling(self._batch(batch, model))
        return await self._call(request, parse, on_retry)

    async def batch_results(
        self,
        batch: Batch | str,
        *,
        model: str | None = None,
        timeout: float | None = None,
        interval: float = 1.0,
        on_retry: OnRetry = None,
    ) -> BatchResult:
        """As `Client.batch_results`."""
        handle = self._batch(batch, model)
        flow = waiting(handle, self.timeout, timeout=timeout, interval=interval)
        step = next(flow)
        while True:
            await asyncio.sleep(step.delay)
            request, parse = self._polling(step.batch)
            try:
                found = await self._call(request, parse, on_retry, step.timeout)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                if isinstance(found, BatchResult):
                    return found
                step = flow.send(found)
