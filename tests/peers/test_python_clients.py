"""Other projects' Python clients work against the local server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import openai
import pytest
from langchain_cloudflare import ChatCloudflareWorkersAI, CloudflareWorkersAIEmbeddings
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from openai.types.chat import ChatCompletionToolParam
from pydantic import BaseModel, Field

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION
from workersai.local import LocalServer

ChatOf = Callable[[str], ChatCloudflareWorkersAI]

SMALL = "@cf/baai/bge-small-en-v1.5"
MODELS = [GRANITE, GLM, SEA_LION, LLAMA]
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@tool
def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"sunny in {city}"


@pytest.fixture(scope="module")
def sdk(server: LocalServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=server.openai_base_url, api_key=server.api_token, max_retries=0
    ) as made:
        yield made


@pytest.mark.parametrize("model", MODELS)
def test_openai_chat(sdk: openai.OpenAI, model: str) -> None:
    """The OpenAI SDK reads a chat answer of every model."""
    found = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
    assert found.choices[0].message.content == "You said: Hi"
    assert found.usage is not None
    assert found.usage.total_tokens > 0


@pytest.mark.parametrize("model", MODELS)
def test_openai_stream(sdk: openai.OpenAI, model: str) -> None:
    """The OpenAI SDK reads a stream of every model: text, finish reason, one usage."""
    chunks = list(
        sdk.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hi"}], stream=True
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "You said: Hi"
    assert choices[-1].finish_reason == "stop"
    assert [chunk.usage is not None for chunk in chunks].count(True) == 1


@pytest.mark.parametrize("model", [GRANITE, GLM, LLAMA])
def test_openai_tools(sdk: openai.OpenAI, model: str) -> None:
    """The OpenAI SDK reads a tool call and sends its result."""
    calling = sdk.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Weather in Oslo?"}], tools=[TOOL]
    )
    message = calling.choices[0].message
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Oslo"}')
    answer_to_result = sdk.chat.completions.create(
        model=model,
        messages=[
            {"role": "user", "content": "Weather in Oslo?"},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {
                            "name": call.function.name,
                            "arguments": call.function.arguments,
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"},
        ],
        tools=[TOOL],
    )
    assert answer_to_result.choices[0].message.content == "get_weather answered: 4 degrees"


def test_openai_streamed_tools(sdk: openai.OpenAI) -> None:
    """The OpenAI SDK's stream helper joins the fragments of a call."""
    with sdk.chat.completions.stream(
        model=GLM,
        messages=[{"role": "user", "content": "Weather in Reykjavik?"}],
        tools=[TOOL],
        tool_choice="required",
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.arguments == '{"city":"Reykjavik"}'


def test_openai_embeddings(sdk: openai.OpenAI) -> None:
    """The OpenAI SDK reads the same vectors from floats and from its default, base64."""
    default = sdk.embeddings.create(model=SMALL, input=["one", "two"])
    floats = sdk.embeddings.create(model=SMALL, input=["one", "two"], encoding_format="float")
    assert [len(row.embedding) for row in default.data] == [384, 384]
    for packed, plain in zip(default.data, floats.data, strict=True):
        assert packed.embedding == pytest.approx(plain.embedding, abs=1e-6)


def test_openai_errors(sdk: openai.OpenAI) -> None:
    """The OpenAI SDK raises its own errors with Cloudflare's messages."""
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model="@cf/x/y", messages=[{"role": "user", "content": "Hi"}])
    assert "No such model" in str(refused.value.body)
    wrong = sdk.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        wrong.embeddings.create(model=SMALL, input="one")


@pytest.fixture
def chat_of(server: LocalServer) -> Iterator[ChatOf]:
    """Cloudflare's chat model over this server; its client, which it leaves open, is closed."""
    made: list[ChatCloudflareWorkersAI] = []

    def make(model: str) -> ChatCloudflareWorkersAI:
        chat = ChatCloudflareWorkersAI(
            account_id=server.account_id,
            api_token=server.api_token,
            model=model,
            base_url=server.base_url,
        )
        made.append(chat)
        return chat

    yield make
    for chat in made:
        chat.client.close()


@pytest.mark.parametrize("model", MODELS)
def test_langchain_cloudflare_chat(chat_of: ChatOf, model: str) -> None:
    """Cloudflare's LangChain package reads plain and streamed answers of every model."""
    chat = chat_of(model)
    assert chat.invoke("Hi").text == "You said: Hi"
    assert "".join(str(chunk.content) for chunk in chat.stream("Hi")) == "You said: Hi"


async def test_langchain_cloudflare_async(chat_of: ChatOf) -> None:
    """Cloudflare's LangChain package reads answers in async calls."""
    chat = chat_of(GRANITE)
    assert (await chat.ainvoke("Hi")).content == "You said: Hi"
    await chat.async_client.aclose()


@pytest.mark.parametrize("model", [GRANITE, GLM, LLAMA])
def test_langchain_cloudflare_tools(chat_of: ChatOf, model: str) -> None:
    """Cloudflare's LangChain package binds tools, reads calls and sends results."""
    described = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "the city"}},
                "required": ["city"],
            },
        },
    }
    bound = chat_of(model).bind_tools([described])
    question = HumanMessage("Weather in Oslo?")
    answer = bound.invoke([question])
    assert isinstance(answer, AIMessage)
    [call] = answer.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"] or "1")
    answer_to_result = bound.invoke([question, answer, result])
    assert "sunny in Oslo" in str(answer_to_result.content)


class Person(BaseModel):
    """A person."""

    name: str = Field(description="their name")
    age: int = Field(description="their age in years")


def test_langchain_cloudflare_structured_output(chat_of: ChatOf) -> None:
    """Cloudflare's LangChain package gets an object in JSON mode, by a schema in a message."""
    structured = chat_of(GLM).with_structured_output(Person, method="json_schema")
    found = structured.invoke("Anna is 34 years old.")
    assert found == Person(name="Anna", age=34)


def test_langchain_cloudflare_embeddings(server: LocalServer) -> None:
    """Cloudflare's LangChain package reads vectors of queries and documents."""
    made = CloudflareWorkersAIEmbeddings(
        account_id=server.account_id,
        api_token=server.api_token,
        model_name=SMALL,
        api_base_url=f"{server.base_url}/accounts",
    )
    assert len(made.embed_query("one")) == 384
    assert [len(row) for row in made.embed_documents(["one", "two"])] == [384, 384]
