"""`ChatOpenAI` of langchain-openai at `/ai/v1`."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from benchmarks.contestants.base import TOKEN
from benchmarks.contestants.langchain_chat import LangChainChat
from benchmarks.server.answers import MODEL


class ChatOpenAIAtV1(LangChainChat):
    """`ChatOpenAI` with the settings of Cloudflare's documentation."""

    name = "ChatOpenAI"
    distributions = ("langchain-openai", "openai")

    def make(self) -> BaseChatModel:
        made: BaseChatModel = ChatOpenAI(model=MODEL, base_url=self.place.openai, api_key=TOKEN)
        return made
