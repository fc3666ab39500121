"""The table of cassettes: one row for each cassette, without a framework.

A row has the request and a check that the answer of any sensible model meets, so that it is right
for the local engine and for Cloudflare. The tests read the exact outcome from the recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, TypeAlias

import workersai
from tests.scenarios import CLOCK, GLM, GRANITE, PERSON, SEA_LION, WEATHER, Outcome, Scenario, Turn

Kind: TypeAlias = Literal[
    "chat", "choices", "logprobs", "batch", "complete", "embed", "rerank", "models"
]
Refusal: TypeAlias = tuple[int, int, str]
Check: TypeAlias = Callable[[Any], bool]

MODELS = {"granite": GRANITE, "glm": GLM, "sea_lion": SEA_LION}
LORA_MODELS = {name: MODELS[name] for name in ("granite", "sea_lion")}
QUEUED_MODELS = LORA_MODELS  # their pages describe both an adapter and a batch
BUSY = (429, 3040, "Capacity temporarily exceeded, please try again.")
NOT_FOUND = (404, 3042, "Model not found")


def anything(_found: Any) -> bool:
    return True


@dataclass(frozen=True)
class Case:
    """One cassette.

    Attributes:
        path: `capability/scenario`, which names the file.
        kind: The kind of call, such as `chat` or `embed`.
        scenario: Model, conversation, tools and options, as a row of `tests.scenarios`.
        stream: Whether the answer is streamed.
        results: The results of the tools, which a second request sends.
        arguments: The arguments of a call that is not a chat.
        refusals: The errors that the server answers first, as (status, code, message).
        check: A function that is true for any sensible answer.
        live: Whether Cloudflare answers the case whenever it is recorded.
    """

    path: str
    kind: Kind
    scenario: Scenario
    _: KW_ONLY
    stream: bool = False
    results: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    check: Check = anything
    live: bool = True

    @property
    def error(self) -> type[workersai.WorkersAIError] | None:
        """Return the error that every face must raise."""
        return self.scenario.error


# ------------------------------------------------------------------ what must be in an answer


def says_something(found: Outcome) -> bool:
    return bool(found.text) and not found.calls


def calls(*names: str) -> Check:
    return lambda found: tuple(call.name for call in found.calls) == names


def is_json_with(*keys: str) -> Check:
    return lambda found: set(keys) <= set(json.loads(found.text))


def thinks(found: Outcome) -> bool:
    return bool(found.text) and bool(found.reasoning)


def says(*parts: str) -> Check:
    return lambda found: all(part in found.text for part in parts)


def stops_before(word: str) -> Check:
    return lambda found: word not in found.text and found.finish_reason == "stop"


# ---------------------------------------------------------------------------- conversations

HELLO = (Turn("user", "Say hello to a lighthouse keeper."),)
WEATHER_ASKED = (Turn("user", "Get the weather of Paris."),)
TWO_ASKED = (Turn("user", "Use get_weather for the city Lisbon and get_time for the time."),)
PERSON_ASKED = (Turn("user", "Give name Ada and age 36 as JSON."),)
COUNTED = (Turn("user", "Repeat exactly: one two three STOP four five."),)
UNICODE = (
    Turn("system", "Reply in the user's own words. Réponds. 答えて。"),
    Turn("user", "こんにちは, Zoë! naïve café — 👩‍🚀🚀 שלום «ok»"),
)
LONG = (
    Turn("system", "You keep the log of a lighthouse."),
    *(
        turn
        for night in range(1, 16)
        for turn in (
            Turn("user", f"Night {night}: {night * 3} ships passed, the wind was {night} knots."),
            Turn("assistant", f"Logged night {night}."),
        )
    ),
    Turn("user", "How many ships passed in night 15?"),
)
SCHEMA = {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON}}
PROMPT = "The lighthouse was built in"

# --------------------------------------------------------------------------------- the table


def conversation(model: str, turns: tuple[Turn, ...] = HELLO, **more: Any) -> Scenario:
    """Return a row of the shared table without request and answer; the recording has both."""
    return Scenario("", model, request={}, answer=None, turns=turns, **more)


def _chat(path: str, model: str, turns: tuple[Turn, ...], check: Check, **more: Any) -> list[Case]:
    """A chat, plain and streamed."""
    results = more.pop("results", ())
    scenario = conversation(model, turns, **more)
    streamed = Case(f"{path}_streamed", "chat", scenario, stream=True, results=results, check=check)
    return [Case(path, "chat", scenario, results=results, check=check), streamed]


def _for_each_model(name: str, model: str) -> list[Case]:
    return [
        *_talk(name, model),
        *_tool_use(name, model),
        *_structure(name, model),
        *_completions(f"completion/prompt_{name}", model, {}),
        *_errors(name, model),
    ]


def _talk(name: str, model: str) -> list[Case]:
    return [
        *_chat(f"chat/text_{name}", model, HELLO, says_something),
        *_chat(f"chat/long_history_{name}", model, LONG, says_something),
        *_chat(f"chat/unicode_{name}", model, UNICODE, says_something),
        *_chat(
            f"chat/stop_{name}", model, COUNTED, stops_before("STOP"), options={"stop": ["STOP"]}
        ),
        *_chat(f"chat/seed_{name}", model, HELLO, says_something, options={"seed": 7}),
        *_chat(
            f"chat/openai_endpoint_{name}",
            model,
            HELLO,
            says_something,
            options={"endpoint": "openai", "max_tokens": 300},
        ),
    ]


def _tool_use(name: str, model: str) -> list[Case]:
    both = (WEATHER, CLOCK)
    return [
        *_chat(
            f"tools/one_call_{name}", model, WEATHER_ASKED, calls("get_weather"), tools=(WEATHER,)
        ),
        *_chat(
            f"tools/openai_endpoint_{name}",
            model,
            WEATHER_ASKED,
            calls("get_weather"),
            tools=(WEATHER,),
            options={"endpoint": "openai", "max_tokens": 300},
        ),
        *_chat(
            f"tools/parallel_calls_{name}",
            model,
            TWO_ASKED,
            calls("get_weather", "get_time"),
            tools=both,
        ),
        *_chat(
            f"tools/round_trip_{name}",
            model,
            WEATHER_ASKED,
            says("Sunny"),
            tools=(WEATHER,),
            results=("Sunny, 21 °C",),
        ),
        *_chat(
            f"tools/parallel_round_trip_{name}",
            model,
            TWO_ASKED,
            says("Sunny", "12:30"),
            tools=both,
            results=("Sunny, 21 °C", "12:30"),
        ),
        *_choice(name, model),
    ]


def _choice(name: str, model: str) -> list[Case]:
    both = (WEATHER, CLOCK)
    return [
        *_chat(
            f"tools/any_choice_{name}",
            model,
            WEATHER_ASKED,
            calls("get_weather"),
            tools=both,
            tool_choice="any",
        ),
        *_chat(
            f"tools/named_choice_{name}",
            model,
            HELLO,
            calls("get_time"),
            tools=both,
            tool_choice="get_time",
        ),
        *_chat(
            f"tools/no_choice_{name}",
            model,
            WEATHER_ASKED,
            says_something,
            tools=(WEATHER,),
            tool_choice="none",
        ),
    ]


def _structure(name: str, model: str) -> list[Case]:
    person = is_json_with("name", "age")
    return [
        *_chat(
            f"structured/json_object_{name}",
            model,
            PERSON_ASKED,
            is_json_with(),
            response_format={"type": "json_object"},
        ),
        *_chat(
            f"structured/json_schema_{name}", model, PERSON_ASKED, person, response_format=SCHEMA
        ),
    ]


def _completions(path: str, model: str, options: dict[str, Any], **more: Any) -> list[Case]:
    scenario, arguments = conversation(model, options=options), {"prompt": PROMPT}
    return [
        Case(path, "complete", scenario, arguments=arguments, check=bool, **more),
        Case(
            f"{path}_streamed",
            "complete",
            scenario,
            stream=True,
            arguments=arguments,
            check=bool,
            **more,
        ),
    ]


def _lora(name: str, model: str) -> list[Case]:
    return [
        *_completions(f"completion/raw_{name}", model, {"raw": True}),
        # A fine-tune's name belongs to one account, so this case cannot be recorded live.
        *_completions(f"completion/lora_{name}", model, {"lora": "harbour-logs"}, live=False),
    ]


def _errors(name: str, model: str) -> list[Case]:
    def error(what: str, expected: type[workersai.WorkersAIError], **more: Any) -> list[Case]:
        refusals = more.pop("refusals", ())
        scenario = conversation(model, error=expected, **more)
        path = f"errors/{what}_{name}"
        return [
            Case(path, "chat", scenario, refusals=refusals, live=not refusals),
            Case(
                f"{path}_streamed",
                "chat",
                scenario,
                stream=True,
                refusals=refusals,
                live=not refusals,
            ),
        ]

    patient = conversation(model, options={"max_retries": 1})
    retried: dict[str, Any] = {"refusals": (BUSY,), "check": says_something, "live": False}
    return [
        *error("wrong_token", workersai.AuthenticationError, options={"api_token": "wrong-token"}),
        *error(
            "bad_input", workersai.InvalidRequestError, response_format={"type": "no-such-format"}
        ),
        *error("not_found", workersai.NotFoundError, refusals=(NOT_FOUND,)),
        *error(
            "window_exceeded",
            workersai.ContextWindowExceededError,
            options={"max_tokens": 1_000_000},
        ),
        *error("at_capacity", workersai.OutOfCapacityError, refusals=(BUSY,)),
        Case(f"errors/retried_{name}", "chat", patient, **retried),
        Case(f"errors/retried_{name}_streamed", "chat", patient, stream=True, **retried),
    ]


def _of_glm() -> list[Case]:
    logprobs = conversation(GLM, options={"logprobs": True, "top_logprobs": 2})
    return [
        *_chat("chat/reasoning_glm", GLM, HELLO, thinks),
        *_chat(
            "chat/reasoning_switched_off_glm",
            GLM,
            HELLO,
            lambda found: bool(found.text) and not found.reasoning,
            options={"chat_template_kwargs": {"enable_thinking": False}},
        ),
        Case("chat/logprobs_glm", "logprobs", logprobs, check=bool),
        Case("chat/logprobs_glm_streamed", "logprobs", logprobs, stream=True, check=bool),
        Case(
            "chat/two_choices_glm",
            "choices",
            conversation(GLM, options={"n": 2}),
            check=lambda texts: len(texts) == 2,
        ),
    ]


def _without_text() -> list[Case]:
    texts = {"texts": ["The lamp burns oil.", "Ships bring the mail."], "query": "What burns?"}
    documents = {
        "query": "What does the lamp burn?",
        "documents": ["Ships bring the mail.", "The lamp burns oil.", "Gulls nest below."],
    }
    embedders = {
        "bge_small": "@cf/baai/bge-small-en-v1.5",
        "bge_m3": "@cf/baai/bge-m3",
        "embeddinggemma": "@cf/google/embeddinggemma-300m",
        "qwen3": "@cf/qwen/qwen3-embedding-0.6b",
    }
    return [
        *(
            Case(
                f"embeddings/{name}",
                "embed",
                conversation(model),
                arguments=texts,
                check=lambda vectors: len(vectors) == 3,
            )
            for name, model in embedders.items()
        ),
        Case(
            "embeddings/openai_endpoint_bge_small",
            "embed",
            conversation("@cf/baai/bge-small-en-v1.5", options={"endpoint": "openai"}),
            arguments=texts,
            check=lambda vectors: len(vectors) == 3,
        ),
        Case(
            "rerank/bge_reranker",
            "rerank",
            conversation("@cf/baai/bge-reranker-base", options={"top_n": 2}),
            arguments=documents,
            check=lambda ranked: len(ranked) == 2 and ranked[0][0] == 1,
        ),
        Case(
            "models/search",
            "models",
            conversation(GRANITE),
            arguments={"search": "granite"},
            check=lambda names: GRANITE in names,
        ),
        Case(
            "errors/unknown_model",
            "chat",
            conversation("@cf/acme/no-such-model", error=workersai.NotFoundError),
        ),
        Case(
            "errors/retired_model",
            "chat",
            conversation("@cf/meta/llama-3-8b-instruct", error=workersai.NotFoundError),
        ),
    ]


def _batch(name: str, model: str) -> Case:
    """Return conversations for the queue; no source says whether Cloudflare has one for them."""
    return Case(
        f"batch/submit_and_poll_{name}",
        "batch",
        conversation(
            model, (Turn("system", "You keep a lighthouse."),), options={"max_tokens": 60}
        ),
        arguments={"texts": ["Say hello.", "Say good night, naïve 👩‍🚀."]},
        check=lambda found: len(found) == 2 and all(map(says_something, found)),
        live=False,
    )


CASES = [
    *(case for name, model in MODELS.items() for case in _for_each_model(name, model)),
    *(case for name, model in LORA_MODELS.items() for case in _lora(name, model)),
    *_of_glm(),
    *_without_text(),
    *(_batch(name, model) for name, model in QUEUED_MODELS.items()),
]
