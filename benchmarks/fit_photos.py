"""Fit the numbers of retrievers/photos: does a question ask for what a photo shows, or for what is written?

    python benchmarks/fit_photos.py --root UNPACKED [--work DIR]

UNPACKED holds the Debian packages that benchmarks/relevancy_documents.py names, and those of photos_captions.jsonl
(opencv-doc 4.6.0+dfsg-12, python3-skimage 0.19.3-8, mate-backgrounds 1.26.0-1, gcompris-qt-data 3.1-2), unpacked in
the same way. The captions of the photos there are our own. Captions are asked of each corpus, and so are its own
questions, in other words too, what pictures in it are said to show, questions of other corpora, and small talk; each
finds texts in its corpus and photos among all of them, or twelve. Nothing of docqa, gnuplot, Maxima or COCO is read.
Fitted on one half of the photos and the corpora of FITTED, reported on the other half and those of HELD_OUT; then
fitted on all photos, and printed, not written.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.pipelines.questions import made
from rag.retrievers.photos import Photos
from rag.retrievers.selectors.adaptive import SURE

from benchmarks.fit_relevancy import auc, fitted
from benchmarks.relevancy_documents import FITTED, HELD_OUT, Package
from benchmarks.relevancy_lists import SMALL_TALK, built
from benchmarks.relevancy_wording import FOLDER, WordNet, reworded
from rag import Corpus
from rag.answer import Hit, Query
from rag.overlap import rarities

CAPTIONS = Path(__file__).with_name("photos_captions.jsonl")
QUESTIONS, BATCH, SOME = 120, 32, 12
CAPTION, WIDE, OWN, LOOKING, OTHER, TALK = range(6)
"""Kinds of questions: what a photo shows, asked of one corpus and of all together, since among more texts there are
nearer ones; what the corpus says; what a picture in it is said to show; what another corpus says; what people ask of
no document."""
RAISED = {OWN: 0.8, LOOKING: 0.2}
KEPT = {OTHER: 0.7, TALK: 0.3}
"""The shares, set, of questions that ask for no photo: where the corpus answers, and where nothing does."""
POINTING = (
    "What is the {} shown in the image?",
    "How many {} can be seen in the picture?",
    "In the figure, what is the {}?",
    "Which photo shows the {}?",
)
PRIOR = 0.2
"""Set, not fitted: the share of questions that ask for a photo, where there are photos."""
RIDGE = 1.0
_FIELDS = ("x", "kind", "photo")
_PICTURE = re.compile(rb"\xff\xd8\xff|RIFF....WEBP|\x89PNG\r\n\x1a\n", re.DOTALL)
LEAST_BYTES, MOST_BYTES, LEAST_SIDE, SIDE = 8_000, 3_000_000, 200, 1024


@dataclass(frozen=True)
class Asked:
    """The signs of questions (a row each), of what kind each is, and which photo it is the caption of (-1: of none)."""

    x: np.ndarray
    kind: np.ndarray
    photo: np.ndarray

    def part(self, kept: np.ndarray) -> Asked:
        return Asked(self.x[kept], self.kind[kept], self.photo[kept])


def picture(root: Path, package: str, name: str) -> Any:
    """A photo of a package; NAME.rcc#3 is the third picture (from 0) of 200 pixels or more inside a Qt resource."""
    from PIL import Image

    file, _, number = name.partition("#")
    (path,) = (one for one in (root / package).rglob(Path(file).name) if one.as_posix().endswith(f"/{file}"))
    if not number:
        return Image.open(path).convert("RGB")
    return list(_inside(path.read_bytes(), int(number)))[-1]


def _inside(data: bytes, last: int) -> Iterator[Any]:
    from PIL import Image

    count = 0
    for found in _PICTURE.finditer(data):
        at = found.start()
        riff = data[at : at + 4] == b"RIFF"
        size = struct.unpack("<I", data[at + 4 : at + 8])[0] + 8 if riff else int.from_bytes(data[at - 4 : at], "big")
        if not LEAST_BYTES < size < MOST_BYTES:
            continue
        try:
            image = Image.open(BytesIO(data[at : at + size]))
            image.load()
        except (OSError, ValueError):
            continue
        if min(image.size) >= LEAST_SIDE:
            yield image.convert("RGB")
            count += 1
            if count > last:
                return


def album(root: Path, work: Path, rows: Sequence[dict[str, Any]]) -> Corpus:
    """A corpus of the photos alone, under numbers for names: a name would tell what it shows."""
    corpus = Corpus(work / "photos")
    if not (work / "photos" / "catalog.sqlite").exists():
        folder = work / "photos-files"
        folder.mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(rows):
            image = picture(root, row["package"], row["file"])
            image.thumbnail((SIDE, SIDE))
            image.save(folder / f"{number:03}.jpg", quality=92)
        corpus.add(folder, workers=0)
    return corpus


def channels(corpus: Corpus) -> dict[str, Any]:
    """The table of the profile's fusion."""
    table = corpus.profile["retriever"]
    while "retriever" in table:
        table = table["retriever"]
    return dict(table)


def asked(
    corpora: dict[str, Corpus], photos: Corpus, captions: Sequence[tuple[int, str]], talk: Sequence[str], words: WordNet
) -> dict[str, Asked]:
    """The signs of every question in every corpus, among all photos and among some; of captions every second."""
    own = {name: [reworded(one.text, words) for one in made(corpus, QUESTIONS)] for name, corpus in corpora.items()}
    told = {}
    for place, (name, corpus) in enumerate(corpora.items()):
        others = [text for other, texts in own.items() if other != name for text in texts[:: len(own)]]
        posed = [
            *((text, CAPTION, number) for number, text in captions[place % 2 :: 2]),
            *((text, OWN, -1) for text in own[name]),
            *((looking(text), LOOKING, -1) for text in own[name][::3]),
            *((text, OTHER, -1) for text in others),
            *((text, TALK, -1) for text in talk[place :: len(corpora)]),
        ]
        told[name] = _signs(corpus, photos, posed)
        print(f"{name}: {len(posed)} questions", flush=True)
    return told


def looking(text: str) -> str:
    """A question on a picture in a document, of which some words are written there."""
    kept = sorted(rarities(text, None), key=lambda word: sha256(f"{text} {word}".encode()).hexdigest())[:2]
    number = int(sha256(text.encode()).hexdigest()[:8], 16)
    return POINTING[number % len(POINTING)].format(" ".join(kept))


def _signs(corpus: Corpus, photos: Corpus, posed: Sequence[tuple[str, int, int]]) -> Asked:
    shown = photos.built(channels(photos), "photos")
    read = corpus.built(channels(corpus), "texts")
    signs = Photos(read, corpus.store.text).signs
    rows, of = [], []
    for start in range(0, len(posed), BATCH):
        queries = [Query((text,)) for text, *_ in posed[start : start + BATCH]]
        lists = zip(queries, read.retrieve(queries, 60), shown.retrieve(queries, 200), strict=True)
        for at, (query, hits, looked) in enumerate(lists, start):
            for some in (None, SOME):
                wanted = posed[at][2]
                kept = [hit for hit in looked if some is None or _kept(_number(hit), wanted, at, some)]
                rows.append(signs(query, [*hits, *kept]))
                of.append(at)
    return Asked(np.array(rows), np.array([posed[at][1] for at in of]), np.array([posed[at][2] for at in of]))


def _number(hit: Hit) -> int:
    return int(Path(hit.chunk.origin.source.uri).stem)


def _kept(number: int, wanted: int, question: int, some: int) -> bool:
    """Whether a photo is among those that a question is asked of: its own, and some others by chance."""
    return number == wanted or int(np.random.default_rng((question, number)).integers(75)) < some


def models(told: Asked) -> dict[str, float]:
    """The arguments of Photos."""
    bias, (seen, near, said) = _model(told, RAISED, 3)
    dark, (shows,) = _model(told, KEPT, 1)
    return {"bias": bias, "seen": seen, "near": -near, "said": -said, "shows": shows, "half": -dark / shows}


def _model(told: Asked, others: dict[int, float], signs: int) -> tuple[float, np.ndarray]:
    """Of questions of which PRIOR are captions, and the rest of these kinds in these shares."""
    shares = {CAPTION: PRIOR / 2, WIDE: PRIOR / 2, **{kind: (1 - PRIOR) * share for kind, share in others.items()}}
    mine = told.part(np.isin(told.kind, list(shares)))
    each = {kind: len(mine.kind) * share / (mine.kind == kind).sum() for kind, share in shares.items()}
    weights = np.array([each[kind] for kind in mine.kind])
    return fitted(mine.x[:, :signs], (mine.kind <= WIDE).astype(float), weights, RIDGE)


def reported(photos: Photos, told: Asked) -> str:
    """How often a photo is raised by half or more, and kept, for each kind of questions."""
    asks = np.array([photos.chance(*row) for row in told.x])
    chances = np.stack([asks, asks * [photos.fits(seen) for seen, *_ in told.x]], axis=1)
    kinds = {"captions": CAPTION, "of all": WIDE, "own": OWN, "looking": LOOKING, "other": OTHER, "talk": TALK}
    rows = ", ".join(
        f"{name} {np.mean(raised >= 0.5):.3f} ({np.mean(kept >= SURE):.3f})"
        for name, kind in kinds.items()
        for raised, kept in [chances[told.kind == kind].T]
    )
    own = np.isin(told.kind, (CAPTION, OWN))
    return f"{rows}; AUC of captions against own {auc(chances[own, 0], told.kind[own] == CAPTION):.4f}"


def main() -> None:
    """Build the corpora, fit, report on those held out, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with the unpacked packages")
    parser.add_argument("--work", type=Path, help="where the corpora are kept (fitted/, held/, photos/)")
    given = parser.parse_args()
    rows = [json.loads(line) for line in CAPTIONS.read_text(encoding="utf-8").splitlines()]
    captions = [(number, text) for number, row in enumerate(rows) for text in row["captions"]]
    talk = SMALL_TALK.read_text(encoding="utf-8").splitlines()
    words = WordNet(given.root / "wordnet-base" / FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        photos = album(given.root, work, rows)
        signs = {
            name: asked(built(given.root, work / name, packages), photos, captions, some, words)
            for name, packages, some in _sets(talk)
        }
    learnt, held = (joined(list(signs[name].values())) for name in ("fitted", "held"))
    half = Photos(Nothing(), **models(learnt.part((learnt.photo < 0) | (learnt.photo % 2 == 0))))
    unseen = held.part((held.photo < 0) | (held.photo % 2 == 1))
    print(f"held out, {len(unseen.x)} lists, raised (kept): {reported(half, unseen)}")
    whole = {name: round(float(value), 2) for name, value in models(learnt).items()}
    print(f"all photos: {reported(Photos(Nothing(), **whole), held)}")
    print(json.dumps(whole))


class Nothing:
    """A retriever of which only the chances are asked."""

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        return [[] for _ in queries]


def joined(every: Sequence[Asked]) -> Asked:
    """All of them, in order, and the captions asked of all together."""
    wide = [_wide(every[start::2]) for start in (0, 1)]
    return Asked(*(np.concatenate([getattr(one, name) for one in (*every, *wide)]) for name in _FIELDS))


def _wide(every: Sequence[Asked]) -> Asked:
    """The captions that these corpora were asked, with the nearest text that any of them has."""
    first, *_ = captions = [one.part(one.kind == CAPTION) for one in every]
    return Asked(np.maximum.reduce([one.x for one in captions]), np.full_like(first.kind, WIDE), first.photo)


def _sets(talk: Sequence[str]) -> list[tuple[str, Sequence[Package], Sequence[str]]]:
    return [("fitted", FITTED, talk[::2]), ("held", HELD_OUT, talk[1::2])]


if __name__ == "__main__":
    main()
