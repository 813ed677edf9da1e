"""A language model asked whether a candidate answers the query: P(yes) / (P(yes) + P(no)).

The zero-shot rerankers of INQUIRE (Vendrow et al. 2024, arXiv 2411.02537: Yes or No to "Does this picture
show ...?") and of MM-Embed (Lin et al. 2024, arXiv 2411.02571: True or False to "Does the above candidate
match the query?"), over the first token after the prompt. Our departure: all tokenised variants of both
words count ("Yes", " yes", "YES", ...), and a token that could begin either counts for neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from rag.answer import Hit, Query
from rag.checkpoint import checkpoint
from rag.errors import ConfigError, SourceError
from rag.identity import combined, contextual
from rag.protocols import Assets
from rag.vlm import has_pixels, picture, pixels

from .models import PLACEHOLDER, NextWord, filled
from .ordering import by_score
from .remote import Server, png

TEMPLATES: dict[str, tuple[str, str, str]] = {
    "answers": (
        "{picture}Passage:\n{candidate}\n\nQuestion: {query}\n\nDoes the passage answer the question? "
        'Answer with either "Yes" or "No" and nothing else.', "Yes", "No",
    ),
    "match": (
        "Query: {query}\n\nCandidate: {picture}{candidate}\n\nDoes the above candidate match the query? "
        "True or False", "True", "False",
    ),
    "shows": (
        '{picture}{candidate}\nDoes this picture show {query}? Answer the question with either "Yes" or "No" and '
        "nothing else.", "Yes", "No",
    ),
    "statement": (
        "{picture}Evidence:\n{candidate}\n\nStatement: {query}\n\nIs the statement correct according to the "
        'evidence? Answer with either "Yes" or "No" and nothing else.', "Yes", "No",
    ),
}  # fmt: skip
MOST_TEXT = 6_000


class YesNo:
    """A Scorer and a Reranker by a model in this process (`model` alone) or behind an endpoint (`base_url` too).

    `model` is a folder, or a hub name in this machine's cache, of a causal model of words, or of words and
    pictures (extra `vision`); with `base_url`, what the server calls it, and the server must give log
    probabilities (`logprobs`, `top_logprobs`). `template` is answers, match (MM-Embed's), shows (INQUIRE's)
    or statement, or a text of one's own with {query} and {candidate}, perhaps {picture}; `yes` and `no` are
    the words that it asks for ("" for those of the template). A candidate's words are cut off at 6,000
    characters. Where a server's list holds no yes the score is 0, where it holds no no, 1 (INQUIRE's rule).
    """

    def __init__(
        self, model: str, base_url: str = "", *, template: str = "answers", yes: str = "", no: str = "",
        revision: str = "", device: str = "auto", dtype: str = "auto", images: bool = True,
        max_pixels: int = 448 * 448, dpi: int = 96, key: str = "", key_env: str = "OPENAI_API_KEY",
        timeout: float = 60.0, attempts: int = 3, concurrency: int = 4, assets: Assets | None = None,
    ) -> None:  # fmt: skip
        if not model:
            raise ValueError("model is not given: a folder, a hub name, or what the server at base_url calls it")
        text, *words = TEMPLATES.get(template, (template, "Yes", "No"))
        if "{query}" not in text or "{candidate}" not in text:
            raise ValueError(f"template is one of {', '.join(TEMPLATES)}, or a text with {{query}} and {{candidate}}")
        if concurrency < 1 or max_pixels < 1 or dpi < 1:
            raise ValueError("concurrency, max_pixels and dpi are at least 1")
        self.model, self.template, self.revision, self.device, self.dtype = model, template, revision, device, dtype
        self._text, self._yes, self._no = text, yes or words[0], no or words[1]
        self._images, self._max_pixels, self._dpi, self._assets = images, max_pixels, dpi, assets
        self._server = Server(base_url, key, key_env, timeout, attempts, model) if base_url else None
        self._concurrency = concurrency

    @property
    def fingerprint(self) -> str:
        """Names the model, the prompt and how pictures are shown; of a model behind an endpoint its name alone."""
        named = self._server.origin if self._server else checkpoint(self.model, self.revision).digest
        told = [named, self._text, self._yes, self._no, self._images, self._max_pixels, self._dpi, self.dtype]
        return f"yes_no-{combined(self.model if self._server else '', told)[:16]}"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """The share 0..1 of yes for each hit; 0 for a query without words."""
        pairs = [(query, hit) for query, found in zip(queries, hits, strict=True) for hit in found if query.text]
        if not pairs:
            return [[0.0] * len(found) for found in hits]
        if self._server:
            with ThreadPoolExecutor(self._concurrency) as pool:
                values = iter(list(pool.map(lambda pair: self._remote(*pair), pairs)))
        else:
            values = iter([self._local(query, hit) for query, hit in pairs])
        return [
            [next(values) if query.text else 0.0 for _ in found] for query, found in zip(queries, hits, strict=True)
        ]

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "yes_no")

    @cached_property
    def _opened(self) -> tuple[NextWord, list[int], list[int]]:
        model = NextWord(checkpoint(self.model, self.revision), self.device, self.dtype)
        return model, *tokens(model.tokenizer, self._yes, self._no)

    def _local(self, query: Query, hit: Hit) -> float:
        import torch

        model, yes, no = self._opened
        image = self._image(hit) if model.sees else None
        prompt = filled(self._text, model.harmless(query.text), model.harmless(_words(hit)))
        logits = model.logits(prompt, image)
        difference = torch.logsumexp(logits[yes], 0) - torch.logsumexp(logits[no], 0)
        return float(torch.sigmoid(difference))

    def _remote(self, query: Query, hit: Hit) -> float:
        if self._server is None:
            raise ConfigError("no endpoint is given", key="base_url")
        text = filled(self._text, query.text, _words(hit)).replace(PLACEHOLDER, "")
        content: list[Mapping[str, Any]] = [{"type": "text", "text": text}]
        if (image := self._image(hit)) is not None:
            content.insert(0, {"type": "image_url", "image_url": {"url": png(image)}})
        reply = self._server.post(
            "chat/completions",
            {
                "model": self.model, "messages": [{"role": "user", "content": content}], "max_tokens": 1,
                "temperature": 0, "logprobs": True, "top_logprobs": 20,
            },
        )  # fmt: skip
        return share(self._server.logprobs(reply), self._yes, self._no)

    def _image(self, hit: Hit) -> Any:
        """The candidate's picture; None where it has none that can be shown."""
        if not self._images or self._assets is None or not has_pixels(hit.chunk):
            return None
        try:
            return picture(pixels(self._assets, hit.chunk, self._dpi), self._max_pixels, hit.chunk.origin.source.uri)
        except SourceError:
            return None  # its words are still there


def _words(hit: Hit) -> str:
    return contextual(hit.chunk)[:MOST_TEXT]


def variants(word: str) -> list[str]:
    """The ways that a model may write a word first."""
    forms = dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))
    return [space + form for form in forms for space in ("", " ")]


def tokens(tokenizer: Any, yes: str, no: str) -> tuple[list[int], list[int]]:
    """First tokens of the variants of both words, those that could begin either left out; ConfigError for none."""
    found = [
        {ids[0] for one in variants(word) if (ids := tokenizer.encode(one, add_special_tokens=False))}
        for word in (yes, no)
    ]
    apart = sorted(found[0] - found[1]), sorted(found[1] - found[0])
    if not all(apart):
        raise ConfigError(f"the model's tokens cannot tell {yes!r} from {no!r}: choose other words", key="yes")
    return apart


def share(logprobs: Mapping[str, float], yes: str, no: str) -> float:
    """P(yes) / (P(yes) + P(no)) of a list of likely first tokens; without a yes 0, without a no 1."""
    masses = [
        math.fsum(math.exp(value) for token, value in logprobs.items() if token.strip().casefold() == word.casefold())
        for word in (yes, no)
    ]
    return masses[0] / sum(masses) if masses[0] > 0 else 0.0
