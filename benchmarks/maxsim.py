"""MaxSim of stored page tokens against NumPy's matrix product and maximum, in interleaved rounds.

    python benchmarks/maxsim.py [--pages 1000] [--tokens 1030] [--dim 128] [--asked 20] [--rounds 7]

Each round times every way once, one after the other, so a busy machine is busy for all. Two kinds of made
data: "random" (independent directions, where signs tell little) and "pages" (patches share the direction
of their page, of a theme of several pages and of the whole collection, with a spectrum that falls, and
a query is made of noisy patches of one page). No vectors of a trained model were at hand. The overlap is
that of the 20 best pages with those of exact float32, the mean over queries.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEST = 20


def unit(array: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return (array / np.linalg.norm(array, axis=-1, keepdims=True)).astype(np.float32)


def random(pages: int, tokens: int, dim: int, asked: int, queries: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(pages, tokens, dim) and (queries, asked, dim)."""
    import numpy as np

    made = np.random.default_rng(1)
    drawn = made.standard_normal((pages, tokens, dim), np.float32)
    return unit(drawn), unit(made.standard_normal((queries, asked, dim)))


def correlated(pages: int, tokens: int, dim: int, asked: int, queries: int) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy as np

    made = np.random.default_rng(2)
    spectrum = (1 / np.sqrt(1 + np.arange(dim) / 8)).astype(np.float32)
    themes = made.standard_normal((pages // 20 + 1, dim)).astype(np.float32)
    own = made.standard_normal((pages, dim)).astype(np.float32)
    seen = made.standard_normal((pages, tokens, dim), np.float32)
    seen += (0.6 * themes[made.integers(0, len(themes), pages)] + 0.6 * own)[:, None]
    seen *= spectrum
    seen += 0.3 * made.standard_normal(dim).astype(np.float32)
    chosen = made.integers(0, pages, queries)
    patches = np.stack([seen[page][made.integers(0, tokens, asked)] for page in chosen])
    return unit(seen), unit(patches + 0.5 * spectrum * made.standard_normal(patches.shape))


def measured(kind: str, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np
    from rag.retrievers.indexes import packing

    make = {"random": random, "pages": correlated}[kind]
    pages, queries = make(options.pages, options.tokens, options.dim, options.asked, options.rounds + 1)
    flat = pages.reshape(-1, options.dim)
    stored = {}
    for form in ("bytes", "bits"):
        made = [packing.packed(form, page) for page in pages]  # type: ignore[arg-type]
        ends = np.cumsum([len(blocks) for blocks, _ in made])
        scales = np.array([scale for _, scale in made], np.float32)
        stored[form] = np.concatenate([b for b, _ in made]), scales, ends - len(made[0][0]), ends
    kept = max(100, options.pages // 10)

    def exact(query: NDArray[Any]) -> NDArray[Any]:
        similar = np.matmul(query, flat.T).reshape(len(query), len(pages), -1)
        scores: NDArray[Any] = similar.max(axis=2).sum(axis=0)
        return scores

    def coded(query: NDArray[Any]) -> NDArray[Any]:
        return packing.sums("bytes", query, *stored["bytes"], fast=True)

    def staged(query: NDArray[Any]) -> NDArray[Any]:
        rows = np.argpartition(-packing.sums("bits", query, *stored["bits"], fast=True), kept)[:kept]
        blocks, scales, starts, ends = stored["bytes"]
        scores = np.full(len(pages), -np.inf)
        scores[rows] = packing.sums("bytes", query, blocks, scales[rows], starts[rows], ends[rows], fast=True)
        return scores

    ways: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {"numpy": exact, "int8": coded, "1-bit + int8": staged}
    times: dict[str, list[float]] = {name: [] for name in ways}
    overlaps: dict[str, list[float]] = {name: [] for name in ways}
    for number, query in enumerate(queries):
        best: dict[str, set[int]] = {}
        for name, way in ways.items():
            begin = time.perf_counter()
            scores = way(query)
            if number:  # the first compiles, and fills the caches
                times[name].append(time.perf_counter() - begin)
            best[name] = set(np.argsort(-scores, kind="stable")[:BEST].tolist())
            overlaps[name].append(len(best[name] & best["numpy"]) / BEST)
    ratios = {name: [a / b for a, b in zip(times["numpy"], took, strict=True)] for name, took in times.items()}
    return {
        "data": kind, "pages": options.pages, "tokens": options.tokens, "dim": options.dim, "asked": options.asked,
        "kept by 1 bit": kept,
        "ways": {
            name: {
                "median ms": round(1000 * statistics.median(took), 1), "best ms": round(1000 * min(took), 1),
                "times numpy, median of rounds": round(statistics.median(ratios[name]), 1),
                "times numpy, best by best": round(min(times["numpy"]) / min(took), 1),
                "overlap of 20": round(statistics.mean(overlaps[name]), 3),
            }
            for name, took in times.items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, default in (("pages", 1000), ("tokens", 1030), ("dim", 128), ("asked", 20), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    for kind in ("random", "pages"):
        print(json.dumps(measured(kind, options)))


if __name__ == "__main__":
    main()
