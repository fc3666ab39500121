"""Odd conversations, as each framework has them, and what is sent of them.

Histories come from checkpoints, other providers' classes, middleware, memories that cut and people
who interrupt. `test_odd_conversations` sends each through both faces.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from langchain_core.messages.content import (
    create_file_block,
    create_image_block,
    create_plaintext_block,
    create_text_block,
)
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.base.llms.types import ChatMessage as Message
from openai.types.chat import ChatCompletionMessageFunctionToolCall

from tests.scenarios import GLM, GRANITE, SEA_LION
from workersai.integration.messages import BEGINNING, INSTRUCTION, NOT_RUN, ORPHAN, UNANSWERED

SCOUT = "@cf/meta/llama-4-scout-17b-16e-instruct"
NOBODY = "@cf/nobody/unheard-of"
DATA = b"\x89PNG\r\n\x1a\n" + bytes(60)
PNG = base64.b64encode(DATA).decode()
PNG_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
LEFT_OUT = f"[image left out: image/png, 68 bytes; {GRANITE} takes text only]"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(3000)


@dataclass(frozen=True)
class Row:
    """One conversation.

    Attributes:
        name: What is odd about it.
        wire: The messages that are sent; `None` if a `ConfigurationError` is raised.
        langchain: LangChain's messages, `None` if it has no such conversation.
        llamaindex: LlamaIndex's, likewise.
        model: The model that is asked.
        is_stored: Whether the messages survive JSON, so that checkpoints can hold them.
        repair: The option `repair_history`.
    """

    name: str
    wire: list[Any] | None
    langchain: Sequence[Any] | None
    llamaindex: Sequence[Any] | None
    model: str = GRANITE
    is_stored: bool = True
    repair: bool = True


class Words(str):
    """A text of which only some words are known."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and all(word in other for word in self.split(" | "))

    def __hash__(self) -> int:
        return super().__hash__()


# ------------------------------------------------------------------ the three ways to write one


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **fields}


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def call(arguments: str = '{"at": "x"}', call_id: str = "c1", name: str = "look") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*made: dict[str, Any], text: str = "") -> dict[str, Any]:
    return said(text, tool_calls=list(made) or [call()])


def result(text: str, call_id: str = "c1", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text, **fields}


def lc_call(args: Any = None, call_id: str | None = "c1", name: str = "look") -> dict[str, Any]:
    return {"id": call_id, "name": name, "args": {"at": "x"} if args is None else args}


def lc_calls(*made: dict[str, Any], content: Any = "", **fields: Any) -> AIMessage:
    return AIMessage(content, tool_calls=list(made) or [lc_call()], **fields)


def lc_result(content: Any, call_id: str = "c1", **fields: Any) -> ToolMessage:
    return ToolMessage(content, tool_call_id=call_id, **fields)


def li_call(kwargs: Any = None, call_id: str | None = "c1", name: str = "look") -> ToolCallBlock:
    kwargs = {"at": "x"} if kwargs is None else kwargs
    return ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=kwargs)


def li_calls(*blocks: Any, **kwargs: Any) -> Message:
    made = list(blocks) or [li_call()]
    return Message(role="assistant", blocks=made, additional_kwargs=kwargs)


def li_result(*blocks: Any, call_id: str | None = "c1", role: str = "tool") -> Message:
    kwargs = {"tool_call_id": call_id} if call_id is not None else {}
    made = [TextBlock(text=block) if isinstance(block, str) else block for block in blocks]
    return Message(role=role, blocks=made, additional_kwargs=kwargs)


def li(role: str, *blocks: Any, **kwargs: Any) -> Message:
    made = [TextBlock(text=block) if isinstance(block, str) else block for block in blocks]
    return Message(role=role, blocks=made, additional_kwargs=kwargs)


def image() -> Any:
    return create_image_block(base64=PNG, mime_type="image/png")


def link() -> Any:
    return create_file_block(url="demo://doc/7", mime_type="application/pdf")


HI = [user("Hi")]
LC_HI = [HumanMessage("Hi")]
LI_HI = [li("user", "Hi")]


def of_tool(name: str, text: str, langchain: Any, llamaindex: Any, **fields: Any) -> Row:
    """A row of one tool's result, after the call that it answers."""
    after = fields.pop("after", [])
    return Row(
        name,
        [*HI, calls(), result(text), *after],
        None if langchain is None else [*LC_HI, lc_calls(), lc_result(langchain)],
        None if llamaindex is None else [*LI_HI, li_calls(), li_result(*llamaindex)],
        **fields,
    )


RESULTS = [
    of_tool(
        "a tool's text in parts",
        "one\ntwo",
        [create_text_block("one"), create_text_block("two")],
        ["one", "two"],
    ),
    of_tool("a tool that returned nothing", "", [], []),
    of_tool(
        "a screenshot, for a model that reads text",
        f"Title: Home\n{LEFT_OUT}",
        [create_text_block("Title: Home"), image()],
        ["Title: Home", ImageBlock(image=DATA)],
    ),
    of_tool(
        "a screenshot, for a model that sees",
        "Title: Home",
        [create_text_block("Title: Home"), image()],
        ["Title: Home", ImageBlock(image=DATA)],
        model=SCOUT,
        after=[user([{"type": "text", "text": "Attached to tool call c1:"}, PNG_PART])],
    ),
    of_tool(
        "a screenshot, for a model of which nothing is known",
        "",
        [{"type": "image", "source": {"type": "base64", "data": PNG, "media_type": "image/png"}}],
        [ImageBlock(image=DATA)],
        model=NOBODY,
        after=[user([{"type": "text", "text": "Attached to tool call c1:"}, PNG_PART])],
    ),
    of_tool(
        "an image by its address, for a model that wants its bytes",
        Words("https://x.test/a.png | data URIs only"),
        [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
        [ImageBlock(url="https://x.test/a.png")],
        model=SCOUT,
    ),
    of_tool(
        "a resource link of a server of tools",
        Words("see | demo://doc/7 | application/pdf"),
        [
            create_text_block("see"),
            link(),
        ],
        ["see", DocumentBlock(url="demo://doc/7", document_mimetype="application/pdf")],
    ),
    of_tool(
        "an archive",
        Words("[file left out: | application/zip, 68 bytes"),
        [create_file_block(base64=PNG, mime_type="application/zip")],
        [DocumentBlock(data=DATA, document_mimetype="application/zip")],
    ),
    of_tool(
        "a text file",
        "notes.txt:\nA fig, a date.",
        [create_plaintext_block("A fig, a date.", title="notes.txt")],
        [DocumentBlock(data=b"A fig, a date.", title="notes.txt")],
    ),
    of_tool(
        "a video",
        Words("video | bytes"),
        [{"type": "video", "base64": base64.b64encode(VIDEO).decode(), "mime_type": "video/mp4"}],
        [VideoBlock(video=VIDEO)],
    ),
    of_tool("a block of JSON", '{"type": "json", "json": {"n": 1}}',
            [{"type": "json", "json": {"n": 1}}], None),
    of_tool(
        "hits of a search",
        Words("search_result | https://x.test | A fig."),
        [{"type": "search_result", "source": "https://x.test", "title": "t",
          "content": [{"type": "text", "text": "A fig."}]}],
        None,
    ),
    of_tool(
        "cited text",
        "Figs (https://x.test):\nA fig.",
        None,
        [CitableBlock(title="Figs", source="https://x.test", content=[TextBlock(text="A fig.")])],
    ),
    of_tool(
        "plain dicts that happen to have a type",
        '{"type": "file", "name": "a.txt"}\n{"type": "text", "lines": 3}',
        [{"type": "file", "name": "a.txt"}, {"type": "text", "lines": 3}],
        None,
    ),
    of_tool(
        "sets, dates and arrays",
        '{"tags": ["a"], "on": "2026-03-01", "at": [1.5, "NaN"]}',
        [{"tags": {"a"}, "on": date(2026, 3, 1), "at": np.array([1.5, np.nan])}],
        None,
        is_stored=False,
    ),
    of_tool("half an emoji", "caf\ufffd", "caf\ud83d", ["caf\ud83d"], is_stored=False),
    of_tool("a result that was emptied", "",
            None, None, is_stored=False),
]  # fmt: skip
RESULTS[-1] = Row(
    "a result whose content is None",
    [*HI, calls(), result("")],
    [*LC_HI, lc_calls(), lc_result("x").model_copy(update={"content": None})],
    None,
    is_stored=False,
)


def of_arguments(name: str, sent: str, langchain: Any, llamaindex: Any, **fields: Any) -> Row:
    """A row of one call with odd arguments, and its result."""
    return Row(
        f"arguments: {name}",
        [*HI, calls(call(sent)), result("ok")],
        None if langchain is None else [*LC_HI, langchain, lc_result("ok")],
        None if llamaindex is None else [*LI_HI, li_calls(li_call(llamaindex)), li_result("ok")],
        **fields,
    )


def invalid(args: str | None) -> AIMessage:
    broken = {"id": "c1", "name": "look", "args": args, "error": "no JSON"}
    return AIMessage("", invalid_tool_calls=[broken])


BROKEN = '{"text": "so "it" goes"}'
ARGUMENTS = [
    of_arguments("broken JSON", json.dumps({"input": BROKEN}), invalid(BROKEN), BROKEN),
    of_arguments("cut off", '{"input": "{\\"a"}', invalid('{"a'), '{"a'),
    of_arguments("nothing", "{}", invalid(None), ""),
    of_arguments("empty text", "{}", invalid(""), ""),
    of_arguments("null", "{}", invalid("null"), "null"),
    of_arguments("a list", '{"input": "[1]"}', invalid("[1]"), "[1]"),
    of_arguments("a number", '{"input": "7"}', invalid("7"), "7"),
    of_arguments("encoded twice", '{"a": 1}', invalid('"{\\"a\\": 1}"'), '"{\\"a\\": 1}"'),
    of_arguments("NaN in text", '{"y": "NaN"}', invalid('{"y": NaN}'), '{"y": NaN}'),
    of_arguments(
        "NaN in an object",
        '{"y": "NaN", "z": "-Infinity"}',
        lc_calls(lc_call({"y": float("nan"), "z": float("-inf")})),
        {"y": float("nan"), "z": float("-inf")},
        is_stored=False,
    ),
    of_arguments(
        "what is no JSON",
        '{"on": "2026-03-01", "tags": [1], "at": [2]}',
        lc_calls(lc_call({"on": date(2026, 3, 1), "tags": {1}, "at": np.array([2])})),
        {"on": date(2026, 3, 1), "tags": {1}, "at": np.array([2])},
        is_stored=False,
    ),
    of_arguments("half an emoji", '{"a": "\ufffd"}', lc_calls(lc_call({"a": "\ude00"})),
                 {"a": "\ude00"}, is_stored=False),
    Row(
        "a call that nobody could run, and that nobody answered",
        [*HI, calls(call('{"input": "{oops"}')), result(NOT_RUN), user("And?")],
        [*LC_HI, invalid("{oops"), HumanMessage("And?")],
        [
            *LI_HI,
            li("assistant", invalid_tool_calls=[
                {"id": "c1", "name": "look", "arguments": "{oops", "error": "no JSON"}]),
            li("user", "And?"),
        ],
    ),
]  # fmt: skip

CALLS = [
    Row(
        "a call that nobody answered",
        [*HI, calls(), result(UNANSWERED), user("Never mind.")],
        [*LC_HI, lc_calls(), HumanMessage("Never mind.")],
        [*LI_HI, li_calls(), li("user", "Never mind.")],
    ),
    Row(
        "a tool that ended the turn, beside another",
        [*HI, calls(call(), call(call_id="c2")), result("3"), result(UNANSWERED, "c2"), said("3")],
        [*LC_HI, lc_calls(lc_call(), lc_call(call_id="c2")), lc_result("3"), AIMessage("3")],
        [
            *LI_HI,
            li_calls(li_call(), li_call(call_id="c2")),
            li_result("3"),
            li("assistant", "3", tool_call_id="c1"),
        ],
    ),
    Row(
        "a result whose call was cut away",
        [user(f"{ORPHAN}seen"), said("It is."), user("And now?")],
        trim_messages(
            [*LC_HI, lc_calls(), lc_result("seen"), AIMessage("It is."), HumanMessage("And now?")],
            max_tokens=3,
            token_counter=len,
            strategy="last",
        ),
        [*LI_HI, li_calls(), li_result("seen"), li("assistant", "It is."), li("user", "And now?")][
            -3:
        ],
    ),
    Row(
        "a picture whose call was cut away",
        [user(f"{ORPHAN}{LEFT_OUT}"), said("A cat.")],
        [lc_result([image()]), AIMessage("A cat.")],
        [li_result(ImageBlock(image=DATA)), li("assistant", "A cat.")],
    ),
    Row(
        "a result of a call that another agent made",
        [*HI, said("Handing over."), user(f"{ORPHAN}done"), user("Go on.")],
        [*LC_HI, AIMessage("Handing over."), lc_result("done"), HumanMessage("Go on.")],
        [*LI_HI, li("assistant", "Handing over."), li_result("done"), li("user", "Go on.")],
    ),
    Row(
        "somebody who spoke while a tool ran",
        [*HI, calls(), result("seen"), user("Hurry!")],
        [*LC_HI, lc_calls(), HumanMessage("Hurry!"), lc_result("seen")],
        [*LI_HI, li_calls(), li("user", "Hurry!"), li_result("seen")],
    ),
    Row(
        "two results for one call",
        [*HI, calls(), result("1"), user(f"{ORPHAN}2")],
        [*LC_HI, lc_calls(), lc_result("1"), lc_result("2")],
        [*LI_HI, li_calls(), li_result("1"), li_result("2")],
    ),
    Row(
        "calls without ids",
        [
            *HI,
            calls(call(call_id="call_1_0"), call(call_id="call_1_1")),
            result("1", "call_1_0"),
            result("2", "call_1_1"),
        ],
        [
            *LC_HI,
            lc_calls(lc_call(call_id=None), lc_call(call_id=None)),
            lc_result("1", ""),
            lc_result("2", ""),
        ],
        [
            *LI_HI,
            li_calls(li_call(call_id=None), li_call(call_id=None)),
            li_result("1", call_id=None),
            li_result("2", call_id=None),
        ],
    ),
    Row(
        "two calls with one id",
        [
            *HI,
            calls(call(call_id="look"), call(call_id="call_1_1")),
            result("1", "look"),
            result("2", "call_1_1"),
        ],
        [
            *LC_HI,
            lc_calls(lc_call(call_id="look"), lc_call(call_id="look")),
            lc_result("1", "look"),
            lc_result("2", "look"),
        ],
        [
            *LI_HI,
            li_calls(li_call(call_id="look"), li_call(call_id="look")),
            li_result("1", call_id="look"),
            li_result("2", call_id="look"),
        ],
    ),
    Row(
        "functions, the tools before tools",
        [*HI, calls(call(call_id="call_1_0")), result("seen", "call_1_0", name="look")],
        [
            *LC_HI,
            AIMessage("", additional_kwargs={
                "function_call": {"name": "look", "arguments": '{"at": "x"}'}}),
            FunctionMessage(content="seen", name="look"),
        ],
        [
            *LI_HI,
            li_calls(li_call(call_id=None)),
            Message(role="function", content="seen", additional_kwargs={"name": "look"}),
        ],
    ),
    Row(
        "the same without repair",
        [*HI, calls(), user("Never mind."), system("Stop."), said("")],
        [*LC_HI, lc_calls(), HumanMessage("Never mind."), SystemMessage("Stop."), AIMessage("")],
        [*LI_HI, li_calls(), li("user", "Never mind."), li("system", "Stop."), li("assistant", "")],
        repair=False,
    ),
]  # fmt: skip

LC_DEVELOPER = ChatMessage(content="Be brief.", role="developer")
ROLES = [
    Row(
        "a developer, for a model that knows the role",
        [{"role": "developer", "content": "Be brief."}, *HI],
        [LC_DEVELOPER, *LC_HI],
        [li("developer", "Be brief."), *LI_HI],
        model=GLM,
    ),
    Row(
        "a developer, for a model that does not",
        [system("Be brief."), *HI],
        [LC_DEVELOPER, *LC_HI],
        [li("developer", "Be brief."), *LI_HI],
    ),
    Row(
        "an instruction at the end",
        [*HI, said("Well."), user(f"{INSTRUCTION}Answer now.")],
        [*LC_HI, AIMessage("Well."), SystemMessage("Answer now.")],
        [*LI_HI, li("assistant", "Well."), li("system", "Answer now.")],
    ),
    Row(
        "a summary of what was before",
        [system("Be brief."), system("So far: figs."), user("And dates?")],
        [SystemMessage("Be brief."), SystemMessage("So far: figs."), HumanMessage("And dates?")],
        [li("system", "Be brief."), li("system", "So far: figs."), li("user", "And dates?")],
    ),
    Row(
        "the same for a model that takes one system message",
        [system("Be brief.\n\nSo far: figs."), user("And dates?")],
        [SystemMessage("Be brief."), SystemMessage("So far: figs."), HumanMessage("And dates?")],
        [li("system", "Be brief."), li("system", "So far: figs."), li("user", "And dates?")],
        model=SEA_LION,
    ),
    Row(
        "neighbours of one role",
        [*HI, user("Hello?"), said("Yes."), said("I am here.")],
        [*LC_HI, HumanMessage("Hello?"), AIMessage("Yes."), AIMessage("I am here.")],
        [*LI_HI, li("user", "Hello?"), li("assistant", "Yes."), li("assistant", "I am here.")],
    ),
    Row(
        "neighbours of one role, for a model that wants turns",
        [user("Hi\n\nHello?"), said("Yes.\n\nI am here."), user("Good.")],
        [*LC_HI, HumanMessage("Hello?"), AIMessage("Yes."), AIMessage("I am here."),
         HumanMessage("Good.")],
        [*LI_HI, li("user", "Hello?"), li("assistant", "Yes."), li("assistant", "I am here."),
         li("user", "Good.")],
        model=SEA_LION,
    ),
    Row(
        "a conversation without its beginning, for a model that wants turns",
        [user(BEGINNING), said("Yes."), user("Good.")],
        [AIMessage("Yes."), HumanMessage("Good.")],
        [li("assistant", "Yes."), li("user", "Good.")],
        model=SEA_LION,
    ),
    Row(
        "an answer of nothing",
        [*HI, user("Hello?")],
        [*LC_HI, AIMessage(""), HumanMessage("Hello?")],
        [*LI_HI, li("assistant", ""), li("user", "Hello?")],
    ),
    Row(
        "people with names",
        [{"role": "user", "name": "ann", "content": "Hi"}, said("Yes.", name="bot")],
        [HumanMessage("Hi", name="ann"), AIMessage("Yes.", name="bot")],
        [li("user", "Hi", name="ann"), li("assistant", "Yes.", name="bot")],
    ),
    Row(
        "roles by other providers' names",
        [*HI, said("Yes."), said("I am.")],
        [ChatMessage(content="Hi", role="human"), ChatMessage(content="Yes.", role="model"),
         ChatMessage(content="I am.", role="chatbot")],
        [*LI_HI, li("model", "Yes."), li("chatbot", "I am.")],
    ),
    Row(
        "text in parts",
        [user("Sum up:\nA fig."), said("Done:\nfig.")],
        [HumanMessage(["Sum up:", {"type": "text", "text": "A fig.", "cache_control": {}}]),
         AIMessage(["Done:", "fig."])],
        [li("user", "Sum up:", CachePoint(cache_control=CacheControl(type="ephemeral")), "A fig."),
         li("assistant", "Done:", "fig.")],
        model=GLM,
    ),
    Row(
        "a picture in an instruction",
        [system("Look:"), user([{"type": "text", "text": "Attached to the system message above:"},
                                PNG_PART]), *HI],
        [SystemMessage([{"type": "text", "text": "Look:"},
                        image()]), *LC_HI],
        [li("system", "Look:", ImageBlock(image=DATA)), *LI_HI],
        model=SCOUT,
    ),
    Row(
        "messages as dicts and tuples",
        [system("Be brief."), *HI, calls(), result("seen"), user("And?")],
        [
            ("system", "Be brief."),
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [call()]},
            {"role": "tool", "tool_call_id": "c1", "content": "seen"},
            "And?",
        ],
        None,
        is_stored=False,
    ),
    Row(
        "a stored conversation of OpenAI's form with broken arguments",
        [*HI, calls(call('{"input": "{oops"}')), result("no")],
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [call("{oops")]},
            {"role": "tool", "tool_call_id": "c1", "content": "no"},
        ],
        None,
        is_stored=False,
    ),
]  # fmt: skip


def answered(name: str, langchain: Any, llamaindex: Any, **fields: Any) -> Row:
    """A row of another provider's answer, which ends in the same text."""
    return Row(
        f"an answer of {name}",
        [*HI, said("A fig."), user("And?")],
        None if langchain is None else [*LC_HI, AIMessage(langchain), HumanMessage("And?")],
        None if llamaindex is None else [*LI_HI, li("assistant", *llamaindex), li("user", "And?")],
        **fields,
    )


TEXT = {"type": "text", "text": "A fig."}
CITED = CitationBlock(
    cited_content=TextBlock(text="figs"), source="s", title="t", additional_location_info={}
)
PROVIDERS = [
    answered(
        "OpenAI's Responses with a search",
        [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "H"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed",
             "action": {"type": "search", "query": "figs"}},
            {**TEXT, "id": "msg_1", "annotations": [
                {"type": "url_citation", "url": "https://x.test", "start_index": 0}]},
        ],
        ["A fig.", CITED],
    ),
    answered(
        "OpenAI's Responses with a picture it made",
        [{"type": "image_generation_call", "id": "ig_1", "result": PNG}, TEXT],
        ["A fig.", ImageBlock(image=DATA)],
    ),
    answered(
        "OpenAI's Responses with a remote server of tools",
        [{"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
         {"type": "mcp_call", "id": "mcp_1", "name": "n", "arguments": "{}", "output": "o"},
         {"type": "compaction", "id": "cmp_1", "encrypted_content": "z"}, TEXT],
        None,
    ),
    answered(
        "Anthropic with thinking and a search",
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": "https://x.test", "encrypted_content": "E"}]},
            {**TEXT, "citations": [{"type": "web_search_result_location", "cited_text": "fig"}]},
        ],
        [ThinkingBlock(content="Hm.", additional_information={"signature": "EqQB"}), "A fig."],
    ),
    answered(
        "Gemini with code that it ran",
        [{"type": "executable_code", "executable_code": "print(1)", "language": 1},
         {"type": "code_execution_result", "code_execution_result": "1", "outcome": 1}, TEXT],
        [ThinkingBlock(content="Hm."), "A fig."],
    ),
    answered(
        "Bedrock",
        [{"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "s"}},
         {"text": "A fig."}, {"type": "guard_content", "guard_content": {}}],
        None,
    ),
    answered(
        "Mistral with references",
        [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, TEXT,
         {"type": "reference", "reference_ids": [1]}],
        None,
    ),
    answered(
        "LangChain's standard form",
        [{"type": "server_tool_call", "id": "s", "name": "web_search", "args": {}},
         {"type": "server_tool_result", "tool_call_id": "s", "status": "success"},
         {"type": "non_standard", "value": {"type": "x"}}, TEXT],
        None,
    ),
    Row(
        "reasoning, for a model that reasons",
        [*HI, said("A fig.", reasoning="Hm."), user("And?")],
        [*LC_HI, AIMessage([{"type": "reasoning", "reasoning": "Hm."}, TEXT]),
         HumanMessage("And?")],
        [*LI_HI, li("assistant", ThinkingBlock(content="Hm."), "A fig."), li("user", "And?")],
        model=GLM,
    ),
    Row(
        "a call of Anthropic's",
        [*HI, calls(call(call_id="toolu_1"), text="Let me look."), result("seen", "toolu_1")],
        [
            *LC_HI,
            lc_calls(lc_call(call_id="toolu_1"), content=[
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "x"}}]),
            lc_result("seen", "toolu_1"),
        ],
        [
            *LI_HI,
            li("assistant", "Let me look.", tool_calls=[
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "x"}}]),
            li_result("seen", call_id="toolu_1"),
        ],
    ),
    Row(
        "a call of OpenAI's, as its library has it",
        [*HI, calls(call(call_id="call_9")), result("seen", "call_9")],
        [
            *LC_HI,
            AIMessage("", additional_kwargs={"tool_calls": [call(call_id="call_9")]}),
            lc_result("seen", "call_9"),
        ],
        [
            *LI_HI,
            li("assistant", tool_calls=[ChatCompletionMessageFunctionToolCall.model_validate(
                call(call_id="call_9"))]),
            li_result("seen", call_id="call_9"),
        ],
        is_stored=False,
    ),
    Row(
        "a call of Gemini's, beside its older form",
        [*HI, calls(call(call_id="3f0c")), result("seen", "3f0c")],
        [
            *LC_HI,
            lc_calls(lc_call(call_id="3f0c"), additional_kwargs={
                "function_call": {"name": "look", "arguments": '{"at": "x"}'}}),
            lc_result("seen", "3f0c"),
        ],
        [
            *LI_HI,
            li_calls(li_call(call_id="3f0c"), thought_signatures=[b"s"]),
            li_result("seen", call_id="3f0c"),
        ],
        is_stored=False,
    ),
    Row(
        "a call of an older class of Gemini's",
        [*HI, calls(call(call_id="call_1_0")), result("seen", "call_1_0")],
        None,
        [
            *LI_HI,
            li("assistant", tool_calls=[SimpleNamespace(id=None, name="look", args={"at": "x"})]),
            li_result("seen", call_id="look"),
        ],
        is_stored=False,
    ),
]  # fmt: skip

V1: list[Any] = [
    {"type": "text", "text": "I will look."},
    {"type": "tool_call", "id": "c1", "name": "look", "args": {"at": "x"}},
]
NO = {"refusal": "I cannot say."}
EDITED = [
    Row(
        "an answer that the model refused to give",
        [*HI, said("I cannot say."), user("And?")],
        [*LC_HI, AIMessage("", additional_kwargs=NO), HumanMessage("And?")],
        [*LI_HI, Message(role="assistant", content="", additional_kwargs=NO),
         li("user", "And?")],
    ),
    Row(
        "a refusal of OpenAI's Responses",
        [*HI, said("I cannot say."), user("And?")],
        [*LC_HI, AIMessage([{"type": "refusal", **NO}]), HumanMessage("And?")],
        None,
    ),
    Row(
        "calls that a middleware took off",
        [*HI, said("I will look."), user("Go on.")],
        [
            *LC_HI,
            lc_calls(content=V1, response_metadata={"output_version": "v1"}).model_copy(
                update={"tool_calls": []}),
            HumanMessage("Go on."),
        ],
        [*LI_HI, li("assistant", "I will look."), li("user", "Go on.")],
    ),
    Row(
        "a message that a middleware made anew of the same content",
        [*HI, said("I will look."), user("Go on.")],
        [*LC_HI, AIMessage(V1), HumanMessage("Go on.")],
        None,
    ),
    Row(
        "a call that a person corrected",
        [*HI, calls(call('{"at": "y"}'), text="I will look."), result("seen")],
        [*LC_HI, lc_calls(lc_call({"at": "y"}), content=V1), lc_result("seen")],
        [*LI_HI, li_calls(TextBlock(text="I will look."), li_call({"at": "y"})), li_result("seen")],
    ),
    Row(
        "a summary in place of what was removed",
        [user("Here is a summary: figs."), said("Yes."), user("And dates?")],
        [HumanMessage("Here is a summary: figs."), AIMessage("Yes."), HumanMessage("And dates?")],
        [li("user", "Here is a summary: figs."), li("assistant", "Yes."), li("user", "And dates?")],
    ),
]  # fmt: skip

REFUSED = [
    Row(
        "a user's video",
        None,
        [HumanMessage([{"type": "video", "base64": PNG}])],
        [li("user", VideoBlock(video=VIDEO))],
    ),
    Row(
        "a user's image, for a model that reads text",
        None,
        [HumanMessage([image()])],
        [li("user", ImageBlock(image=DATA))],
    ),
    Row(
        "a user's link to a document",
        None,
        [HumanMessage([link()])],
        [li("user", DocumentBlock(url="demo://doc/7"))],
    ),
    Row("a user's text without text", None, [HumanMessage([{"type": "text"}])], None),
    Row("half an emoji of a user's", None, [HumanMessage("\ud83d")], [li("user", "\ud83d")],
        is_stored=False),
    Row("no messages", None, [], []),
    Row("a message that removes another", None, [RemoveMessage(id="1")], None, is_stored=False),
    Row("a role that nobody knows", None, [ChatMessage(content="x", role="narrator")], None),
    Row("dicts of a role that nobody knows", None, [{"role": "narrator", "content": "x"}], None,
        is_stored=False),
    Row("dicts, which LlamaIndex does not take", None, None, [{"role": "user", "content": "Hi"}],
        is_stored=False),
    Row("strings, which LlamaIndex does not take", None, None, ["Hi"], is_stored=False),
]  # fmt: skip

ROWS = [*RESULTS, *ARGUMENTS, *CALLS, *ROLES, *PROVIDERS, *EDITED, *REFUSED]
