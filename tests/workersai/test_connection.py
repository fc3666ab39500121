"""Connection arguments and environment variables decide where requests go."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import ConfigurationError, __version__
from workersai._connection import Settings, read_settings


def settings(**given: Any) -> Settings:
    defaults: dict[str, Any] = {
        "account_id": ACCOUNT,
        "api_token": TOKEN,
        "base_url": None,
        "gateway": None,
        "session_affinity": None,
        "default_headers": None,
    }
    return read_settings(**{**defaults, **given})


def refused(**given: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        settings(**given)
    return caught.value


def test_where_requests_go() -> None:
    """Requests go to Cloudflare's API, below the account."""
    assert settings().root == f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai"


def test_the_headers_of_a_request() -> None:
    """Headers hold a bearer token, JSON types, no compression, and the package's name."""
    headers = settings().headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith(f"workersai/{__version__} python/")


# ---------------------------------------------------------------------------- environment

OTHER = "f" * 32


@pytest.mark.parametrize("name", ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"])
def test_the_account_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each documented variable is read, and an argument overrides it."""
    monkeypatch.setenv(name, OTHER)
    assert OTHER in settings(account_id=None).root
    assert OTHER not in settings().root


TOKENS = ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_AUTH_TOKEN", "CF_AI_API_TOKEN", "CF_API_TOKEN"]


@pytest.mark.parametrize("first", range(len(TOKENS)), ids=TOKENS)
def test_the_token_from_the_environment(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are read in their documented order, and an argument overrides them."""
    for name in TOKENS[first:]:
        monkeypatch.setenv(name, f"token-of-{name}")
    found = settings(api_token=None).headers["authorization"]
    assert found == f"Bearer token-of-{TOKENS[first]}"
    assert settings().headers["authorization"] == f"Bearer {TOKEN}"


def test_an_empty_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable does not hide the next one."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "")
    monkeypatch.setenv("CF_API_TOKEN", "second")
    assert settings(api_token=None).headers["authorization"] == "Bearer second"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "API_TOKEN", "API_KEY", "CLOUDFLARE_API_KEY"])
def test_generic_names_are_not_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client ignores variables of other services, so their keys do not reach Cloudflare."""
    monkeypatch.setenv(name, "another-key")
    assert refused(api_token=None).parameter == "api_token"


def test_the_base_url_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable sends a program to a local server without a change of code."""
    monkeypatch.setenv("WORKERSAI_BASE_URL", "http://127.0.0.1:8787/client/v4/")
    assert settings().root == f"http://127.0.0.1:8787/client/v4/accounts/{ACCOUNT}/ai"
    assert settings(base_url="https://example.com").root.startswith("https://example.com/accounts")


@pytest.mark.parametrize("name", ["account_id", "api_token"])
def test_what_is_missing_is_named(name: str) -> None:
    """The error names the argument and the variables that set it."""
    error = refused(**{name: None})
    assert error.parameter == name
    assert "CLOUDFLARE_" in str(error)


# ----------------------------------------------------------------------------- credentials


@pytest.mark.parametrize("token", [TOKEN, f"  {TOKEN}\n", SecretStr(TOKEN), SecretStr(f"{TOKEN} ")])
def test_a_token_is_taken_without_white_space_around_it(token: Any) -> None:
    """The client strips a token, for example of a pasted line end."""
    assert settings(api_token=token).headers["authorization"] == f"Bearer {TOKEN}"


WRONG_TOKENS = [
    "Bearer abc-not-to-be-seen",
    "bearer abc-not-to-be-seen",
    '"abc-not-to-be-seen"',
    "'abc-not-to-be-seen'",
    "abc not-to-be-seen",
    "abc\nnot-to-be-seen",
    "abc\r\nx-evil: not-to-be-seen",
    "abc\x00not-to-be-seen",
    "äbc-not-to-be-seen",
    "abc\u2028not-to-be-seen",
]


@pytest.mark.parametrize("token", WRONG_TOKENS, ids=ascii)
@pytest.mark.parametrize("wrap", [str, SecretStr])
def test_an_invalid_token_is_refused(token: str, wrap: Any) -> None:
    """An invalid token raises before any request, and the error does not show it."""
    error = refused(api_token=wrap(token))
    assert error.parameter == "api_token"
    assert error.__cause__ is error.__context__ is None
    assert "not-to-be-seen" not in f"{error!s} {error!r} {vars(error)} {error.args}"


@pytest.mark.parametrize("token", ["", "  ", SecretStr("")], ids=repr)
def test_an_empty_token_is_missing(token: Any) -> None:
    """An empty token counts as missing."""
    assert "missing" in str(refused(api_token=token))


@pytest.mark.parametrize(
    "account",
    ["not-hexadecimal", "0" * 31, "0" * 33, "g" * 32, "../" + "0" * 29, f"{ACCOUNT}/x", TOKEN],
)
def test_an_account_is_32_hexadecimal_characters(account: str) -> None:
    """Any other account raises, and the error does not show it, as it may be the token."""
    error = refused(account_id=account)
    assert error.parameter == "account_id"
    assert account not in str(error)


def test_an_account_in_upper_case_is_the_same_account() -> None:
    """The client sends the digits as Cloudflare writes them."""
    assert settings(account_id=ACCOUNT.upper()).root == settings(account_id=ACCOUNT).root


def test_an_account_is_taken_without_white_space_around_it() -> None:
    """The client strips an account, as it strips a token."""
    assert settings(account_id=f" {ACCOUNT}\n").root == settings().root


# -------------------------------------------------------------------------------- base URL


@pytest.mark.parametrize(
    "base_url",
    [
        "https://gateway.example.com/client/v4",
        "https://example.com:8443",
        "http://localhost:8787/client/v4",
        "http://127.0.0.1:8787",
        "http://127.8.8.8",
        "http://[::1]:8787",
    ],
)
def test_a_safe_base_url(base_url: str) -> None:
    """The client accepts https anywhere, and http on this machine."""
    assert settings(base_url=base_url).root == f"{base_url}/accounts/{ACCOUNT}/ai"
    assert settings(base_url=f"{base_url}/").root == f"{base_url}/accounts/{ACCOUNT}/ai"


def test_a_base_url_is_taken_without_white_space_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client strips a URL, as it strips a token and an account."""
    expected = f"https://example.com/accounts/{ACCOUNT}/ai"
    assert settings(base_url=" https://example.com/ \n").root == expected
    monkeypatch.setenv("WORKERSAI_BASE_URL", "https://example.com\r\n")
    assert settings().root == expected


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://169.254.169.254/latest",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "https://user:password@example.com",
        "https://user@example.com",
        "https://example.com/?x=1",
        "https://example.com/#x",
        "https://example.com/a/../b",
        "https://example.com/..",
        "https://example.com/ x",
        "https://exa\nmple.com",
        "https://example.com\\@evil.example",
        "https://",
        "https://:443",
        "https://example.com:port",
        "https://[::1",
        "ftp://example.com",
        "file:///etc/passwd",
        "example.com",
        "//example.com",
        "javascript:alert(1)",
    ],
)
def test_an_unsafe_base_url(base_url: str) -> None:
    """The client refuses plain http, a user in the URL, and a path with `..`."""
    error = refused(base_url=base_url)
    assert error.parameter == "base_url"
    assert "password" not in str(error)


NAMED_HOSTS = ["http://workersai:8787", "http://10.0.0.7/client/v4", "http://gateway.internal:80"]


@pytest.mark.parametrize("base_url", NAMED_HOSTS)
def test_plain_http_to_another_host_is_refused_by_the_name_of_its_setting(base_url: str) -> None:
    """The error states what would be sent in clear text, and which setting allows it."""
    error = refused(base_url=base_url)
    assert error.parameter == "base_url"
    assert "allow_insecure_http=True" in str(error)
    assert "token" in str(error)
    assert "unencrypted" in str(error)


@pytest.mark.parametrize("base_url", NAMED_HOSTS)
def test_plain_http_to_another_host_by_an_explicit_setting(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting allows a URL that is passed and one from the environment."""
    root = f"{base_url}/accounts/{ACCOUNT}/ai"
    assert settings(base_url=base_url, allow_insecure_http=True).root == root
    monkeypatch.setenv("WORKERSAI_BASE_URL", base_url)
    assert settings(allow_insecure_http=True).root == root
    assert refused().parameter == "base_url"


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://workersai:8787",
        "http://user@workersai",
        "http://workersai/../x",
        "http://",
        "workersai",
    ],
)
def test_allowing_plain_http_allows_nothing_else(base_url: str) -> None:
    """Another scheme, a user in the URL and a path with `..` stay refused."""
    assert refused(base_url=base_url, allow_insecure_http=True).parameter == "base_url"


@pytest.mark.parametrize("value", ["yes", 1, None, "False"])
def test_what_allows_plain_http_is_true_or_false(value: Any) -> None:
    """The setting must be a bool; text and numbers raise."""
    assert refused(allow_insecure_http=value).parameter == "allow_insecure_http"


ROUTES = [
    "/accounts/{account}/ai/v1",
    "/accounts/{account}/ai/v1/",
    "/accounts/{account}/ai/run",
    "/accounts/{account}/ai/run/@cf/baai/bge-m3",
    "/accounts/{account}/ai",
    "/accounts/{account}",
    "/accounts",
    "/ai/v1",
    "/ai/run",
    "/v1/chat/completions",
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "root", ["https://api.cloudflare.com/client/v4", "http://127.0.0.1:8787/client/v4"]
)
def test_the_url_of_a_route_is_refused(root: str, route: str) -> None:
    """The error for a route's URL, which other packages call a base URL, states its root."""
    error = refused(base_url=root + route.format(account=ACCOUNT))
    assert error.parameter == "base_url"
    assert root in str(error)
    assert ACCOUNT not in str(error)
    assert "endpoint='openai'" in str(error)


@pytest.mark.parametrize("rest", ["", "/", "/client", "/client/v4/v1", "/v4"])
def test_cloudflares_host_has_one_root(rest: str) -> None:
    """Any other path on Cloudflare's host raises, because no API is there."""
    assert "https://api.cloudflare.com/client/v4: the rest" in str(
        refused(base_url=f"https://api.cloudflare.com{rest}")
    )


def test_a_gateways_url_is_refused() -> None:
    """The error for a gateway's URL names the setting for gateways."""
    url = f"https://gateway.ai.cloudflare.com/v1/{ACCOUNT}/my-gateway/workers-ai"
    error = refused(base_url=url)
    assert error.parameter == "base_url"
    assert "gateway='name of the gateway'" in str(error)
    assert ACCOUNT not in str(error)


@pytest.mark.parametrize("root", ["https://proxy.example.com/ai", "https://ai.example.com/v1"])
def test_the_root_of_a_proxy_may_have_any_other_path(root: str) -> None:
    """On another host the client refuses only paths that are certainly routes."""
    assert settings(base_url=root).root == f"{root}/accounts/{ACCOUNT}/ai"


@pytest.mark.parametrize("token", ["***", "**********"])
def test_the_mask_of_a_token_is_no_token(token: str) -> None:
    """The mask that a JSON dump shows in place of a token raises."""
    assert "CLOUDFLARE_API_TOKEN" in str(refused(api_token=token))


# --------------------------------------------------------------------------------- headers


def test_headers_of_the_users() -> None:
    """The client sends the user's headers in lower case."""
    assert settings(default_headers={"X-Team": " search "}).headers["x-team"] == "search"


@pytest.mark.parametrize(
    "name",
    ["Authorization", "HOST", "content-length", "Content-Type", "Transfer-Encoding", "Connection",
     "Accept-Encoding", "X-Auth-Key", "X-Auth-Email", "Cookie", "", "x y", "x:y", "x\n", "ä", 5],
)  # fmt: skip
def test_headers_that_users_cannot_set(name: Any) -> None:
    """Credentials, framing headers and invalid names raise."""
    assert refused(default_headers={name: "x"}).parameter == "default_headers"


@pytest.mark.parametrize("value", ["", "a\r\nb: c", "a\n", "ä", "\x00", 5, None])
def test_header_values_are_printable_ascii(value: Any) -> None:
    """Other values raise, so that a value cannot add a header."""
    assert refused(default_headers={"x-team": value}).parameter == "default_headers"
    if value is not None:
        assert refused(session_affinity=value).parameter == "session_affinity"


def test_session_affinity() -> None:
    """The client sends the id as a header; requests with the same id can share a prompt cache."""
    assert settings(session_affinity="abc").headers["x-session-affinity"] == "abc"


# --------------------------------------------------------------------------------- gateway


def test_a_gateway_by_its_id() -> None:
    """A string is the id."""
    assert settings(gateway="my-gateway").headers["cf-aig-gateway-id"] == "my-gateway"


@pytest.mark.parametrize(
    ("option", "value", "header", "sent"),
    [
        ("id", "g", "cf-aig-gateway-id", "g"),
        ("skip_cache", True, "cf-aig-skip-cache", "true"),
        ("skip_cache", False, "cf-aig-skip-cache", "false"),
        ("cache_ttl", 60, "cf-aig-cache-ttl", "60"),
        ("cache_key", "k", "cf-aig-cache-key", "k"),
        ("collect_log", False, "cf-aig-collect-log", "false"),
        ("request_timeout", 1000, "cf-aig-request-timeout", "1000"),
        ("max_attempts", 3, "cf-aig-max-attempts", "3"),
        ("retry_delay", 100, "cf-aig-retry-delay", "100"),
        ("backoff", "linear", "cf-aig-backoff", "linear"),
        ("event_id", "e", "cf-aig-event-id", "e"),
        ("custom_cost", "c", "cf-aig-custom-cost", "c"),
        ("byok_alias", "a", "cf-aig-byok-alias", "a"),
        ("authorization", "gw-token", "cf-aig-authorization", "Bearer gw-token"),
        ("authorization", "Bearer gw-token", "cf-aig-authorization", "Bearer gw-token"),
        ("authorization", SecretStr("gw-token"), "cf-aig-authorization", "Bearer gw-token"),
    ],
)
def test_gateway_options(option: str, value: Any, header: str, sent: str) -> None:
    """The client sends every documented option in its header."""
    assert settings(gateway={option: value}).headers[header] == sent


def test_gateway_metadata() -> None:
    """The client sends up to five flat entries as JSON."""
    metadata = {"team": "ö", "n": 1, "b": True}
    sent = settings(gateway={"metadata": metadata}).headers["cf-aig-metadata"]
    assert json.loads(sent) == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": None},
        {"a": {"b": 1}},
        {"a": [1]},
        {str(i): i for i in range(6)},
        "text",
        {"a": float("nan")},
    ],
    ids=str,
)
def test_gateway_metadata_that_would_be_lost(metadata: Any) -> None:
    """Null or nested values raise, because the server was seen to drop all metadata for one."""
    assert refused(gateway={"metadata": metadata}).parameter == "gateway"


@pytest.mark.parametrize("gateway", ["https://gateway.ai.cloudflare.com/v1/a/mine", {"id": "a/b"}])
def test_a_gateway_is_named_without_its_url(gateway: Any) -> None:
    """A URL in place of the name is refused before any request."""
    error = refused(gateway=gateway)
    assert error.parameter == "gateway"
    assert "name of the gateway" in str(error)


def test_an_unknown_gateway_option() -> None:
    """An unknown option raises, and the error lists the known ones."""
    error = refused(gateway={"skipcache": True})
    assert error.parameter == "gateway"
    assert "skip_cache" in str(error)


def test_gateway_options_that_are_none() -> None:
    """The client does not send options that are None."""
    assert "cf-aig-cache-ttl" not in settings(gateway={"id": "g", "cache_ttl": None}).headers


def test_no_secret_in_the_repr() -> None:
    """No repr shows the token, the gateway token or the account."""
    found = settings(gateway={"authorization": "gw-token"})
    assert set(found.secrets) == {TOKEN, "gw-token", ACCOUNT, ACCOUNT.upper()}
    shown = f"{found!r} {found!s} {found.secrets!r} {found.secrets!s}"
    assert not any(secret in shown for secret in found.secrets)


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("X-Team", "Basic c2VjcmV0OnNlY3JldA==", {"c2VjcmV0OnNlY3JldA=="}),
        ("x-team", "Bearer correct-horse", {"correct-horse"}),
        ("x-team-key", "correct-horse", {"correct-horse"}),
        ("X-Api-Key", "Custom correct-horse", {"correct-horse", "Custom correct-horse"}),
        ("Ocp-Apim-Subscription-Key", "0f1e2d3c", {"0f1e2d3c"}),
        ("CF-Access-Client-Secret", "9a8b7c6d5e4f", {"9a8b7c6d5e4f"}),
        ("x-trace", "of 4bf92f3577b34da6a3ce929d0e0e4736", {"4bf92f3577b34da6a3ce929d0e0e4736"}),
        ("x-key", "a1", set()),
        ("x-team", "marketing", set()),
        ("x-department", "corporate communications 2026", set()),
        ("x-author", "somebody-else", set()),
        ("x-route", "eu-central-1/blue/green-7", set()),
        ("x-version", "2026.07.31", set()),
    ],
)
def test_what_is_secret_in_headers_of_the_users_own(
    name: str, value: str, secrets: set[str]
) -> None:
    """A user's header is secret by its name, its scheme or its look; words are not."""
    found = set(settings(default_headers={name: value}).secrets)
    assert found >= secrets
    assert found - secrets <= {TOKEN, ACCOUNT, ACCOUNT.upper(), value if secrets else TOKEN}


@pytest.mark.parametrize("token", ["x", "local", "dummy12"])
def test_a_token_that_is_too_short_to_be_one_is_masked_nowhere(token: str) -> None:
    """A token below eight characters is not masked: other texts contain it by chance."""
    assert set(settings(api_token=token).secrets) == {ACCOUNT, ACCOUNT.upper()}
