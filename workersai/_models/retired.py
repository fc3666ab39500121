"""Text-generation models that Cloudflare has withdrawn, as data.

Both days are from its release notes (2025-09-18 and 2026-05-08). Since then these models answer
410 with code 5028, so their parameters are not listed. The facts about the second group are from a
public copy of the catalogue of 2026-05-18 and from the pricing page.
"""

from __future__ import annotations

from workersai._models.profile import ModelProfile

__all__ = ["RETIRED_MODELS"]

_IN_2025 = (
    "@cf/deepseek-ai/deepseek-math-7b-instruct",
    "@cf/fblgit/una-cybertron-7b-v2-bf16",
    "@cf/openchat/openchat-3.5-0106",
    "@cf/qwen/qwen1.5-0.5b-chat",
    "@cf/qwen/qwen1.5-1.8b-chat",
    "@cf/qwen/qwen1.5-14b-chat-awq",
    "@cf/qwen/qwen1.5-7b-chat-awq",
    "@cf/thebloke/discolm-german-7b-v1-awq",
    "@cf/tiiuae/falcon-7b-instruct",
    "@cf/tinyllama/tinyllama-1.1b-chat-v1.0",
    "@hf/nexusflow/starling-lm-7b-beta",
    "@hf/thebloke/deepseek-coder-6.7b-base-awq",
    "@hf/thebloke/deepseek-coder-6.7b-instruct-awq",
    "@hf/thebloke/llama-2-13b-chat-awq",
    "@hf/thebloke/llamaguard-7b-awq",
    "@hf/thebloke/mistral-7b-instruct-v0.1-awq",
    "@hf/thebloke/neural-chat-7b-v3-1-awq",
    "@hf/thebloke/openhermes-2.5-mistral-7b-awq",
    "@hf/thebloke/zephyr-7b-beta-awq",
)

# Model, context window in tokens, USD per million tokens read and written.
_IN_2026: tuple[tuple[str, int, float | None, float | None], ...] = (
    ("@cf/defog/sqlcoder-7b-2", 10_000, None, None),
    ("@cf/google/gemma-3-12b-it", 80_000, 0.345, 0.556),
    ("@cf/meta/llama-2-7b-chat-fp16", 4096, 0.556, 6.667),
    ("@cf/meta/llama-2-7b-chat-int8", 8192, None, None),
    ("@cf/meta/llama-3-8b-instruct", 7968, 0.282, 0.827),
    ("@cf/meta/llama-3-8b-instruct-awq", 8192, 0.123, 0.266),
    ("@cf/meta/llama-3.1-70b-instruct", 24_000, None, None),
    ("@cf/meta/llama-3.1-8b-instruct", 7968, 0.282, 0.827),
    ("@cf/meta/llama-3.1-8b-instruct-awq", 8192, 0.123, 0.266),
    ("@cf/microsoft/phi-2", 2048, None, None),
    ("@cf/mistral/mistral-7b-instruct-v0.1", 2824, 0.110, 0.190),
    ("@hf/google/gemma-7b-it", 8192, None, None),
    ("@hf/meta-llama/meta-llama-3-8b-instruct", 8192, None, None),
    ("@hf/mistral/mistral-7b-instruct-v0.2", 3072, None, None),
    ("@hf/nousresearch/hermes-2-pro-mistral-7b", 24_000, None, None),
)

RETIRED_MODELS: tuple[ModelProfile, ...] = (
    *(
        ModelProfile(name, deprecated="2025-10-01", sources=("page: release notes of 2025-09-18",))
        for name in _IN_2025
    ),
    *(
        ModelProfile(
            name,
            context_window=window,
            input_price=read,
            output_price=written,
            deprecated="2026-05-30",
            sources=("page: release notes of 2026-05-08", "catalogue: 2026-05-18"),
        )
        for name, window, read, written in _IN_2026
    ),
)
