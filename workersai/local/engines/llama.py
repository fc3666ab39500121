"""Run a GGUF chat model in this process: llama.cpp's server, called without HTTP."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workersai.local.engines.base import EngineFailed, WindowExceeded

__all__ = ["LanguageModel"]

_CONTEXT, _SLOTS = 8192, 2
_TEMPLATE = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML. The model's own template has a system text that names SmolLM, and the model rambles with
it; with a text that asks it to be helpful, it answers."""

Request = Mapping[str, Any]
Chunk = dict[str, Any]


class LanguageModel:
    """A loaded model.

    Args:
        path: The GGUF file.
        own_template: Whether the file's chat template is used, rather than plain ChatML.
    """

    def __init__(self, path: Path, *, own_template: bool) -> None:
        import xllamacpp  # noqa: PLC0415 - only this engine needs the extra `local`

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel = _CONTEXT, _SLOTS
        # OpenMP threads spin while they wait: on all cores, beside any other busy process, tokens
        # take about thirty times longer than on one thread. come about thirty times slower than on
        # one thread.
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.cache_ram_mib = 0
        params.n_gpu_layers = 0
        params.warmup = False
        params.verbosity = 0
        # llama.cpp's loopback port cannot be switched off: serve no page, and accept no known key.
        params.ui = False
        params.api_keys = [secrets.token_hex(32)]
        if not own_template:
            params.chat_template = _TEMPLATE
        self._server: Any = xllamacpp.Server(params)
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()

    def complete(self, request: Request) -> Chunk:
        """Return one whole answer in OpenAI's shape.

        Raises:
            WindowExceeded: The conversation is longer than the model's window.
            EngineFailed: The model could not process the request.
        """
        return _raise_error_of(self._call(request, None))

    def stream(self, request: Request) -> Iterator[Chunk]:
        """Yield the chunks of an answer in OpenAI's shape; closing the iterator stops the model.

        Raises:
            WindowExceeded: The conversation is longer than the model's window.
            EngineFailed: The model could not process the request.
        """
        chunks: queue.SimpleQueue[Chunk | Exception | None] = queue.SimpleQueue()
        stopped = threading.Event()
        options = {"stream": True, "stream_options": {"include_usage": True}}
        thread = threading.Thread(
            target=self._produce,
            args=({**request, **options}, chunks, stopped),
            name="workersai-llama",
            daemon=True,
        )
        self._threads.add(thread)
        thread.start()
        try:
            yield from _chunks_from(chunks)
        finally:
            # Do not wait for the thread, which reads its prompt first: this may be the event loop.
            stopped.set()

    def close(self) -> None:
        """Stop all running answers, and wait for them."""
        self._closing.set()
        for thread in tuple(self._threads):
            thread.join()

    def _produce(
        self,
        request: Request,
        chunks: queue.SimpleQueue[Chunk | Exception | None],
        stopped: threading.Event,
    ) -> None:
        def hand_over(chunk: Chunk) -> bool:
            chunks.put(chunk)
            return stopped.is_set() or self._closing.is_set()

        try:
            refusal = self._call(request, hand_over)
            if refusal is not None:
                chunks.put(refusal)
        except EngineFailed as error:
            chunks.put(error)
        finally:
            chunks.put(None)
            self._threads.discard(threading.current_thread())

    def _call(self, request: Request, callback: Any) -> Any:
        operation = (
            self._server.handle_completions
            if "prompt" in request
            else self._server.handle_chat_completions
        )
        try:
            return operation(dict(request), callback) if callback else operation(dict(request))
        except ValueError as error:
            # A JSON schema that the grammar compiler does not know.
            raise EngineFailed(str(error)) from error


def _chunks_from(chunks: queue.SimpleQueue[Chunk | Exception | None]) -> Iterator[Chunk]:
    """Yield everything up to the end mark; raise an error of the model's thread here."""
    while (chunk := chunks.get()) is not None:
        if isinstance(chunk, Exception):
            raise chunk
        yield _raise_error_of(chunk)


def _raise_error_of(answer: Chunk) -> Chunk:
    error = answer.get("error")
    if error is None:
        return answer
    if error.get("type") == "exceed_context_size_error":
        raise WindowExceeded(int(error["n_prompt_tokens"]), int(error["n_ctx"]))
    raise EngineFailed(str(error.get("message")))
