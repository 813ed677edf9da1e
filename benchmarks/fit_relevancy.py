"""Fit the numbers of retrievers/rerankers/features.json and report them on other documents.

    python benchmarks/fit_relevancy.py --root UNPACKED [--work DIR] [--write]

UNPACKED holds the Debian packages that benchmarks/relevancy_documents.py names. From each subject a corpus is
built in DIR, questions are made from it by rule (`rag.pipelines.questions`) and said in other words, and each is
asked of its corpus, some also with the document that answers taken out, and of another corpus, which is about
something else; small talk is asked of all. So right and wrong hits, and lists that fit and do not, stand under the
same questions, and nothing can be learnt from how one is worded. Nothing of docqa, gnuplot or Maxima is read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.retrievers.rerankers import measures, topic

from benchmarks.relevancy_documents import FITTED, HELD_OUT
from benchmarks.relevancy_lists import ABSENT, ASKED, OTHER, SMALL_TALK, TALK, Lists, lists
from rag.calibration import Curve, Sigmoid, fit
from rag.calibration import calibration_error as ece

FOLDER = Path(__file__).parents[1] / "retrievers" / "rerankers"
NOT_DENSE = frozenset(
    {"cosine", "dense_rank", "dense_lead", "best_cosine", "cosine_coverage", "page_rank", "page_share"}
)
TOPIC_NOT_DENSE = frozenset({"near", "agree", "common"})
TOPIC_WEIGHTS = {ASKED: 1.0, ABSENT: 0.1, OTHER: 1.0, TALK: 0.7}
"""A document that is taken out may leave others that answer, and these speak of the same."""
CALIBRATED_EVERY = {ASKED: 1, OTHER: 3, TALK: 3}
"""Of the lists in each way: most questions that people ask are of what the corpus is about."""
RIDGES = {"hit": 300.0, "topic": 1.0}
"""Chosen by models that did not see the corpus that is asked."""
K, REFUSED = 5, 0.015
RATIO = 0.2
"""Set, not fitted: made questions are so sure of their place that the loss of gold that they show (it is printed) is
less than that of people's."""
FITTED_COUNTS, HELD_COUNTS = (300, 150), (1000, 220)
"""Questions made from the documents on programs, and from those of each other subject."""


def auc(score: np.ndarray, right: np.ndarray) -> float:
    """The chance that a right one scores above a wrong one; a tie counts half."""
    from scipy.stats import rankdata

    right = right.astype(bool)
    ranks = rankdata(score)
    good, bad = int(right.sum()), int((~right).sum())
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad)) if good and bad else float("nan")


def fitted(x: np.ndarray, y: np.ndarray, w: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
    """Intercept and weights of a ridge logistic regression, by Newton's method."""
    mean, scale = x.mean(0), x.std(0) + 1e-9
    z = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    beta = np.zeros(z.shape[1])
    ridge = np.eye(len(beta)) * strength
    ridge[0, 0] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ beta))
        step = np.linalg.solve((z.T * (w * p * (1 - p))) @ z + ridge, z.T @ (w * (y - p)) - ridge @ beta)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    raw = beta[1:] / scale
    return float(beta[0] - raw @ mean), raw


def model(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, names: Sequence[str], used: Sequence[str], strength: float
) -> dict[str, Any]:
    """The ridge logistic regression over the `used` of the measures `names`."""
    intercept, weights = fitted(x[:, [names.index(one) for one in used]], y, w, strength)
    return {
        "intercept": round(intercept, 4),
        "weights": {name: round(float(value), 4) for name, value in zip(used, weights, strict=True)},
    }


def applied(told: Mapping[str, Any], names: Sequence[str], x: np.ndarray) -> np.ndarray:
    logit = told["intercept"] + sum(weight * x[:, names.index(name)] for name, weight in told["weights"].items())
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))


def models(data: Lists, profile: str) -> dict[str, Any]:
    """`hit`, over lists of questions on the topic, and `topic`, over all lists."""
    dense = profile == "dense"
    own = np.isin(data.way[data.of], (ASKED, ABSENT))
    weights = np.array([TOPIC_WEIGHTS[way] for way in data.way])
    return {
        "hit": model(
            data.x[own], data.y[own], data.w[own], measures.NAMES,
            [name for name in measures.NAMES if dense or name not in NOT_DENSE], RIDGES["hit"],
        ),
        "topic": model(
            data.topic, (data.way == ASKED).astype(float), weights, topic.NAMES,
            [name for name in topic.NAMES if dense or name not in TOPIC_NOT_DENSE], RIDGES["topic"],
        ),
    }  # fmt: skip


def scored(told: Mapping[str, Any], data: Lists) -> tuple[np.ndarray, np.ndarray]:
    """The score of each hit, and the chance of each list."""
    chance = np.maximum(applied(told["topic"], topic.NAMES, data.topic), 1e-6)
    return chance[data.of] * applied(told["hit"], measures.NAMES, data.x), chance


def crossed(data: Lists, profile: str) -> tuple[np.ndarray, np.ndarray]:
    """`scored` by models that never saw the corpus that is asked."""
    score, chance = np.zeros(len(data.y)), np.zeros(len(data.way))
    for name in np.unique(data.corpus):
        mine = data.corpus == name
        score[mine[data.of]], chance[mine] = scored(models(data.part(~mine), profile), data.part(mine))
    return score, chance


def firsts(data: Lists, score: np.ndarray) -> np.ndarray:
    """The row of the best hit of each list that has hits."""
    order = np.lexsort((np.arange(len(score)), -score, data.of))
    return order[np.unique(data.of[order], return_index=True)[1]]


def calibrating(data: Lists) -> np.ndarray:
    """The mask of the lists that calibrate."""
    number = np.arange(len(data.way))
    every = np.array([CALIBRATED_EVERY.get(way, 0) for way in data.way])
    return (every > 0) & (number % np.maximum(every, 1) == 0)


def curve_of(data: Lists, score: np.ndarray) -> Curve | Sigmoid:
    """The calibration of the first hits.

    One for all kinds of chunks: those of their own that tables had put them before text that answers better.
    """
    best = firsts(data, score)
    best = best[calibrating(data)[data.of[best]]]
    return fit(score[best].tolist(), data.y[best].astype(bool).tolist(), "isotonic")


def levels_of(data: Lists, told: np.ndarray, chance: np.ndarray) -> dict[str, Any]:
    """Ratio, level of the chance, and the calibration set of the cut by risk, by models that saw no such corpus.

    `least_chance` refuses `REFUSED` of the questions as they were made: those reworded are harder than what people
    ask.
    """
    ratios, needed = [], []
    for one in np.flatnonzero(data.way == ASKED):
        mine = np.flatnonzero(data.of == one)
        right = np.sort(told[mine[data.y[mine] > 0]])[::-1]
        needed.append([round(float(right[0]), 4) if len(right) else None])
        best = np.sort(told[mine])[::-1]
        if data.plain[one] and len(right) and right[0] >= best[:K][-1]:
            ratios.append(right[0] / best[0])
    print(f"of the gold among the best {K}, the ratio {RATIO} loses {np.mean(np.array(ratios) < RATIO):.4f}")
    return {
        "ratio": RATIO,
        "least_chance": round(level(data, chance), 3),
        "needed": needed,
    }


def level(data: Lists, chance: np.ndarray) -> float:
    """The chance below which `REFUSED` of the answerable questions are, those whose words are as made."""
    return float(np.quantile(chance[(data.way == ASKED) & data.plain], REFUSED))


def moved(told: dict[str, Any], own: float, wanted: float) -> dict[str, Any]:
    """The models with the chance `own` made `wanted`, so that one level serves lists of both kinds."""
    shift = np.log(wanted / (1 - wanted)) - np.log(own / (1 - own))
    topical = {**told["topic"], "intercept": round(told["topic"]["intercept"] + float(shift), 4)}
    return {**told, "topic": topical}


def reported(data: Lists, score: np.ndarray, chance: np.ndarray | None = None) -> dict[str, Any]:
    """What a score is worth: right hits against wrong ones, the first hits, and questions that nothing answers.

    Of a list the chance counts, or its best score where there is none.
    """
    asked = data.way == ASKED
    mine = asked[data.of]
    rank = np.zeros(len(score), int)
    order = np.lexsort((-score, data.of))
    starts = np.unique(data.of[order], return_index=True)[1]
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    right = mine & (data.y > 0)
    told: dict[str, Any] = {"auc_hits": round(auc(score[mine], data.y[mine]), 4)}
    for k in (1, 3, 5):
        got = np.bincount(data.of[right & (rank < k)], minlength=len(asked)) > 0
        told[f"right_among_{k}"] = round(float(got[asked].mean()), 4)
    if chance is None:
        chance = np.zeros(len(asked))
        best = firsts(data, score)
        chance[data.of[best]] = score[best]
    for name, way in (("document_absent", ABSENT), ("off_topic", OTHER), ("small_talk", TALK)):
        for words, kept in (("", np.ones(len(asked), bool)), ("_as_made", data.plain)):
            both = (asked | (data.way == way)) & kept
            if (data.way[both] == way).any():
                told[f"auc_answerable_against_{name}{words}"] = round(auc(chance[both], asked[both]), 4)
                refused = chance[(data.way == way) & kept] < np.quantile(chance[asked & kept], 0.05)
                told[f"refused_{name}{words}_at_5%"] = round(float(refused.mean()), 4)
    return told


def figures_of(
    data: Lists, told: Mapping[str, Any], curve: Curve | Sigmoid, profile: str, least: float
) -> dict[str, Any]:
    """The report on held-out corpora."""
    score, chance = scored(told, data)
    best = firsts(data, score)
    way = data.way[data.of[best]]
    sure, right = np.array(curve(score[best].tolist())), data.y[best].astype(bool)
    found: dict[str, Any] = {"questions": int((data.way == ASKED).sum()), "hits": len(data.y)}
    found["features"] = reported(data, score, chance)
    found["retriever"] = reported(data, data.score)
    found["bm25"] = reported(data, data.column("lexical_mass"))
    if profile == "dense":
        found["cosine"] = reported(data, data.column("cosine"))
    for name, mask in (
        ("answerable", way == ASKED), ("answerable_as_made", (way == ASKED) & data.plain[data.of[best]]),
        ("as_fitted", calibrating(data)[data.of[best]]),
    ):  # fmt: skip
        error, perfect = ece(sure[mask].tolist(), right[mask].tolist())
        found[f"calibration_error_{name}"] = {
            "n": int(mask.sum()), "ece": round(error, 4), "of_a_perfect_scorer": round(perfect, 4)
        }  # fmt: skip
    found["refused_at_level"] = {
        name: round(float((chance[mask] < least).mean()), 4)
        for name, mask in (
            ("answerable", data.way == ASKED), ("answerable_as_made", (data.way == ASKED) & data.plain),
            ("document_absent_as_made", (data.way == ABSENT) & data.plain),
            ("off_topic_as_made", (data.way == OTHER) & data.plain), ("small_talk", data.way == TALK),
        )
    }  # fmt: skip
    return found


def main() -> None:
    """Build the corpora, fit, report on those held out, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with the unpacked packages")
    parser.add_argument("--work", type=Path, help="where the corpora are kept (fitted/, held/)")
    parser.add_argument("--write", action="store_true", help="write the data files")
    given = parser.parse_args()
    talk = SMALL_TALK.read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = {}
    curves: dict[str, Curve | Sigmoid] = {}
    figures: dict[str, Any] = {}
    levels: dict[str, Any] = {}
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        for profile in ("dense", "lexical"):
            data = lists(given.root, work / "fitted", FITTED, FITTED_COUNTS, profile, talk[::2])
            score, chance = crossed(data, profile)
            found[profile] = models(data, profile)
            if profile == "lexical":
                own, wanted = level(data, chance), levels["least_chance"]
                found[profile] = moved(found[profile], own, wanted)
                old = chance
                chance = 1 / (1 + (1 - old) / old * own / (1 - own) * (1 - wanted) / wanted)
                score = score / old[data.of] * chance[data.of]
            curves[profile] = curve_of(data, score)
            if profile == "dense":
                levels = levels_of(data, np.array(curves[profile](score.tolist())), chance)
            print(profile, "fitted, crossed", json.dumps(reported(data, score, chance), indent=1))
            held_counts = HELD_COUNTS if profile == "dense" else (HELD_COUNTS[0] // 4, HELD_COUNTS[1] // 4)
            test = lists(given.root, work / "held", HELD_OUT, held_counts, profile, talk[1::2])
            figures[profile] = figures_of(test, found[profile], curves[profile], profile, levels["least_chance"])
            counts[profile] = int((data.way == ASKED).sum()), figures[profile]["questions"]
            print(profile, json.dumps(figures[profile], indent=1), flush=True)
    print(json.dumps({name: value for name, value in levels.items() if name != "needed"}))
    print(json.dumps(found, indent=1))
    if given.write:
        _written(found, curves, figures, levels, counts)


def _written(
    found: dict[str, Any], curves: Mapping[str, Curve | Sigmoid], figures: dict[str, Any], levels: dict[str, Any],
    counts: Mapping[str, tuple[int, int]],
) -> None:  # fmt: skip
    """Both data files."""
    provenance = {
        "script": "benchmarks/fit_relevancy.py",
        "method": "ridge logistic regressions; calibrated by isotonic regression on scores of models that did not see "
        "the corpus that is asked",
        "fitted_on": [f"{one.name} {one.version}, {one.licence}" for one in FITTED],
        "reported_on": [f"{one.name} {one.version}, {one.licence}" for one in HELD_OUT],
        "questions": f"{counts['dense'][0]} fitted, {counts['dense'][1]} reported, made by rag.pipelines.questions, "
        "reworded with Princeton WordNet 3.0; and small talk of our own",
        "measures": measures.VERSION,
    }
    _write(FOLDER / "features.json", {"provenance": provenance, "reported": figures, "models": found})
    from rag.retrievers.rerankers.features import Features

    _write(
        FOLDER / "features_calibration.json",
        {
            "format": 1, "scorer": Features().fingerprint, "provenance": provenance, **levels,
            "curves": {name: curve.plain() for name, curve in curves.items()},
        },
    )  # fmt: skip


def _write(path: Path, told: dict[str, Any]) -> None:
    """A line for each top-level value: long lists of numbers stay short to read past."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
