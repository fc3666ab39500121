"""Models with Workers AI's own text-generation schemas, as data with sources.

`page <commit>` is the model's file in Cloudflare's documentation repository at that commit,
`catalogue 2026-05-18` a public copy of the live catalogue of that day; prices are from the pricing
page of 2026-09. If the page has no schema, the model's parameter table is empty and nothing is
checked. Decision models (`clef`) take a schema of questions instead of a conversation; they are
not listed.
"""

from __future__ import annotations

from workersai._models.parameters import (
    CLASSIC,
    CLASSIC_2000,
    EARLY_VISION,
    GUARD,
    GUIDED_JSON_MODE,
    efforts,
    table,
)
from workersai._models.profile import ModelProfile
from workersai._models.rows import BATCHED, CLASSIC_SCHEMA, GUIDED_SCHEMA, PLAIN, prices, row

__all__ = ["CHAT_MODELS"]

_PAGE = "page: prices, context window, input variants and every parameter"
_SWEEP = "observed: a public sweep of the native endpoint with JSON schemas, 2026-08"
_CALLS = "catalogue: function_calling"
_JSON_MODE = "page: JSON mode lists it, and says not to stream"
_PRICING = "page: pricing"
_GEMMA_3 = (
    "observed elsewhere: it is built on Gemma 3, whose template in vLLM answers 400 to a second "
    "system message and to two messages of one role in a row"
)
_CATALOGUE = "catalogue: 2026-05-18"

_SEEDS = (
    row(
        CLASSIC_SCHEMA,
        "@cf/ibm-granite/granite-4.0-h-micro",
        131_000,
        (0.017, 0.11),
        inputs=BATCHED,
        parameters=CLASSIC_2000,
        function_calling=True,
        structured_output=True,
        text_only_content=True,
        sources=(
            _PAGE,
            "page: made for instruction following and function calling",
            "catalogue: function_calling true",
            f"{_SWEEP}: takes a JSON schema",
            "observed: no reasoning ever seen; the flat tool shape is refused with 8001",
        ),
    ),
    row(
        CLASSIC_SCHEMA,
        "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
        128_000,
        (0.35, 0.56),
        inputs=BATCHED,
        parameters=CLASSIC_2000,
        structured_output=True,
        text_only_content=True,
        one_system_message=True,
        alternating_roles=True,
        sources=(
            _PAGE,
            _GEMMA_3,
            "page: lists `tools`, while the catalogue carries no function_calling flag: unknown",
            f"{_SWEEP}: takes a JSON schema, answers with a parsed object",
        ),
    ),
)

_LLAMA = (
    row(
        CLASSIC_SCHEMA, "@cf/meta/llama-3.3-70b-instruct-fp8-fast", 24_000, (0.293, 2.253),
        inputs=BATCHED, batch=True, function_calling=True, structured_output=True,
        streams_json_schema=False,
        sources=("page 1588891", _CALLS, "page: JSON mode", "observed: 5023, 5024"),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/meta/llama-3.1-8b-instruct-fp8", 32_000, (0.152, 0.287),
        structured_output=False,
        sources=("page 0f6b7e6", _CATALOGUE, "observed: 5025 for a JSON schema"),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/meta/llama-3.1-8b-instruct-fast", 128_000, structured_output=True,
        streams_json_schema=False, sources=(_CATALOGUE, "page 1db3529", _JSON_MODE),
    ),
    *(
        ModelProfile(name, **prices(usd), sources=(f"{_PRICING} alone names it",))
        for name, usd in (
            ("@cf/meta/llama-3.1-8b-instruct-fp8-fast", (0.045, 0.384)),
            ("@cf/meta/llama-3.1-70b-instruct-fp8-fast", (0.293, 2.253)),
        )
    ),
    row(
        CLASSIC_SCHEMA, "@cf/meta/llama-3.2-1b-instruct", 60_000, (0.027, 0.201),
        structured_output=False,
        sources=(_CATALOGUE, _PRICING, "observed: 5025 for a JSON schema"),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/meta/llama-3.2-3b-instruct", 80_000, (0.051, 0.335),
        structured_output=True,
        sources=(_CATALOGUE, _PRICING, _SWEEP),
    ),
    ModelProfile(
        "@cf/meta/llama-3.2-11b-vision-instruct", context_window=128_000,
        **prices((0.049, 0.676)), inputs=PLAIN, parameters=EARLY_VISION,
        describes_properties=True, vision=True, lora=True, structured_output=True,
        streams_json_schema=False,
        sources=("page 0f82325", f"{_CATALOGUE}: vision", _JSON_MODE),
    ),
    row(
        GUIDED_SCHEMA, "@cf/meta/llama-4-scout-17b-16e-instruct", 131_000, (0.27, 0.85),
        inputs=BATCHED, parameters=GUIDED_JSON_MODE, batch=True, function_calling=True,
        structured_output=True, streams_json_schema=False, vision=True, image_urls=False,
        sources=("page 067fce3: images as data URIs alone", f"{_CATALOGUE}: vision, async_queue",
                 _CALLS, _SWEEP, "observed: 5023 for a schema in a stream"),
    ),
    ModelProfile(
        "@cf/meta/llama-guard-3-8b", context_window=131_072, **prices((0.484, 0.030)),
        inputs=("messages",), parameters=GUARD, text_only_content=True, vision=False,
        audio=False, files=False, lora=True,
        sources=("page 6996487", f"{_CATALOGUE}: lora", _PRICING),
    ),
)  # fmt: skip

_ADAPTED = tuple(
    row(
        CLASSIC_SCHEMA,
        name,
        window,
        sources=(f"{_CATALOGUE}: lora", "page: changelog of 2026-05-08, they stay"),
    )
    for name, window in (
        ("@cf/google/gemma-2b-it-lora", 8192),
        ("@cf/google/gemma-7b-it-lora", 3500),
        ("@cf/meta-llama/llama-2-7b-chat-hf-lora", 8192),
        ("@cf/mistral/mistral-7b-instruct-v0.2-lora", 15_000),
    )
)

_OTHERS = (
    row(
        GUIDED_SCHEMA, "@cf/mistralai/mistral-small-3.1-24b-instruct", 128_000, (0.351, 0.555),
        function_calling=True, structured_output=True, vision=True, image_urls=False, lora=True,
        sources=("page 1263bf7: images as data URIs alone", _CALLS, _PRICING, _SWEEP,
                 "observed: tools refused with 8001"),
    ),
    row(
        GUIDED_SCHEMA, "@cf/qwen/qwq-32b", 24_000, (0.66, 1.0), lora=True,
        sources=("page 1263bf7", f"{_CATALOGUE}: parameters and reasoning",
                 "observed: reasoning inside the text"),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/qwen/qwen2.5-coder-32b-instruct", 32_768, (0.66, 1.0),
        text_only_content=True,
        sources=(_CATALOGUE, _PRICING,
                 "observed: list content refused with 5006; a tool call comes as `response`"),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/qwen/qwen3-30b-a3b-fp8", 32_768, (0.051, 0.335),
        inputs=BATCHED, batch=True, parameters=CLASSIC_2000, function_calling=True, reasoning=True,
        sources=("page 2474c4c", _CALLS, _PRICING),
    ),
    row(
        CLASSIC_SCHEMA, "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b", 80_000, (0.497, 4.881),
        structured_output=True, streams_json_schema=False, text_only_content=True,
        sources=("page 08f6e61: it reasons", _JSON_MODE,
                 "observed: list content refused; reasoning inside the text"),
    ),
    *(
        row(
            CLASSIC_SCHEMA, name, 128_000, usd, inputs=BATCHED, batch=batch,
            parameters=table(CLASSIC, reasoning_effort=efforts("medium", "low", "medium", "high")),
            function_calling=True, reasoning=True, schema_envelope=True, structured_output=True,
            sources=(page, _CALLS, _SWEEP,
                     "page 0ae61c0: reasoning_effort low to high, and never off"),
        )
        for name, usd, batch, page in (
            ("@cf/openai/gpt-oss-20b", (0.20, 0.30), None, "page 2474c4c"),
            ("@cf/openai/gpt-oss-120b", (0.35, 0.75), True, "page 0ae61c0: async_queue"),
        )
    ),
    ModelProfile(
        "@cf/swiss-ai/apertus-v1.5-8b", context_window=262_144, function_calling=True,
        vision=True, sources=("page 448f845: access on request, no price, no schema",),
    ),
    ModelProfile(
        "@cf/utter-project/eurollm-9b-it", context_window=32_000, function_calling=True,
        sources=("page e0daf8d: access on request, no price, no schema",),
    ),
)  # fmt: skip

CHAT_MODELS: tuple[ModelProfile, ...] = (*_SEEDS, *_LLAMA, *_ADAPTED, *_OTHERS)
