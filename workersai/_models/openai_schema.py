"""Models with OpenAI's chat schema, as data with sources.

`page <commit>` is the model's file in Cloudflare's documentation repository at that commit; it
also has the prices.
"""

from __future__ import annotations

from dataclasses import replace

from workersai._models.parameters import OPENAI, OPENAI_NEWER, efforts, table
from workersai._models.profile import ModelParameter, ModelProfile
from workersai._models.rows import OPENAI_SCHEMA, PLAIN, row

__all__ = ["OPENAI_MODELS"]

_PAGE = "page: prices, context window, input variants and every parameter"
_CALLS = "catalogue: function_calling"
_SHAPE = "observed: OpenAI-shaped answers"
_IN_TEXT = "observed: 8006 for `data:image/` inside of a text"

_KIMI = row(
    OPENAI_SCHEMA, "@cf/moonshotai/kimi-k2.6", 262_144, (0.95, 4.00, 0.16),
    batch=True, paid_plan=True, vision=True, structured_output=True, images_in_text=True,
    sources=("page 05b5f46: structured outputs", _CALLS, _SHAPE, _IN_TEXT),
)  # fmt: skip

OPENAI_MODELS: tuple[ModelProfile, ...] = (
    row(
        OPENAI_SCHEMA,
        "@cf/zai-org/glm-4.7-flash",
        131_072,
        (0.06, 0.40),
        inputs=PLAIN,
        parameters=OPENAI,
        structured_output=True,
        paid_plan=False,
        sources=(
            _PAGE,
            "page: function calling yes; the schema requires `name` in json_schema",
            "catalogue: reasoning true",
            "observed: reasoning counts against max_tokens, so a small cap leaves no text",
        ),
    ),
    _KIMI,
    replace(
        _KIMI, name="@cf/moonshotai/kimi-k2.5", batch=None, deprecated="2026-05-30",
        sources=("page: changelog of 2026-05-08, kimi-k2.6 answers for it, at its price",),
    ),
    row(
        OPENAI_SCHEMA, "@cf/moonshotai/kimi-k2.7-code", 262_144, (0.95, 4.00, 0.19),
        paid_plan=True, vision=True, structured_output=True, images_in_text=True,
        parameters=table({k: v for k, v in OPENAI_NEWER.items() if k != "reasoning_effort"}),
        sources=("page 0ae61c0: always reasons; structured outputs", _CALLS, _SHAPE, _IN_TEXT),
    ),
    row(OPENAI_SCHEMA, "@cf/zai-org/glm-5.2", 262_144, (1.40, 4.40, 0.26), paid_plan=True,
        images_in_text=True, sources=("page 05b5f46", _CALLS, _SHAPE, _IN_TEXT)),
    row(OPENAI_SCHEMA, "@cf/zai-org/glm-5.3", 1_310_720, (1.40, 4.40, 0.26), paid_plan=True,
        structured_output=True, sources=(
            "page 14f349e: structured outputs; a71a285 had 1,048,576 tokens", _CALLS, _SHAPE)),
    row(
        OPENAI_SCHEMA, "@cf/zai-org/glm-5.3-flash", 1_310_720, (0.15, 0.50, 0.03),
        paid_plan=True, vision=True,
        parameters=table(OPENAI_NEWER, reasoning_effort=efforts(
            "max", "max", "high", "low", aliases=("none", "minimal", "medium", "xhigh"))),
        sources=("page 192d405: always reasons; the aliases mean max", _CALLS, _SHAPE),
    ),
    row(
        OPENAI_SCHEMA, "@cf/deepseek-ai/deepseek-v4-flash-0731", 1_048_576, (0.44, 1.32, 0.014),
        batch=True, paid_plan=True, parameters=table(OPENAI_NEWER, reasoning_effort=efforts(
            "high", "max", "high", "low", "none", aliases=("minimal", "medium", "xhigh"))),
        sources=("page 17331b8: reasoning_effort with aliases",),
    ),
    row(OPENAI_SCHEMA, "@cf/deepseek-ai/deepseek-v4-pro-0813", 1_048_576, (1.32, 3.96, 0.044),
        paid_plan=True, sources=("page 05b5f46",)),
    row(OPENAI_SCHEMA, "@cf/qwen/qwen3.8-27b", 262_144, (0.45, 3.20, 0.05), batch=True, vision=True,
        one_system_message=True,
        sources=("page 05b5f46", "observed: a system message must be the first, else 8007")),
    row(OPENAI_SCHEMA, "@cf/nvidia/nemotron-3-120b-a12b", 256_000, (0.50, 1.50), inputs=PLAIN,
        paid_plan=False,
        sources=("page 05b5f46", "page: changelog of 2026-07-28, on the free plan")),
    row(
        # The page says 256,000; requests above 131,072 were refused (observed).
        OPENAI_SCHEMA, "@cf/google/gemma-4-26b-a4b-it", 131_072, (0.10, 0.30),
        batch=True, paid_plan=False, vision=True, structured_output=True,
        parameters=table(
            OPENAI_NEWER, skip_special_tokens=ModelParameter("boolean", default=False)
        ),
        sources=("page 8082244", _CALLS, "observed: captures of 2026-10"),
    ),
)  # fmt: skip
