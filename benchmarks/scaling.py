"""One step of `scale.py` in a process of its own: python benchmarks/scaling.py INDEX STEP FOLDER COUNT SECONDS"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import made

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIM = 384
BLOCK = 2000
"""As many as the store hands to an index at a time."""
CENTRES = 5000
NOISE = 0.6
WORDS = 60
QUERIES = 100
K = 10


def ids(start: int, count: int) -> list[str]:
    """Ids as long as those of chunks."""
    return [f"{number:024x}"[::-1] for number in range(start, start + count)]


def vectors(start: int, count: int) -> NDArray[np.float32]:
    """Unit vectors (count, 384) around some thousand centres, the same for the same numbers."""
    import numpy as np

    centres = np.random.default_rng(0).normal(size=(CENTRES, DIM)).astype(np.float32)
    chance = np.random.default_rng(start + 1)
    mixed = centres[chance.integers(CENTRES, size=count)]
    mixed += NOISE * chance.standard_normal((count, DIM), np.float32)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return mixed


def texts(start: int, count: int) -> list[str]:
    """Word salad of the sample's vocabulary, each word as often as there; one rare word comes from the number."""
    import numpy as np

    words = _words()
    drawn = np.random.default_rng(start + 1).integers(len(words), size=(count, WORDS)).tolist()
    salad = (" ".join([words[at] for at in row]) for row in drawn)
    return [f"{text} k{number % 9973}" for number, text in enumerate(salad, start)]


@cache
def _words() -> list[str]:
    return made.vocabulary()


def opened(name: str, folder: Path) -> Any:
    if name == "exact":
        from rag.retrievers.indexes.exact import Exact

        return Exact(folder, DIM)
    if name == "chroma":
        from rag.retrievers.indexes.chroma import Chroma

        return Chroma(folder, DIM)
    if name == "qdrant":
        from rag.retrievers.indexes.qdrant import Qdrant

        return Qdrant(folder, DIM)
    from rag.retrievers.indexes.tantivy import Tantivy

    return Tantivy(folder)


def build(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """Add in blocks and commit at the end, as a rebuild from the catalog does; stops after `limit` seconds."""
    index = opened(name, folder)
    make: Callable[[int, int], Sequence[Any]] = texts if name == "tantivy" else vectors
    spent, done = 0.0, 0
    marks: list[float] = []
    while done < count and spent < limit:
        given = make(done, min(BLOCK, count - done))
        named = ids(done, len(given))
        started = time.perf_counter()
        index.add(named, given)
        spent += time.perf_counter() - started
        done += len(given)
        marks.append(spent)
    started = time.perf_counter()
    index.commit(1)
    committed = time.perf_counter() - started
    half = marks[len(marks) // 2]
    yield {
        "step": "build", "count": done, "seconds": spent + committed, "commit_seconds": committed,
        # 1 where the second half of the additions took as long as the first.
        "second_half": (spent - half) / max(half, 1e-9),
    }  # fmt: skip


def query(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """Open, ask; recall is against a plain product over all vectors, for some of the questions."""
    asked = questions(name, count)
    started = time.perf_counter()
    index = opened(name, folder)
    size = len(index)
    first = index.search(asked[:1], K)
    yield {"step": "open", "seconds": time.perf_counter() - started, "count": size, "hits": len(first[0])}
    times, found = [], []
    for number in range(1, len(asked)):
        started = time.perf_counter()
        found.append([id for id, _ in index.search(asked[number : number + 1], K)[0]])
        times.append(time.perf_counter() - started)
    times.sort()
    yield {
        "step": "query",
        "p50": times[len(times) // 2],
        "p95": times[int(len(times) * 0.95)],
        "questions": len(times),
    }
    if name != "tantivy":
        yield {"step": "recall", "recall": recall(asked[1:21], found[:20], count)}


def questions(name: str, count: int) -> Any:
    if name != "tantivy":
        return vectors(10**9, QUERIES + 1)
    from rag.words import content_words

    return [content_words(text)[:5] for text in texts(10**9, QUERIES + 1)]


def recall(asked: NDArray[np.float32], found: Sequence[Sequence[str]], count: int) -> float:
    """Share of the true best K that were found."""
    import numpy as np

    best: list[list[tuple[float, str]]] = [[] for _ in asked]
    for start in range(0, count, BLOCK):
        named, block = ids(start, min(BLOCK, count - start)), vectors(start, min(BLOCK, count - start))
        for number, scores in enumerate(asked @ block.T):
            top = np.argsort(-scores)[:K]
            best[number] = sorted([*best[number], *((-float(scores[at]), named[at]) for at in top)])[:K]
    hits = [len({id for _, id in true} & set(got)) for true, got in zip(best, found, strict=True)]
    return sum(hits) / (K * len(hits))


def delete(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """One in a hundred goes, in one commit; then one block comes, in one commit."""
    index = opened(name, folder)
    gone = ids(0, count)[::100]
    started = time.perf_counter()
    index.remove(gone)
    index.commit(2)
    yield {"step": "delete", "seconds": time.perf_counter() - started, "count": len(gone), "left": len(index)}
    given = (texts if name == "tantivy" else vectors)(count, BLOCK)
    started = time.perf_counter()
    index.add(ids(count, BLOCK), given)
    index.commit(3)
    yield {"step": "add some", "seconds": time.perf_counter() - started, "count": BLOCK, "left": len(index)}


if __name__ == "__main__":
    _, named, step, place, number, seconds = sys.argv
    if named == "catalog":
        from benchmarks import scaling_catalog

        steps: dict[str, Any] = scaling_catalog.STEPS
    else:
        steps = {"build": build, "query": query, "delete": delete}
    for row in steps[step](named, Path(place), int(number), float(seconds)):
        print(json.dumps(row), flush=True)
