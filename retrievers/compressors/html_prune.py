"""Web pages and evidence pruned block by block to a budget of tokens (HtmlRAG).

Tan et al., "HtmlRAG: HTML is Better Than Plain Text for Modeling Retrieved Knowledge in RAG Systems",
WWW 2025, arXiv 2411.02959: cleaning and block tree in `rag.markup`, ranking and pruning here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from rag.answer import Evidence, Query, Selection
from rag.markup import BlockTree, block_tree, clean, prune
from rag.markup.prune import beginning
from rag.sentences import sentences
from rag.words import WordCounter

from .causal import PathScorer
from .rankings import best_first, by_bm25, by_embedding
from .skeleton import page_of
from .units import Pages, Unit, cut, narrowed, units

if TYPE_CHECKING:
    from rag.protocols import Dense, Encoder, TokenCounter


class HtmlPrune:
    """A Compressor; also `prune`, markup to markup, for pages that are no evidence yet.

    `rank`: "embedding" by the corpus' encoder (step 1 of the paper; BM25 where there is none), "bm25",
    or "generative" by a causal language model `model` (step 2), which first prunes by embedding to
    `coarse` times the budget (1.5 and 2 in the paper; 0 leaves step 1 out). Blocks have at most
    `max_words` words, in step 1 of two `coarse_words`. `prefix` stands before the question for the
    encoder. `bare_text` and `first` are as in `rag.markup.block_tree`.

    Tokens are counted as the corpus' encoder does. Needs the extra `html`, and `vision` for a model.
    """

    def __init__(
        self,
        rank: Literal["embedding", "bm25", "generative"] = "embedding",
        model: str = "",
        revision: str = "",
        device: str = "cpu",
        max_words: int = 128,
        coarse_words: int = 256,
        coarse: float = 1.5,
        prefix: str = "",
        bare_text: Literal["paper", "code"] = "paper",
        first: Literal[0, 1] = 0,
        encoder: Encoder[Dense] | None = None,
        counter: TokenCounter | None = None,
    ) -> None:
        if rank not in ("embedding", "bm25", "generative"):
            raise ValueError(f"rank is 'embedding', 'bm25' or 'generative', got {rank!r}")
        if (rank == "generative") != bool(model):
            raise ValueError(f"a model is needed for rank='generative', and for nothing else; got {rank!r}, {model!r}")
        if min(max_words, coarse_words) < 1 or coarse < 0:
            raise ValueError(
                f"sizes are at least 1 word and coarse at least 0, got {max_words}, {coarse_words}, {coarse}"
            )
        self.rank = rank
        self.max_words = max_words
        self.coarse_words = coarse_words
        self.coarse = coarse
        self.prefix = prefix
        self.bare_text = bare_text
        self.first = first
        self.encoder = encoder
        self.counter = counter or WordCounter()
        self.scorer = PathScorer(model, revision, device) if model else None

    # --- markup to markup --------------------------------------------------------------------

    def prune(self, query: Query | str, markup: str, budget: int) -> str:
        """The page cleaned and cut to at most `budget` tokens, tags among them; "" where nothing is in it."""
        question = query if isinstance(query, str) else query.text
        html = clean(markup)
        if self.scorer is not None and self.coarse:
            tree = self._tree(html, self.coarse_words)
            html = prune(tree, self.rank_texts(question, tree), max(1, int(budget * self.coarse)), self._count).html
        tree = self._tree(html, self.max_words)
        return prune(tree, self.ranking(question, tree), budget, self._count).html

    def ranking(self, question: str, tree: BlockTree) -> list[int]:
        """The numbers of the blocks, best first, as `rank` says."""
        if self.scorer is None or len(tree.blocks) < 2:
            return self.rank_texts(question, tree)
        return best_first(self.scorer.score(question, tree.html, [block.tags for block in tree.blocks]))

    def rank_texts(self, question: str, tree: BlockTree) -> list[int]:
        """The numbers of the blocks by their texts alone."""
        texts = [block.text for block in tree.blocks]
        if self.encoder is None or self.rank == "bm25":
            return best_first(by_bm25(question, texts))
        return best_first(by_embedding(self.encoder, question, texts, self.prefix))

    def _tree(self, html: str, max_words: int) -> BlockTree:
        return block_tree(html, max_words, bare_text=self.bare_text, first=self.first)

    def _count(self, text: str) -> int:
        return self.counter.count([text])[0]

    # --- evidence to evidence ----------------------------------------------------------------

    def compress(self, query: Query, selection: Selection, budget: int) -> Selection:
        """The selection with at most `budget` tokens of text: places narrowed, order and numbers kept.

        Blocks of web pages are ranked as in a page made of the evidence alone; other evidence is a
        block each. Of the first block that does not fit, a web page's keeps the sentences (of tables, lists
        and code the lines) for which there is room. Something always stays, and a larger budget keeps
        all that a smaller one keeps. Evidence without text (a page's picture) stays. A model judges all
        of it at once, without step 1: a selection is small.
        """
        if budget < 1:
            raise ValueError(f"budget is a number of tokens, at least 1, got {budget}")
        evidence = selection.evidence
        whole = sum(self.counter.count([one.hit.chunk.text for one in evidence])) if evidence else 0
        if whole <= budget:
            return selection
        pieces = units(evidence, Pages())
        silent = [unit for unit in pieces if not unit.text(evidence)]
        said = [unit for unit in pieces if unit.text(evidence)]
        ranked = self._ranked(query.text, said, evidence)
        costs = self.counter.count([unit.text(evidence) for unit in ranked])
        kept: list[Unit] = []
        total = 0
        for unit, cost in zip(ranked, costs, strict=True):
            if total + cost > budget:
                kept += self._begun(unit, evidence, budget - total)
                break
            kept.append(unit)
            total += cost
        if not kept:
            kept = self._cut(ranked[0], evidence, budget)
        return replace(selection, evidence=narrowed(evidence, [*silent, *kept], pieces, self._count))

    def _begun(self, unit: Unit, evidence: Sequence[Evidence], room: int) -> list[Unit]:
        """The sentences, or lines, with which a block of a web page begins, as far as there is room."""
        chunk = evidence[unit.of].hit.chunk
        text = unit.text(evidence)
        if not unit.path or chunk.modality == "image":
            return []
        by_lines = chunk.modality == "table" or chunk.role in ("code", "list")
        ends = [at for at, letter in enumerate(text) if letter == "\n"] if by_lines else [b for _, b in sentences(text)]
        fitting = [end for end in ends if self._count(text[:end]) <= room and text[:end].strip()]
        return [cut(unit, chunk.text[unit.start : unit.end], max(fitting))] if fitting else []

    def _cut(self, unit: Unit, evidence: Sequence[Evidence], budget: int) -> list[Unit]:
        chunk = evidence[unit.of].hit.chunk
        short = beginning(unit.text(evidence), budget, self._count)
        return [cut(unit, chunk.text[unit.start : unit.end], len(short))] if short else []

    def _ranked(self, question: str, pieces: Sequence[Unit], evidence: Sequence[Evidence]) -> list[Unit]:
        """The pieces, those of the best block first."""
        order: dict[Unit, None] = {}
        html, where = page_of([(unit.path, _source(unit, evidence), unit.text(evidence)) for unit in pieces])
        tree = self._tree(html, self.max_words)
        for number in self.ranking(question, tree):
            held = tree.blocks[number].at if len(tree.blocks) > 1 else ()
            for unit, at in zip(pieces, where, strict=True):
                if at[: len(held)] == held:
                    order.setdefault(unit)
        return list(order)


def _source(unit: Unit, evidence: Sequence[Evidence]) -> str:
    return evidence[unit.of].hit.chunk.origin.source.digest
