"""`OpenAILike` of llama-index-llms-openai-like at `/ai/v1`."""

from __future__ import annotations

from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.llms.openai_like import OpenAILike

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.llamaindex_chat import LlamaIndexChat
from benchmarks.server.answers import MODEL


class OpenAILikeAtV1(LlamaIndexChat):
    """`OpenAILike` as a chat model that calls tools."""

    name = "OpenAILike"
    distributions = ("llama-index-llms-openai-like", "llama-index-llms-openai", "openai")

    def make(self) -> FunctionCallingLLM:
        made: FunctionCallingLLM = OpenAILike(
            model=MODEL,
            api_base=self.place.openai,
            api_key=TOKEN,
            is_chat_model=True,
            is_function_calling_model=True,
            context_window=131_072,
        )
        return made
