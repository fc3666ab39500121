"""Send the planned requests one after the other, and store the answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from workersai._models import get_profile
from workersai._response.reply import Reply
from workersai._secrets import Secrets, redact
from workersai._wire import Request
from workersai.client.sending import SyncSender
from workersai.client.setup import ConnectionOptions, Setup
from workersai.errors import WorkersAIError
from workersai.probe.answers import Answer
from workersai.probe.asks import Ask
from workersai.probe.plan import Planned
from workersai.probe.report import Report
from workersai.results import ChatResult
from workersai.types import HTTPClient

__all__ = ["Probe"]

_HEADERS = re.compile(
    r"content-type|server|retry-after|.*rate-?limit.*|cf-ai-.*|cf-aig-.*|x-workersai-.*"
)
"""The relevant headers; none of them contains the account."""

_RAY = re.compile(r"\b[0-9a-f]{16}(?:-[A-Z]{3})?\b")
_POLLS = 20
_BETWEEN_POLLS = 15.0
"""Seconds; the page of the Batch API: most requests are done within five minutes."""


class Probe:
    """One run.

    Args:
        report: Stores the answers; requests with a stored answer are not repeated.
        max_cost: USD; the run stops before a request that could exceed it.
        http_client: A client of the user's own.
        wait: Waits for so many seconds; replaced in tests.
        **connection: As for `Client`.

    Attributes:
        spent: USD so far, by the reported usage, or the greatest cost if none is reported.
    """

    def __init__(
        self,
        report: Report,
        *,
        max_cost: float,
        http_client: HTTPClient | None = None,
        wait: Callable[[float], None] = time.sleep,
        connection: ConnectionOptions | None = None,
    ) -> None:
        options: ConnectionOptions = {"timeout": 300.0, "max_retries": 1, **(connection or {})}
        self._setup = Setup("probe", None, **options)
        self._sender = SyncSender(self._setup, http_client)
        self._report = report
        self._max_cost = max_cost
        self._wait = wait
        self.spent = 0.0

    def run(self, planned: Iterable[Planned]) -> Iterator[tuple[Planned, Answer | None]]:
        """Send what is planned; give each request with its answer.

        An answer is `None` where the request was not sent: it is in the report already, could
        have exceeded the cost, or is about a batch that was not taken.
        """
        for one in planned:
            if self._report.has(one.model, one.ask) or not self._can_pay(one):
                yield one, None
                continue
            answer = self._answer(one)
            if answer is not None:
                self._report.add(one.model, one.ask, answer)
                self.spent += _paid(one, answer)
            yield one, answer

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def _can_pay(self, one: Planned) -> bool:
        return self.spent + (one.cost or 0.0) <= self._max_cost

    def _answer(self, one: Planned) -> Answer | None:
        if one.ask.after is None:
            return self._send(one.ask.request(one.model), one.ask)
        batch_id = _batch_id(self._report.answers.get(one.model, {}).get(one.ask.after))
        return None if batch_id is None else self._poll(one.ask.request(one.model, batch_id), one)

    def _poll(self, request: Request, one: Planned) -> Answer:
        """Ask for the batch until it is done, refused or has taken too long."""
        for _ in range(_POLLS):
            answer = self._send(request, one.ask)
            if answer.trouble is not None or not _is_pending(answer):
                return answer
            self._wait(_BETWEEN_POLLS)
        answer.failure = "the batch was still in the queue"
        return answer

    def _send(self, request: Request, ask: Ask) -> Answer:
        started = time.monotonic()
        try:
            reply = self._sender.call(request, lambda reply, _: reply)
        except WorkersAIError as error:
            failure = f"{type(error).__name__}: {error}"
            return Answer(request, failure=failure, seconds=time.monotonic() - started)
        return _to_answer(request, ask, reply, self._setup.secrets, time.monotonic() - started)


def _to_answer(
    request: Request, ask: Ask, reply: Reply, secrets: Secrets, seconds: float
) -> Answer:
    body = redact(reply.body.decode("utf-8", "replace"), secrets)
    is_text = body.isascii() or "\ufffd" not in body
    return Answer(
        request,
        reply.status,
        _telling(reply.headers, secrets),
        _without_ray(body, reply.headers),
        None if is_text else "the answer is not UTF-8",
        seconds=seconds,
        may_be_cut=ask.may_be_cut,
    )


def _telling(headers: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    found = {name.lower(): value for name, value in headers.items()}
    return {
        name: redact(value, secrets)
        for name, value in found.items()
        if _HEADERS.fullmatch(name) and not name.endswith("-log-id")
    }


def _without_ray(body: str, headers: Mapping[str, str]) -> str:
    """Mask the ray id of the answer in its body: error pages repeat it."""
    ray = _RAY.search(headers.get("cf-ray", ""))
    return body.replace(ray.group()[:16], "RAY") if ray else body


def _batch_id(submitted: Answer | None) -> str | None:
    found = submitted.json if submitted is not None else None
    result = found.get("result", found) if isinstance(found, dict) else None
    batch_id = result.get("request_id") if isinstance(result, dict) else None
    return batch_id if isinstance(batch_id, str) else None


def _is_pending(answer: Answer) -> bool:
    found = answer.json
    result = found.get("result", found) if isinstance(found, dict) else None
    status = result.get("status") if isinstance(result, dict) else None
    return status in ("queued", "running")


def _paid(one: Planned, answer: Answer) -> float:
    found = answer.reading
    if isinstance(found, ChatResult) and found.usage is not None:
        return get_profile(one.model).cost(found.usage) or 0.0
    return 0.0 if answer.is_refused else one.cost or 0.0
