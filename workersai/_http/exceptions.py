"""Turn errors of sockets and of the HTTP reader into this package's errors."""

from __future__ import annotations

from workersai._clocks import Clocks
from workersai._outgoing import Outgoing
from workersai._secrets import clean_text
from workersai.errors import APIConnectionError, ResponseError

_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's word in the messages of all libraries."""

_TRUST = (
    "check base_url; if a proxy of your network issues its own certificates, let SSL_CERT_FILE "
    "name the PEM file of its authority"
)

__all__ = ["broken", "cut_short", "no_tunnel", "unreadable"]


def broken(
    error: Exception, host: str, outgoing: Outgoing, clocks: Clocks, *, is_connecting: bool = False
) -> APIConnectionError:
    """Return the error for a network failure, with its type and the system's message."""
    reason = clean_text(f"{type(error).__name__}: {error}", outgoing.secrets)
    failure = APIConnectionError(f"The connection to {host} failed ({reason})")
    failure.is_retryable = clocks.may_repeat(is_connecting=is_connecting)
    if _UNTRUSTED in reason:
        failure.action, failure.is_retryable = _TRUST, False
    if isinstance(error, OSError):
        error.__context__ = None
        failure.__cause__ = error.with_traceback(None)
    return failure


def cut_short(host: str, clocks: Clocks, *, has_head: bool) -> APIConnectionError:
    """Return the error for a connection that the server closed before its response was whole."""
    when = "before the end of the response" if has_head else "without a response"
    failure = APIConnectionError(f"The connection to {host} was closed {when}")
    failure.is_retryable = clocks.may_repeat(is_connecting=False)
    return failure


def unreadable(error: Exception, host: str, outgoing: Outgoing) -> ResponseError:
    """Return the error for a response that is not HTTP."""
    reason = clean_text(str(error), outgoing.secrets)
    return ResponseError(f"The answer of {host} could not be read ({reason})")


def no_tunnel(host: str, status: int | None) -> APIConnectionError:
    """Return the error for a proxy that refuses a tunnel."""
    answer = "closed the connection" if status is None else f"answered {status}"
    advice = ": check its credentials" if status == 407 else ""
    return APIConnectionError(f"The proxy {host} {answer} when asked for a tunnel{advice}")
