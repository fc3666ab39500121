"""`WorkersAILLM` against scripted answers and the local server."""

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


def test_a_prompt_goes_as_it_is(scripted: Any) -> None:
    """Prompt, adapter and `raw` reach the native endpoint; the text comes back."""
    llm, server = scripted(
        {"response": "Hello", "usage": USAGE}, cls=WorkersAILLM, model=LORA, lora="mine", raw=True
    )
    assert llm.invoke("Say hello", stop=["!"]) == "Hello"
    body = server.body
    assert body["prompt"] == "Say hello"
    assert (body["lora"], body["raw"], body["stop"]) == ("mine", True, ["!"])
    assert LORA in server.requests[0].url.path


def test_several_prompts_are_several_requests(scripted: Any) -> None:
    """`generate` asks once a prompt, keeps the order and adds the counts."""
    replies = [{"response": text, "usage": USAGE} for text in ("one", "two")]
    llm, _ = scripted(*replies, cls=WorkersAILLM, model=LORA, max_concurrency=1)
    result = llm.generate(["1", "2"])
    assert [g[0].text for g in result.generations] == ["one", "two"]
    assert result.llm_output["token_usage"]["total_tokens"] == 6
    assert result.generations[0][0].generation_info["usage"] == USAGE


async def test_async_batches_keep_their_order(local: dict[str, Any]) -> None:
    """A batch of prompts asks several at once and answers in order."""
    llm = WorkersAILLM(LORA, max_concurrency=2, **local)
    prompts = [f"hello number {n}" for n in range(5)]
    result = await llm.agenerate(prompts)
    assert all(str(n) in g[0].text for n, g in enumerate(result.generations))
    await llm.aclose()


async def test_streams_bring_text_and_usage(scripted: Any) -> None:
    """Text in pieces, usage and end in `generation_info`; async alike."""
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
async def test_think_tags_are_taken_out_on_request(scripted: Any, text: str) -> None:
    """Plain and streamed, sync and async; another setting is another key of the cache."""
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


def test_callbacks_hear_each_token_once(scripted: Any) -> None:
    """Handlers get the tokens of a stream in order."""
    heard: list[str] = []

    class Tokens(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            heard.append(token)

    llm, _ = scripted(STREAM, cls=WorkersAILLM, model=LORA)
    list(llm.stream("hi", config={"callbacks": [Tokens()]}))
    assert [token for token in heard if token] == ["Hel", "lo"]


def test_tracing_and_counting(scripted: Any) -> None:
    """LangSmith receives the kind of model; tokens are estimated without a download."""
    llm, _ = scripted({"response": "x"}, cls=WorkersAILLM, model=LORA, temperature=0.5)
    params = llm._get_ls_params()
    assert params["ls_model_type"] == "llm"
    assert params["ls_provider"] == "workersai"
    assert params["ls_temperature"] == 0.5
    assert llm.get_num_tokens("hello there") > 0
    assert llm._llm_type == "workersai"


async def test_errors_are_typed(scripted: Any, wire: Any) -> None:
    """Completion fails as chat does, plain and streamed, sync and async."""
    llm, _ = scripted(wire.error(401, 10000), cls=WorkersAILLM, model=LORA)
    with pytest.raises(face.AuthenticationError):
        llm.invoke("hi")
    with pytest.raises(face.AuthenticationError):
        await llm.ainvoke("hi")
    with pytest.raises(face.AuthenticationError):
        list(llm.stream("hi"))


@pytest.mark.parametrize("switch", ["streaming", "stream_usage", "stream"])
def test_switches_that_do_nothing_do_not_exist(scripted: Any, switch: str) -> None:
    """LangChain's completion models stream in `stream` alone, and the usage comes unasked."""
    with pytest.raises(face.ConfigurationError, match=switch):
        scripted({"response": "a"}, cls=WorkersAILLM, **{switch: True})
    llm, server = scripted({"response": "a"}, cls=WorkersAILLM)
    with pytest.raises(face.ConfigurationError, match=switch):
        llm.invoke("hi", **{switch: True})
    assert server.requests == []
