"""`WorkersAILLM` on scripted answers and the local server."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

import langchain_workersai as face
from langchain_workersai import WorkersAILLM

LORA = "@cf/meta/llama-3.2-3b-instruct"
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
STREAM = [
    {"response": "Hel", "p": "ab"},
    {"response": "lo"},
    {"response": "", "usage": USAGE},
    "[DONE]",
]


def test_a_prompt_is_sent_unchanged(scripted: Any) -> None:
    """WorkersAILLM sends prompt, adapter and `raw` to the native endpoint and returns the text."""
    llm, server = scripted(
        {"response": "Hello", "usage": USAGE}, cls=WorkersAILLM, model=LORA, lora="mine", raw=True
    )
    assert llm.invoke("Say hello", stop=["!"]) == "Hello"
    body = server.body
    assert body["prompt"] == "Say hello"
    assert (body["lora"], body["raw"], body["stop"]) == ("mine", True, ["!"])
    assert LORA in server.requests[0].url.path


def test_several_prompts_are_several_requests(scripted: Any) -> None:
    """`generate` sends one request for each prompt, keeps the order and adds the counts."""
    replies = [{"response": text, "usage": USAGE} for text in ("one", "two")]
    llm, _ = scripted(*replies, cls=WorkersAILLM, model=LORA, max_concurrency=1)
    result = llm.generate(["1", "2"])
    assert [g[0].text for g in result.generations] == ["one", "two"]
    assert result.llm_output["token_usage"]["total_tokens"] == 6
    assert result.generations[0][0].generation_info["usage"] == USAGE


async def test_async_batches_keep_their_order(local: dict[str, Any]) -> None:
    """`agenerate` sends several prompts at once and returns the answers in order."""
    llm = WorkersAILLM(LORA, max_concurrency=2, **local)
    prompts = [f"hello number {n}" for n in range(5)]
    result = await llm.agenerate(prompts)
    assert all(str(n) in g[0].text for n, g in enumerate(result.generations))
    await llm.aclose()


async def test_streams_have_text_and_usage(scripted: Any) -> None:
    """A stream yields the text in pieces and has the usage in `generation_info`."""
    llm, server = scripted(STREAM, cls=WorkersAILLM, model=LORA)
    assert list(llm.stream("hi")) == [t async for t in llm.astream("hi")]
    assert "".join(llm.stream("hi")) == "Hello"
    chunks = list(llm._stream("hi"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert whole.text == "Hello"
    assert whole.generation_info["usage"] == USAGE
    assert whole.generation_info["model_name"] == LORA
    assert server.bodies[0]["stream"] is True


@pytest.mark.parametrize("text", ["<think>hm</think>\nFour", "hm</think>Four"])
async def test_think_tags_are_removed_from_the_text(scripted: Any, text: str) -> None:
    """With `think_tags` plain and streamed text has no reasoning, and the cache key differs."""
    events = [{"response": text[:4]}, {"response": text[4:]}, "[DONE]"]
    plain, _ = scripted({"response": text}, cls=WorkersAILLM, model=LORA, think_tags=True)
    streaming, _ = scripted(events, cls=WorkersAILLM, model=LORA, think_tags=True)
    assert plain.invoke("2+2") == await plain.ainvoke("2+2") == "Four"
    assert "".join(streaming.stream("2+2")) == "Four"
    assert "".join([piece async for piece in streaming.astream("2+2")]) == "Four"
    assert plain.generate(["2+2"]).generations[0][0].generation_info["reasoning"] == "hm"
    other, _ = scripted({"response": text}, cls=WorkersAILLM, model=LORA)
    assert other.invoke("2+2") == text
    assert other._identifying_params != plain._identifying_params


def test_callbacks_receive_each_token_once(scripted: Any) -> None:
    """Callback handlers receive the tokens of a stream once and in order."""
    tokens: list[str] = []

    class TokenRecorder(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            tokens.append(token)

    llm, _ = scripted(STREAM, cls=WorkersAILLM, model=LORA)
    list(llm.stream("hi", config={"callbacks": [TokenRecorder()]}))
    assert [token for token in tokens if token] == ["Hel", "lo"]


def test_tracing_and_counting(scripted: Any) -> None:
    """LangSmith receives the model's parameters; tokens are counted without a download."""
    llm, _ = scripted({"response": "x"}, cls=WorkersAILLM, model=LORA, temperature=0.5)
    params = llm._get_ls_params()
    assert params["ls_model_type"] == "llm"
    assert params["ls_provider"] == "workersai"
    assert params["ls_temperature"] == 0.5
    assert llm.get_num_tokens("hello there") > 0
    assert llm._llm_type == "workersai"


async def test_errors_are_typed(scripted: Any, wire: Any) -> None:
    """WorkersAILLM raises the same error classes as chat, plain and streamed, sync and async."""
    llm, _ = scripted(wire.error(401, 10000), cls=WorkersAILLM, model=LORA)
    with pytest.raises(face.AuthenticationError):
        llm.invoke("hi")
    with pytest.raises(face.AuthenticationError):
        await llm.ainvoke("hi")
    with pytest.raises(face.AuthenticationError):
        list(llm.stream("hi"))


@pytest.mark.parametrize("switch", ["streaming", "stream_usage", "stream"])
def test_switches_without_effect_are_refused(scripted: Any, switch: str) -> None:
    """WorkersAILLM refuses chat's streaming switches, because it streams in `stream` alone."""
    with pytest.raises(face.ConfigurationError, match=switch):
        scripted({"response": "a"}, cls=WorkersAILLM, **{switch: True})
    llm, server = scripted({"response": "a"}, cls=WorkersAILLM)
    with pytest.raises(face.ConfigurationError, match=switch):
        llm.invoke("hi", **{switch: True})
    assert server.requests == []
