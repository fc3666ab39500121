"""The shared table of scenarios: a conversation, the server's answer, and the expected outcome.

A scenario is written without a framework. `test_symmetry` runs each through LangChain and
LlamaIndex, sync and async, plain and streamed, and expects the same request and outcome from all.
The answers are written by hand after the documented forms; none was captured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import workersai

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"
SEA_LION = "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
LLAMA = "@cf/meta/llama-3.1-70b-instruct"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The city"}},
            "required": ["city"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Get the time",
        "parameters": {"type": "object", "properties": {}},
    },
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


@dataclass(frozen=True)
class Call:
    """A tool call of a conversation or an outcome."""

    id: str | None
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """A message of a conversation: `role` is system, user, assistant or tool."""

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    answers: str | None = None
    reasoning: str = ""


@dataclass(frozen=True)
class Outcome:
    """The outcome that a face returns; `id` of a call is `None` where the wire has none."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    invalid: tuple[str, ...] = ()
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = (10, 5)
    gateway: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Attributes:
        name: Names the test.
        model: The model asked.
        request: The JSON body every face must send, without `stream`.
        answer: The plain answer.
        stream: The events of the streamed answer; `None` as the last means "no [DONE]".
        outcome: What comes out, if it is not `error`.
        stream_outcome: What comes out of the stream, where it carries more than the answer.
        stream_error: What the stream ends in.
        stream_request: What the body has besides `stream` when one is asked for.
        turns: The conversation.
        options: Constructor parameters of the class.
        tools: Wire tools of the call.
        tool_choice: Of the call.
        response_format: Of the call.
        headers: Of the answer, besides its type.
        status: Of the answer.
        error: What the plain answer ends in.
    """

    name: str
    model: str
    request: dict[str, Any]
    answer: Any
    stream: list[Any] = field(default_factory=list)
    outcome: Outcome = Outcome()
    stream_outcome: Outcome | None = None
    turns: tuple[Turn, ...] = (Turn("user", "Hello"),)
    options: dict[str, Any] = field(default_factory=dict)
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: Any = None
    response_format: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    error: type[workersai.WorkersAIError] | None = None
    stream_error: type[workersai.WorkersAIError] | None = None
    stream_request: dict[str, Any] = field(default_factory=dict)

    def body(self) -> bytes:
        """The plain answer's bytes."""
        return self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()

    def stream_body(self) -> bytes:
        """The streamed answer's bytes."""
        events = self.stream
        ends = not events or events[-1] is not None
        lines = [
            event if isinstance(event, bytes) else json.dumps(event).encode()
            for event in events
            if event is not None
        ]
        return b"".join(b"data: %b\n\n" % line for line in [*lines, *([b"[DONE]"] if ends else [])])


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
TAIL = {"response": "", "usage": {**USAGE, "neurons": 0.5}}
HELLO = [{"role": "user", "content": "Hello"}]


def wrapped(result: Any) -> dict[str, Any]:
    """Put a native answer in Cloudflare's envelope."""
    return {"result": result, "success": True, "errors": [], "messages": []}


def completion(message: dict[str, Any], reason: str = "stop", **more: Any) -> dict[str, Any]:
    """Make a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [choice],
        "usage": USAGE,
        **more,
    }


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Make a chunk of a stream."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        **more,
    }


def with_logprobs(event: dict[str, Any], token: str) -> dict[str, Any]:
    """Add log probabilities to a chunk."""
    (choice,) = event["choices"]
    logprobs = {"content": [{"token": token, "logprob": -0.5, "top_logprobs": []}]}
    return {**event, "choices": [{**choice, "logprobs": logprobs}]}


def wire_call(call_id: str | None, name: str, arguments: Any) -> dict[str, Any]:
    """Make a tool call as an answer has it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def fragment(index: int, arguments: str) -> dict[str, Any]:
    """Make a later piece of a tool call: id and name repeat as null."""
    return {"index": index, **wire_call(None, None, arguments)}  # type: ignore[arg-type]  # null on the wire


PARIS = Call("call_1", "get_weather", {"city": "Paris"})
TOKYO = Call("call_2", "get_weather", {"city": "東京"})
PARIS_TEXT = '{ "city": "Paris" }'

FLAT_ERROR = {
    "name": "AiError",
    "internalCode": 3046,
    "httpCode": 408,
    "message": "AiError: AiError: Request timeout (0b7e7d3c-0000-4000-8000-000000000000)",
}
ODD_ERRORS: list[tuple[str, Any, Any, type[workersai.WorkersAIError]]] = [
    ("without_an_envelope", FLAT_ERROR, FLAT_ERROR, workersai.ServerError),
    (
        "without_an_envelope_as_result",
        FLAT_ERROR,
        {"result": FLAT_ERROR, "success": True},
        workersai.ServerError,
    ),
    (
        "as_an_object",
        {"object": "error", "message": "no", "code": 400},
        {"object": "error", "message": "no", "code": 400},
        workersai.InvalidRequestError,
    ),
    (
        "by_its_type",
        {"type": "error", "error": {"type": "rate_limit_error", "message": "no"}},
        {"type": "error", "error": {"type": "rate_limit_error", "message": "no"}},
        workersai.RateLimitError,
    ),
    (
        "by_the_field_of_its_event",
        b'{"message":"3040: busy"}\nevent: error',
        {"code": 3040, "message": "busy"},
        workersai.OutOfCapacityError,
    ),
    (
        "by_the_field_of_its_event_around_text",
        b"upstream gone\nevent: error",
        {"error": "upstream gone"},
        workersai.ServerError,
    ),
]

SCENARIOS = [
    Scenario(
        "text_as_chat_completion",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "Hi there"})),
        [chunk({"content": "Hi"}), chunk({"content": " there"}), chunk({}, "stop"), TAIL],
        Outcome("Hi there"),
    ),
    Scenario(
        "text_as_native_response",
        LLAMA,
        {"messages": HELLO},
        wrapped({"response": "Hi there", "tool_calls": [], "usage": USAGE}),
        [{"response": "Hi", "p": "abc"}, {"response": " there", "p": "a"}, TAIL],
        Outcome("Hi there", finish_reason=None),
    ),
    Scenario(
        "text_on_the_openai_endpoint",
        GRANITE,
        {"model": GRANITE, "messages": HELLO, "max_tokens": 2000},
        completion({"content": "Hi there"}),
        [
            chunk({"content": "Hi there"}),
            chunk({}, "stop"),
            {"choices": [], "usage": USAGE},
        ],
        Outcome("Hi there"),
        options={"endpoint": "openai"},
        stream_request={"stream_options": {"include_usage": True}},
    ),
    Scenario(
        "hybrid_chunks_are_not_doubled",
        LLAMA,
        {"messages": HELLO},
        wrapped({"response": "Hi there", "usage": USAGE}),
        [
            {**chunk({"content": "Hi"}), "response": "Hi"},
            {**chunk({"content": " there"}), "response": " there", "tool_calls": []},
            TAIL,
        ],
        Outcome("Hi there", finish_reason=None),
    ),
    Scenario(
        "a_gateway_s_headers_come_back",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "Hi"})),
        [chunk({"content": "Hi"}), chunk({}, "stop"), TAIL],
        Outcome("Hi", gateway=(("cf_aig_cache_status", "HIT"), ("cf_aig_log_id", "01J"))),
        options={"gateway": "my-gateway"},
        headers={"cf-aig-cache-status": "HIT", "cf-aig-log-id": "01J"},
    ),
    Scenario(
        "numbers_stay_the_text_that_was_sent",
        LLAMA,
        {"messages": HELLO},
        b'{"result":{"response":1.50,"usage":%b},"success":true}' % json.dumps(USAGE).encode(),
        [b'{"response":1}', b'{"response":".50"}', TAIL],
        Outcome("1.50", finish_reason=None),
    ),
    Scenario(
        "reasoning_beside_the_text",
        GLM,
        {"messages": HELLO},
        wrapped(
            completion({"content": "Hi", "reasoning": "Greet.", "reasoning_content": "Greet."})
        ),
        [
            chunk({"role": "assistant", "content": "", "reasoning_content": None}),
            chunk({"content": None, "reasoning_content": "Greet", "reasoning": "Greet"}),
            chunk({"content": None, "reasoning": "."}),
            chunk({"content": "Hi"}),
            chunk({}, "stop"),
            TAIL,
        ],
        Outcome("Hi", "Greet."),
    ),
    Scenario(
        "parameters_reach_the_wire",
        GLM,
        {
            "messages": HELLO,
            "temperature": 0.2,
            "top_p": 0.9,
            "seed": 7,
            "max_tokens": 50,
            "frequency_penalty": 0.5,
            "stop": ["END"],
            "reasoning_effort": "low",
            "chat_template_kwargs": {"enable_thinking": False},
        },
        wrapped(completion({"content": "Hi"})),
        [chunk({"content": "Hi"}), chunk({}, "stop"), TAIL],
        Outcome("Hi"),
        options={
            "temperature": 0.2,
            "top_p": 0.9,
            "seed": 7,
            "max_tokens": 50,
            "frequency_penalty": 0.5,
            "stop": ["END"],
            "reasoning_effort": "low",
            "chat_template_kwargs": {"enable_thinking": False},
        },
    ),
    Scenario(
        "one_tool_call",
        GRANITE,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [wire_call("call_1", "get_weather", '{"city": "Paris"}')],
                },
                "tool_calls",
            )
        ),
        [
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", "")}]}),
            chunk({"tool_calls": [fragment(0, '{"ci')]}),
            chunk({"tool_calls": [fragment(0, 'ty": "Paris"}')]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(calls=(PARIS,), finish_reason="tool_calls"),
        tools=(WEATHER,),
    ),
    Scenario(
        "parallel_calls_with_text_and_unicode",
        GLM,
        {"messages": HELLO, "tools": [WEATHER, CLOCK]},
        wrapped(
            completion(
                {
                    "content": "Looking.",
                    "tool_calls": [
                        wire_call("call_1", "get_weather", '{"city": "Paris"}'),
                        wire_call("call_2", "get_weather", '{"city": "東京"}'),
                    ],
                },
                "tool_calls",
            )
        ),
        [
            chunk({"content": "Looking."}),
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", "")}]}),
            chunk({"tool_calls": [{"index": 1, **wire_call("call_2", "get_weather", "")}]}),
            chunk({"tool_calls": [fragment(1, '{"city": '), fragment(0, '{"city": "Paris"}')]}),
            chunk({"tool_calls": [fragment(1, '"東京"}')]}),
            chunk({"tool_calls": [fragment(0, "")]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome("Looking.", calls=(PARIS, TOKYO), finish_reason="tool_calls"),
        tools=(WEATHER, CLOCK),
    ),
    Scenario(
        "native_call_without_id",
        LLAMA,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            {
                "response": None,
                "tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}],
                "usage": USAGE,
            }
        ),
        [
            {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}], "p": "x"},
            TAIL,
        ],
        Outcome(calls=(Call(None, "get_weather", {"city": "Paris"}),), finish_reason=None),
        tools=(WEATHER,),
    ),
    Scenario(
        "twice_encoded_arguments",
        GRANITE,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [
                        wire_call("call_1", "get_weather", json.dumps('{"city": "Paris"}'))
                    ],
                },
                "tool_calls",
            )
        ),
        [
            chunk(
                {"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", '"{\\"city')}]}
            ),
            chunk({"tool_calls": [fragment(0, '\\": \\"Paris\\"}"')]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(calls=(PARIS,), finish_reason="tool_calls"),
        tools=(WEATHER,),
    ),
    Scenario(
        "a_tool_without_arguments",
        GLM,
        {"messages": HELLO, "tools": [CLOCK]},
        wrapped(
            completion(
                {"content": None, "tool_calls": [wire_call("call_1", "get_time", "")]}, "tool_calls"
            )
        ),
        [
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_time", "")}]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(calls=(Call("call_1", "get_time", {}),), finish_reason="tool_calls"),
        tools=(CLOCK,),
    ),
    Scenario(
        "a_new_id_in_each_fragment_of_a_call",
        GLM,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": None,
                    "tool_calls": [wire_call("call_1", "get_weather", '{"city": "Paris"}')],
                },
                "tool_calls",
            )
        ),
        [
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", "")}]}),
            chunk({"tool_calls": [{**fragment(0, '{"city":'), "id": "call_2"}]}),
            chunk({"tool_calls": [{**fragment(0, ' "Paris"}'), "id": "call_3"}]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(
            calls=(Call("call_1", "get_weather", {"city": "Paris"}),), finish_reason="tool_calls"
        ),
        tools=(WEATHER,),
    ),
    Scenario(
        "cut_arguments_are_no_call",
        GRANITE,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {"content": "", "tool_calls": [wire_call("call_1", "get_weather", '{"city": "Pa')]},
                "length",
            )
        ),
        [
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", '{"city"')}]}),
            chunk({"tool_calls": [fragment(0, ': "Pa')]}),
            chunk({}, "length"),
            TAIL,
        ],
        Outcome(invalid=("get_weather",), finish_reason="length"),
        tools=(WEATHER,),
    ),
    Scenario(
        "a_forced_tool",
        GLM,
        {
            "messages": HELLO,
            "tools": [WEATHER, CLOCK],
            "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        },
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [wire_call("call_1", "get_weather", '{"city":"Paris"}')],
                }
            )
        ),
        [
            chunk(
                {
                    "tool_calls": [
                        {"index": 0, **wire_call("call_1", "get_weather", '{"city":"Paris"}')}
                    ]
                }
            ),
            chunk({}, "stop"),
            TAIL,
        ],
        Outcome(calls=(PARIS,)),
        tools=(WEATHER, CLOCK),
        tool_choice="get_weather",
    ),
    Scenario(
        "any_tool_is_required_on_the_wire",
        GLM,
        {"messages": HELLO, "tools": [WEATHER], "tool_choice": "required"},
        wrapped(completion({"content": "No."})),
        [chunk({"content": "No."}), chunk({}, "stop"), TAIL],
        Outcome("No."),
        tools=(WEATHER,),
        tool_choice="any",
    ),
    Scenario(
        "a_tool_round_trip",
        GRANITE,
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Weather in 東京?"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [wire_call("call_2", "get_weather", '{"city": "東京"}')],
                },
                {"role": "tool", "content": "Sunny", "tool_call_id": "call_2"},
            ],
            "tools": [WEATHER],
        },
        wrapped(completion({"content": "Sunny."})),
        [chunk({"content": "Sunny."}), chunk({}, "stop"), TAIL],
        Outcome("Sunny."),
        turns=(
            Turn("system", "Be brief."),
            Turn("user", "Weather in 東京?"),
            Turn("assistant", calls=(TOKYO,)),
            Turn("tool", "Sunny", answers="call_2"),
        ),
        tools=(WEATHER,),
    ),
    Scenario(
        "reasoning_is_sent_back_where_the_model_reasons",
        GLM,
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "content": "Hi", "reasoning": "Greet."},
                {"role": "user", "content": "Again"},
            ]
        },
        wrapped(completion({"content": "Hi again"})),
        [chunk({"content": "Hi again"}), chunk({}, "stop"), TAIL],
        Outcome("Hi again"),
        turns=(
            Turn("user", "Hello"),
            Turn("assistant", "Hi", reasoning="Greet."),
            Turn("user", "Again"),
        ),
    ),
    Scenario(
        "json_schema_bare_on_native_models",
        SEA_LION,
        {
            "messages": HELLO,
            "response_format": {"type": "json_schema", "json_schema": {"title": "P", **PERSON}},
        },
        wrapped({"response": {"name": "Ada", "age": 36}, "usage": USAGE}),
        [chunk({"content": '{"name": "Ada", '}), chunk({"content": '"age": 36}'}, "stop"), TAIL],
        Outcome('{"name": "Ada", "age": 36}', finish_reason=None),
        stream_outcome=Outcome('{"name": "Ada", "age": 36}'),
        response_format={"type": "json_schema", "json_schema": {"name": "P", "schema": PERSON}},
    ),
    Scenario(
        "json_schema_named_where_the_model_wants_it",
        GLM,
        {
            "messages": HELLO,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "P", "schema": PERSON},
            },
        },
        wrapped(completion({"content": '{"name": "Ada", "age": 36}'})),
        [chunk({"content": '{"name": "Ada", "age": 36}'}), chunk({}, "stop"), TAIL],
        Outcome('{"name": "Ada", "age": 36}'),
        response_format={"type": "json_schema", "json_schema": {"name": "P", "schema": PERSON}},
    ),
    Scenario(
        "usage_summed_from_increments",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "Hi!"})),
        [
            chunk({"content": ""}, usage={**USAGE, "completion_tokens": 0, "total_tokens": 10}),
            chunk({"content": "Hi"}, usage={"prompt_tokens": 0, "completion_tokens": 3}),
            chunk({"content": "!"}, usage={"prompt_tokens": 0, "completion_tokens": 2}),
            chunk({}, "stop", usage={"prompt_tokens": 0, "completion_tokens": 0}),
        ],
        Outcome("Hi!"),
    ),
    Scenario(
        "line_separators_and_emoji_are_text",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "a\u2028b\u0085c😀"})),
        [
            b'{"choices":[{"delta":{"content":"a\xe2\x80\xa8b\xc2\x85c"}}]}',
            b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
            b'{"choices":[{"delta":{"content":"\\ude00"}}]}',
            chunk({}, "stop"),
            TAIL,
        ],
        Outcome("a\u2028b\u0085c😀"),
    ),
    Scenario(
        "a_wrong_token",
        GRANITE,
        {"messages": HELLO},
        {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]},
        status=401,
        error=workersai.AuthenticationError,
        stream_error=workersai.AuthenticationError,
    ),
    Scenario(
        "a_prompt_that_is_too_long",
        GRANITE,
        {"messages": HELLO},
        {"errors": [{"code": 5021, "message": "AiError: the estimated number of tokens"}]},
        status=413,
        error=workersai.ContextWindowExceededError,
        stream_error=workersai.ContextWindowExceededError,
    ),
    Scenario(
        "an_error_with_status_200",
        GRANITE,
        {"messages": HELLO},
        {"success": False, "errors": [{"code": 5006, "message": "Bad input"}], "result": None},
        [{"errors": [{"code": 5006, "message": "Bad input"}], "success": False}],
        error=workersai.InvalidRequestError,
        stream_error=workersai.InvalidRequestError,
    ),
    Scenario(
        "a_stream_that_just_stops",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "Hi there"})),
        [chunk({"content": "Hi"}), None],
        Outcome("Hi there"),
        stream_error=workersai.StreamInterruptedError,
    ),
    Scenario(
        "an_error_in_the_middle_of_a_stream",
        GRANITE,
        {"messages": HELLO},
        wrapped(completion({"content": "Hi there"})),
        [chunk({"content": "Hi"}), {"error": {"code": 3040, "message": "Capacity"}}],
        Outcome("Hi there"),
        stream_error=workersai.OutOfCapacityError,
    ),
    Scenario(
        "tokens_sent_as_numbers_and_booleans",
        GLM,
        {"messages": HELLO},
        wrapped(completion({"content": 7, "reasoning_content": True})),
        [
            chunk({"reasoning_content": "3 is "}),
            chunk({"reasoning_content": True}),
            b'{"choices":[{"index":0,"delta":{"reasoning":2.50}}]}',
            chunk({"content": 7}),
            b'{"choices":[{"index":0,"delta":{"content":0.10}}]}',
            chunk({"content": False}),
            chunk({}, "stop"),
            TAIL,
        ],
        Outcome("7", "true"),
        stream_outcome=Outcome("70.10false", "3 is true2.50"),
    ),
    Scenario(
        "half_an_emoji_is_replaced",
        GLM,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "Hi \ud83d",
                    "reasoning": "\ude00 hm",
                    "tool_calls": [wire_call("call_1", "get_weather", '{"city": "x\ud83d"}')],
                },
                "tool_calls",
            )
        ),
        [
            chunk({"reasoning": "\ude00"}),
            chunk({"reasoning": " hm"}),
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", "")}]}),
            chunk({"tool_calls": [fragment(0, '{"city": "x\ud83d')]}),
            chunk({"tool_calls": [fragment(0, '"}')]}),
            chunk({"content": "Hi \ud83d"}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(
            "Hi \ufffd",
            "\ufffd hm",
            calls=(Call("call_1", "get_weather", {"city": "x\ufffd"}),),
            finish_reason="tool_calls",
        ),
        tools=(WEATHER,),
    ),
    Scenario(
        "half_an_emoji_by_its_escape_in_arguments",
        GLM,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [wire_call("call_1", "get_weather", r'{"city": "\ud83d!"}')],
                },
                "tool_calls",
            )
        ),
        [
            chunk(
                {
                    "tool_calls": [
                        {"index": 0, **wire_call("call_1", "get_weather", r'{"city": "\u')}
                    ]
                }
            ),
            chunk({"tool_calls": [fragment(0, 'd83d!"}')]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(
            calls=(Call("call_1", "get_weather", {"city": "\ufffd!"}),), finish_reason="tool_calls"
        ),
        tools=(WEATHER,),
    ),
    Scenario(
        "placeholders_for_an_id_and_a_name",
        GLM,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [
                        wire_call("null", "get_weather", '{"city": "Paris"}'),
                        wire_call("null", "get_weather", '{"city": "東京"}'),
                    ],
                },
                "tool_calls",
            )
        ),
        [
            chunk(
                {"tool_calls": [{"index": "0", **wire_call("null", "get_weather", '{"city": ')}]}
            ),
            chunk({"tool_calls": [{"index": "0", **wire_call("null", "null", '"Paris"}')}]}),
            chunk({"tool_calls": [{"index": 1, **wire_call("None", "get_weather", '{"city"')}]}),
            chunk({"tool_calls": [{"index": 1, **wire_call("", "", ': "東京"}')}]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(
            calls=(replace(PARIS, id=None), replace(TOKYO, id=None)), finish_reason="tool_calls"
        ),
        tools=(WEATHER,),
    ),
    Scenario(
        "arguments_that_come_again_and_again",
        GLM,
        {"messages": HELLO, "tools": [WEATHER]},
        wrapped(
            completion(
                {
                    "content": "",
                    "tool_calls": [wire_call("call_1", "get_weather", '{"city": "Paris"}')],
                },
                "tool_calls",
            )
        ),
        [
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", '{"city":')}]}),
            chunk({"tool_calls": [fragment(0, '{"city": "Pa')]}),
            chunk({"tool_calls": [fragment(0, '{"city": "Paris"}')]}),
            chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "get_weather", PARIS_TEXT)}]}),
            chunk({}, "tool_calls"),
            TAIL,
        ],
        Outcome(calls=(PARIS,), finish_reason="tool_calls"),
        tools=(WEATHER,),
    ),
    *(
        Scenario(
            f"an_error_{name}",
            GRANITE,
            {"messages": HELLO},
            answer,
            [chunk({"content": "Take 5 "}), event],
            error=error,
            stream_error=error,
        )
        for name, event, answer, error in ODD_ERRORS
    ),
    Scenario(
        "an_answer_that_looks_like_an_error",
        GRANITE,
        {"messages": HELLO},
        wrapped({"response": {"name": "AiError", "error": {"code": 3040}}, "usage": USAGE}),
        [
            chunk({"content": '{"name": "AiError", '}),
            chunk({"content": '"error": {"code": 3040}}'}),
            TAIL,
        ],
        Outcome('{"name": "AiError", "error": {"code": 3040}}', finish_reason=None),
    ),
    *(
        Scenario(
            f"{name}_in_place_of_an_answer",
            LLAMA,
            {"messages": HELLO},
            body,
            [body],
            error=workersai.ResponseError,
            stream_error=workersai.ResponseError,
        )
        for name, body in (
            ("null", b"null"),
            ("a_boolean", b"true"),
            ("a_number", b"3"),
            ("an_empty_list", b"[]"),
            ("a_list", b'["Hi"]'),
            ("an_empty_result", b'{"result":[],"success":true}'),
        )
    ),
    *(
        Scenario(
            f"think_tags_{name}",
            LLAMA,
            {"messages": HELLO},
            wrapped({"response": "".join(pieces), "usage": USAGE}),
            [*({"response": piece} for piece in pieces), TAIL],
            Outcome(text, reasoning, finish_reason=None),
            options={"think_tags": True},
        )
        for name, pieces, text, reasoning in (
            (
                "around_the_reasoning",
                ["<thi", "nk>\nHm", ".</th", "ink>\n\nFo", "ur"],
                "Four",
                "Hm.",
            ),
            ("that_were_never_opened", ["Hm", ".</th", "ink>\n\nFo", "ur"], "Four", "Hm."),
            ("that_were_never_closed", ["<think>", "Hm", "."], "", "Hm."),
            ("inside_one_another", ["<think>a<think>b</think>c", "</think>Four"], "Four", "abc"),
            ("in_capitals", ["<THINK>Hm.</THI", "NK>Four"], "Four", "Hm."),
            (
                "that_are_none",
                ["a < b, </b", "> and <thin", " air"],
                "a < b, </b> and <thin air",
                "",
            ),
        )
    ),
    Scenario(
        "think_tags_with_log_probabilities",
        GLM,
        {"messages": HELLO, "logprobs": True},
        completion({"content": "<think>Hm.</think>Four"}),
        [
            with_logprobs(chunk({"content": piece}), piece)
            for piece in ("<th", "ink>", "Hm.", "</think>", "Fo", "ur")
        ]
        + [chunk({}, "stop"), TAIL],
        Outcome("Four", "Hm."),
        options={"think_tags": True, "logprobs": True},
    ),
    Scenario(
        "think_tags_of_an_answer_with_a_field_for_reasoning",
        GLM,
        {"messages": HELLO},
        wrapped(completion({"content": "Write </think> last.", "reasoning": "Hm."})),
        [
            chunk({"reasoning": "Hm."}),
            chunk({"content": "Write </thi"}),
            chunk({"content": "nk> last."}),
            chunk({}, "stop"),
            TAIL,
        ],
        Outcome("Write </think> last.", "Hm."),
        options={"think_tags": True},
    ),
    Scenario(
        "think_tags_are_text_unless_asked_for",
        LLAMA,
        {"messages": HELLO},
        wrapped({"response": "<think>Hm.</think>Four", "usage": USAGE}),
        [{"response": "<think>Hm.</th"}, {"response": "ink>Four"}, TAIL],
        Outcome("<think>Hm.</think>Four", finish_reason=None),
    ),
]
