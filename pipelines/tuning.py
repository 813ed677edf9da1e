"""What `rag tune` weighs: for each question the scored candidates, and what each setting would keep of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer import Hit, Query
from rag.calibration import Calibrations, Curve, Method, Sigmoid, fit
from rag.document import Chunk
from rag.filters import Eq, Filter, Not
from rag.identity import findable
from rag.judging import looked
from rag.overlap import is_listing
from rag.protocols import Scorer

if TYPE_CHECKING:
    from rag.corpus import Corpus

FOLDS = 5
CALIBRATED = 1
"""Best hits of each list that a calibration is fitted on: the first decides whether there is an answer."""
LEAST_KIND = 150
"""Hits of a kind of chunk from which a calibration of its own is fitted."""
BATCH = 32


@dataclass(frozen=True, slots=True)
class Posed:
    """A question whose right chunks are known; `digest` is its document's. Absent: asked with that taken out."""

    id: str
    text: str
    digest: str
    right: Callable[[Chunk], bool]
    without: Filter | None = None

    @property
    def absent(self) -> bool:
        return self.without is not None


@dataclass(frozen=True, slots=True)
class Piece:
    """A scored candidate; `rank` is the retriever's, from 1."""

    score: float
    right: bool
    tokens: int
    images: int
    kind: str
    """`dense.text`, `lexical.table`, ...: whether an encoder helped to find the list, and the modality."""
    rank: int
    id: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question with its candidates, best score first; `chance` is that of the list, where the scorer judges it."""

    posed: Posed
    pieces: tuple[Piece, ...]
    chance: float | None = None

    @property
    def fold(self) -> int:
        """By document, the same in every run."""
        return int(self.posed.digest[:8] or "0", 16) % FOLDS


@dataclass(frozen=True, slots=True)
class Setting:
    """What is chosen: fusion weights, candidates N, at most k, threshold tau."""

    weights: tuple[tuple[str, float], ...]
    n: int
    k: int
    tau: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What a setting keeps for a question: pieces, their tokens and images, gold among them, and the best relevance."""

    pieces: int
    tokens: int
    images: int
    gold: bool
    right: int
    best: float


def with_absent(posed: Sequence[Posed], uris: Mapping[str, str], every: int = 3) -> list[Posed]:
    """The questions, and each `every`-th again with its document taken out of the corpus."""
    absent = [
        replace(one, id=f"{one.id}-absent", right=lambda _: False, without=Not(Eq("source", uris[one.digest])))
        for one in posed[::every]
        if one.digest in uris
    ]
    return [*posed, *absent]


def weighed(
    corpus: Corpus, retriever: Any, scorer: Scorer, posed: Sequence[Posed], depth: int, *, keep: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Weighed]:  # fmt: skip
    """Each question's candidates, scored.

    With the file `keep` they are kept there as they come, and those that lie there already are not asked for
    again: it must be of the same corpus, retriever, scorer and questions. `progress` is told how many are done.
    """
    known = _kept_rows(keep, posed)
    yield from known
    progress(len(known))
    for start in range(len(known), len(posed), BATCH):
        batch = posed[start : start + BATCH]
        queries = [Query((one.text,), where=one.without) for one in batch]
        found = [_usable(hits) for hits in retriever.retrieve(queries, depth)]
        rows = []
        lists, chances, _ = looked(scorer, queries, found)
        for one, hits, scores, chance in zip(batch, found, lists, chances, strict=True):
            channel = "dense" if any("dense" in hit.parts for hit in hits) else "lexical"
            pieces = [
                Piece(
                    score, one.right(hit.chunk), hit.chunk.tokens, int(hit.chunk.media is not None),
                    f"{channel}.{hit.chunk.modality}", rank, hit.chunk.id,
                )
                for rank, (hit, score) in enumerate(zip(hits, scores, strict=True), 1)
            ]  # fmt: skip
            rows.append(Weighed(one, tuple(sorted(pieces, key=lambda piece: (-piece.score, piece.id))), chance))
        if keep is not None:
            with keep.open("a", encoding="utf-8") as file:
                lines = ([row.posed.id, [astuple(piece) for piece in row.pieces], row.chance] for row in rows)
                file.write("".join(f"{json.dumps(line)}\n" for line in lines))
        yield from rows
        progress(start + len(batch))


def _kept_rows(keep: Path | None, posed: Sequence[Posed]) -> list[Weighed]:
    """The questions at the beginning of the list whose candidates lie in the file whole; the rest of it is cut off."""
    if keep is None or not keep.is_file():
        return []
    found: list[Weighed] = []
    lines = keep.read_text(encoding="utf-8").splitlines(keepends=True)
    for line, one in zip(lines, posed, strict=False):
        try:
            id, pieces, chance = json.loads(line)
            if id != one.id or not line.endswith("\n"):
                break
            found.append(Weighed(one, tuple(Piece(*piece) for piece in pieces), chance))
        except (ValueError, TypeError):
            break
    keep.write_text("".join(lines[: len(found)]), encoding="utf-8")
    return found


def _usable(hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in hits if findable(hit.chunk).strip() and not is_listing(hit.chunk.text)]


def curves(lists: Sequence[Weighed], method: Method = "isotonic") -> dict[str, Curve | Sigmoid]:
    """A calibration for all, by channel, and by kind of chunk where there are enough; ValueError with too few."""
    pieces = [piece for one in lists for piece in one.pieces[:CALIBRATED]]
    groups: dict[str, list[Piece]] = {"": pieces}
    for piece in pieces:
        groups.setdefault(piece.kind.partition(".")[0], []).append(piece)
        groups.setdefault(piece.kind, []).append(piece)
    return {
        name: fit([piece.score for piece in group], [piece.right for piece in group], method)
        for name, group in sorted(groups.items())
        if name == "" or (len(group) >= LEAST_KIND and len({piece.right for piece in group}) == 2)
    }


def relevances(one: Weighed, told: Calibrations, n: int) -> list[tuple[float, Piece]]:
    """The candidates among the best n of the retriever as probabilities, best first."""
    known: dict[str, Curve | Sigmoid] = {}
    found = []
    for piece in one.pieces:
        if piece.rank <= n:
            if piece.kind not in known:
                channel, _, modality = piece.kind.partition(".")
                known[piece.kind] = told.of(piece.kind, channel, modality)
            found.append((known[piece.kind]([piece.score])[0], piece))
    return sorted(found, key=lambda pair: (-pair[0], -pair[1].score, pair[1].id))


def kept(ranked: Sequence[tuple[float, Piece]], k: int, tau: float, most_risk: float = 1.0) -> Kept:
    """What a setting keeps of candidates as `relevances` gives them."""
    best = ranked[0][0] if ranked else 0.0
    chosen = [piece for chance, piece in ranked[:k] if chance >= tau] if 1 - best <= most_risk else []
    return Kept(
        len(chosen), sum(piece.tokens for piece in chosen), sum(piece.images for piece in chosen),
        any(piece.right for piece in chosen), sum(piece.right for piece in chosen), best,
    )  # fmt: skip


def crossed(lists: Sequence[Weighed], scorer: str, n: int) -> list[list[tuple[float, Piece]]]:
    """Each question's relevances by a calibration that never saw its document."""
    found: dict[int, list[tuple[float, Piece]]] = {}
    for fold in sorted({one.fold for one in lists}):
        others = [one for one in lists if one.fold != fold] or list(lists)
        told = Calibrations(scorer, curves(others))
        found |= {at: relevances(one, told, n) for at, one in enumerate(lists) if one.fold == fold}
    return [found[at] for at in range(len(lists))]
