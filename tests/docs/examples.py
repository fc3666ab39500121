"""What the examples in docstrings take as known: a docstring has no room for preparations."""

from __future__ import annotations

LEFT_OUT = {
    "langchain_workersai/ray_data.py:": "it needs a Ray cluster; `make test-ray` has one",
    "llamaindex_workersai/ray_data.py:": "it needs a Ray cluster; `make test-ray` has one",
}
"""Docstring to the reason why its examples do not run here."""

_STORE = """
from langchain_core.vectorstores import InMemoryVectorStore
store = InMemoryVectorStore.from_texts(["A bee."], WorkersAIEmbeddings("@cf/baai/bge-m3"))
"""
_AGENT = """
from langchain.agents import create_agent
llm = ChatWorkersAI("@cf/zai-org/glm-4.7-flash")
agent = create_agent(llm, [])
"""
_FILES = """
import json, pathlib
import pyarrow, pyarrow.parquet
pyarrow.parquet.write_table(pyarrow.table({"text": ["A bee."]}), "in.parquet")
pathlib.Path("in.jsonl").write_text(json.dumps({"text": "A bee."}))
"""
_ENGINE = """
from llama_index.core import Document, Settings, VectorStoreIndex
Settings.llm = WorkersAI("@cf/zai-org/glm-4.7-flash")
index = VectorStoreIndex.from_documents(
    [Document(text="The Rhine ends in the sea.")],
    embed_model=WorkersAIEmbedding("@cf/baai/bge-m3"),
)
query_engine = index.as_query_engine()
"""
_FRAMEWORK = """
from workersai.integration import *
from pydantic import BaseModel as FrameworksChat, Field
"""

_TOOLS = """
from pydantic import BaseModel

def get_weather(city: str) -> str:
    'Get the weather in a city.'
    return "Sunny"

class Person(BaseModel):
    name: str
    age: int
"""

PREPARATIONS = {
    "langchain_workersai/chat_models.py:ChatWorkersAI": _TOOLS,
    "langchain_workersai/_model/costs.py:WorkersAICostCallbackHandler": _AGENT,
    "langchain_workersai/_model/costs.py:get_workersai_callback": _AGENT,
    "langchain_workersai/rerank.py:WorkersAIRerank": _STORE,
    "llamaindex_workersai/_model/usage.py:count_workersai_costs": _ENGINE,
    "llamaindex_workersai/rerank.py:WorkersAIRerank": _ENGINE,
    "workersai/bulk/__init__.py:": _FILES,
    "workersai/integration/__init__.py:": _FRAMEWORK,
    "workersai/testing/scripted.py:ScriptedServer": "from workersai.testing import ScriptedServer",
}
"""Docstring to the program that runs before its examples, after `import *` from its package."""
