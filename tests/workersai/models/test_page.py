"""The documentation page of models agrees with the tables that it is written from."""

from __future__ import annotations

from pathlib import Path

from workersai import ModelProfile
from workersai._models import known_profiles

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


def number(value: float | None, form: str = ",") -> str:
    return "" if value is None else format(value, form)


def price(profile: ModelProfile) -> str:
    """Return input, cached input if it is cheaper, and output price, with two decimals at least."""
    paid = (profile.input_price, profile.cached_price, profile.output_price)
    return " / ".join(f"{usd:.3f}".removesuffix("0") for usd in paid if usd is not None)


def marks(**facts: bool | None) -> str:
    return ", ".join(name.replace("_", " ") for name, said in facts.items() if said)


def served(profile: ModelProfile) -> str:
    can = marks(
        tools=profile.function_calling,
        JSON_schema=profile.structured_output,
        reasoning=profile.reasoning,
        images=profile.vision,
        batch=profile.batch,
        paid_plan=profile.paid_plan,
    )
    cap = number(profile.max_tokens_default)
    window = number(profile.context_window)
    return f"| `{profile.name}` | {window} | {price(profile)} | {cap} | {can} |"


def withdrawn(profile: ModelProfile) -> str:
    return f"| `{profile.name}` | {profile.deprecated} |"


def retrieval(profile: ModelProfile) -> str:
    size, tokens = number(profile.dimensions, ""), number(profile.max_input_tokens)
    can = marks(batch=profile.batch, cuts_longer_texts=profile.cuts_input)
    whole = number(profile.max_request_tokens)
    cells = (size, tokens, number(profile.max_batch), whole, price(profile), can)
    return f"| `{profile.name}` | {' | '.join(cells)} |"


def line(profile: ModelProfile) -> str:
    """Return the row of one model as the page has it."""
    if profile.task != "text-generation":
        return retrieval(profile)
    return withdrawn(profile) if profile.deprecated else served(profile)


def test_the_page_has_every_model_with_its_facts() -> None:
    """Each row of the page matches a profile, and each profile has a row."""
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| `@")]
    assert sorted(rows) == sorted(line(profile) for profile in known_profiles())
