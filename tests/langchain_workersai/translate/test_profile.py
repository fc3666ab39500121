"""What LangChain is told of a model, and how it finds this package."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from langchain.chat_models import init_chat_model
from langchain.embeddings import init_embeddings
from langchain_core.runnables import ConfigurableField

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings
from tests.langchain_workersai.scripted import GLM, GRANITE

SETTINGS: dict[str, Any] = {"account_id": "0" * 32, "api_token": "t"}


def test_a_profile_says_what_the_page_says() -> None:
    """Context window and abilities come from the model's page; what it leaves open is absent."""
    granite = ChatWorkersAI(GRANITE, **SETTINGS).profile
    assert granite is not None
    assert granite["max_input_tokens"] == 131000
    assert granite["tool_calling"] is True
    assert granite["image_inputs"] is False
    assert granite["reasoning_output"] is False
    glm = ChatWorkersAI(GLM, **SETTINGS).profile
    assert glm is not None
    assert glm["reasoning_output"] is True
    assert "image_inputs" not in glm


def test_a_profile_follows_the_table() -> None:
    """Window, tools, images, levels of reasoning and an end are told where a page has them."""
    llama = ChatWorkersAI("@cf/meta/llama-3.2-1b-instruct", **SETTINGS).profile
    assert llama is not None
    assert (llama["max_input_tokens"], llama["image_inputs"]) == (60_000, False)
    assert not {"tool_calling", "status", "reasoning_effort_levels"} & llama.keys()
    scout = ChatWorkersAI("@cf/meta/llama-4-scout-17b-16e-instruct", **SETTINGS).profile
    assert scout is not None
    assert (scout["image_inputs"], scout["image_url_inputs"]) == (True, False)
    assert scout["image_tool_message"] is True
    assert llama["image_tool_message"] is False
    assert scout["tool_calling"] is True
    flash = ChatWorkersAI("@cf/zai-org/glm-5.3-flash", **SETTINGS).profile
    assert flash is not None
    assert flash["reasoning_effort_levels"] == ["max", "high", "low"]
    assert flash["reasoning_effort_default"] == "max"
    retired = ChatWorkersAI("@cf/microsoft/phi-2", **SETTINGS).profile
    assert retired is not None
    assert retired["status"] == "deprecated"


def test_an_unknown_model_has_no_profile_and_works(scripted: Any, wire: Any) -> None:
    """A model that nobody described is not described by guessing."""
    llm, _ = scripted(wire.answer("a"), model="@cf/new/model")
    assert llm.profile is None
    assert llm.invoke("hi").content == "a"


def test_a_users_profile_stays() -> None:
    """Whoever knows better says so, and changes nobody else's."""
    llm = ChatWorkersAI(GRANITE, profile={"max_input_tokens": 5}, **SETTINGS)
    assert llm.profile == {"max_input_tokens": 5}
    first = ChatWorkersAI(GRANITE, **SETTINGS)
    assert first.profile is not None
    first.profile["max_input_tokens"] = 1
    assert ChatWorkersAI(GRANITE, **SETTINGS).profile["max_input_tokens"] == 131000  # type: ignore[index]  # is set


def test_register_adds_the_provider() -> None:
    """After `register()`, LangChain's factories make our classes by the provider's name."""
    face.register()
    face.register()
    chat = init_chat_model(f"workersai:{GRANITE}", temperature=0, **SETTINGS)
    assert isinstance(chat, ChatWorkersAI)
    assert (chat.model, chat.temperature) == (GRANITE, 0)
    embeddings = init_embeddings("workersai:@cf/baai/bge-m3", **SETTINGS)
    assert isinstance(embeddings, WorkersAIEmbeddings)


def test_the_public_names() -> None:
    """`__all__` is sorted, complete and importable."""
    assert face.__all__ == sorted(face.__all__)
    assert {n for n in vars(face) if not n.startswith("_")} - set(face.__all__) <= {
        "annotations",
        "chat_models",
        "embeddings",
        "llms",
        "rerank",
    }
    assert all(hasattr(face, name) for name in face.__all__)


MISSING = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "langchain_core":
            raise ModuleNotFoundError("No module named 'langchain_core'", name="langchain_core")
sys.meta_path.insert(0, Gone())
try:
    import langchain_workersai
except ImportError as error:
    print(error)
"""


def test_importing_without_langchain_says_what_to_install() -> None:
    """Without langchain-core, the import names the extra."""
    done = subprocess.run(
        [sys.executable, "-c", MISSING], capture_output=True, text=True, check=True
    )
    assert "pip install 'workersai[langchain]'" in done.stdout


def test_langchain_itself_is_not_needed() -> None:
    """The package imports langchain-core alone; `register()` alone asks for langchain."""
    code = "import sys, langchain_workersai; print({'langchain', 'langgraph'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["chat_models", "embeddings", "llms", "rerank"])
def test_modules_are_where_langchain_puts_them(name: str) -> None:
    """Module names are those of LangChain's own packages."""
    assert hasattr(face, name)


def test_register_needs_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without langchain, or where it keeps its providers elsewhere, `register()` says so."""
    monkeypatch.setattr("langchain.chat_models.base._BUILTIN_PROVIDERS", None)
    with pytest.raises(face.ConfigurationError, match="elsewhere"):
        face.register()
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(face.ConfigurationError, match="pip install langchain"):
        face.register()


def test_a_configured_model_has_its_own_profile() -> None:
    """A model chosen by `configurable_fields` has its own profile; a user's own profile stays."""
    field = ConfigurableField(id="which")

    def chosen(llm: ChatWorkersAI, model: str) -> Any:
        configurable: Any = llm.configurable_fields(model=field)
        made, _ = configurable.prepare({"configurable": {"which": model}})
        return made.profile

    granite = ChatWorkersAI(GRANITE, **SETTINGS)
    assert chosen(granite, GLM) == ChatWorkersAI(GLM, **SETTINGS).profile
    assert chosen(granite, "@cf/mine/tuned") is None  # nothing is known of it
    own = ChatWorkersAI(GRANITE, profile={"name": GRANITE, "max_input_tokens": 5}, **SETTINGS)
    assert chosen(own, GLM) == {"name": GRANITE, "max_input_tokens": 5}


def test_a_profile_is_that_of_the_model() -> None:
    """Another model, set or copied in, brings its own profile; a user's own profile stays."""
    llm = ChatWorkersAI(GRANITE, **SETTINGS)
    copied = llm.model_copy(update={"model": GLM})
    llm.model = GLM
    for changed in (copied, llm):
        assert changed.profile == ChatWorkersAI(GLM, **SETTINGS).profile
    own = ChatWorkersAI(GRANITE, profile={"max_input_tokens": 5}, **SETTINGS)
    own.model = GLM
    assert own.profile == {"max_input_tokens": 5}
