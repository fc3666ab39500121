"""The site's pages of models: each has its model's facts, and its programs run."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import ROOT, Page, steps_of
from tests.docs.running import Run
from workersai import ModelProfile, get_profile, known_profiles
from workersai.testing import ScriptedServer


def _module() -> ModuleType:
    path = Path(ROOT / "packaging" / "model_pages.py")
    spec = importlib.util.spec_from_file_location("model_pages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


model_pages = _module()
SERVED = [profile for profile in known_profiles() if not profile.deprecated]


def test_every_model_has_one_page() -> None:
    """No two models share a page."""
    assert len(model_pages.pages()) == len(known_profiles())


def test_sentences_are_about_fields_of_the_profile() -> None:
    """Each sentence of a page belongs to a field that profiles have."""
    names = {field.name for field in fields(ModelProfile)}
    assert {name for name, _ in model_pages._SENTENCES} <= names


def test_page_has_the_facts_of_the_profile() -> None:
    """The page shows prices, window, abilities, ranges and sources as the profile has them."""
    profile = get_profile("@cf/zai-org/glm-4.7-flash")
    page = model_pages.page(profile)
    assert f"| USD per million tokens, input | {profile.input_price} |" in page
    assert f"| context window, tokens | {profile.context_window:,} |" in page
    assert "- It calls tools." in page
    assert "- It accepts images." not in page
    assert "| `temperature` | number | 0 to 2 | `1` |" in page
    assert all(f"- {source}" in page for source in profile.sources)


def test_page_of_a_withdrawn_model_shows_no_program() -> None:
    """The page of a withdrawn model says since when, and has no example."""
    (first, *_) = [profile for profile in known_profiles() if profile.deprecated]
    page = model_pages.page(first)
    assert f"withdrew this model on {first.deprecated}" in page
    assert "```python" not in page


@pytest.mark.parametrize("profile", SERVED, ids=lambda profile: profile.name)
def test_programs_of_a_model_run(
    profile: ModelProfile, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The programs on the page of a model run with that model."""
    page = Page(profile.name, tuple(steps_of(model_pages.page(profile))))
    before = len(server.requests)
    Run(page, server, capsys).all_steps()
    assert len(page.programs) == 2
    assert len(server.requests) - before >= 2
