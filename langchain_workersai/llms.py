"""`WorkersAILLM`: prompt completion on Cloudflare Workers AI as a LangChain LLM."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from functools import partial
from itertools import chain
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM, LangSmithParams, LanguageModelInput
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig
from pydantic import Field, model_validator
from typing_extensions import Self, Unpack, override

from langchain_workersai._errors import framework_errors
from langchain_workersai._model.arguments import CompletionSettings
from langchain_workersai._model.identity import TextModel
from langchain_workersai._model.many import ainvoke_each, invoke_each
from langchain_workersai._model.retries import async_retry_listener, retry_listener
from langchain_workersai._provider import PROVIDER
from langchain_workersai._translate.completions import (
    CompletionStream,
    from_wire_completions,
)
from workersai import ChatResult as WireResult
from workersai import __version__, without_think_tags
from workersai.integration import (
    CONFIG,
    CheckedFields,
    call_each,
    call_each_async,
    event_lists,
    event_lists_async,
    hides_arguments,
    partial_as,
    splits_think_tags,
)


class WorkersAILLM(TextModel, BaseLLM):
    """Plain prompt completion on Cloudflare Workers AI.

    For LoRA adapters (`lora`) and prompts without a chat template (`raw`); anything
    conversational is better served by `ChatWorkersAI`.

    ```python
    from langchain_workersai import WorkersAILLM

    llm = WorkersAILLM("@cf/meta/llama-3.2-3b-instruct", lora="my-adapter", raw=True)
    llm.invoke("<s>[INST] Say hello [/INST]")
    llm.batch(["One:", "Two:"])
    ```

    Attributes:
        max_concurrency: How many prompts of one batch are sent at once; the `max_concurrency` of
            a call's config wins.
    """

    model_config = CONFIG

    max_concurrency: int = Field(default=4, ge=1)

    @hides_arguments
    def __init__(self, model: str | None = None, **settings: Unpack[CompletionSettings]) -> None:
        """Check and store the settings; does not use the network.

        Args:
            model: The model id, `@cf/author/name`.
            **settings: The attributes of this class, by name.

        Raises:
            ConfigurationError: For a wrong setting; the error names it and hides secrets.
        """
        CheckedFields.__init__(self, model, **settings)

    @model_validator(mode="after")
    def _set_workersai_version(self) -> Self:
        self._add_version("workersai", __version__)
        return self

    @override
    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Send several prompts at once, one request for each.

        Args:
            inputs: The prompts.
            config: One for all, or one for each; `max_concurrency` of the first is used.
            return_exceptions: Whether to return the exception of a failed prompt in its place. If
                not, the first failure is raised, and no further prompt is sent.
            **kwargs: As for `invoke`.

        Returns:
            The texts, in the order of the prompts.
        """
        kwargs["return_exceptions"] = return_exceptions
        return invoke_each(self, inputs, config, self.max_concurrency, **kwargs)

    @override
    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """As `batch`, asynchronously; if a failure is raised, the other requests are cancelled."""
        kwargs["return_exceptions"] = return_exceptions
        return await ainvoke_each(self, inputs, config, self.max_concurrency, **kwargs)

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        with framework_errors():
            arguments = self._arguments(stop, kwargs)
            complete = partial(
                self._client().complete, on_retry=retry_listener(run_manager), **arguments
            )
            results = call_each(complete, prompts, limit=self.max_concurrency)
        return self._read(results, arguments["model"])

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        with framework_errors():
            arguments = self._arguments(stop, kwargs)
            complete = partial(
                self._async_client().complete,
                on_retry=async_retry_listener(run_manager),
                **arguments,
            )
            results = await call_each_async(complete, prompts, limit=self.max_concurrency)
        return self._read(results, arguments["model"])

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with framework_errors(), partial_as(self._partial):
            arguments, listener = self._arguments(stop, kwargs), retry_listener(run_manager)
            chunks = self._reader(arguments["model"])
            stream = self._client().stream_complete(prompt, on_retry=listener, **arguments)
            with closing(event_lists(stream)) as lists:
                for chunk in chain.from_iterable(map(chunks.feed, chain.from_iterable(lists))):
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        with framework_errors(), partial_as(self._partial):
            arguments, listener = self._arguments(stop, kwargs), async_retry_listener(run_manager)
            chunks = self._reader(arguments["model"])
            stream = self._async_client().stream_complete(prompt, on_retry=listener, **arguments)
            async with aclosing(event_lists_async(stream)) as lists:
                async for events in lists:
                    for chunk in chain.from_iterable(map(chunks.feed, events)):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _read(self, results: list[WireResult], model: str) -> LLMResult:
        splits = splits_think_tags(self.think_tags, model)
        apart = [without_think_tags(found) for found in results] if splits else results
        return from_wire_completions(apart, model=model)

    def _reader(self, model: str) -> CompletionStream:
        return CompletionStream(model=model, think_tags=splits_think_tags(self.think_tags, model))

    def _partial(self, result: WireResult) -> Generation:
        return self._read([result], self.model).generations[0][0]

    @property
    def _llm_type(self) -> str:
        return PROVIDER

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._tracing_params("llm", stop, kwargs)
