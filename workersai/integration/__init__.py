"""For authors of framework adapters: shared fields, and shared handling of messages and answers.

The LangChain and LlamaIndex packages of this distribution are built on this module. Their users do
not need it.

A class for a framework inherits from `ConnectionFields`, from `GenerationFields` if it generates
text, and from the framework's own base class, in this order:

```python
class MyChat(ConnectionFields, GenerationFields, FrameworksChat):
    model_config = CONFIG
    OTHERS_IN = "model_kwargs"

    model_kwargs: BodyFields = Field(default_factory=dict)

    def _client(self) -> Client:
        return self._clients.synchronous(
            lambda: Client(**self._client_settings(self.http_client))
        )
```

`_call_arguments` then joins the fields with the options of one call. Classes for embeddings and
reranking inherit from `EmbeddingFields` and `RerankFields` in the same way. `ConnectionSettings`
and the types beside it type the keywords of the constructors.
"""

from __future__ import annotations

from workersai._arguments import ExtraFields
from workersai._checks import check_count, check_items, check_texts, fill_blank, is_blank
from workersai._concurrency import call_each, call_each_async
from workersai._connection import ACCOUNT_VARIABLES, TOKEN_VARIABLES
from workersai._jsonable import read_object
from workersai._models.catalogue import catalogue_profile, profile_in_catalogue
from workersai._progress import progress
from workersai._schemas import resolve_root, without_generated_titles
from workersai._secrets import hidden_setting, hides_arguments, secrets_in_header
from workersai.events import AskedAgain, RoundEvent
from workersai.integration.checked import CONFIG, CheckedFields
from workersai.integration.clients import Clients
from workersai.integration.connection import CONNECTION, ConnectionFields
from workersai.integration.content import document_part, image_type, text_of_any
from workersai.integration.costs import CostMeter, CostTotals, call_cost
from workersai.integration.identity import OPERATIONAL, gateway_identity
from workersai.integration.messages import repair_history, to_history
from workersai.integration.parameters import BodyFields, GenerationFields
from workersai.integration.partials import partial_as
from workersai.integration.pickles import public_gateway
from workersai.integration.prototypes import Prototype, fastest
from workersai.integration.retries import retry_facts
from workersai.integration.retrieval import EmbeddingFields, RerankFields
from workersai.integration.rows import (
    AnswerRows,
    AnswerRowsOptions,
    EmbedRows,
    EmbedRowsOptions,
    RankRows,
    RankRowsOptions,
)
from workersai.integration.settings import (
    ConnectionSettings,
    EmbeddingSettings,
    GenerationSettings,
    RerankSettings,
)
from workersai.integration.structured import (
    MethodMemory,
    MethodTrial,
    OutputSchema,
    StructuredMethod,
    json_text,
    misfits,
    partial_json,
    structured_methods,
    without_thought,
)
from workersai.integration.thinking import splits_think_tags
from workersai.integration.tool_call_retries import (
    Rounds,
    ask_rounds,
    ask_rounds_async,
    event_lists,
    event_lists_async,
    stream_rounds,
    stream_rounds_async,
)
from workersai.integration.tools import function_tool
from workersai.integration.usage import usage_facts
from workersai.thinking import ThinkingEvents
from workersai.types import SendingOptions, WireFunctionCall, WireMessage, WireToolCall

__all__ = [
    "ACCOUNT_VARIABLES",
    "CONFIG",
    "CONNECTION",
    "OPERATIONAL",
    "TOKEN_VARIABLES",
    "AnswerRows",
    "AnswerRowsOptions",
    "AskedAgain",
    "BodyFields",
    "CheckedFields",
    "Clients",
    "ConnectionFields",
    "ConnectionSettings",
    "CostMeter",
    "CostTotals",
    "EmbedRows",
    "EmbedRowsOptions",
    "EmbeddingFields",
    "EmbeddingSettings",
    "ExtraFields",
    "GenerationFields",
    "GenerationSettings",
    "MethodMemory",
    "MethodTrial",
    "OutputSchema",
    "Prototype",
    "RankRows",
    "RankRowsOptions",
    "RerankFields",
    "RerankSettings",
    "RoundEvent",
    "Rounds",
    "SendingOptions",
    "StructuredMethod",
    "ThinkingEvents",
    "WireFunctionCall",
    "WireMessage",
    "WireToolCall",
    "ask_rounds",
    "ask_rounds_async",
    "call_cost",
    "call_each",
    "call_each_async",
    "catalogue_profile",
    "check_count",
    "check_items",
    "check_texts",
    "document_part",
    "event_lists",
    "event_lists_async",
    "fastest",
    "fill_blank",
    "function_tool",
    "gateway_identity",
    "hidden_setting",
    "hides_arguments",
    "image_type",
    "is_blank",
    "json_text",
    "misfits",
    "partial_as",
    "partial_json",
    "profile_in_catalogue",
    "progress",
    "public_gateway",
    "read_object",
    "repair_history",
    "resolve_root",
    "retry_facts",
    "secrets_in_header",
    "splits_think_tags",
    "stream_rounds",
    "stream_rounds_async",
    "structured_methods",
    "text_of_any",
    "to_history",
    "usage_facts",
    "without_generated_titles",
    "without_thought",
]
