"""Read the expected outcome from a recording, with simple code outside the package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.cassettes.format import Interaction, Recording
from tests.cassettes.scenarios import Case
from tests.scenarios import Call, Outcome


def expected_outcome(case: Case, recording: Recording) -> Any:
    """Return the outcome that every face must give for a recording."""
    return READERS[case.kind](recording)


def expected_error(recording: Recording) -> tuple[int, int]:
    """Return status and code of the error at the end of a recording."""
    last = recording.interactions[-1]
    return last.status, json.loads(last.answer.body)["errors"][0]["code"]


def _answers(recording: Recording) -> list[Any]:
    """Return the JSON of each answer, without Cloudflare's envelope."""
    return [_opened(json.loads(entry.answer.body)) for entry in recording.interactions]


def _opened(value: Any) -> Any:
    return value["result"] if "success" in value else value


def _events(entry: Interaction) -> list[Any]:
    lines = entry.answer.body.decode().splitlines()
    data = [line.removeprefix("data: ") for line in lines if line]
    assert data.pop() == "[DONE]"
    return [json.loads(line) for line in data]


# ---------------------------------------------------------------------------------- chats


def _chat(recording: Recording) -> Outcome:
    last = recording.interactions[-1]
    return _streamed(_events(last)) if last.is_stream else _plain(_answers(recording)[-1])


def _plain(answer: Any) -> Outcome:
    usage = _usage(answer)
    if "choices" not in answer:
        response = answer["response"]
        text = response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)
        return Outcome(text, usage=usage, finish_reason=None)
    choice = answer["choices"][0]
    message = choice["message"]
    return Outcome(
        message["content"] or "",
        message.get("reasoning") or "",
        tuple(_call(call) for call in message.get("tool_calls", ())),
        (),
        choice["finish_reason"],
        usage,
    )


def _call(call: Any) -> Call:
    function = call["function"]
    return Call(call["id"], function["name"], json.loads(function["arguments"]))


def _usage(holder: Any) -> tuple[int, int]:
    return holder["usage"]["prompt_tokens"], holder["usage"]["completion_tokens"]


def _streamed(events: list[Any]) -> Outcome:
    choices = [event["choices"][0] for event in events if event.get("choices")]
    deltas = [choice["delta"] for choice in choices]
    (reason,) = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    return Outcome(
        "".join(delta.get("content") or "" for delta in deltas),
        "".join(delta.get("reasoning") or "" for delta in deltas),
        _streamed_calls(deltas),
        (),
        reason,
        _usage([event for event in events if event.get("usage")][-1]),
    )


def _streamed_calls(deltas: list[Any]) -> tuple[Call, ...]:
    whole: dict[int, dict[str, str]] = {}
    for piece in (piece for delta in deltas for piece in delta.get("tool_calls", ())):
        call = whole.setdefault(piece["index"], {"arguments": ""})
        call.setdefault("id", piece["id"])
        call.setdefault("name", piece["function"]["name"])
        call["arguments"] += piece["function"]["arguments"]
    return tuple(Call(c["id"], c["name"], json.loads(c["arguments"])) for c in whole.values())


def _choices(recording: Recording) -> list[str]:
    return [choice["message"]["content"] for choice in _answers(recording)[-1]["choices"]]


def _logprobs(recording: Recording) -> list[str]:
    last = recording.interactions[-1]
    holders = _events(last) if last.is_stream else _answers(recording)
    choices = [choice for holder in holders for choice in holder.get("choices", ())]
    said = [choice["logprobs"]["content"] for choice in choices if choice["logprobs"]]
    return [token["token"] for tokens in said for token in tokens]


def _batch(recording: Recording) -> list[Outcome]:
    rows = _answers(recording)[-1]["responses"]
    return [_plain(row["result"]) for row in sorted(rows, key=lambda row: int(row["id"]))]


def _completion(recording: Recording) -> str:
    last = recording.interactions[-1]
    holders = _events(last) if last.is_stream else _answers(recording)
    choices = [choice for holder in holders for choice in holder.get("choices", ())]
    # A model that only chats answers a prompt as a message.
    said = [c["text"] if "text" in c else c.get("message", c.get("delta")) for c in choices]
    return "".join(s if isinstance(s, str) else s.get("content") or "" for s in said)


# ------------------------------------------------------------------------------ the others


def _vectors(recording: Recording) -> list[list[float]]:
    rows = [row for answer in _answers(recording) for row in answer["data"]]
    return [row["embedding"] if isinstance(row, dict) else row for row in rows]


def _ranking(recording: Recording) -> list[tuple[int, float]]:
    return [(found["id"], found["score"]) for found in _answers(recording)[-1]["response"]]


def _names(recording: Recording) -> list[str]:
    return [model["name"] for model in _answers(recording)[-1]]


READERS: Mapping[str, Callable[[Recording], Any]] = {
    "chat": _chat,
    "choices": _choices,
    "logprobs": _logprobs,
    "batch": _batch,
    "complete": _completion,
    "embed": _vectors,
    "rerank": _ranking,
    "models": _names,
}
