"""The documentation site's page for each model, made of the profile that the code uses."""

from __future__ import annotations

import json
from collections.abc import Iterator

from workersai import ModelParameter, ModelProfile, known_profiles

__all__ = ["file_name", "page", "pages"]

_TASKS = {
    "text-generation": "text generation",
    "embeddings": "embeddings",
    "rerank": "reranking",
}

# What a user meets, one sentence for each fact; a fact that is unknown has no sentence.
_SENTENCES = {
    ("function_calling", True): "It calls tools.",
    ("function_calling", False): "It calls no tools.",
    ("forces_tools", True): "A `tool_choice` that names a tool forces the call.",
    ("forces_tools", False): "A `tool_choice` that names a tool does not force the call.",
    ("structured_output", True): "It follows a JSON schema in `response_format`.",
    ("structured_output", False): "It does not follow a JSON schema in `response_format`.",
    ("schema_beside_tools", False): "With a JSON schema in the same request it calls no tools.",
    ("schema_beside_tools", True): "It calls tools beside a JSON schema in the same request.",
    ("streams_json_schema", False): "It refuses a JSON schema in a stream (code 5023).",
    ("schema_envelope", True): "Its native route needs a named schema; the client adds a name.",
    ("text_only_content", True): "Its schema allows only text as the content of a message.",
    ("describes_properties", True): (
        "Its schema requires a type and a description on each property of a tool; the client "
        "adds them."
    ),
    ("one_system_message", True): "It refuses a second system message; both faces join them.",
    ("alternating_roles", True): (
        "It refuses two messages of one role in a row; both faces join them."
    ),
    ("think_tags", True): "Its text has the reasoning between think tags; the client separates it.",
    ("reasoning", True): "It returns its reasoning beside the text.",
    ("images_in_text", True): "It reads `data:image/...` in a text as an image.",
    ("vision", True): "It accepts images.",
    ("vision", False): "It accepts no images.",
    ("image_urls", True): "An image may be a URL.",
    ("image_urls", False): "An image must be a data URI.",
    ("audio", True): "It accepts audio.",
    ("files", True): "It accepts files, such as PDFs.",
    ("lora", True): "It takes a LoRA adapter (`lora`).",
    ("batch", True): "It accepts batches.",
    ("paid_plan", True): "It needs the Workers Paid plan (else 403 with code 5035).",
    ("cuts_input", True): "It embeds only the beginning of a longer text, without an error.",
}

_CHAT = """\
```python
from langchain_workersai import ChatWorkersAI

model = ChatWorkersAI("{name}")
print(model.invoke("Why is the sky blue?").text)
```

```python
from llamaindex_workersai import WorkersAI

llm = WorkersAI("{name}")
print(llm.complete("Why is the sky blue?"))
```"""
_EMBEDDINGS = """\
```python
from langchain_workersai import WorkersAIEmbeddings

embeddings = WorkersAIEmbeddings("{name}")
vectors = embeddings.embed_documents(["Bees make honey.", "Rivers flow to the sea."])
```

```python
from llamaindex_workersai import WorkersAIEmbedding

embed_model = WorkersAIEmbedding("{name}")
vectors = embed_model.get_text_embedding_batch(["Bees make honey.", "Rivers flow to the sea."])
```"""
_RERANK = """\
```python
from langchain_core.documents import Document
from langchain_workersai import WorkersAIRerank

texts = ["Bees make honey.", "Rivers flow to the sea."]
rerank = WorkersAIRerank("{name}", top_n=1)
best = rerank.compress_documents([Document(text) for text in texts], "Who makes honey?")
```

```python
from llama_index.core.schema import NodeWithScore, TextNode
from llamaindex_workersai import WorkersAIRerank

nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
rerank = WorkersAIRerank("{name}", top_n=1)
best = rerank.postprocess_nodes(nodes, query_str="Who makes honey?")
```"""
_EXAMPLES = {"text-generation": _CHAT, "embeddings": _EMBEDDINGS, "rerank": _RERANK}


def pages() -> dict[str, str]:
    """Return the Markdown of all pages by their path below `docs`, in the order of the tables."""
    return {f"models/{file_name(one.name)}": page(one) for one in known_profiles()}


def file_name(model: str) -> str:
    """Return the name of a model's page, such as `zai-org-glm-4.7-flash.md`."""
    return f"{'-'.join(model.lower().split('/')[1:])}.md"


def page(profile: ModelProfile) -> str:
    """Return the page of a model as Markdown."""
    parts = [f"# {profile.name}", *_introduction(profile)]
    if not profile.deprecated:
        parts += ["## Use", _EXAMPLES[profile.task].format(name=profile.name)]
    if profile.parameters:
        parts += ["## Parameters", _parameters(profile)]
    parts += ["## Sources", "\n".join(f"- {source}" for source in profile.sources)]
    return "\n\n".join(parts) + "\n"


def _introduction(profile: ModelProfile) -> Iterator[str]:
    if profile.deprecated:
        yield (
            f"Cloudflare withdrew this model on {profile.deprecated}. Calls answer 410 with code "
            "5028 (`NotFoundError`), or another model answers in its place."
        )
    yield f"A model for {_TASKS[profile.task]}. [All models](../models.md)."
    rows = list(_figures(profile))
    if rows:
        yield "\n".join(["| fact | value |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])
    found = [text for (name, value), text in _SENTENCES.items() if getattr(profile, name) is value]
    if found:
        yield "\n".join(f"- {text}" for text in found)


def _figures(profile: ModelProfile) -> Iterator[tuple[str, str]]:
    prices = (
        ("input", profile.input_price),
        ("cached input", profile.cached_price),
        ("output", profile.output_price),
    )
    yield from ((f"USD per million tokens, {kind}", f"{usd:g}") for kind, usd in prices if usd)
    counts = (
        ("context window, tokens", profile.context_window),
        ("tokens of an answer without `max_tokens`", profile.max_tokens_default),
        ("dimensions of a vector", profile.dimensions),
        ("tokens of a text", profile.max_input_tokens),
        ("texts of a request", profile.max_batch),
        ("tokens of a request", profile.max_request_tokens),
    )
    yield from ((name, f"{count:,}") for name, count in counts if count is not None)


def _parameters(profile: ModelProfile) -> str:
    rows = [
        f"| `{name}` | {one.type} | {_range(one)} | {_default(one)} |"
        for name, one in profile.parameters.items()
    ]
    return "\n".join(["| name | type | allowed | default |", "|---|---|---|---|", *rows])


def _range(one: ModelParameter) -> str:
    if one.choices:
        return ", ".join(f"`{choice}`" for choice in one.choices)
    if one.max_items is not None:
        return f"at most {one.max_items} items"
    if one.minimum is None and one.maximum is None:
        return ""
    if one.maximum is None:
        return f"at least {one.minimum:g}"
    return (
        f"at most {one.maximum:,}" if one.minimum is None else f"{one.minimum:g} to {one.maximum:,}"
    )


def _default(one: ModelParameter) -> str:
    return "" if one.default is None else f"`{json.dumps(one.default)}`"
