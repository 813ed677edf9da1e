"""Fit the numbers of retrievers/selectors/calibrated.json.

    python benchmarks/fit_selector.py --root DIR [--write] [--corpus DIR]

DIR holds `pdf/` and `html/` with the documents that benchmarks/selector_questions.jsonl names, and
their own `manifest.jsonl` of questions. A hit counts as right when it comes from the question's document and holds the
answer; questions without a document must find nothing. Hits of a right question that do not hold
the answer may still help, so they weigh a third. Without --write the figures are only printed.
Documents of docqa/ are never read: they are for judging.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rag.retrievers.selectors import features as measure

from rag import Corpus, registry
from rag.answer import Hit, query
from rag.filters import Glob, Not
from rag.overlap import is_listing
from rag.words import words

HERE = Path(__file__).parent
TARGET = HERE.parent / "retrievers" / "selectors" / "calibrated.json"
DEPTH = 30
FOLDS = 5
RIDGE = 1.0
WRAPPINGS = (
    "According to the text that I was given, {}",
    "I would like to know, as far as it is described, the following: {}",
    "In the part that deals with this topic, {} If there are several cases take the most important one.",
)
"""People wrap questions in words that no document holds."""
WRAPPED = tuple(one[:12] for one in WRAPPINGS)
UNSURE = 0.33
"""Weight of a hit that does not hold the answer of a question that has one."""


@dataclass(frozen=True)
class Question:
    text: str
    document: str | None
    answers: tuple[str, ...]
    elsewhere: str = ""
    """Asked of the documents whose names do not begin so: nothing should be found."""

    @property
    def weight(self) -> float:
        return 0.5 if self.elsewhere or self.text.startswith(WRAPPED) else 1.0


def questions(root: Path) -> list[Question]:
    """Ours, and those of the manifests of pdf/ and html/."""
    found = []
    for line in (HERE / "selector_questions.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        found.append(Question(one["question"], one["doc"], (one["answer"],) if one["answer"] else ()))
    for folder in ("pdf", "html"):
        for line in (root / folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if "scan" not in one["kinds"]:
                answers = (one["block_text"],) if "block_text" in one else tuple(one["answers"])
                found.append(Question(one["question"], one["doc"], answers))
    wrapped = [replace(one, text=WRAPPINGS[at % len(WRAPPINGS)].format(one.text)) for at, one in enumerate(found)]
    away = [Question(one.text, None, (), family(one.document)) for one in found if one.document]
    return found + wrapped + away


def family(document: str) -> str:
    """What the manuals of one program have in common in their names."""
    return re.split(r"[_.]|book", document)[0]


def folded(text: str) -> str:
    return "".join(words(text)) if words(text) else "".join(text.split())


def holds(hit: Hit, question: Question) -> bool:
    """Whether the hit is of the question's document and has its answer."""
    chunk = hit.chunk
    if not question.document or not chunk.origin.source.uri.endswith(question.document) or is_listing(chunk.text):
        return False
    text = folded(" ".join((*chunk.headings, chunk.text)))
    return any(folded(answer) in text for answer in question.answers)


def rows(
    corpus: Corpus, asked: Sequence[Question], profile: str
) -> Iterator[tuple[int, dict[str, float], bool, float]]:
    """(question number, features, holds the answer, weight) of each hit."""
    store = corpus.store
    retriever: Any = corpus.retriever
    if profile == "lexical":
        retriever = registry.load("retrievers/lexical")(store.text, store.catalog)
    found = retriever.retrieve(
        [query(one.text, Not(Glob("source", f"*{one.elsewhere}*")) if one.elsewhere else None) for one in asked], DEPTH
    )
    for number, (one, hits) in enumerate(zip(asked, found, strict=True)):
        said = measure.asked(one.text, store.text)
        for hit in hits:
            if not hit.chunk.text.strip() or is_listing(hit.chunk.text):
                continue
            right = holds(hit, one)
            sure = 1.0 if right or not one.document else UNSURE
            yield number, measure.features(said, hit), right, sure * one.weight


def fitted(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    """Intercept and weights of a ridge logistic regression, by Newton's method."""
    mean, scale = x.mean(0), x.std(0) + 1e-9
    z = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    beta = np.zeros(z.shape[1])
    ridge = np.eye(len(beta)) * RIDGE
    ridge[0, 0] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ beta))
        step = np.linalg.solve((z.T * (w * p * (1 - p))) @ z + ridge, z.T @ (w * (y - p)) - ridge @ beta)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    raw = beta[1:] / scale
    return float(beta[0] - raw @ mean), raw


def judged(
    number: np.ndarray, p: np.ndarray, y: np.ndarray, asked: Sequence[Question], tau: float, k: int = 5
) -> dict[str, float]:
    """Shares of questions: answered with the right chunk among the k kept; refused though answerable; ..."""
    right = refused = wrong = found = 0
    answerable = [at for at, one in enumerate(asked) if one.document]
    for at, one in enumerate(asked):
        mine = np.flatnonzero(number == at)
        best = mine[np.argsort(-p[mine], kind="stable")][:k]
        kept = best[p[best] >= tau]
        if not one.document:
            wrong += bool(len(kept))
            continue
        found += bool(y[mine].any())
        right += bool(y[kept].any())
        refused += not len(kept)
    none = len(asked) - len(answerable)
    return {
        "retrieved": round(found / len(answerable), 3),
        "right_kept": round(right / len(answerable), 3),
        "refused_though_answerable": round(refused / len(answerable), 3),
        "kept_though_off_topic": round(wrong / none, 3),
    }


def threshold(number: np.ndarray, p: np.ndarray, asked: Sequence[Question]) -> float:
    """The probability at which as few questions as possible are treated wrongly, halfway to the next one."""
    best = np.array([p[number == at].max(initial=0.0) for at in range(len(asked))])
    good = np.array([one.document is not None for one in asked])
    edges = np.unique(best)
    middles = (edges[1:] + edges[:-1]) / 2
    errors = [
        (~good & (best >= tau)).sum() / (~good).sum() + (good & (best < tau)).sum() / good.sum() for tau in middles
    ]
    return float(middles[int(np.argmin(errors))])


def profile(corpus: Corpus, asked: Sequence[Question], name: str) -> dict[str, Any]:
    """The fitted profile and what cross-validation over questions says of it."""
    found = list(rows(corpus, asked, name))
    names = [one for one in found[0][1] if name == "dense" or one != "cosine"]
    number = np.array([row[0] for row in found])
    x = np.array([[row[1][one] for one in names] for row in found])
    y = np.array([row[2] for row in found], float)
    w = np.array([row[3] for row in found])
    first = {one.text: at for at, one in reversed(list(enumerate(asked)))}
    group = [next((at for text, at in first.items() if text in one.text), 0) for one in asked]
    fold = np.array(group)[number] % FOLDS  # a question and its variants are held out together
    held = np.zeros(len(y))
    for one in range(FOLDS):
        intercept, weights = fitted(x[fold != one], y[fold != one], w[fold != one])
        held[fold == one] = 1 / (1 + np.exp(-(intercept + x[fold == one] @ weights)))
    tau = threshold(number, held, asked)
    intercept, weights = fitted(x, y, w)
    for at, one in enumerate(asked):
        best = held[number == at].max(initial=0.0)
        if (best >= tau) != (one.document is not None):
            print(f"  {name}: {best:.3f} {one.text}")
    print(name, json.dumps(judged(number, held, y, asked, tau)), "hits", len(y), "right", int(y.sum()))
    return {
        "intercept": round(intercept, 4),
        "weights": {one: round(float(weight), 4) for one, weight in zip(names, weights, strict=True)},
        "tau": round(tau, 4),
        "cross_validated": judged(number, held, y, asked, tau),
    }


def main() -> None:
    """Build the corpus, fit both profiles, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with pdf/ and html/")
    parser.add_argument("--corpus", type=Path, help="a corpus already built from them")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    given = parser.parse_args()
    asked = questions(given.root)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(given.corpus or folder)
        if not given.corpus:
            corpus.add([given.root / "pdf", given.root / "html" / "files"])
        result = {
            "provenance": {
                "script": "benchmarks/fit_selector.py",
                "questions": f"{sum(one.document is not None for one in asked)} with an answer, "
                f"{sum(one.document is None for one in asked)} without (variants counted)",
                "documents": sorted({one.document for one in asked if one.document}),
                "method": f"ridge logistic regression; figures from {FOLDS}-fold cross-validation over questions",
                "features": measure.VERSION,
            },
            "profiles": {name: profile(corpus, asked, name) for name in ("dense", "lexical")},
        }
    text = json.dumps(result, indent=2) + "\n"
    print(text)
    if given.write:
        TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
