"""`ChatOpenAI` of langchain-openai at `/ai/v1`."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.langchain_chat import LangChainChat
from benchmarks.server.answers import MODEL


class ChatOpenAIAtV1(LangChainChat):
    """As Cloudflare's documentation sets OpenAI's clients up."""

    name = "ChatOpenAI"
    distributions = ("langchain-openai", "openai")

    def make(self) -> BaseChatModel:
        made: BaseChatModel = ChatOpenAI(model=MODEL, base_url=self.place.openai, api_key=TOKEN)
        return made
