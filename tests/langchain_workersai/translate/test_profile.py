"""Model profiles for LangChain, and how LangChain finds this package."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain.embeddings import init_embeddings
from langchain_core.language_models import ModelProfile
from langchain_core.runnables import ConfigurableField
from pydantic import TypeAdapter

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings
from langchain_workersai._translate.profile import from_core_profile, to_langchain_profile
from tests.langchain_workersai.scripted import GLM, GRANITE
from workersai._models import get_profile, known_profiles

KIMI = "@cf/moonshotai/kimi-k2.6"
TEXT = "text-generation"
SETTINGS: dict[str, Any] = {"account_id": "0" * 32, "api_token": "t"}


def test_a_profile_of_a_model_page() -> None:
    """A profile has the window and abilities of the model's page and lacks unknown abilities."""
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


def test_a_profile_of_the_model_table() -> None:
    """A profile has window, tools, images, reasoning levels and retirement from the table."""
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


ABSENT = object()
ATTACHMENTS = ("image_inputs", "image_tool_message", "audio_inputs", "pdf_inputs",
               "pdf_tool_message", "attachment")  # fmt: skip


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (GRANITE, [False] * 6),  # its page accepts strings only
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", [False] * 6),
        (KIMI, [True, True, ABSENT, ABSENT, ABSENT, True]),
        (GLM, [ABSENT] * 6),  # its schema lists parts that the model may refuse
    ],
)
def test_a_profile_lists_refused_attachments(model: str, expected: list[Any]) -> None:
    """A profile has `False` for refused attachments, and lacks those a model may accept."""
    profile = ChatWorkersAI(model, **SETTINGS).profile
    assert profile is not None
    assert [profile.get(name, ABSENT) for name in ATTACHMENTS] == expected
    assert profile["video_inputs"] is False  # no page describes a form for video
    outputs = [profile[f"{kind}_outputs"] for kind in ("text", "image", "audio", "video")]  # type: ignore[literal-required]  # keys of ModelProfile
    assert outputs == [True, False, False, False]


def test_a_profile_has_keys_of_the_installed_langchain_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A profile lacks keys that the installed langchain-core does not know and would warn of."""
    newer = ChatWorkersAI(GRANITE, **SETTINGS).profile
    assert newer is not None
    assert newer.keys() <= ModelProfile.__annotations__.keys()
    older = {n: t for n, t in ModelProfile.__annotations__.items() if "mid_conversation" not in n}
    monkeypatch.setattr(ModelProfile, "__annotations__", older)
    profile = from_core_profile(get_profile(GRANITE))
    assert profile is not None
    assert profile.keys() <= older.keys()
    assert "video_inputs" in profile


@pytest.mark.parametrize("model", [p.name for p in known_profiles() if p.task == TEXT])
def test_every_profile_is_valid_in_langchain(model: str) -> None:
    """Each value of a profile has the type that LangChain declares for its key."""
    profile = to_langchain_profile(model)
    assert TypeAdapter(ModelProfile).validate_python(profile, strict=True) == profile


def test_an_unknown_model_has_no_profile_and_works(scripted: Any, wire: Any) -> None:
    """A model without known facts has no profile and can be called."""
    llm, _ = scripted(wire.answer("a"), model="@cf/new/model")
    assert llm.profile is None
    assert llm.invoke("hi").content == "a"


def test_a_users_profile_stays() -> None:
    """A profile that the user passes is kept, and does not change other objects."""
    llm = ChatWorkersAI(GRANITE, profile={"max_input_tokens": 5}, **SETTINGS)
    assert llm.profile == {"max_input_tokens": 5}
    first = ChatWorkersAI(GRANITE, **SETTINGS)
    assert first.profile is not None
    first.profile["max_input_tokens"] = 1
    assert ChatWorkersAI(GRANITE, **SETTINGS).profile["max_input_tokens"] == 131000  # type: ignore[index]  # is set


def test_register_adds_the_provider() -> None:
    """After `register()` LangChain's factories make our classes for the prefix `workersai:`."""
    face.register()
    face.register()
    chat = init_chat_model(f"workersai:{GRANITE}", temperature=0, **SETTINGS)
    assert isinstance(chat, ChatWorkersAI)
    assert (chat.model, chat.temperature) == (GRANITE, 0)
    embeddings = init_embeddings("workersai:@cf/baai/bge-m3", **SETTINGS)
    assert isinstance(embeddings, WorkersAIEmbeddings)


def test_model_provider_replaces_the_prefix() -> None:
    """`init_chat_model` accepts `model_provider` in upper or lower case instead of the prefix."""
    face.register()
    for provider in ("workersai", "WorkersAI"):
        chat = init_chat_model(GRANITE, model_provider=provider, max_tokens=5, **SETTINGS)
        assert isinstance(chat, ChatWorkersAI)
        assert (chat.model, chat.max_tokens) == (GRANITE, 5)


def test_a_registered_model_can_be_configured(scripted: Any, wire: Any) -> None:
    """A registered model takes model and parameters from the run and keeps bound tools."""
    face.register()
    template, server = scripted(wire.answer("a"))
    own = {**SETTINGS, "http_client": template.http_client}
    chat = init_chat_model(
        f"workersai:{GRANITE}", configurable_fields=("model", "temperature"), **own
    )
    config: Any = {"configurable": {"model": f"workersai:{GLM}", "temperature": 0.5}}
    chat.bind_tools([{"name": "f", "parameters": {}}]).invoke("hi", config=config)
    chat.invoke("hi")
    first, second = server.requests
    assert [str(r.url).rpartition("/ai/run/")[2] for r in (first, second)] == [GLM, GRANITE]
    assert server.bodies[0]["temperature"] == 0.5
    assert server.bodies[0]["tools"][0]["function"]["name"] == "f"


def test_a_registered_model_may_be_named_by_the_run(scripted: Any, wire: Any) -> None:
    """`init_chat_model` without a model takes `model` and `model_provider` from the run."""
    face.register()
    template, server = scripted(wire.answer("a"))
    chat: Any = init_chat_model(http_client=template.http_client, **SETTINGS)
    chosen: Any = {"configurable": {"model": GLM, "model_provider": "workersai"}}
    assert chat.with_config(chosen).invoke("hi").text == "a"
    assert GLM in str(server.requests[0].url)


def test_agents_take_a_registered_name() -> None:
    """`create_agent` accepts a model name with the prefix `workersai:`."""
    face.register()
    agent = create_agent(f"workersai:{GRANITE}")
    assert agent.nodes.keys() >= {"model"}


def test_the_public_names() -> None:
    """`__all__` is sorted, complete and importable."""
    assert face.__all__ == sorted(face.__all__)
    assert {n for n in vars(face) if not n.startswith("_")} - set(face.__all__) <= {
        "annotations",
        "chat_models",
        "embeddings",
        "llms",
        "ray_data",
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
    """Importing the package without langchain-core names the extra to install."""
    process = subprocess.run(
        [sys.executable, "-c", MISSING], capture_output=True, text=True, check=True
    )
    assert "pip install 'workersai[langchain]'" in process.stdout


def test_langchain_itself_is_not_needed() -> None:
    """Importing the package imports neither langchain nor langgraph; only `register()` does."""
    code = "import sys, langchain_workersai; print({'langchain', 'langgraph'} & {*sys.modules})"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["chat_models", "embeddings", "llms", "rerank"])
def test_modules_have_langchains_names(name: str) -> None:
    """The module names are those of LangChain's own packages."""
    assert hasattr(face, name)


def test_register_needs_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    """`register()` raises ConfigurationError without langchain or with an unknown layout of it."""
    monkeypatch.setattr("langchain.chat_models.base._BUILTIN_PROVIDERS", None)
    with pytest.raises(face.ConfigurationError, match="elsewhere"):
        face.register()
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(face.ConfigurationError, match="pip install langchain"):
        face.register()


def test_a_configured_model_has_its_own_profile() -> None:
    """A model chosen by `configurable_fields` has its own profile; a user's own profile stays."""
    field = ConfigurableField(id="which")

    def profile_of(llm: ChatWorkersAI, model: str) -> Any:
        configurable: Any = llm.configurable_fields(model=field)
        configured, _ = configurable.prepare({"configurable": {"which": model}})
        return configured.profile

    granite = ChatWorkersAI(GRANITE, **SETTINGS)
    assert profile_of(granite, GLM) == ChatWorkersAI(GLM, **SETTINGS).profile
    assert profile_of(granite, "@cf/mine/tuned") is None  # an unknown model
    own = ChatWorkersAI(GRANITE, profile={"name": GRANITE, "max_input_tokens": 5}, **SETTINGS)
    assert profile_of(own, GLM) == {"name": GRANITE, "max_input_tokens": 5}


def test_a_profile_follows_the_model() -> None:
    """A model assigned or copied in changes the profile; a user's own profile stays."""
    llm = ChatWorkersAI(GRANITE, **SETTINGS)
    copied = llm.model_copy(update={"model": GLM})
    llm.model = GLM
    for changed in (copied, llm):
        assert changed.profile == ChatWorkersAI(GLM, **SETTINGS).profile
    own = ChatWorkersAI(GRANITE, profile={"max_input_tokens": 5}, **SETTINGS)
    own.model = GLM
    assert own.profile == {"max_input_tokens": 5}
