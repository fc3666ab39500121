"""Tables of the parameters on model pages; many pages share one schema.

Pages are the JSON files of `src/content/workers-ai-models` in the repository
`cloudflare/cloudflare-docs`; seven letters are the commit of the version that was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from workersai._models.profile import ModelParameter

__all__ = [
    "CLASSIC",
    "CLASSIC_2000",
    "EARLY_VISION",
    "GUARD",
    "GUIDED",
    "GUIDED_JSON_MODE",
    "OPENAI",
    "OPENAI_NEWER",
    "POOLING",
    "efforts",
    "table",
]

Table: TypeAlias = Mapping[str, ModelParameter]


def table(base: Table | None = None, /, **listed: ModelParameter) -> Table:
    """Return a read-only table: *base*, with the parameters in *listed* added or replaced."""
    return MappingProxyType({**(base or {}), **listed})


def efforts(default: str, *levels: str, aliases: tuple[str, ...] = ()) -> ModelParameter:
    """Describe `reasoning_effort` for a model whose page lists the levels."""
    return ModelParameter("string", default=default, choices=levels, aliases=aliases)


_FLAG = ModelParameter("boolean", default=False)
_PENALTY = ModelParameter("number", -2, 2)
_POSITIVE_PENALTY = ModelParameter("number", 0, 2)

# Common to all schemas except OpenAI's.
_COMMON = table(
    raw=_FLAG,
    stream=_FLAG,
    max_tokens=ModelParameter("integer", default=256),
    temperature=ModelParameter("number", 0, 5, default=0.6),
    top_k=ModelParameter("integer", 1, 50),
    seed=ModelParameter("integer", 1, 9_999_999_999),
    repetition_penalty=ModelParameter("number", 0, 2),
    functions=ModelParameter("array"),
    tools=ModelParameter("array"),
)

# Identical on the pages of llama-3.3-70b-instruct-fp8-fast (1588891), gpt-oss-20b (2474c4c),
# gpt-oss-120b (0ae61c0), qwen3-30b-a3b-fp8 (2474c4c), deepseek-r1-distill-qwen-32b (08f6e61),
# mistral-7b-instruct-v0.2-lora (14f349e), sqlcoder-7b-2 (5a879f6), and except for the default of
# `max_tokens` on those of granite-4.0-h-micro and gemma-sea-lion-v4-27b-it.
CLASSIC = table(
    _COMMON,
    lora=ModelParameter("string"),
    response_format=ModelParameter("object"),
    top_p=ModelParameter("number", 0.001, 1),
    frequency_penalty=_PENALTY,
    presence_penalty=_PENALTY,
)
CLASSIC_2000 = table(CLASSIC, max_tokens=ModelParameter("integer", default=2000))

# Page of llama-3.2-11b-vision-instruct (0f82325): an older version of the schema.
EARLY_VISION = table(
    _COMMON,
    image=ModelParameter("array"),
    lora=ModelParameter("string"),
    top_p=ModelParameter("number", 0, 2),
    frequency_penalty=_POSITIVE_PENALTY,
    presence_penalty=_POSITIVE_PENALTY,
)

# Pages of mistral-small-3.1-24b-instruct (1263bf7) and llama-4-scout-17b-16e-instruct (067fce3).
GUIDED = table(
    _COMMON,
    guided_json=ModelParameter("object"),
    temperature=ModelParameter("number", 0, 5, default=0.15),
    top_p=ModelParameter("number", 0, 2),
    frequency_penalty=_POSITIVE_PENALTY,
    presence_penalty=_POSITIVE_PENALTY,
)
GUIDED_JSON_MODE = table(GUIDED, response_format=ModelParameter("object"))

# Page of llama-guard-3-8b (6996487).
GUARD = table(
    max_tokens=_COMMON["max_tokens"],
    temperature=_COMMON["temperature"],
    response_format=ModelParameter("object"),
)

# Page of glm-4.7-flash: the OpenAI chat schema. Only its newer version has `chat_template_kwargs`.
OPENAI = table(
    model=ModelParameter("string"),
    audio=ModelParameter("object"),
    frequency_penalty=replace(_PENALTY, default=0),
    presence_penalty=replace(_PENALTY, default=0),
    logit_bias=ModelParameter("object"),
    logprobs=_FLAG,
    top_logprobs=ModelParameter("integer", 0, 20),
    max_tokens=ModelParameter("integer"),
    max_completion_tokens=ModelParameter("integer"),
    metadata=ModelParameter("object"),
    modalities=ModelParameter("array"),
    n=ModelParameter("integer", 1, 128, default=1),
    parallel_tool_calls=ModelParameter("boolean", default=True),
    prediction=ModelParameter("object"),
    reasoning_effort=ModelParameter("string", choices=("low", "medium", "high")),
    chat_template_kwargs=ModelParameter("object"),
    response_format=ModelParameter("object"),
    seed=ModelParameter("integer"),
    service_tier=ModelParameter(
        "string", default="auto", choices=("auto", "default", "flex", "scale", "priority")
    ),
    stop=ModelParameter("array", max_items=4),
    store=_FLAG,
    stream=_FLAG,
    stream_options=ModelParameter("object"),
    temperature=ModelParameter("number", 0, 2, default=1),
    tool_choice=ModelParameter("object"),
    tools=ModelParameter("array"),
    top_p=ModelParameter("number", 0, 1, default=1),
    user=ModelParameter("string"),
    web_search_options=ModelParameter("object"),
    function_call=ModelParameter("object"),
    functions=ModelParameter("array", max_items=128),
)

# The same on the pages of models since 2026, which no longer list `service_tier`
# (deepseek-v4-flash, 17331b8). Their levels of `reasoning_effort` are in the model's properties,
# which differ between models; where a page lists none, every level is accepted.
OPENAI_NEWER = table(
    {name: listed for name, listed in OPENAI.items() if name != "service_tier"},
    reasoning_effort=ModelParameter("string"),
)

# Pages of bge-small-en-v1.5 (0f82325) and omni-bge-base-en-v1.5 (bc81a02).
POOLING = table(pooling=ModelParameter("string", default="mean", choices=("mean", "cls")))
