"""BERT's uncased WordPiece tokenizer, from a vocabulary file.

Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding". A literal "[SEP]" or "[MASK]" in a text is read as the words that it is made of: a
document cannot place a control token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import CorpusError
from rag.identity import file_digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CLS, SEP = 101, 102
SPECIALS = 2
"""[CLS] and [SEP] are put around every text."""


class WordPiece:
    """Cuts texts to at most `max_tokens` ids, [CLS] and [SEP] among them; a TokenCounter.

    Loads `vocabulary` (one entry a line, of sha256 `digest`) at first use; CorpusError if the file
    is not that one.
    """

    def __init__(self, vocabulary: str | Path, digest: str, max_tokens: int) -> None:
        self.vocabulary = Path(vocabulary)
        self.digest = digest
        self.max_tokens = max_tokens
        self._lock = Lock()
        self._tokenizer: Tokenizer | None = None

    @property
    def limit(self) -> int:
        """The most tokens of one text that are read, specials left out."""
        return self.max_tokens - SPECIALS

    @property
    def fingerprint(self) -> str:
        return f"wordpiece.{self.digest[:12]}.{self.limit}"

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, specials left out, also beyond the limit."""
        return [len(ids) for ids in self._pieces(texts)]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text with [CLS] and [SEP], cut at `max_tokens`."""
        return [[CLS, *ids[: self.limit], SEP] for ids in self._pieces(texts)]

    def _pieces(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        # Lone surrogates are legal in Python and in no encoding.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        found = self._loaded().encode_batch_fast(clean, add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def _loaded(self) -> Tokenizer:
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._load()
            return self._tokenizer

    def _load(self) -> Tokenizer:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        found = file_digest(self.vocabulary)
        if found != self.digest:
            raise CorpusError(
                f"{self.vocabulary} is not the vocabulary of this encoder: expected sha256 "
                f"{self.digest}, found {found}; install argus-rag again"
            )
        tokenizer = Tokenizer(models.WordPiece.from_file(str(self.vocabulary), unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer
