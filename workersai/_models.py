"""Facts about models, as data, each with its source.

`page`: the model's page in Cloudflare's documentation. `catalogue`: the live model catalogue.
`observed`: seen on the wire by public clients, not promised by anyone. What no source says is
`None`, and a model that is not listed here gets a profile that forbids nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from workersai._profiles import ModelProfile, Parameter

__all__ = ["get_profile"]


def get_profile(model: str) -> ModelProfile:
    """Return what is known about *model*; never fails.

    Args:
        model: The model id, such as `@cf/zai-org/glm-4.7-flash`.

    Returns:
        Its profile, or a permissive one with `known=False`.
    """
    return _PROFILES.get(model) or ModelProfile(model, known=False)


def _parameters(**listed: Parameter) -> Mapping[str, Parameter]:
    return MappingProxyType(listed)


_BOOLEAN = Parameter("boolean", default=False)
_PENALTY = Parameter("number", -2, 2)

# Pages of granite-4.0-h-micro and gemma-sea-lion-v4-27b-it: one schema, to the letter.
_VLLM_PARAMETERS = _parameters(
    lora=Parameter("string"),
    response_format=Parameter("object"),
    raw=_BOOLEAN,
    stream=_BOOLEAN,
    max_tokens=Parameter("integer", default=2000),
    temperature=Parameter("number", 0, 5, default=0.6),
    top_p=Parameter("number", 0.001, 1),
    top_k=Parameter("integer", 1, 50),
    seed=Parameter("integer", 1, 9_999_999_999),
    repetition_penalty=Parameter("number", 0, 2),
    frequency_penalty=_PENALTY,
    presence_penalty=_PENALTY,
    functions=Parameter("array"),
    tools=Parameter("array"),
)

# Page of glm-4.7-flash: the OpenAI chat schema. `chat_template_kwargs` is only in its newer schema.
_OPENAI_PARAMETERS = _parameters(
    model=Parameter("string"),
    audio=Parameter("object"),
    frequency_penalty=replace(_PENALTY, default=0),
    presence_penalty=replace(_PENALTY, default=0),
    logit_bias=Parameter("object"),
    logprobs=_BOOLEAN,
    top_logprobs=Parameter("integer", 0, 20),
    max_tokens=Parameter("integer"),
    max_completion_tokens=Parameter("integer"),
    metadata=Parameter("object"),
    modalities=Parameter("array"),
    n=Parameter("integer", 1, 128, default=1),
    parallel_tool_calls=Parameter("boolean", default=True),
    prediction=Parameter("object"),
    reasoning_effort=Parameter("string", choices=("low", "medium", "high")),
    chat_template_kwargs=Parameter("object"),
    response_format=Parameter("object"),
    seed=Parameter("integer"),
    service_tier=Parameter(
        "string", default="auto", choices=("auto", "default", "flex", "scale", "priority")
    ),
    stop=Parameter("array", max_items=4),
    store=_BOOLEAN,
    stream=_BOOLEAN,
    stream_options=Parameter("object"),
    temperature=Parameter("number", 0, 2, default=1),
    tool_choice=Parameter("object"),
    tools=Parameter("array"),
    top_p=Parameter("number", 0, 1, default=1),
    user=Parameter("string"),
    web_search_options=Parameter("object"),
    function_call=Parameter("object"),
    functions=Parameter("array", max_items=128),
)

_PAGE = "page: prices, context window, input variants and every parameter"
_SWEEP = "observed: a public sweep of the native endpoint with JSON schemas, 2026-08"

_CHAT = (
    ModelProfile(
        "@cf/ibm-granite/granite-4.0-h-micro",
        context_window=131_000,
        input_price=0.017,
        output_price=0.11,
        inputs=("prompt", "messages", "requests"),
        parameters=_VLLM_PARAMETERS,
        function_calling=True,
        structured_output=True,
        text_only_content=True,
        describes_properties=True,
        vision=False,
        audio=False,
        lora=True,
        sources=(
            _PAGE,
            "page: made for instruction following and function calling",
            "catalogue: function_calling true",
            f"{_SWEEP}: takes a JSON schema",
            "observed: no reasoning ever seen; the flat tool shape is refused with 8001",
        ),
    ),
    ModelProfile(
        "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
        context_window=128_000,
        input_price=0.35,
        output_price=0.56,
        inputs=("prompt", "messages", "requests"),
        parameters=_VLLM_PARAMETERS,
        structured_output=True,
        text_only_content=True,
        describes_properties=True,
        vision=False,
        audio=False,
        lora=True,
        sources=(
            _PAGE,
            "page: lists `tools`, while the catalogue carries no function_calling flag: unknown",
            f"{_SWEEP}: takes a JSON schema, answers with a parsed object",
        ),
    ),
    ModelProfile(
        "@cf/zai-org/glm-4.7-flash",
        context_window=131_072,
        input_price=0.06,
        output_price=0.40,
        parameters=_OPENAI_PARAMETERS,
        function_calling=True,
        structured_output=True,
        schema_envelope=True,
        reasoning=True,
        sources=(
            _PAGE,
            "page: function calling yes; the schema requires `name` in json_schema",
            "catalogue: reasoning true",
            "observed: reasoning counts against max_tokens, so a small cap leaves no text",
        ),
    ),
    *(
        ModelProfile(name, function_calling=True, reasoning=True, schema_envelope=True,
                     structured_output=True, sources=("catalogue: function_calling", _SWEEP))
        for name in ("@cf/openai/gpt-oss-20b", "@cf/openai/gpt-oss-120b")
    ),
    *(
        ModelProfile(name, function_calling=True, reasoning=True, schema_envelope=True,
                     sources=("catalogue: function_calling", "observed: OpenAI-shaped answers"))
        for name in (
            "@cf/moonshotai/kimi-k2.6",
            "@cf/moonshotai/kimi-k2.7-code",
            "@cf/zai-org/glm-5.2",
            "@cf/zai-org/glm-5.3",
            "@cf/zai-org/glm-5.3-flash",
        )
    ),
    ModelProfile(
        "@cf/google/gemma-4-26b-a4b-it",
        # The page says 256K; requests over 131,072 were seen refused.
        context_window=131_072,
        function_calling=True,
        structured_output=True,
        schema_envelope=True,
        reasoning=True,
        sources=("catalogue: function_calling", "observed: captures of 2026-10"),
    ),
    ModelProfile(
        "@cf/qwen/qwen3-30b-a3b-fp8",
        function_calling=True,
        reasoning=True,
        sources=("catalogue: function_calling",),
    ),
    ModelProfile(
        "@cf/meta/llama-4-scout-17b-16e-instruct",
        function_calling=True,
        structured_output=True,
        streams_json_schema=False,
        sources=("catalogue: function_calling", _SWEEP, "observed: 5023 for a schema in a stream"),
    ),
    ModelProfile(
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        function_calling=True,
        structured_output=True,
        streams_json_schema=False,
        sources=("catalogue: function_calling", "page: JSON mode", "observed: 5023, 5024"),
    ),
    ModelProfile(
        "@cf/mistralai/mistral-small-3.1-24b-instruct",
        function_calling=True,
        structured_output=True,
        sources=("catalogue: function_calling", _SWEEP, "observed: tools refused with 8001"),
    ),
    ModelProfile("@cf/meta/llama-3.1-8b-instruct-fp8", structured_output=False,
                 sources=("observed: 5025 for a JSON schema",)),
    ModelProfile("@cf/meta/llama-3.2-1b-instruct", structured_output=False,
                 sources=("observed: 5025 for a JSON schema",)),
    ModelProfile("@cf/meta/llama-3.2-3b-instruct", structured_output=True, sources=(_SWEEP,)),
    ModelProfile(
        "@cf/qwen/qwen2.5-coder-32b-instruct",
        text_only_content=True,
        sources=("observed: list content refused with 5006; a tool call comes as `response`",),
    ),
    ModelProfile("@cf/qwen/qwq-32b", sources=("observed: reasoning inside the text",)),
)  # fmt: skip

_POOLING = _parameters(pooling=Parameter("string", default="mean", choices=("mean", "cls")))
_EMBEDDINGS = (
    *(
        ModelProfile(
            f"@cf/baai/bge-{size}-en-v1.5",
            task="embeddings",
            inputs=("text", "requests"),
            parameters=_POOLING,
            dimensions=dimensions,
            max_input_tokens=512,
            max_batch=100,
            sources=("page: 100 texts a request, 512 tokens a text",),
        )
        for size, dimensions in (("small", 384), ("base", 768), ("large", 1024))
    ),
    ModelProfile(
        "@cf/baai/bge-m3",
        task="embeddings",
        inputs=("text", "query", "requests"),
        parameters=_parameters(truncate_inputs=_BOOLEAN),
        dimensions=1024,
        max_input_tokens=60_000,
        max_batch=100,
        sources=("page: 100 texts a request", "observed: cls pooling"),
    ),
    ModelProfile(
        "@cf/qwen/qwen3-embedding-0.6b",
        task="embeddings",
        inputs=("queries", "documents", "text"),
        parameters=_parameters(instruction=Parameter("string")),
        dimensions=1024,
        max_input_tokens=8192,
        max_batch=32,
        query_field="queries",
        sources=("page: 32 texts a request; queries and documents apart",),
    ),
    ModelProfile(
        "@cf/google/embeddinggemma-300m",
        task="embeddings",
        inputs=("text",),
        dimensions=768,
        sources=("page: no limit on the number of texts",),
    ),
    ModelProfile(
        "@cf/baai/bge-reranker-base",
        task="rerank",
        inputs=("query",),
        parameters=_parameters(top_k=Parameter("integer", 1)),
        sources=("page: query, contexts and top_k",),
    ),
)

_PROFILES: Mapping[str, ModelProfile] = MappingProxyType(
    {profile.name: profile for profile in (*_CHAT, *_EMBEDDINGS)}
)
