"""Argument names: credentials are recognised by name, and unknown names get a hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN
from workersai import AsyncClient, Client, ConfigurationError
from workersai._arguments import (
    ExtraFields,
    check_no_credentials,
    is_credential,
    unknown_argument,
)

CREDENTIALS = [
    "token", "api_token", "apiToken", "APIToken", "apitoken", "api-key", "API_KEY", "apikey", "key",
    "cloudflare_api_token", "cloudflare_auth_token", "CF_AI_API_TOKEN", "cf_api_key", "cf_token",
    "auth_token", "auth", "basic_auth", "api_secret", "client_secret", "secretAccessKey", "bearer",
    "bearer_token", "access_token", "accessToken", "refresh_token", "hf_token", "openai_api_key",
    "x-auth-key", "X-Auth-Email", "x_api_key", "authorization", "Authorization", "cookie", "jwt",
    "Proxy-Authorization", "cf-aig-authorization", "aig_token", "gateway_token", "password",
    "db_password", "private_key", "credentials", "api_keys", "api_token_value", "account_token",
]  # fmt: skip
PARAMETERS = [
    "max_tokens", "max_completion_tokens", "min_tokens", "tokens", "keys", "tokenizer", "user",
    "token_type_ids", "token_ids", "stop_token", "stop_token_ids", "eos_token", "bos_token_id",
    "safety_token", "image_token", "next_token", "page_token", "special_tokens", "seed", "lora",
    "add_special_tokens", "truncate_prompt_tokens", "thinking_token_budget", "allowed_token_ids",
    "logit_bias", "prompt_cache_key", "cache_key", "primary_key", "key_points", "author", "top_k",
    "passage", "secretary", "metadata", "safety_identifier", "guided_json", "session_id",
]  # fmt: skip


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_is_known_by_its_name(name: str) -> None:
    """Tokens, keys and passwords are recognised in snake case, camel case and as a header."""
    assert is_credential(name)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_no_credential(name: str) -> None:
    """The client sends parameters of models whose names contain token or key."""
    assert not is_credential(name)
    check_no_credentials("extra", {name: "x"})


@pytest.mark.parametrize("name", CREDENTIALS)
def test_an_unknown_credential_is_answered_with_the_right_name(name: str) -> None:
    """The error names the argument for a token, never `extra`, which would send it in the body."""
    error = unknown_argument(name, {"api_token"}, of="Thing", others_in="model_kwargs")
    assert error.parameter == name
    assert "model_kwargs" not in str(error)
    assert "api_token" in str(error) or "gateway={" in str(error)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("accountId", "pass account_id"),
        ("cloudflare_account_id", "pass account_id"),
        ("extra_headers", "pass default_headers"),
        (
            "temprature",
            "did you mean temperature? Pass other fields of the request in model_kwargs",
        ),
        ("brand_new", "Thing. Pass other fields of the request in model_kwargs"),
    ],
)
def test_an_unknown_name_is_answered_with_what_to_pass(name: str, answer: str) -> None:
    """The error states what to pass for another package's name, a typo and an unlisted field."""
    known = {"account_id", "default_headers", "temperature"}
    error = unknown_argument(name, known, of="Thing", others_in="model_kwargs")
    assert str(error).startswith(f"{name} is not a parameter of Thing")
    assert answer in str(error)


@pytest.mark.parametrize("made", [Client, AsyncClient])
@pytest.mark.parametrize("name", ["token", "cf_api_key", "cloudflareApiToken"])
def test_constructors_name_the_right_argument(made: Any, name: str) -> None:
    """The constructors' errors show the right name, and not the value."""
    with pytest.raises(ConfigurationError, match="pass the token as api_token") as caught:
        made(UNKNOWN, account_id=ACCOUNT, **{name: "my-hidden-value"})
    assert caught.value.parameter == name
    assert "hidden" not in f"{caught.value!r}{vars(caught.value)}"


CALLS: dict[str, Callable[[Client, dict[str, Any]], Any]] = {
    "chat": lambda client, extra: client.chat(HELLO, extra=extra),
    "stream": lambda client, extra: list(client.stream_chat(HELLO, extra=extra)),
    "complete": lambda client, extra: client.complete("Hello", extra=extra),
    "embed": lambda client, extra: client.embed(["Hello"], extra=extra),
    "rerank": lambda client, extra: client.rerank("Hello", ["you"], extra=extra),
    "batch": lambda client, extra: client.batches.submit([{"prompt": "Hello", "extra": extra}]),
}
BODIES: list[tuple[dict[str, Any], str]] = [
    ({"cf_api_token": "my-hidden-value"}, "cf_api_token"),
    ({"fine": 1, "Authorization": "my-hidden-value"}, "Authorization"),
    ({"extra_headers": {"x-auth-key": "my-hidden-value"}}, "x-auth-key"),
    ({"extra_body": {"password": "my-hidden-value"}}, "password"),
]


@pytest.mark.parametrize(("extra", "name"), BODIES)
@pytest.mark.parametrize("call", CALLS)
def test_no_body_holds_a_credential(call: str, extra: dict[str, Any], name: str) -> None:
    """Every call refuses a credential among its extra fields, by its name, before any request."""
    transport = httpx.MockTransport(lambda _: pytest.fail("a request was sent"))
    own = httpx.Client(transport=transport)
    client = Client(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
    with pytest.raises(ConfigurationError, match="looks like a credential") as caught:
        CALLS[call](client, extra)
    assert caught.value.parameter == name
    assert "hidden" not in f"{caught.value!r}{vars(caught.value)}"


def test_schemas_may_describe_passwords() -> None:
    """The check covers fields of the request and headers in them, not names in a schema."""
    schema = {"type": "object", "properties": {"password": {"type": "string"}}}
    check_no_credentials("extra", {"guided_json": schema, "metadata": {"token": "x"}, 5: 1})


def test_a_refusal_names_the_argument_of_the_face() -> None:
    """The error names the argument that the extra fields, also empty ones, were passed in."""
    client = Client("@cf/ibm-granite/granite-4.0-h-micro", account_id=ACCOUNT, api_token=TOKEN)
    extra = ExtraFields({}, "model_kwargs")
    with pytest.raises(ConfigurationError, match="pass it in model_kwargs to send it anyway"):
        client.chat(HELLO, seed=0, extra=extra)
    with pytest.raises(ConfigurationError, match="in model_kwargs looks like a credential"):
        client.chat(HELLO, extra=ExtraFields({"token": "x"}, "model_kwargs"))
