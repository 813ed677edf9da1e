"""Fit the numbers of retrievers/rerankers/features.json and report them on other documents.

    python benchmarks/fit_relevancy.py --root UNPACKED [--work DIR] [--write]

UNPACKED holds the Debian packages that benchmarks/relevancy_documents.py names. From each set of packages a
corpus is built in DIR, questions are made from it by rule (`rag.pipelines.questions`), and each is asked
three ways: as it is; with the document that answers it taken out; and with the whole package taken out. So
right and wrong hits stand under the same questions, and nothing can be learnt from how one is worded.
Nothing of docqa, gnuplot or Maxima is read.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rag.pipelines.questions import Made, made
from rag.retrievers.rerankers import measures

from benchmarks.fit_selector import fitted, folded
from benchmarks.relevancy_documents import FITTED, HELD_OUT, Package, chosen
from rag import Corpus, registry
from rag.answer import Hit, query
from rag.calibration import Curve, Sigmoid, fit
from rag.calibration import calibration_error as ece
from rag.filters import Eq, Filter, Glob, Not
from rag.overlap import is_listing

HERE = Path(__file__).parent
FOLDER = HERE.parent / "retrievers" / "rerankers"
DEPTH = 50
LEARNT = 15
"""Hits of each question that are learnt from: the rest are easily told apart."""
FOLDS = 5
LEAST_KIND = 150
"""First hits of a kind from which a calibration of its own is fitted."""
UNSURE = 0.33
"""Weight of a hit of the right document that does not hold the answer: it may help all the same."""
K, LOST, REFUSED = 5, 0.03, 0.05
NOT_DENSE = frozenset({"cosine", "dense_rank", "dense_lead", "best_cosine", "cosine_coverage"})


@dataclass(frozen=True)
class Rows:
    """One line a hit: measures, whether it holds the answer, weight, question, and the plain scores."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    question: np.ndarray
    way: np.ndarray
    """0: asked as it is; 1: its document taken out; 2: its package taken out."""
    document: np.ndarray
    score: np.ndarray
    """What the fused retriever gave."""

    def column(self, name: str) -> np.ndarray:
        return self.x[:, measures.NAMES.index(name)]


def corpus(root: Path, packages: Sequence[Package], folder: Path) -> Corpus:
    """The corpus of these packages, built where it is not there yet."""
    built = Corpus(folder)
    if not (folder / "catalog.sqlite").exists():
        built.add([path for package in packages for path in chosen(root, package)], workers=1)
    return built


def package_of(uri: str, packages: Sequence[Package]) -> str:
    return next(package.name for package in packages if f"/{package.name}/usr/" in uri)


def holds(hit: Hit, one: Made) -> bool:
    """Whether a hit is one of those that the question was made from, or says the same to the letter."""
    if hit.chunk.id in one.chunks:
        return True
    wanted = folded(one.answer)
    return one.kind in ("sentence", "keywords") and wanted in folded(hit.chunk.text)


def rows(built: Corpus, asked: Sequence[Made], packages: Sequence[Package], profile: str, ways: Sequence[int]) -> Rows:
    """Each question in each of the ways, its hits measured."""
    sources = {one.digest: one.sources[0].uri for one in built.documents()}
    retriever: Any = built.retriever
    if profile == "lexical":
        retriever = registry.load("retrievers/lexical")(built.store.text, built.store.catalog)
    found = []
    for way in ways:
        chosen_ = [(at, one) for at, one in enumerate(asked) if way == 0 or at % len(ways) == way % len(ways)]
        queries = [query(one.text, _without(one, way, sources, packages)) for _, one in chosen_]
        hits = [
            hit
            for start in range(0, len(queries), 64)
            for hit in retriever.retrieve(queries[start : start + 64], DEPTH)
        ]
        for (at, one), listed in zip(chosen_, hits, strict=True):
            found += list(_rows(built, at, one, way, listed))
    x, y, w, question, way_, document, score = (list(column) for column in zip(*found, strict=True))
    return Rows(
        np.array(x),
        np.array(y, float),
        np.array(w),
        np.array(question),
        np.array(way_),
        np.array(document),
        np.array(score),
    )


def _without(one: Made, way: int, sources: dict[str, str], packages: Sequence[Package]) -> Filter | None:
    uri = sources[one.digest]
    return (None, Not(Eq("source", uri)), Not(Glob("source", f"*/{package_of(uri, packages)}/usr/*")))[way]


def _rows(built: Corpus, at: int, one: Made, way: int, hits: Sequence[Hit]) -> Iterator[tuple[Any, ...]]:
    usable = [hit for hit in hits if hit.chunk.text.strip() and not is_listing(hit.chunk.text)]
    best = measures.best_of(usable)
    usable = sorted(usable, key=lambda hit: (-hit.score, hit.chunk.id))[:LEARNT]
    told = measures.measured(one.text, built.store.text, usable, best)
    for row in range(len(usable)):
        right = way == 0 and holds(usable[row], one)
        near = way == 0 and not right and usable[row].chunk.origin.source.digest == one.digest
        yield told[row], right, UNSURE if near else 1.0, at, way, one.digest, usable[row].score


def auc(score: np.ndarray, right: np.ndarray) -> float:
    """The chance that a right one scores above a wrong one; a tie counts half."""
    from scipy.stats import rankdata

    right = right.astype(bool)
    ranks = rankdata(score)
    good, bad = int(right.sum()), int((~right).sum())
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad)) if good and bad else float("nan")


def tops(data: Rows, score: np.ndarray, value: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each question in each way its best hit's score (or `value`), whether that holds the answer, and the way."""
    best = firsts(data, score)
    return (score if value is None else value)[best], data.y[best], data.way[best]


def firsts(data: Rows, score: np.ndarray) -> np.ndarray:
    """The rows of the best hit of each question in each way."""
    key = data.question * 3 + data.way
    order = np.lexsort((np.arange(len(key)), -score, key))
    _, first = np.unique(key[order], return_index=True)
    return order[first]


def chances_of(data: Rows, score: np.ndarray, curves: Mapping[str, Curve | Sigmoid], profile: str) -> np.ndarray:
    """Each score as a probability, by the calibration of its kind of chunk."""
    told = np.array(curves[profile](score.tolist()))
    for name, column in ((f"{profile}.table", "is_table"), (f"{profile}.image", "is_picture")):
        if name in curves:
            mask = data.column(column) > 0
            told[mask] = curves[name](score[mask].tolist())
    return told


def reported(data: Rows, score: np.ndarray) -> dict[str, Any]:
    """What a score is worth: telling right hits from wrong ones, the first hit, and questions with no answer."""
    best, right, way = tops(data, score)
    answered = way == 0
    told: dict[str, Any] = {
        "auc_hits": round(auc(score, data.y), 4),
        "auc_hits_of_one_list": round(_within(data, score), 4),
        "first_right": round(float(right[answered].mean()), 4),
    }
    for number, name in ((1, "document_absent"), (2, "off_topic")):
        if (way == number).any():
            both = answered | (way == number)
            told[f"auc_answerable_against_{name}"] = round(auc(best[both], answered[both]), 4)
    return told


def _within(data: Rows, score: np.ndarray) -> float:
    """The mean AUC over lists that hold both right and wrong hits."""
    values = []
    for one in np.unique(data.question):
        mine = (data.question == one) & (data.way == 0)
        if 0 < data.y[mine].sum() < mine.sum():
            values.append(auc(score[mine], data.y[mine]))
    return float(np.mean(values))


def model(data: Rows, names: Sequence[str]) -> dict[str, Any]:
    """The ridge logistic regression over these measures."""
    x = np.column_stack([data.column(name) for name in names])
    intercept, weights = fitted(x, data.y, data.w)
    return {
        "intercept": round(intercept, 4),
        "weights": {n: round(float(v), 4) for n, v in zip(names, weights, strict=True)},
    }


def applied(told: dict[str, Any], data: Rows) -> np.ndarray:
    logit = told["intercept"] + sum(weight * data.column(name) for name, weight in told["weights"].items())
    return np.round(1 / (1 + np.exp(-np.clip(logit, -30, 30))), 6)


def crossed(data: Rows, names: Sequence[str]) -> np.ndarray:
    """Scores of models that never saw the document of the question."""
    documents = sorted(set(data.document))
    fold = np.array([documents.index(one) % FOLDS for one in data.document])
    score = np.zeros(len(data.y))
    for one in range(FOLDS):
        kept = fold != one
        part = Rows(*(getattr(data, field)[kept] for field in Rows.__dataclass_fields__))
        score[~kept] = applied(model(part, names), data)[~kept]
    return score


def main() -> None:
    """Build both corpora, fit, report on the held-out one, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with the unpacked packages")
    parser.add_argument("--work", type=Path, help="where the two corpora are kept (fitted/, held/)")
    parser.add_argument("--questions", type=int, default=700, help="made from the documents that are fitted on")
    parser.add_argument("--held", type=int, default=2100, help="made from the documents that are reported on")
    parser.add_argument("--write", action="store_true", help="write the data files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        one, other = corpus(given.root, FITTED, work / "fitted"), corpus(given.root, HELD_OUT, work / "held")
        asked, held = made(one, given.questions), made(other, given.held)
        models: dict[str, Any] = {}
        curves: dict[str, Curve | Sigmoid] = {}
        figures: dict[str, Any] = {}
        levels: dict[str, Any] = {}
        for profile in ("dense", "lexical"):
            names = [name for name in measures.NAMES if profile == "dense" or name not in NOT_DENSE]
            data = rows(one, asked, FITTED, profile, (0, 1, 2))
            models[profile] = model(data, names)
            score = crossed(data, names)
            curves |= calibrated(data, score, profile)
            if profile == "dense":
                levels = levels_of(data, chances_of(data, score, curves, profile), len(asked))
            test = rows(other, held if profile == "dense" else held[: len(held) // 4], HELD_OUT, profile, (0, 1, 2))
            figures[profile] = _figures(test, applied(models[profile], test), curves, profile)
            print(profile, json.dumps(figures[profile], indent=1), flush=True)
    provenance = {
        "script": "benchmarks/fit_relevancy.py",
        "method": "ridge logistic regression; calibrated by isotonic regression on scores of models that did not see "
        f"the document ({FOLDS} folds)",
        "fitted_on": [f"{one.name} {one.version}, {one.licence}" for one in FITTED],
        "reported_on": [f"{one.name} {one.version}, {one.licence}" for one in HELD_OUT],
        "questions": f"{len(asked)} fitted, {len(held)} reported, made by rag.pipelines.questions",
        "measures": measures.VERSION,
    }
    if given.write:
        _write(FOLDER / "features.json", {"provenance": provenance, "reported": figures, "models": models})
        from rag.retrievers.rerankers.features import Features

        _write(
            FOLDER / "features_calibration.json",
            {
                "format": 1, "scorer": Features().fingerprint, "provenance": provenance,
                **levels,
                "curves": {name: curve.plain() for name, curve in curves.items()},
            },
        )  # fmt: skip


def levels_of(data: Rows, chance: np.ndarray, count: int) -> dict[str, Any]:
    """tau, the level of abstention, and the calibration set of the cut by risk, from chances that saw no document.

    tau is the largest that keeps, of the gold that the best `K` hold, all but `LOST`; `max_risk` refuses `REFUSED`
    of the answerable questions.
    """
    best, _, way = tops(data, chance)
    kept, needed = [], []
    for one in range(count):
        mine = np.flatnonzero((data.question == one) & (data.way == 0))
        right = np.sort(chance[mine[data.y[mine] > 0]])[::-1]
        needed.append([round(float(right[0]), 4) if len(right) else None])
        if len(right) and right[0] >= np.sort(chance[mine])[::-1][:K][-1]:
            kept.append(float(right[0]))
    tau = np.sort(kept)[int(LOST * len(kept))]
    refused = np.sort(best[way == 0])[int(REFUSED * (way == 0).sum())]
    return {"tau": round(float(tau), 3), "max_risk": round(1 - float(refused), 3), "needed": needed}


def calibrated(data: Rows, score: np.ndarray, profile: str) -> dict[str, Curve | Sigmoid]:
    """Curves of the first hits: one for all, and one for each kind of chunk that was first often enough."""
    best = firsts(data, score)
    kinds = {profile: np.ones(len(best), bool)}
    for name, column in ((f"{profile}.table", "is_table"), (f"{profile}.image", "is_picture")):
        kinds[name] = data.column(column)[best] > 0
    return {
        name: fit(score[best[mask]].tolist(), data.y[best[mask]].astype(bool).tolist(), "isotonic")
        for name, mask in kinds.items()
        if mask.sum() >= LEAST_KIND
    }


def _figures(data: Rows, score: np.ndarray, curves: Mapping[str, Curve | Sigmoid], profile: str) -> dict[str, Any]:
    chances = chances_of(data, score, curves, profile)
    _, right, way = tops(data, score)
    best = tops(data, score, chances)[0]
    told: dict[str, Any] = {"questions": int((way == 0).sum()), "hits": len(data.y), "right": int(data.y.sum())}
    plain = {"features": score, "fused": data.score, "bm25": data.column("lexical_mass")}
    if profile == "dense":
        plain["cosine"] = data.column("cosine")
    told |= {name: reported(data, values) for name, values in plain.items()}
    for name, mask in (("answerable", way == 0), ("all", way >= 0)):
        error, perfect = ece(best[mask].tolist(), right[mask].astype(bool).tolist())
        told[f"calibration_error_{name}"] = {
            "n": int(mask.sum()),
            "ece": round(error, 4),
            "of_a_perfect_scorer": round(perfect, 4),
        }
    return told


def _write(path: Path, told: dict[str, Any]) -> None:
    """A line for each top-level value: long lists of numbers stay short to read past."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
