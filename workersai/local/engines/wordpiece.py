"""Tokenize text with BERT's uncased WordPiece vocabulary."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Any

__all__ = ["encode"]

_START, _END = ("[CLS]", 101), ("[SEP]", 102)


def encode(text: str, limit: int) -> list[int]:
    """Return the token ids of a text, cut to `limit` with the start and end marks included."""
    ids: list[int] = _tokenizer().encode(text).ids
    return ids if len(ids) <= limit else [*ids[: limit - 1], _END[1]]


@cache
def _tokenizer() -> Any:
    # Only the extra `local` installs the library.
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415

    vocabulary = files("workersai.local.engines") / "bert-base-uncased-vocab.txt"
    with as_file(vocabulary) as path:
        made = Tokenizer(models.WordPiece.from_file(str(path), unk_token="[UNK]"))  # noqa: S106
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(_END, _START)
    return made
