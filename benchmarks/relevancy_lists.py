"""What benchmarks/fit_relevancy.py fits on: questions, the hits that each finds, and the measures of these.

Corpora, hits and measures are kept in a folder, the last under the digest of the code that made them, so that a
second fit takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from rag.pipelines.questions import Made, chunks, made
from rag.retrievers.rerankers import commonness, matching, measures, topic

from benchmarks.relevancy_documents import Package, chosen, corpora
from benchmarks.relevancy_wording import FOLDER, WordNet, as_made, pointing, reworded
from rag import Corpus
from rag.answer import Hit, Query, Score
from rag.filters import Eq, Not
from rag.overlap import is_listing
from rag.words import words

DEPTH = 50
LEARNT = 20
"""Hits of each question that are learnt from: the rest are easily told apart."""
UNSURE = 0.33
"""Weight of a hit of the right document that does not hold the answer: it may help all the same."""
ASKED, ABSENT, OTHER, TALK = range(4)
"""Ways to ask: as it is; with its document taken out; of another corpus; what people ask of no document."""
ABSENT_EVERY = 3
POINTING = 0.12
"""Questions that point, to each question made."""
SMALL_TALK = Path(__file__).with_name("relevancy_small_talk.txt")


@dataclass(frozen=True)
class Posed:
    """A question in one way; `plain` where its words are as made, `points` where it points at a place."""

    made: Made
    way: int
    corpus: str
    plain: bool
    points: bool

    @property
    def key(self) -> str:
        """What is asked of a corpus."""
        return f"{self.way} {self.made.digest if self.way == ABSENT else ''} {self.made.text}"


@dataclass(frozen=True)
class Lists:
    """Measures of hits (a row each) and of lists (a row each); `of` is the list of a hit."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    of: np.ndarray
    score: np.ndarray
    modality: np.ndarray
    topic: np.ndarray
    way: np.ndarray
    plain: np.ndarray
    corpus: np.ndarray
    document: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """A measure of the hits."""
        return self.x[:, measures.NAMES.index(name)]

    def part(self, kept: np.ndarray) -> Lists:
        """Those lists alone, by a mask."""
        number = np.cumsum(kept) - 1
        hits = kept[self.of]
        of_hits = {name: getattr(self, name)[hits] for name in ("x", "y", "w", "score", "modality")}
        of_lists = {name: getattr(self, name)[kept] for name in ("topic", "way", "plain", "corpus", "document")}
        return Lists(**of_hits, of=number[self.of[hits]], **of_lists)


def joined(every: Sequence[Lists]) -> Lists:
    """All of them, in order."""
    starts = np.cumsum([0, *(len(one.way) for one in every)])
    told = {
        name: np.concatenate([getattr(one, name) for one in every])
        for name in Lists.__dataclass_fields__
        if name != "of"
    }
    return Lists(**told, of=np.concatenate([one.of + start for one, start in zip(every, starts, strict=False)]))


def built(root: Path, work: Path, packages: Sequence[Package]) -> dict[str, Corpus]:
    """The corpora of these packages by name, ingested where they are not there yet."""
    found = {}
    for name, own in corpora(packages).items():
        found[name] = Corpus(work / name)
        if not (work / name / "catalog.sqlite").exists():
            found[name].add([path for package in own for path in chosen(root, package)], workers=1)
    return found


def lists(
    root: Path, work: Path, packages: Sequence[Package], counts: tuple[int, int], profile: str, talk: Sequence[str]
) -> Lists:
    """All lists of these packages; `counts` are of questions made from the largest corpus and from each other."""
    known = built(root, work, packages)
    wordnet = WordNet(root / "wordnet-base" / FOLDER)
    asked = {
        name: list(_asked(corpus, name, counts[name != "software"], wordnet)) for name, corpus in sorted(known.items())
    }
    return joined([_measured(corpus, work, name, asked, profile, talk) for name, corpus in sorted(known.items())])


def _asked(corpus: Corpus, name: str, count: int, wordnet: WordNet) -> Iterator[Posed]:
    for one in made(corpus, count):
        yield Posed(_with(one, reworded(one.text, wordnet)), ASKED, name, as_made(one.text), False)
    for one in pointing(list(chunks(corpus)), round(count * POINTING)):
        yield Posed(one, ASKED, name, False, True)


def _with(one: Made, text: str) -> Made:
    return Made(one.id, text, one.kind, one.answer, one.digest, one.chunks)


def _ways(name: str, asked: dict[str, list[Posed]], uris: dict[str, str], talk: Sequence[str]) -> Iterator[Posed]:
    """What a corpus is asked: its own questions, some with their document taken out, and as many of other things."""
    own = asked[name]
    yield from own
    if len(uris) > 1:
        gone = [one for one in own if not one.points and _order("absent", one) % ABSENT_EVERY == 0]
        yield from (Posed(one.made, ABSENT, name, one.plain, False) for one in gone)
    others = [one for other, row in asked.items() if other != name for one in row if not one.points]
    for one in sorted(others, key=lambda one: _order(name, one))[: len(own)]:
        yield Posed(one.made, OTHER, one.corpus, one.plain, False)
    for text in talk:
        yield Posed(Made(f"talk {text}", text, "keywords", "", "", ()), TALK, "talk", True, False)


def _order(salt: str, one: Posed) -> int:
    return int(sha256(f"{salt} {one.made.id}".encode()).hexdigest()[:12], 16)


def _found(corpus: Corpus, file: Path, posed: Sequence[Posed], uris: dict[str, str], profile: str) -> list[list[Any]]:
    """For each question its hits as [chunk id, score, parts]; what `file` does not hold yet is added to it."""
    told: dict[str, list[Any]] = {}
    if file.exists():
        told = dict(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    left = list({one.key: one for one in posed if one.key not in told}.values())
    retriever = corpus.built(corpus.profile["retriever" if profile == "dense" else "words_only"], "retriever")
    for start in range(0, len(left), 32):
        batch = left[start : start + 32]
        queries = [
            Query((one.made.text,), where=Not(Eq("source", uris[one.made.digest])) if one.way == ABSENT else None)
            for one in batch
        ]
        for one, hits in zip(batch, retriever.retrieve(queries, DEPTH), strict=True):
            told[one.key] = [
                [hit.chunk.id, hit.score, {name: [part.rank, part.score] for name, part in hit.parts.items()}]
                for hit in hits
            ]
    if left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(one) + "\n" for one in told.items()), encoding="utf-8")
    return [told[one.key] for one in posed]


def _measured(
    corpus: Corpus, work: Path, name: str, asked: dict[str, list[Posed]], profile: str, talk: Sequence[str]
) -> Lists:
    uris = {one.digest: one.sources[0].uri for one in corpus.documents()}
    posed = list(_ways(name, asked, uris, talk))
    wanted = sha256("\n".join(one.key for one in posed).encode()).hexdigest()[:12]
    found = _found(corpus, work / "lists" / f"{name}-{profile}.jsonl", posed, uris, profile)
    code = "".join(Path(str(one.__file__)).read_text("utf-8") for one in (commonness, matching, measures, topic))
    file = work / "lists" / f"{name}-{profile}-{wanted}-{sha256(code.encode()).hexdigest()[:12]}.npz"
    if not file.exists():
        rows = [_rows(corpus, at, *pair) for at, pair in enumerate(zip(posed, found, strict=True))]
        hits = [row for _, one in rows for row in one]
        columns = dict(
            zip(("x", "y", "w", "of", "score", "modality"), map(np.array, zip(*hits, strict=True)), strict=True)
        )
        np.savez(
            file, **columns, topic=np.array([one for one, _ in rows]), way=np.array([one.way for one in posed]),
            plain=np.array([one.plain for one in posed]), corpus=np.array([name] * len(posed)),
            document=np.array([one.made.digest for one in posed]),
        )  # fmt: skip
    with np.load(file) as told:
        return Lists(**{one: told[one] for one in Lists.__dataclass_fields__})


def _rows(corpus: Corpus, at: int, one: Posed, found: Sequence[Any]) -> tuple[list[float], list[tuple[Any, ...]]]:
    known = corpus.store.catalog.chunks([id for id, _, _ in found])
    hits = [
        Hit(known[id], score, "", {name: Score(*part) for name, part in parts.items()}) for id, score, parts in found
    ]
    hits = [hit for hit in hits if hit.chunk.text.strip() and not is_listing(hit.chunk.text)]
    question, best = measures.asked(one.made.text, corpus.store.text), measures.best_of(hits)
    seen = [measures.seen(question, hit) for hit in hits]
    order = sorted(range(len(hits)), key=lambda row: (-hits[row].score, hits[row].chunk.id))[:LEARNT]
    rows = []
    for row in order:
        hit = hits[row]
        right = one.way == ASKED and holds(hit, one.made)
        near = one.way == ASKED and not right and hit.chunk.origin.source.digest == one.made.digest
        values = measures.measures(question, hit, seen[row], best)
        rows.append((values, float(right), UNSURE if near else 1.0, at, hit.score, hit.chunk.modality))
    return topic.topic(question, hits, seen), rows


def holds(hit: Hit, one: Made) -> bool:
    """Whether a hit is one of those that the question was made from, or says the same to the letter."""
    if hit.chunk.id in one.chunks:
        return True
    return one.kind in ("sentence", "keywords") and _folded(one.answer) in _folded(hit.chunk.text)


def _folded(text: str) -> str:
    return "".join(words(text)) or "".join(text.split())
