"""The log filter masks secrets of live clients in HTTP libraries' records, and changes no other."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workersai.conftest import Mocked
from tests.workersai.talking import ACCOUNT, TOKEN, UNKNOWN, refusal
from workersai import AsyncClient, Client, InvalidRequestError
from workersai._secrets import live_secrets, redact

OTHER_TOKEN = "cfat_another-one-that-is-not-real-42"
OTHER_ACCOUNT = "ffffeeeeddddccccbbbbaaaa99998888"
LOGGERS = ("httpx", "httpcore", "httpcore.http11", "httpcore.proxy", "aiohttp.client", "asyncio")


class Keeper(logging.Handler):
    """Keeps records, and the lines that a common formatter makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.append(self.format(record))


@pytest.fixture
def records_at_root() -> Iterator[Keeper]:
    """Collect every record that reaches the root logger, whatever levels other packages set."""
    keeper, root = Keeper(), logging.getLogger()
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in LOGGERS}
    for logger in levels:
        logger.setLevel(logging.NOTSET)
    level = root.level
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    yield keeper
    root.setLevel(level)
    root.removeHandler(keeper)
    for logger, before in levels.items():
        logger.setLevel(before)


def make(cls: Any = Client, **settings: Any) -> Any:
    return cls(UNKNOWN, **{"account_id": ACCOUNT, "api_token": TOKEN, **settings})


@pytest.mark.parametrize("name", LOGGERS)
@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_secrets_of_every_client_that_lives(records_at_root: Keeper, cls: Any, name: str) -> None:
    """With two open clients, a library's log shows neither their tokens nor their accounts."""
    clients = make(cls), make(cls, account_id=OTHER_ACCOUNT, api_token=OTHER_TOKEN)
    logger = logging.getLogger(name)
    logger.info("echo of %s at /accounts/%s/ai", f"Bearer {TOKEN}", ACCOUNT)
    logger.info("echo of Bearer %s at /accounts/%s/ai", OTHER_TOKEN, OTHER_ACCOUNT.upper())
    assert records_at_root.lines == [
        "echo of Bearer *** at /accounts/***/ai",
        "echo of Bearer *** at /accounts/***/ai",
    ]
    assert records_at_root.records[0].msg == "echo of %s at /accounts/%s/ai"
    del clients


def test_secrets_go_with_their_client(records_at_root: Keeper) -> None:
    """The filter keeps no secret of a client that was garbage-collected, and masks it no longer."""
    client, other = make(), make(account_id=OTHER_ACCOUNT, api_token=OTHER_TOKEN)
    del client
    gc.collect()
    assert TOKEN not in live_secrets()
    assert ACCOUNT not in live_secrets()
    logging.getLogger("httpx").info("%s %s", TOKEN, OTHER_TOKEN)
    assert records_at_root.lines == [f"{TOKEN} ***"]
    del other


class Shown:
    """A log argument whose text holds a secret, such as a URL."""

    def __str__(self) -> str:
        return f"https://api.example.com/accounts/{ACCOUNT}/ai"


ECHOES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "an object": ("%s %d", (Shown(), 200)),
    "bytes": ("%r", (TOKEN.encode(),)),
    "a list of headers": ("%s", ([(b"authorization", b"Bearer " + TOKEN.encode())],)),
    "names": ("%(url)s %(status)d", ({"url": Shown(), "status": 200},)),
    "the text": (f"return_value=[(b'x', b'{TOKEN}')]", ()),
    "the text with a percent sign": (f"100% {TOKEN}", ()),
    "two arguments that make one": ("%s%s", (TOKEN[:9], TOKEN[9:])),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_secrets_in_a_text_or_in_its_arguments(records_at_root: Keeper, echo: str) -> None:
    """Neither the line nor any part of the record shows a secret."""
    client = make()
    text, arguments = ECHOES[echo]
    logging.getLogger("httpcore.http11").debug(text, *arguments)
    (line,), (record,) = records_at_root.lines, records_at_root.records
    assert "***" in line
    for secret in (TOKEN, ACCOUNT):
        assert secret not in line
        assert secret not in f"{record.msg} {record.args}"
    del client


def test_secrets_in_a_traceback(records_at_root: Keeper) -> None:
    """An exception that shows a secret is logged as its masked traceback."""
    client = make()
    failure = OSError(f"no route to {ACCOUNT}")
    logging.getLogger("asyncio").error("Task failed", exc_info=failure, stack_info=True)
    assert ACCOUNT not in records_at_root.lines[0]
    assert "OSError: no route to ***" in records_at_root.lines[0]
    assert records_at_root.records[0].exc_info is None
    del client


async def test_secrets_in_what_an_event_loop_reports(records_at_root: Keeper) -> None:
    """Aiohttp reports the URL of an unclosed answer to the loop; the loop logs it masked."""
    client = make(AsyncClient)
    context = {"message": "Unclosed response", "client_response": Shown()}
    asyncio.get_running_loop().call_exception_handler({**context, "url": str(Shown())})
    assert "Unclosed response" in records_at_root.lines[-1]
    assert ACCOUNT not in records_at_root.lines[-1]
    del client


STRANGE: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "too few": ("%s %s", ("one",)),
    "another kind": ("%d", ("text",)),
    "no such name": ("%(missing)s", ({"there": 1},)),
    "no format": ("%y", (1,)),
    "an object": (object(), ()),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_records_that_do_not_fit_their_arguments(strange: str) -> None:
    """Such a record raises nothing in the code that logs; the handler reports it."""
    client = make()
    text, arguments = STRANGE[strange]
    logger = logging.getLogger("httpx")
    record = logger.makeRecord("httpx", logging.INFO, __file__, 1, text, arguments, None)
    assert logger.filter(record)
    assert record.msg is text
    assert record.args == (arguments[0] if strange == "no such name" else arguments)
    del client


def test_records_without_a_secret_are_left_as_they_are(records_at_root: Keeper) -> None:
    """Text, arguments and exception stay the same objects."""
    client = make()
    argument = object()
    failure = RuntimeError("somebody else's")
    logging.getLogger("httpx").error("GET /accounts/%s %s", "0" * 32, argument, exc_info=failure)
    (record,) = records_at_root.records
    assert record.args is not None
    assert record.args[1] is argument  # type: ignore[index]  # a tuple, as logged
    assert "0" * 32 in records_at_root.lines[0]
    assert record.exc_info is not None
    assert record.exc_info[1] is failure
    del client


def test_no_other_logger_is_looked_at(records_at_root: Keeper) -> None:
    """The root logger and those of other packages get no filter."""
    client = make(AsyncClient)
    for name in ("", "somebody", "aiohttp.access", "urllib3", "langchain_core", "httpx.of_mine"):
        assert logging.getLogger(name or None).filters == []
    logging.getLogger("somebody").info("my own %s", TOKEN)
    assert records_at_root.lines == [f"my own {TOKEN}"]
    del client


@pytest.mark.parametrize("client_token", ["t", "bad", TOKEN])
def test_ordinary_words_stay_in_errors_and_logs(
    mocked: Mocked, records_at_root: Keeper, client_token: str
) -> None:
    """The filter does not mask words of headers, nor a token too short to be a secret."""
    words = "bad marketing request of the communications department"
    settings: dict[str, Any] = {"x-team": "marketing", "x-department": "communications"}
    client, _ = mocked(refusal(400, 3001, words), api_token=client_token, default_headers=settings)
    with pytest.raises(InvalidRequestError) as caught:
        client.chat()
    assert words in str(caught.value)
    logging.getLogger("httpx").info(words)
    assert records_at_root.lines[-1] == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the horsebox is full", "the *** is full"),
        ("a horsebox-key", "a ***-key"),
        ("horsebox", "***"),
        ("horsebox.horsebox", "***.***"),
        ("horseboxes, xhorsebox, horsebox_1", "horseboxes, xhorsebox, horsebox_1"),
        (r"b'key: x\r\nhorsebox\r\n'", r"b'key: x\r\n***\r\n'"),
        ("key%20horsebox%20", "key%20***%20"),
        (r"\u003dhorsebox", r"\u003d***"),
        (r"\x3dhorsebox", r"\x3d***"),
    ],
)
def test_a_secret_that_could_be_a_word_is_matched_whole(text: str, shown: str) -> None:
    """Such a secret is masked only as a whole word, also between escape sequences."""
    assert redact(text, ("horsebox",)) == shown


@pytest.mark.parametrize("text", ["x" * 99 + "{}", "{}y", "token_{}_", "{}{}"])
def test_a_secret_that_is_no_word_is_found_anywhere(text: str) -> None:
    """A long key is masked inside other text too, because no text holds one by chance."""
    assert TOKEN not in redact(text.replace("{}", TOKEN), (TOKEN,))
